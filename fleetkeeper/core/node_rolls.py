"""How far the roll of a managed node group is, and what holds it up: EKS tells the node, and never the pod."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleetkeeper.core.draining import Obstacle, fixes, obstacles, owner_of, told
from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, some

_FEW = 20
GIVES_UP = "EKS gives up 15 minutes after it began to drain a node"
"""https://docs.aws.amazon.com/eks/latest/userguide/managed-node-update-behavior.html (2026-11)"""


@dataclass(frozen=True, slots=True)
class GroupNodes:
    """The nodes of a group, the pods on those that are to go, and all budgets. unseen says why there are none."""

    nodes: tuple[LiveNode, ...] = ()
    pods: tuple[LivePod, ...] = ()
    budgets: tuple[Budget, ...] = ()
    unseen: str = ""

    @property
    def for_good(self) -> tuple[Obstacle, ...]:
        """What no waiting ends, whichever node of the group is drained."""
        return tuple(each for each in obstacles(self.pods, self.budgets) if each.for_good)

    def in_the_way(self) -> tuple[Obstacle, ...]:
        """Of the nodes that take no pods any more."""
        cordoned = {each.name for each in self.nodes if not each.node.schedulable}
        return obstacles((each for each in self.pods if each.node in cordoned), self.budgets)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One look at a roll in words. blocked: what stands in the way, "" for nothing.

    is_cheap: few nodes were looked at; of many every pod of the cluster is read, which is not done as often.
    """

    progress: str
    blocked: str = ""
    owner: str = ""
    fix: str = ""
    is_cheap: bool = True

    @property
    def text(self) -> str:
        return "; ".join(each for each in (self.progress, self.blocked) if each)


def diagnosed(seen: GroupNodes, to: Minor) -> Diagnosis:
    if seen.unseen:
        return Diagnosis(f"its nodes cannot be seen: {seen.unseen}")
    found = seen.in_the_way()
    blocked = f"{told(found)}; {GIVES_UP}" if found else _left(seen)
    return Diagnosis(_progress(seen.nodes, to), blocked, owner_of(found), fixes(found), len(seen.nodes) <= _FEW)


def _progress(nodes: Sequence[LiveNode], to: Minor) -> str:
    ready = [each for each in nodes if not each.is_behind(to) and each.node.ready]
    old = [each for each in nodes if each.is_behind(to)]
    cordoned = [each for each in nodes if not each.node.schedulable]
    text = f"{counted(len(ready), 'node')} Ready at {to}, {len(old)} older"
    return f"{text}, cordoned: {some(sorted(each.name for each in cordoned))}" if cordoned else text


def _left(seen: GroupNodes) -> str:
    """Pods that are still on cordoned nodes though nothing holds them: they are on their way."""
    cordoned = {each.name for each in seen.nodes if not each.node.schedulable}
    left = [each for each in seen.pods if each.node in cordoned and each.is_drained]
    tolerant = [each for each in left if each.tolerant]
    if tolerant:
        names = some(f"{each.place} on {each.node}" for each in tolerant)
        return f"{names}: tolerates every taint, so that it may come back to a node that is drained"
    return f"{counted(len(left), 'pod')} still there: {some(each.place for each in left)}" if left else ""
