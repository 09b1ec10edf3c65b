"""FK413: a volume lies on a node's own disk, and goes with the node.

Its pod can run on no other node: it stays Pending, and the data is lost with the instance (Kubernetes documentation,
Volumes, local, 2026). An application that copies its data by itself can be moved one node at a time.
"""

from collections.abc import Iterator, Mapping

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Workload
from fleetkeeper.core.observed import PersistentVolume
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some

NODE_LOCAL = frozenset({"local", "hostPath"})


@check("FK413", "A volume lies on a node's own disk", needs=(parts.VOLUMES, parts.WORKLOADS), each_hop=False)
def local_volume(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Only volumes that are bound: an unused one holds nobody's data."""
    for volume in snap.volumes:
        if not volume.claim or not (volume.nodes or volume.source in NODE_LOCAL):
            continue
        where = f"on {some(volume.nodes)}" if volume.nodes else f"in a {volume.source} of its node"
        yield Finding(
            code="FK413",
            severity=Severity.WARNING,
            subject=Subject("PersistentVolume", volume.name),
            message=f"the data of claim {volume.claim} lies {where}: it is lost with the node, and its pod can run "
            "nowhere else",
            fix=f"copy the data away, or let the application rebuild it; then delete claim {volume.claim} and its pod, "
            "one node at a time",
            breaks=Breaks.LOST,
            owner=_owner(volume, snap.workloads),
        )


def _owner(volume: PersistentVolume, workloads: tuple[Workload, ...]) -> Mapping[str, str]:
    namespace, _, claim = volume.claim.partition("/")
    users = (each for each in workloads if each.namespace == namespace and _uses(each, claim))
    return next((each.owner for each in users), {})


def _uses(workload: Workload, claim: str) -> bool:
    """By the pod template, or as one of a StatefulSet's own claims: <template>-<name>-<ordinal>."""
    if workload.template and claim in workload.template.claims:
        return True
    stem, _, ordinal = claim.rpartition("-")
    return ordinal.isdecimal() and stem in {f"{each}-{workload.name}" for each in workload.claim_templates}
