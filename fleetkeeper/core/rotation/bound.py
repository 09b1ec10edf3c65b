"""The least time that a rotation can take, which what it took is measured against."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core.rotation.facts import Mover, facts_of
from fleetkeeper.core.rotation.obstacles import is_stuck_for_good
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.tokens import Pool


@dataclass(frozen=True, slots=True)
class Times:
    """node: from begun to gone, when nothing holds its pods. provisioning: from the order to the last new node Ready.

    ready: of a pod, from its eviction until its replacement is Ready.
    """

    node: timedelta
    provisioning: timedelta
    ready: Callable[[Mover], timedelta]


@dataclass(frozen=True, slots=True)
class Bound:
    """length is the largest of three. by: which one, in words: a budget's name, "nodes" or "provisioning"."""

    length: timedelta
    by: str


def lower_bound(seen: Seen, rules: Rules, times: Times) -> Bound:
    """The budgets as if every pod were Ready, and without pods that never go: nothing real is faster."""
    facts = facts_of(seen, rules)
    found = Bound(times.provisioning, "provisioning")
    rounds = -(-len(facts.old) // max(1, rules.parallel))
    found = _longer(found, Bound(rounds * times.node, "nodes"))
    moved: dict[Pool, list[Mover]] = {}
    for home in facts.old.values():
        for mover in home.movers:
            if mover.budgets and not is_stuck_for_good(mover, facts):
                moved.setdefault(mover.pool, []).append(mover)
    for pool, movers in moved.items():
        length = -(-len(movers) // pool.at_best(rules.unbudgeted)) * min(map(times.ready, movers))
        found = _longer(found, Bound(length, f"PDB {pool.place}"))
    return found


def _longer(one: Bound, other: Bound) -> Bound:
    return other if other.length > one.length else one
