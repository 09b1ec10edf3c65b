"""What a surge does to an Auto Scaling group and to the nodes beside the drain: before it, after it, and at its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.rotation.marks import NO_SCALE_DOWN, UNTIL
from fleetkeeper.core.rotation.turn import Change, NodeChange
from fleetkeeper.core.verdict import Memory
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine import surging
from fleetkeeper.engine.rotating import NodeWriter
from fleetkeeper.engine.surging import MOST, OURS, REBALANCE, REBALANCED, SIZE, Orders, SeenGroup
from fleetkeeper.engine.writers import CloudWriter, ScalingGroup, ScalingInstance


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


def prepare(cloud: CloudWriter, group: ScalingGroup, due: Orders) -> None:
    """Before pods move."""
    if due.suspend:
        cloud.suspend(group.name, (REBALANCE,))
    if due.desired is not None:
        cloud.set_desired(group.name, due.desired)


def keep(nodes: NodeWriter, due: Orders, until: datetime) -> None:
    """Ask the autoscaler to leave nodes that are worked on, or were just ordered, until a time that we put off."""
    for node in due.keep:
        nodes.note(node, {NO_SCALE_DOWN: "true", UNTIL: until.isoformat()})


def remove(cloud: CloudWriter, nodes: NodeWriter, due: Orders) -> None:
    """After pods have moved: nothing comes any more, then no traffic, then the instance ends."""
    for node in due.close:
        nodes.change(NodeChange(Change.BEGIN, node))
    for target in due.deregister:
        cloud.deregister(target)
    for instance in due.terminate:
        cloud.terminate(instance.id)


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
    """A size above the most that we ever asked for is an autoscaler's, and is left to it.

    A node whose instance ends keeps its marks: released, it would get pods once more.
    """
    found = seen.found
    assert found is not None
    desired, unused = group.desired, tuple[ScalingInstance, ...]()
    staying = {seen.nodes[each.id].name for each in surging.active(group) if each.id in seen.nodes}
    if SIZE in memory and group.desired <= int(memory.get(MOST, 0)):
        desired, unused = surging.surplus(group, seen, int(memory[SIZE]))
    return LeftOver(
        resume=memory.get(REBALANCED) == OURS and REBALANCE in group.suspended,
        desired=desired if desired < group.desired else None,
        unused=unused,
        marked=tuple(each for each in found.nodes if each.marks.rotation == found.rotation and each.name in staying),
    )


def tidy(cloud: CloudWriter, nodes: NodeWriter, seen: SeenGroup, group: ScalingGroup, memory: Memory) -> bool:
    """Take back what is left over; False when a node has to be looked at again."""
    left = left_over(seen, group, memory)
    if left.desired is not None:
        cloud.set_desired(group.name, left.desired)
    for instance in left.unused:
        cloud.terminate(instance.id)
    whole = nodes.release(left.marked)
    if left.resume and whole:
        cloud.resume(group.name, (REBALANCE,))
    return whole
