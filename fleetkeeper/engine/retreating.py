"""The way back of a rotation by a second node group: old nodes take pods again, and nothing is moved by force."""

from dataclasses import dataclass
from typing import Protocol

from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.model import NodeGroup
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.verdict import Memory, Residue, Undoing, Undone
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.writers import CloudWriter

SIZE, MOST = "before.size", "before.most"
"""Keys of a memory: how many nodes the old group had, and its maximum."""
NOTHING = Undone("no second node group was made")


class Groups(Protocol):
    """Both groups after the release of the old one's nodes."""

    @property
    def clone(self) -> NodeGroup | None: ...

    @property
    def found(self) -> Seen | None: ...

    def nodes_of(self, group: str) -> tuple[LiveNode, ...]: ...


@dataclass(frozen=True, slots=True)
class Retreat:
    """released: nodes that took our marks off; left: nodes of the old group that there still are."""

    group: str
    clone: str
    released: int
    left: tuple[LiveNode, ...]


def retreat(cloud: CloudWriter, cluster: str, back: Retreat, seen: Groups, token: str, memory: Memory) -> Undoing:
    """A clone on which nothing runs is scaled to nothing and named; one with pods runs on beside the old group."""
    old = f"{counted(len(back.left), 'node')} of {back.group} take pods again"
    if not back.left:
        old = f"{back.group} has no nodes; its way back: {command(back.group, memory, seen.clone)}"
    if seen.clone is None:
        return Undone(old if back.released else NOTHING.note)
    running = _running(back.clone, seen)
    if running:
        return Residue(
            f"{old}; node group {back.clone} stays: {counted(len(running), 'pod')} run on it ({some(running)})"
        )
    if seen.clone.desired and seen.clone.status == "ACTIVE" and back.left:
        cloud.scale_node_group(cluster, back.clone, 0, 1, 0, token)
    return Residue(
        f"{old}; nothing runs on node group {back.clone}, and it stays without nodes: aws eks delete-nodegroup "
        f"--cluster-name {cluster} --nodegroup-name {back.clone}, once it has none"
    )


def _running(clone: str, seen: Groups) -> list[str]:
    nodes = {each.name for each in seen.nodes_of(clone)}
    return [each.place for each in seen.found.pods if each.node in nodes and each.is_drained] if seen.found else []


def command(group: str, memory: Memory, clone: NodeGroup | None) -> str:
    """What scales the old group up again, with the sizes that it had; those of its clone where they are not known."""
    size = memory.get(SIZE) or str(clone.desired if clone else 1)
    most = memory.get(MOST) or str(clone.maximum if clone else size)
    return (
        f"aws eks update-nodegroup-config --nodegroup-name {group} --scaling-config"
        f" minSize=0,maxSize={most},desiredSize={size}, then cordon and drain the other group"
    )
