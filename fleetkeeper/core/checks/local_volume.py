"""FK413: a volume lies on a node's own disk, and goes with the node.

Its pod can run on no other node: it stays Pending, and the data is lost with the instance (Kubernetes documentation,
Volumes, local, 2026). An application that copies its data by itself can be moved one node at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from string import digits

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Workload
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some

NODE_LOCAL = frozenset({"local", "hostPath"})


@check("FK413", "A volume lies on a node's own disk", needs=(parts.VOLUMES, parts.WORKLOADS), each_hop=False)
def local_volume(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Only volumes that are bound: an unused one holds nobody's data."""
    owners = _owners(snap.workloads)
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
            owner=_owner(volume.claim, owners),
        )


def _owners(workloads: Iterable[Workload]) -> dict[str, Mapping[str, str]]:
    """The owner of each claim that a pod template names, and of those that a StatefulSet makes, less the ordinal."""
    found: dict[str, Mapping[str, str]] = {}
    for each in workloads:
        claims = each.template.claims if each.template else ()
        for name in (*claims, *(f"{template}-{each.name}-" for template in each.claim_templates)):
            found[f"{each.namespace}/{name}"] = each.owner
    return found


def _owner(claim: str, owners: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Of the claim by its name, or of the StatefulSet that made it as <template>-<name>-<ordinal>."""
    stem = claim.rstrip(digits)
    return owners.get(claim) or (owners.get(stem) if stem.endswith("-") else None) or {}
