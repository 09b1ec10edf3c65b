"""FK412: volumes are pinned to a zone that has one node or none, so that their pods wait while it is replaced.

An EBS volume attaches only in its own zone, and a group that spans zones may launch the new node in another one (Amazon
EKS Best Practices, cluster autoscaler, 2026): the pods of the volume stay Pending until the zone has a node again. A
zone of several nodes that one node group empties is FK425.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Node
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.volumes import by_zones
from fleetkeeper.core.wording import counted, some


@check("FK412", "Volumes are pinned to a zone without a spare node", needs=(parts.VOLUMES, parts.NODES), each_hop=False)
def zone_without_spare_node(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for zones, volumes in by_zones(snap.volumes).items():
        nodes = [each for each in snap.nodes if each.zone in zones and each.schedulable and each.ready]
        if len(nodes) > 1:
            continue
        place = " or ".join(zones)
        yield Finding(
            code="FK412",
            severity=Severity.WARNING,
            subject=Subject("Zone", ",".join(zones)),
            message=f"{counted(len(volumes), 'volume')} ({some(each.claim for each in volumes)}) can only be in "
            f"{place}, where {_stands(nodes)}",
            fix=f"add a second node in {place} before nodes are replaced, from a group of that zone alone",
            breaks=Breaks.AT_NODES,
        )


def _stands(nodes: list[Node]) -> str:
    return f"only node {nodes[0].name} takes pods" if nodes else "no node takes pods"
