"""Which node comes next: those that nothing holds first, and never more of one budget at once than it lets go.

Two rules make a rotation short. A node whose pods wait for a budget that nodes in work use up already would only take
up a place. And a budget that takes longer than all nodes together (many pods, few at a time) must never be idle.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleetkeeper.core.rotation.asking import is_job
from fleetkeeper.core.rotation.facts import Facts, Mover, OldNode
from fleetkeeper.core.rotation.obstacles import is_stuck_for_good
from fleetkeeper.core.rotation.tokens import Pool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that may be begun. movers: those that can go; asks: how many tokens of which pool they need."""

    home: OldNode
    movers: tuple[Mover, ...]
    asks: Counter[Pool]
    stuck: int
    jobs: int
    budgeted: int


def candidates(homes: Iterable[OldNode], facts: Facts) -> list[Candidate]:
    return [_candidate(home, facts) for home in homes]


def _candidate(home: OldNode, facts: Facts) -> Candidate:
    free = tuple(each for each in home.movers if not is_stuck_for_good(each, facts))
    asks = Counter(each.pool for each in free)
    jobs = sum(map(is_job, free))
    return Candidate(home, free, asks, len(home.movers) - len(free), jobs, sum(1 for each in free if each.budgets))


class Queue:
    """Hands out nodes one by one, with an eye on what those in work ask for already."""

    def __init__(self, waiting: Sequence[Candidate], working: Iterable[OldNode], facts: Facts) -> None:
        self._waiting = list(waiting)
        self._asked = Counter(mover.pool for home in working for mover in home.movers)
        self._best: dict[Pool, int] = {}
        self._share = facts.rules.unbudgeted
        self._pinned = {each.load for one in waiting for each in one.movers if each.pod.claims}
        pace = -(-len(self._waiting) // max(1, facts.rules.parallel))
        pools = {pool for each in waiting for pool in each.asks}
        self._longest = {pool for pool in pools if -(-pool.moving // self._at_once(pool)) > pace}

    def __len__(self) -> int:
        return len(self._waiting)

    def ordered(self) -> list[Candidate]:
        """The next first."""
        return sorted(self._waiting, key=self._rank)

    def begin(self, chosen: Candidate) -> None:
        self._waiting.remove(chosen)
        self._asked.update(chosen.asks)

    def _rank(self, each: Candidate) -> tuple[bool, bool, int, int, int, int, str]:
        rounds = (-(-(self._asked[pool] + asks) // self._at_once(pool)) for pool, asks in each.asks.items())
        idle = any(pool in self._longest and self._asked[pool] < self._at_once(pool) for pool in each.asks)
        wait = max(rounds, default=0)
        return (each.stuck > 0, not idle, wait, each.jobs, each.budgeted, len(each.movers), each.home.name)

    def _at_once(self, pool: Pool) -> int:
        found = self._best.get(pool)
        if found is None:
            found = self._best[pool] = 1 if pool in self._pinned else pool.at_best(self._share)
        return found
