"""FK425: the update of one node group leaves a zone without a node for the volumes that are pinned to it.

All nodes of the zone are of one managed group. Its update cordons every old node once new ones are there, so a zone
whose subnets have no address gets none, and the pods of its volumes stay Pending; with the strategy MINIMAL it takes
maxUnavailable nodes away before it launches any (Amazon EKS User Guide, managed-node-update-behavior, 2026). Zones with
one node or none are FK412. Karpenter launches for a pending pod in the zone of its volume, and of a self-managed group
nobody knows how its nodes are replaced: neither is judged here. A subnet that was not seen is told by FK505.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.capacity import addresses
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind, Node, NodeGroup
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.volumes import by_zones
from fleetkeeper.core.wording import counted, some

NEEDS = (parts.VOLUMES, parts.NODES, parts.NODE_GROUPS, parts.PREREQUISITES)


@check("FK425", "The update of a node group empties a zone of volumes", needs=NEEDS, each_hop=False)
def zone_emptied_by_update(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for zones, volumes in by_zones(snap.volumes).items():
        nodes = [each for each in snap.nodes if each.zone in zones and each.schedulable and each.ready]
        group = _only_group(snap, nodes) if len(nodes) > 1 else None
        place = " or ".join(zones)
        why, fix = _judged(snap, group, zones, len(nodes), place) if group else ("", "")
        if group and why:
            yield Finding(
                code="FK425",
                severity=Severity.WARNING,
                subject=Subject("NodeGroup", group.name),
                key=",".join(zones),
                message=f"{counted(len(volumes), 'volume')} ({some(each.claim for each in volumes)}) can only be in "
                f"{place}, where all {len(nodes)} nodes are of this group: {why}",
                fix=fix,
                breaks=Breaks.AT_NODES,
                owner=group.tags,
            )


def _only_group(snap: Snapshot, nodes: list[Node]) -> NodeGroup | None:
    """The managed group that all of them are of."""
    pools = {(node.kind, node.group) for node in nodes}
    kind, name = pools.pop()
    if pools or kind is not ComputeKind.MANAGED:
        return None
    return next((each for each in snap.node_groups if each.name == name), None)


def _judged(snap: Snapshot, group: NodeGroup, zones: tuple[str, ...], count: int, place: str) -> tuple[str, str]:
    """Why its update leaves the zones empty, and what to do; two empty texts where it does not."""
    if group.update_strategy == "MINIMAL":
        if group.side_by_side < count:
            return "", ""
        return (
            f"its update takes {group.side_by_side} at once, before it launches any (strategy MINIMAL)",
            f"set maxUnavailable of {group.name} below {count}, or its update strategy to DEFAULT",
        )
    free = _free(snap, group, zones)
    least = max((addresses(each) for each in group.instance_types), default=addresses(""))
    if free is None or free >= least:
        return "", ""
    return (
        f"a new one takes {least} addresses, and its subnets there have {free}",
        f"free addresses in {place}, or add a group with a subnet there before {group.name} is updated",
    )


def _free(snap: Snapshot, group: NodeGroup, zones: tuple[str, ...]) -> int | None:
    """Free addresses of the group's subnets in these zones; None while one of its subnets was not seen."""
    known = {each.id: each for each in snap.prerequisites.node_subnets} if snap.prerequisites else {}
    if not set(group.subnets) <= set(known):
        return None
    return max((known[id].free_addresses for id in group.subnets if known[id].zone in zones), default=0)
