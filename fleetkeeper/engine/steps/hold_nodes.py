"""hold-nodes: keeps the nodes of Karpenter NodePools on their image while the control plane moves."""

from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.node_holds import MOST_BUDGETS, Holding, NodePool, budget_text
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names
from fleetkeeper.core.verdict import Act, Blocked, Done, Memory, Moment, Residue, Skip, Undoing, Undone, Verdict
from fleetkeeper.core.wording import some
from fleetkeeper.engine import karpenter
from fleetkeeper.engine.karpenter import listed
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.reaching import kube_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World


@dataclass(frozen=True, slots=True)
class SeenPools:
    """The pools of the step as they are now, None where Karpenter's API is not served. by: what our hold is called."""

    pools: tuple[NodePool, ...] | None
    by: str

    def that_are(self, holding: Holding) -> tuple[NodePool, ...]:
        """Of those that may be edited."""
        return tuple(each for each in self.pools or () if not each.is_built_in and each.holding(self.by) is holding)


@dataclass(frozen=True, slots=True)
class HoldNodes:
    """pools are NodePools by name, none is all that there are when it acts."""

    kind: ClassVar[str] = "hold-nodes"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}
    repeatable: ClassVar[bool] = True  # what is held says so, and is left alone
    cancellable: ClassVar[bool] = True

    pools: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Params) -> "HoldNodes":
        given = Given(params)
        made = cls(given.texts("pools", ()))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenPools:  # noqa: ARG002  # it has no past
        with kube_of(world, subject) as kube:
            return SeenPools(karpenter.pools(kube, self.pools), karpenter.holder(subject))

    def decide(self, seen: SeenPools, moment: Moment) -> Verdict:  # noqa: ARG002  # pools tell all of it
        if seen.pools is None:
            return Skip(karpenter.NOT_SERVED)
        if not seen.pools:
            return Skip(f"there is no NodePool {some(self.pools)}" if self.pools else "there are no NodePools")
        editable = tuple(each for each in seen.pools if not each.is_built_in)
        if not editable:
            return Skip(karpenter.BUILT_IN.format(listed(seen.pools)))
        if blocked := karpenter.of_others(editable, seen.by) or _broken(seen) or _full(seen):
            return blocked
        if free := seen.that_are(Holding.FREE):
            return Act(f"hold {listed(free)}: none of its nodes is replaced because of a newer image")
        return Done(_well(seen.pools, editable))

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:  # noqa: ARG002  # likewise
        """Each pool by a patch of its own, from what is there at this moment."""
        with kube_of(world, subject) as kube:
            seen = SeenPools(karpenter.pools(kube, self.pools), karpenter.holder(subject))
            for pool in seen.that_are(Holding.FREE):
                if not pool.is_full:
                    karpenter.hold(kube, pool, seen.by)
        return memory

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # likewise
        """Of every pool, for a playbook may have held more than are named now: exactly our hold and nothing else."""
        with kube_of(world, subject) as kube:
            seen = SeenPools(karpenter.pools(kube, ()), karpenter.holder(subject))
            ours, broken = seen.that_are(Holding.OURS), seen.that_are(Holding.BROKEN)
            for pool in (*ours, *broken):
                karpenter.release(kube, pool)
        if broken:
            return Residue(left_open(broken))
        return Undone(f"{listed(ours)}: the hold was taken off" if ours else "no NodePool is held by this run")


def left_open(broken: tuple[NodePool, ...]) -> str:
    """What is told of pools whose hold somebody else changed: their budgets are left as they are."""
    pools = some(
        f"NodePool {each.name} ({some(map(budget_text, each.budgets or ())) or 'no budgets'})" for each in broken
    )
    return (
        f"somebody changed the budgets of {pools} while they were held: they are left as they are; do they still fit?"
    )


def _broken(seen: SeenPools) -> Blocked | None:
    """A pool that a person or a GitOps tool opened again is not fought over."""
    broken = seen.that_are(Holding.BROKEN)
    if not broken:
        return None
    first = broken[0]
    by = f": {first.kept_by} keeps it, and puts back what is changed here" if first.kept_by else ""
    return Blocked(
        f"{listed(broken)} was held by this run, and somebody changed its budgets since{by}",
        first.whose or "whoever changes its budgets",
        'put a budget {nodes: "0", reasons: ["Drifted"]} first where the NodePool is kept, or skip this step: then its '
        "nodes follow the control plane at once",
    )


def _full(seen: SeenPools) -> Blocked | None:
    full = tuple(each for each in seen.that_are(Holding.FREE) if each.is_full)
    if not full:
        return None
    why = f"{listed(full)} has {MOST_BUDGETS} budgets, the most that Karpenter takes: there is no room for a hold"
    return Blocked(why, full[0].whose, "take one of them away, or skip this step")


def _well(pools: tuple[NodePool, ...], editable: tuple[NodePool, ...]) -> str:
    text = f"{listed(editable)}: held"
    built_in = tuple(each for each in pools if each.is_built_in)
    return f"{text}; {karpenter.BUILT_IN.format(listed(built_in))}" if built_in else text
