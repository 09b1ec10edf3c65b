"""Until when something has to be mended: the earliest of several clocks, and the one that nobody can move."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleetkeeper.core.checks import check_of
from fleetkeeper.core.finding import Breaks, Finding
from fleetkeeper.core.notices.values import Deadline
from fleetkeeper.core.wording import lowered

EXTENDED_SUPPORT = "the cluster goes into extended support: $0.60 instead of $0.10 an hour"
REMOVED = "the cloud upgrades the cluster by itself"


@dataclass(frozen=True, slots=True)
class Wave:
    """When a wave reaches a cluster, and how the wave is called. is_begun: somebody has started it."""

    at: datetime
    name: str
    is_begun: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """What the cloud does on its own dates: when standard support ends, and when it upgrades or removes by force."""

    support_end: datetime | None = None
    removal: datetime | None = None
    clock: str = ""  # of the removal: "extended support of 1.33 ends"


def deadline_of(
    finding: Finding,
    policy_deadline: datetime | None,
    support_clock: str,
    waves: Sequence[Wave] = (),
    removal: Removal | None = None,
) -> Deadline | None:
    """The earliest clock, None without any. support_clock: what the policy's deadline is, for people ("standard
    support of 1.33 ends"). waves: those that would take this cluster.

    hard is the earliest date of the cloud's own: no extension goes beyond it.
    """
    cloud = removal or Removal()
    clocks = list(_clocks(finding, policy_deadline, support_clock, waves, cloud))
    if not clocks:
        return None
    first = min(clocks, key=lambda each: each.at)
    own = finding.deadline if finding.breaks is Breaks.AT_DATE else None
    hard = min((each for each in (cloud.support_end, cloud.removal, own) if each), default=None)
    return replace(first, hard=hard)


def _clocks(
    finding: Finding,
    policy_deadline: datetime | None,
    support_clock: str,
    waves: Sequence[Wave],
    cloud: Removal,
) -> Iterator[Deadline]:
    """In the order in which they are named when two are at the same time: the gravest first."""
    if cloud.removal:
        yield Deadline(cloud.removal, cloud.clock or "the cloud acts by itself", REMOVED)
    if finding.deadline:
        yield _own(finding, finding.deadline)
    for wave in waves:
        begins = "begins" if wave.is_begun else "may begin"
        out = f"wave {wave.name} leaves the cluster out"
        yield Deadline(wave.at, f"wave {wave.name} {begins}", out, is_tentative=not wave.is_begun)
    if policy_deadline:
        is_support = cloud.support_end is not None and policy_deadline >= cloud.support_end
        yield Deadline(policy_deadline, support_clock, EXTENDED_SUPPORT if is_support else "the policy is not met")
    elif cloud.support_end:
        yield Deadline(cloud.support_end, support_clock or "standard support ends", EXTENDED_SUPPORT)


def _own(finding: Finding, at: datetime) -> Deadline:
    """What happens on that date is what its check is about: "EKS will upgrade the control plane by itself"."""
    check = check_of(finding.code)
    what = lowered(check.title) if check else "it breaks then"
    return Deadline(at, what, what if finding.breaks is Breaks.AT_DATE else "")
