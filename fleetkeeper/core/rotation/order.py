"""Which node comes next: those that nothing holds first, and never more of one budget at once than it lets go.

Two rules make a rotation short. A node whose pods wait for a budget that nodes in work use up already would only take
up a place. And a budget that takes longer than all nodes together (many pods, few at a time) must never be idle.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from fleetkeeper.core.rotation.asking import is_job
from fleetkeeper.core.rotation.facts import Facts, Mover, OldNode
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.tokens import Pool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that may be begun. movers: those that can go; asks: how many tokens of which pool they need."""

    home: OldNode
    movers: tuple[Mover, ...]
    asks: Mapping[Pool, int]
    stuck: int
    jobs: int
    budgeted: int


def candidates(homes: Iterable[OldNode]) -> list[Candidate]:
    return list(map(_candidate, homes))


def _candidate(home: OldNode) -> Candidate:
    free: list[Mover] = []
    asks: dict[Pool, int] = {}
    jobs = budgeted = 0
    for each in home.movers:
        if each.is_stuck:
            continue
        free.append(each)
        pool = each.pool
        asks[pool] = asks.get(pool, 0) + 1
        budgeted += bool(each.budgets)
        jobs += is_job(each)
    return Candidate(home, tuple(free), asks, len(home.movers) - len(free), jobs, budgeted)


def longest_first(going: Iterable[Mover], rules: Rules) -> list[Mover]:
    """Of those that go now first the ones with the most rounds still behind them: an API server takes a while for all
    of them, and the whole takes as long as its longest chain. Among equals by priority, as they came."""
    return sorted(going, key=lambda each: -(-each.pool.moving // each.pool.at_best(rules.unbudgeted)), reverse=True)


Rank = tuple[bool, bool, int, int, int, int, str]


class Queue:
    """Hands out nodes one by one, with an eye on what those in work ask for already.

    What is asked for only grows while nodes are handed out, and with it a node's rank: so one that is looked at again
    when it comes up, and is still the first, is the first of all.
    """

    def __init__(self, waiting: Sequence[Candidate], working: Iterable[OldNode], facts: Facts) -> None:
        self._asked = Counter(mover.pool for home in working for mover in home.movers)
        self._at_once: dict[Pool, int] = {}
        pinned = {each.load for one in waiting for each in one.movers if each.pod.claims}
        for pool in {pool for each in waiting for pool in each.asks}:
            self._at_once[pool] = 1 if pool in pinned else pool.at_best(facts.rules.unbudgeted)
        pace = -(-len(waiting) // max(1, facts.rules.parallel))
        self._longest = {pool for pool, number in self._at_once.items() if -(-pool.moving // number) > pace}
        self._heap = [(self._rank(each), each) for each in waiting]
        heapify(self._heap)

    def next(self) -> Candidate | None:
        """The first of those that are left."""
        while self._heap:
            rank, each = self._heap[0]
            now = self._rank(each)
            if now == rank:
                heappop(self._heap)
                return each
            heapreplace(self._heap, (now, each))
        return None

    def begin(self, chosen: Candidate) -> None:
        for pool, number in chosen.asks.items():
            self._asked[pool] += number

    def _rank(self, each: Candidate) -> Rank:
        """Names differ, so that no two are alike."""
        wait, is_due, asked, at_once = 0, False, self._asked, self._at_once
        for pool, asks in each.asks.items():
            number, before = at_once[pool], asked.get(pool, 0)
            wait = max(wait, -(-(before + asks) // number))
            is_due = is_due or (before < number and pool in self._longest)
        return (each.stuck > 0, not is_due, wait, each.jobs, each.budgeted, len(each.movers), each.home.name)
