"""release-nodes: takes our hold off Karpenter NodePools, and waits until their nodes run the minor."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.draining import obstacles
from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.node_holds import Holding, NodePool
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.pool_nodes import stuck_nodes
from fleetkeeper.core.references import Names
from fleetkeeper.core.verdict import Act, Blocked, Done, Memory, Moment, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine import karpenter
from fleetkeeper.engine.attempts import leaving
from fleetkeeper.engine.karpenter import listed
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.steps.hold_nodes import left_open
from fleetkeeper.engine.world import World

POLL = timedelta(seconds=30)
STILL = timedelta(minutes=30)
"""Without a node that moved for so long a person is called: Karpenter looks for drift every few minutes, and a node
takes as long as its pods' grace periods."""

_LEFT, _SINCE, _CHANGED = "left", "since", "changed"


@dataclass(frozen=True, slots=True)
class SeenNodes:
    """The pools, None where Karpenter's API is not served, and what of their nodes is behind, with what holds it.

    nodes: all of the pools. pods: those on nodes that are behind. fixed: node classes whose images are named by id.
    """

    pools: tuple[NodePool, ...] | None
    by: str
    nodes: tuple[LiveNode, ...] = ()
    pods: tuple[LivePod, ...] = ()
    budgets: tuple[Budget, ...] = ()
    fixed: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class ReleaseNodes:
    """pools are NodePools by name, none is all. With wait it ends when all of their nodes run `to` or newer."""

    kind: ClassVar[str] = "release-nodes"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # a hold that is off is seen to be off
    cancellable: ClassVar[bool] = True

    pools: tuple[str, ...]
    to: Minor
    wait: bool = True

    @classmethod
    def of(cls, params: Params) -> "ReleaseNodes":
        given = Given(params)
        made = cls(given.texts("pools", ()), given.minor("to"), given.flag("wait", True))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenNodes:  # noqa: ARG002  # it has no past
        with kube_of(world, subject) as kube:
            found, by = karpenter.pools(kube, self.pools), karpenter.holder(subject)
            if not found or not self.wait or any(each.holding(by) is not Holding.FREE for each in found):
                return SeenNodes(found, by)
            names = {each.name for each in found}
            nodes = tuple(each for each in kube.nodes() if each.is_of_pool and each.node.group in names)
            behind = [each.name for each in nodes if each.is_behind(self.to)]
            if not behind:
                return SeenNodes(found, by, nodes)
            fixed = karpenter.fixed_classes(kube)
            return SeenNodes(found, by, nodes, kube.pods(behind), kube.budgets(), fixed)

    def decide(self, seen: SeenNodes, moment: Moment) -> Verdict:
        if seen.pools is None:
            return Skip(karpenter.NOT_SERVED)
        if not seen.pools:
            return Skip(f"there is no NodePool {some(self.pools)}" if self.pools else "there are no NodePools")
        held = tuple(each for each in seen.pools if each.holding(seen.by) in (Holding.OURS, Holding.BROKEN))
        if held:
            return self._release(held, seen.by)
        if blocked := karpenter.of_others(seen.pools, seen.by):
            return blocked
        changed = f"; {moment.memory[_CHANGED]}" if moment.memory.get(_CHANGED) else ""
        if not self.wait:
            return Done(f"{listed(seen.pools)}: not held{changed}")
        behind = tuple(each for each in seen.nodes if each.is_behind(self.to))
        if not behind:
            return Done(f"{counted(len(seen.nodes), 'node')} of {listed(seen.pools)} at {self.to} or newer{changed}")
        return self._waiting(seen, behind, moment)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """Each pool by a patch of its own, from what is there at this moment."""
        with kube_of(world, subject) as kube:
            by = karpenter.holder(subject)
            for pool in karpenter.pools(kube, self.pools) or ():
                if pool.holding(by) in (Holding.OURS, Holding.BROKEN):
                    karpenter.release(kube, pool)
        return leaving(memory, moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # says so
        return Undone("nothing to take back: nodes that Karpenter replaced stay replaced, and nothing is held anew")

    def _release(self, held: tuple[NodePool, ...], by: str) -> Act:
        broken = tuple(each for each in held if each.holding(by) is Holding.BROKEN)
        memory = {_CHANGED: left_open(broken)} if broken else {}
        return Act(f"release {listed(held)}: Karpenter replaces its nodes within its owner's budgets", memory)

    def _waiting(self, seen: SeenNodes, behind: tuple[LiveNode, ...], moment: Moment) -> Verdict:
        """A count that went down is progress; the time without any is kept beside it."""
        left, since = str(len(behind)), _moved(moment, len(behind))
        why = f"{left} of {counted(len(seen.nodes), 'node')} of {listed(seen.pools or ())} not at {self.to} yet"
        stuck = stuck_nodes(seen.pools or (), behind, obstacles(seen.pods, seen.budgets, karpenter=True), seen.fixed)
        if stuck.text:
            why = f"{why}: {stuck.text}"
        if stuck.is_final or moment.now - since >= STILL:
            still = "" if stuck.is_final else f"; nothing has moved for {duration_text(STILL)}"
            return Blocked(why + still, stuck.owner, stuck.fix)
        return Wait(why, POLL, stuck.owner, {**moment.memory, _LEFT: left, _SINCE: since.isoformat()})


def _moved(moment: Moment, left: int) -> datetime:
    """Since when as many nodes as now are behind: since now when there were more, or when this is the first look."""
    since = moment.memory.get(_SINCE)
    return datetime.fromisoformat(since) if since and moment.memory.get(_LEFT) == str(left) else moment.now
