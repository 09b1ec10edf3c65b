"""Which known changes of Kubernetes a hop brings, and how grave it is to be hit by one."""

from enum import StrEnum

from fleetkeeper.core.compat import BehaviourRow, Compat, Confidence
from fleetkeeper.core.finding import Evidence, Severity
from fleetkeeper.core.snapshot import Hop


class Detector(StrEnum):
    """The values of a row's `check`: what finds in a cluster whom the change hits, one check each.

    ADDONS and APIS say that the same change stands in the addons' rows or in apis.toml, by which it is found.
    """

    ADDONS = "addons"
    AMAZON_LINUX_2 = "al2"
    APIS = "apis"
    CGROUP_V1 = "cgroup-v1"
    CONTAINERD_1 = "containerd-1"
    DOCKER = "dockershim"
    GIT_REPO = "gitrepo-volume"
    IN_TREE = "in-tree-volumes"
    IPVS = "ipvs"


BREAKING = frozenset({"removed", "requires", "default-changed"})
"""Types of rows after which something no longer works; deprecations, plans and conflicts of sources only announce."""

_GRAVITY = (Severity.BLOCKER, Severity.WARNING, Severity.INFO)


def due(compat: Compat, hop: Hop, check: Detector) -> BehaviourRow | None:
    """The gravest change for this detector, the newest of its kind: of the hop's target, or long past.

    What earlier minors brought is told with the first hop: whoever still has it was lucky until now.
    """
    rows = [row for row in compat.behaviours if row.check == check and is_due(row, hop)]
    return min(rows, key=lambda row: (_GRAVITY.index(severity_of(row)), _newest(row)), default=None)


def is_seen(row: BehaviourRow) -> bool:
    """Whether a check can tell who is hit; a row whose `check` nothing answers to is one for people to read."""
    return bool(row.key) or row.check in set(Detector)


def is_due(row: BehaviourRow, hop: Hop) -> bool:
    return row.minor == hop.target or (hop.first and row.minor < hop.target)


def severity_of(row: BehaviourRow) -> Severity:
    """What is known only by hearsay never blocks."""
    if row.type not in BREAKING:
        return Severity.INFO
    return Severity.BLOCKER if row.source.confidence is Confidence.HIGH else Severity.WARNING


def evidence(row: BehaviourRow) -> Evidence:
    return Evidence("compat", f"{row.minor} {row.id}: {row.text} ({row.source.text})", confidence=row.source.confidence)


def _newest(row: BehaviourRow) -> tuple[int, int]:
    return -row.minor.major, -row.minor.minor
