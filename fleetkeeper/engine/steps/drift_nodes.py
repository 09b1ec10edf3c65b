"""drift-nodes: lets Karpenter replace the nodes that it calls Drifted, and closes again the budgets that it opened.

No NodeClaim is ever deleted: that would pass every budget of the NodePool by (Karpenter, Disruption, 2026).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.draining import obstacles
from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.node_claims import NodeClaim
from fleetkeeper.core.node_holds import Holding, NodePool
from fleetkeeper.core.node_opening import is_closed, opening
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.pool_nodes import stuck_nodes
from fleetkeeper.core.references import Names
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Blocked, Done, Memory, Moment, Residue, Skip, Undoing, Undone, Verdict, Wait
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine import karpenter
from fleetkeeper.engine.attempts import leaving
from fleetkeeper.engine.karpenter import listed
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.steps.hold_nodes import left_open
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import KubeWriter

POLL = timedelta(seconds=30)
STILL = timedelta(minutes=30)
"""Without a node that moved for so long a person is called; a node takes as long as its pods' grace periods."""

_LEFT, _SINCE = "left", "since"
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class SeenDrift:
    """The pools, None where Karpenter's API is not served, and what of their nodes is Drifted, with what holds it."""

    pools: tuple[NodePool, ...] | None
    by: str
    claims: tuple[NodeClaim, ...] = ()
    nodes: tuple[LiveNode, ...] = ()
    pods: tuple[LivePod, ...] = ()
    budgets: tuple[Budget, ...] = ()
    fixed: frozenset[str] = field(default_factory=frozenset)

    @property
    def drifted(self) -> tuple[NodeClaim, ...]:
        return tuple(each for each in self.claims if each.drifted)

    def opened(self, *ours: Holding) -> tuple[NodePool, ...]:
        return tuple(each for each in self.pools or () if opening(each, self.by) in ours)

    def to_open(self) -> tuple[NodePool, ...]:
        """Those that let none of their Drifted nodes go. Auto Mode's own pools are nobody's to edit."""
        moving = {each.pool for each in self.drifted}
        free = (each for each in self.opened(Holding.FREE) if each.name in moving and not each.is_built_in)
        return tuple(each for each in free if is_closed(each))


@dataclass(frozen=True, slots=True)
class DriftNodes:
    """pools: NodePools by name. nodes: how many may go at once where we open a budget, a number or a share."""

    kind: ClassVar[str] = "drift-nodes"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # what is opened says so, with what was there before
    cancellable: ClassVar[bool] = True

    pools: tuple[str, ...]
    nodes: str = "10%"

    @classmethod
    def of(cls, params: Params) -> "DriftNodes":
        given = Given(params)
        made = cls(given.texts("pools"), given.text("nodes", "10%", check=_wrong_nodes))
        if not made.pools:
            given.wrong("pools", "must name at least one NodePool")
        given.finish()
        return made

    # ---- look

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenDrift:  # noqa: ARG002  # it has no past
        with kube_of(world, subject) as kube:
            seen = self._pools(kube, karpenter.holder(subject))
            names = {each.node for each in seen.drifted}
            if not names:
                return seen
            nodes = tuple(each for each in kube.nodes() if each.name in names)
            pods, fixed = kube.pods(sorted(names)), karpenter.fixed_classes(kube)
            return SeenDrift(seen.pools, seen.by, seen.claims, nodes, pods, kube.budgets(), fixed)

    def _pools(self, kube: KubeWriter, by: str) -> SeenDrift:
        found = karpenter.pools(kube, self.pools)
        return SeenDrift(found, by, karpenter.claims(kube, self.pools) if found else ())

    # ---- decide

    def decide(self, seen: SeenDrift, moment: Moment) -> Verdict:
        if seen.pools is None:
            return Skip(karpenter.NOT_SERVED)
        if not seen.pools:
            return Skip(f"there is no NodePool {some(self.pools)}")
        if blocked := karpenter.of_others(seen.pools, seen.by) or _opened_by_others(seen):
            return blocked
        if not seen.drifted:
            return self._ended(seen, moment)
        if closed := seen.to_open():
            return Act(self._opening(seen, closed))
        if blocked := _taken_back(seen):
            return blocked
        return self._waiting(seen, moment)

    def _opening(self, seen: SeenDrift, closed: tuple[NodePool, ...]) -> str:
        text = (
            f"open the budgets of {listed(closed)} for drift, {self.nodes} at once, until what is Drifted is replaced"
        )
        ended = [each for each in seen.pools or () if each.grace]
        return f"{text}; {_grace(ended)}" if ended else text

    def _ended(self, seen: SeenDrift, moment: Moment) -> Verdict:
        pools = seen.pools or ()
        if ours := seen.opened(Holding.OURS, Holding.BROKEN):
            return Act(f"close the budgets of {listed(ours)} again, as they were before", moment.memory)
        if not moment.memory.get(_SINCE) and not moment.tried:
            return Skip(
                f"Karpenter calls none of {counted(len(seen.claims), 'node')} of {listed(pools)} Drifted: it takes"
                " their images for the ones that their EC2NodeClass asks for"
            )
        return Done(f"no node of {listed(pools)} is Drifted any more, of {len(seen.claims)}")

    def _waiting(self, seen: SeenDrift, moment: Moment) -> Verdict:
        """A count that went down is progress; the time without any is kept beside it."""
        pools, left = seen.pools or (), str(len(seen.drifted))
        since = _moved(moment, left)
        why = f"{left} of {counted(len(seen.claims), 'node')} of {listed(pools)} still Drifted ({_reasons(seen)})"
        stuck = stuck_nodes(pools, seen.nodes, obstacles(seen.pods, seen.budgets, karpenter=True), frozenset())
        texts = [why, stuck.text, _grace([each for each in pools if each.grace]) if stuck.text else ""]
        why = safe(": ".join(filter(None, texts[:2])) + (f"; {texts[2]}" if texts[2] else ""), _LONGEST)
        if moment.now - since >= STILL:
            return Blocked(f"{why}; nothing has moved for {duration_text(STILL)}", stuck.owner, stuck.fix)
        return Wait(why, POLL, stuck.owner, {**moment.memory, _LEFT: left, _SINCE: since.isoformat()})

    # ---- act, undo

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        """Each pool by a patch of its own, from what is there at this moment."""
        with kube_of(world, subject) as kube:
            seen = self._pools(kube, karpenter.holder(subject))
            for pool in seen.to_open():
                karpenter.open_for_drift(kube, pool, seen.by, self.nodes)
            if not seen.drifted:
                for pool in seen.opened(Holding.OURS, Holding.BROKEN):
                    karpenter.close_again(kube, pool)
        return leaving({_SINCE: moment.now.isoformat(), **memory}, moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # pools tell all of it
        with kube_of(world, subject) as kube:
            seen = SeenDrift(karpenter.pools(kube, ()), karpenter.holder(subject))
            ours, broken = seen.opened(Holding.OURS), seen.opened(Holding.BROKEN)
            for pool in (*ours, *broken):
                karpenter.close_again(kube, pool)
        if broken:
            return Residue(left_open(broken))
        return Undone(f"{listed(ours)}: its budgets are as they were" if ours else "no NodePool was opened by this run")


def _wrong_nodes(text: str) -> str:
    number = text.removesuffix("%")
    fits = number.isdecimal() and 0 < int(number) <= (100 if text.endswith("%") else 10_000)
    return "" if fits else 'must be a number of nodes, or a share such as "10%"'


def _opened_by_others(seen: SeenDrift) -> Blocked | None:
    foreign = seen.opened(Holding.FOREIGN)
    if not foreign:
        return None
    first = foreign[0]
    return Blocked(
        f"the budgets of {listed(foreign)} are opened by {safe(first.opened_by, _LONGEST)}, and not by this run",
        first.whose or "whoever began that run",
        f"let that run end, or abort it: its abort closes them again; else kubectl edit nodepool {first.name}",
    )


def _taken_back(seen: SeenDrift) -> Blocked | None:
    """A pool that a person or a GitOps tool closed again is not fought over."""
    broken = tuple(each for each in seen.opened(Holding.BROKEN) if is_closed(each))
    if not broken:
        return None
    first = broken[0]
    by = f": {first.kept_by} keeps it, and puts back what is changed here" if first.kept_by else ""
    return Blocked(
        f"the budgets of {listed(broken)} were opened by this run, and somebody closed them since{by}",
        first.whose or "whoever changes its budgets",
        'let it drift where the NodePool is kept: a budget {nodes: "10%", reasons: ["Drifted"]} instead of 0',
    )


def _grace(pools: list[NodePool]) -> str:
    """What becomes of pods that do not go: a budget is no protection then, and people should know before."""
    each = some(f"{pool.name} after {pool.grace}" for pool in pools)
    return f"its terminationGracePeriod deletes pods that are still there, budgets or not ({each})" if pools else ""


def _reasons(seen: SeenDrift) -> str:
    return some(sorted({each.drifted for each in seen.drifted}))


def _moved(moment: Moment, left: str) -> datetime:
    since = moment.memory.get(_SINCE)
    return datetime.fromisoformat(since) if since and moment.memory.get(_LEFT) == left else moment.now
