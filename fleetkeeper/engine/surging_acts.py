"""What a surge does to an Auto Scaling group and to the nodes beside the drain: before it, after it, and at its end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.rotation.marks import NO_SCALE_DOWN, ROTATION, UNTIL
from fleetkeeper.core.rotation.turn import Change, NodeChange
from fleetkeeper.core.verdict import Memory
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine import rotating, surging
from fleetkeeper.engine.surging import MOST, OURS, REBALANCE, REBALANCED, SIZE, Orders, SeenGroup
from fleetkeeper.engine.writers import CloudWriter, KubeWriter, ScalingGroup, ScalingInstance
from fleetkeeper.errors import GapReason, Refused


def texts(group: ScalingGroup, due: Orders) -> tuple[str, ...]:
    """The sentences of what is due; asking the autoscaler once more to leave nodes is not worth an act alone."""
    found = []
    if due.suspend:
        found.append(f"suspend {REBALANCE} of {group.name}")
    if due.desired is not None:
        found.append(f"raise {group.name} from {group.desired} to {due.desired} instances")
    if due.close:
        found.append(f"close {_nodes(due.close)}")
    if due.deregister:
        found.append(f"take {counted(len(due.deregister), 'target')} out of load balancers")
    if due.terminate:
        ids = some(each.id for each in due.terminate)
        found.append(f"end {counted(len(due.terminate), 'emptied instance')} ({ids}), and count the group down by that")
    if due.keep and (found or any(each.marks.keeps_until is None for each in due.keep)):
        found.append(f"keep {_nodes(due.keep)} from scale-down")
    return tuple(found)


def prepare(cloud: CloudWriter, kube: KubeWriter, seen: SeenGroup, due: Orders, until: datetime) -> None:
    """Before pods move."""
    group, found = seen.group, seen.found
    assert group is not None
    assert found is not None
    if due.suspend:
        cloud.suspend(group.name, (REBALANCE,))
    if due.desired is not None:
        cloud.set_desired(group.name, due.desired)
    for node in due.keep:
        _annotate(kube, node, {NO_SCALE_DOWN: "true", UNTIL: until.isoformat(), ROTATION: found.rotation})


def remove(cloud: CloudWriter, kube: KubeWriter, seen: SeenGroup, due: Orders) -> None:
    """After pods have moved: nothing comes any more, then no traffic, then the instance ends."""
    assert seen.found is not None
    nodes = rotating.NodeWriter(kube, seen.found.rotation, seen.found.now)
    for node in due.close:
        nodes.change(NodeChange(Change.BEGIN, node))
    for target in due.deregister:
        cloud.deregister(target)
    for instance in due.terminate:
        cloud.terminate(instance.id)


def _annotate(kube: KubeWriter, node: LiveNode, notes: Mapping[str, str | None]) -> None:
    """Single keys, which stand by themselves; a node that is gone needs none."""
    try:
        kube.patch(rotating.node_ref(node.name), {"metadata": {"annotations": notes}})
    except Refused as error:
        if error.reason is not GapReason.NOT_FOUND:
            raise


def _nodes(found: Iterable[LiveNode]) -> str:
    names = [each.name for each in found]
    return f"{counted(len(names), 'node')} ({some(names)})"


# ---- the end


@dataclass(frozen=True, slots=True)
class LeftOver:
    """What of ours is still there once all is done. desired None: nothing was ordered that did not come."""

    resume: bool
    desired: int | None
    unused: tuple[ScalingInstance, ...]
    marked: tuple[LiveNode, ...]

    @property
    def text(self) -> str:
        found = ["resume " + REBALANCE] if self.resume else []
        found += [f"take back the order of instances that did not come, to {self.desired}"] if self.desired else []
        found += [f"end {counted(len(self.unused), 'new instance')} that nothing uses"] if self.unused else []
        found += [f"release {_nodes(self.marked)}"] if self.marked else []
        return ", ".join(found)


def left_over(seen: SeenGroup, group: ScalingGroup, memory: Memory) -> LeftOver:
    """A size above the most that we ever asked for is an autoscaler's, and is left to it."""
    found = seen.found
    assert found is not None
    desired, unused = group.desired, tuple[ScalingInstance, ...]()
    if SIZE in memory and group.desired <= int(memory.get(MOST, 0)):
        desired, unused = surging.surplus(group, seen, int(memory[SIZE]))
    return LeftOver(
        resume=memory.get(REBALANCED) == OURS and REBALANCE in group.suspended,
        desired=desired if desired < group.desired else None,
        unused=unused,
        marked=tuple(each for each in found.nodes if each.marks.rotation == found.rotation),
    )


def tidy(cloud: CloudWriter, kube: KubeWriter, seen: SeenGroup, group: ScalingGroup, memory: Memory) -> bool:
    """Take back what is left over; False when a node has to be looked at again."""
    left = left_over(seen, group, memory)
    assert seen.found is not None
    if left.desired is not None:
        cloud.set_desired(group.name, left.desired)
    for instance in left.unused:
        cloud.terminate(instance.id)
    _, whole = rotating.release(kube, seen.found.rotation, seen.found.now)
    if left.resume and whole:
        cloud.resume(group.name, (REBALANCE,))
    return whole
