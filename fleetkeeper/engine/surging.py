"""What a surge of an Auto Scaling group does next, from the group and the cluster as they are. Pure.

Old instances are those of another launch template version than the group's. A new one is ordered for each old one that
is worked on, so that the group is never smaller than it was; an old one ends by its own id, which counts it down again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.live import LiveNode, Room
from fleetkeeper.core.rotation.marks import NO_LOAD_BALANCER
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.turn import Turn
from fleetkeeper.core.verdict import Blocked, Failed, Memory
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.writers import Instance, ScalingGroup, ScalingInstance, Target

REBALANCE = "AZRebalance"
"""A process of Auto Scaling that ends instances to even out zones, whatever runs on them (Auto Scaling, User Guide)."""
SIZE, REBALANCED, MOST = "before.size", "before.rebalance", "before.most"
"""Keys of a memory that outlive an attempt: the size at the start, whose the suspension is, the most we asked for."""
OURS, THEIRS = "ours", "theirs"
JOINS = timedelta(minutes=15)
"""An instance that has not become a Ready node after so long has something that no wait mends."""
_GOING = ("Terminating", "Terminated", "Detach", "Standby")


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """The group, None where there is none; nodes by the id of their instance; targets of its old instances.

    booting: EC2's words on instances that are no Ready node yet.
    """

    group: ScalingGroup | None
    found: Seen | None = None
    targets: tuple[Target, ...] = ()
    booting: tuple[Instance, ...] = ()
    nodes: Mapping[str, LiveNode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Orders:
    """What is due now beside the turn. desired None: the group is as large as it should be.

    over: the desired size that the maximum does not allow. close: empty nodes that could still get pods or traffic.
    """

    suspend: bool = False
    desired: int | None = None
    over: int = 0
    deregister: tuple[Target, ...] = ()
    draining: tuple[Target, ...] = ()
    terminate: tuple[ScalingInstance, ...] = ()
    close: tuple[LiveNode, ...] = ()
    keep: tuple[LiveNode, ...] = ()


def active(group: ScalingGroup) -> tuple[ScalingInstance, ...]:
    """The instances that are there to stay, as far as Auto Scaling is concerned."""
    return tuple(each for each in group.instances if not each.lifecycle.startswith(_GOING))


def old_of(group: ScalingGroup) -> tuple[ScalingInstance, ...]:
    return tuple(each for each in active(group) if each.template != group.template)


def new_of(group: ScalingGroup) -> tuple[ScalingInstance, ...]:
    return tuple(each for each in active(group) if each.template == group.template)


def by_instance(nodes: Iterable[LiveNode]) -> Mapping[str, LiveNode]:
    return {each.node.provider_id.rpartition("/")[2]: each for each in nodes if each.node.provider_id}


def coming(group: ScalingGroup, nodes: Mapping[str, LiveNode]) -> int:
    """Instances that are ordered or there, and no Ready node yet."""
    ordered = max(0, group.desired - len(active(group)))
    return ordered + len(not_joined(group, nodes))


def not_joined(group: ScalingGroup, nodes: Mapping[str, LiveNode]) -> tuple[ScalingInstance, ...]:
    return tuple(each for each in new_of(group) if each.id not in nodes or not nodes[each.id].node.ready)


# ---- what is due


def orders(seen: SeenGroup, turn: Turn, memory: Memory, parallel: int, until: datetime) -> Orders:
    """until: how long nodes are kept from the autoscaler's scale-down at least."""
    group, found = seen.group, seen.found
    assert group is not None
    assert found is not None
    nodes, empty = seen.nodes, _empty_instances(group, seen, turn)
    wanted = wanted_size(group, found, turn, int(memory.get(SIZE, group.desired)), parallel + len(empty))
    allowed = min(wanted, group.maximum)
    closed = [each for each in empty if _is_closed(nodes[each.id])]
    mine = {each.id for each in closed}
    of_empty = [each for each in seen.targets if each.instance in mine]
    bound = {each.instance for each in of_empty}
    return Orders(
        suspend=REBALANCE not in group.suspended and bool(old_of(group)),
        desired=allowed if allowed > group.desired else None,
        over=wanted if wanted > group.maximum else 0,
        deregister=tuple(each for each in of_empty if each.state != "draining"),
        draining=tuple(each for each in of_empty if each.state == "draining"),
        terminate=tuple(each for each in closed if each.id not in bound),
        close=tuple(nodes[each.id] for each in empty if each not in closed),
        keep=tuple(each for each in _own_nodes(group, seen) if _is_short(each, until)),
    )


def wanted_size(group: ScalingGroup, found: Seen, turn: Turn, size: int, ahead: int) -> int:
    """An absolute number from what is seen: the old ones, and as many new ones as are gone, are empty or are worked on.

    ahead: how many of the old ones are empty, or may be worked on side by side. More where the next pods need more room
    than that, once all that was ordered is there.
    """
    old = len(old_of(group))
    if not old:
        return group.desired
    wanted = old + min(size, max(0, size - old) + ahead)
    if turn.wanting is not None and not found.coming:
        wanted = max(wanted, len(active(group)) + nodes_for(turn.wanting, _room_of_new(group, found)))
    return wanted


def nodes_for(wanting: Room, one: Room) -> int:
    """How many nodes of this room hold as much; one where their room is not known."""
    pairs = ((wanting.cpu, one.cpu), (wanting.memory, one.memory), (wanting.pods, one.pods))
    return max(1, *(-(-need // has) if has > 0 else 1 for need, has in pairs))


def _room_of_new(group: ScalingGroup, found: Seen) -> Room:
    """Of a node of the group, new ones first; what DaemonSets take of it comes off by the next look."""
    nodes = by_instance(found.nodes)
    known = [nodes[each.id].room for each in (*new_of(group), *old_of(group)) if each.id in nodes]
    return known[0] if known else Room()


def _own_nodes(group: ScalingGroup, seen: SeenGroup) -> Iterable[LiveNode]:
    return (seen.nodes[each.id] for each in active(group) if each.id in seen.nodes)


def _empty_instances(group: ScalingGroup, seen: SeenGroup, turn: Turn) -> tuple[ScalingInstance, ...]:
    """The old ones with an empty node."""
    empty = {each.name for each in turn.empty}
    return tuple(each for each in old_of(group) if each.id in seen.nodes and seen.nodes[each.id].name in empty)


def _is_closed(node: LiveNode) -> bool:
    """Whether neither the scheduler nor a load balancer gives it anything: a pod must not come between look and end."""
    return not node.node.schedulable and NO_LOAD_BALANCER in node.labels


def _is_short(node: LiveNode, until: datetime) -> bool:
    marks = node.marks
    return not marks.kept_by_others and (marks.keeps_until is None or marks.keeps_until < until)


def is_due(due: Orders) -> bool:
    acts = (due.suspend, due.desired is not None, due.deregister, due.draining, due.terminate, due.close)
    return any(acts)


# ---- what goes wrong, and what is left over


def not_ours(group: ScalingGroup) -> Failed | Blocked | None:
    """Groups that this is not for."""
    if managed := group.tags.get("eks:nodegroup-name"):
        return Failed(f"{group.name} is of the managed node group {managed}", "use update-nodegroup for it", final=True)
    if not group.template:
        why = f"{group.name} has no launch template, so nobody can tell which of its instances are old"
        return Failed(why, "give it a launch template", final=True)
    if group.warm_pool and old_of(group):
        why = f"{group.name} has a warm pool, whose instances may be of an old template too"
        return Blocked(
            why, "whoever runs the group", f"aws autoscaling delete-warm-pool --auto-scaling-group-name {group.name}"
        )
    return None


def not_joining(group: ScalingGroup, instances: Iterable[Instance]) -> Blocked:
    ids = [f"{each.id} ({each.state}, {each.image})" for each in instances]
    why = (
        f"{counted(len(ids), 'instance')} of {group.name} at {group.template} did not become a Ready node within "
        f"{duration_text(JOINS)}: {some(ids)}"
    )
    fix = f"aws ec2 get-console-output --instance-id {ids[0].partition(' ')[0]}; mend the launch template, or abort"
    return Blocked(why, "whoever made the launch template", fix)


def no_room(group: ScalingGroup, wanted: int) -> Blocked:
    why = f"{group.name} has {group.desired} instances and a maximum of {group.maximum}: there is no room for a new one"
    fix = (
        f"aws autoscaling update-auto-scaling-group --auto-scaling-group-name {group.name} --max-size {wanted}, or set "
        "it where the group is kept as code"
    )
    return Blocked(why, "whoever runs the group", fix)


def waits_text(seen: SeenGroup, due: Orders) -> str:
    """What of the group is awaited."""
    parts = []
    if seen.found is not None and seen.found.coming:
        parts.append(f"{counted(seen.found.coming, 'new node')} coming")
    if due.draining:
        parts.append(f"{counted(len(due.draining), 'target')} draining")
    return ", ".join(parts)


def late(seen: SeenGroup, now: datetime) -> tuple[Instance, ...]:
    """Instances that should have joined by now."""
    return tuple(each for each in seen.booting if now - each.launched_at > JOINS)


def surplus(group: ScalingGroup, seen: SeenGroup, size: int) -> tuple[int, tuple[ScalingInstance, ...]]:
    """What of our ordering nothing needs: the desired size without what was not launched yet, and unused instances."""
    much = max(0, group.desired - size)
    unlaunched = min(much, max(0, group.desired - len(active(group))))
    assert seen.found is not None
    used = {each.node for each in seen.found.pods if each.is_drained}
    unused = [each for each in new_of(group) if each.id not in seen.nodes or seen.nodes[each.id].name not in used]
    return group.desired - unlaunched, tuple(unused[: much - unlaunched])
