"""A rotation of one managed group rehearsed: 500 nodes with about 5,000 pods, budgets, volumes and a DaemonSet.

Played by the real engine in virtual time, with usual luck once and then with all three; beside it the time that the
rotation itself would take.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from common import Figure, main

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the tests are, whose made-up cluster this is

from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import End
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.rehearsal.playing import Piece, Room, play, room
from fleetkeeper.rehearsal.rehearse import Read, rehearse_member
from fleetkeeper.rehearsal.seeding import Seed
from tests.rehearsal.clusters import NEW, placed, plan_of, snapshot_of

NODES, QUICK_NODES = 500, 60
PARALLEL = 50
GOAL = 10.0  # seconds
AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def measure(quick: bool) -> list[Figure]:
    with room(cast(Any, None)) as place:  # what is played asks the store for nothing
        return _figures(place, QUICK_NODES, None) if quick else _figures(place, NODES, GOAL)


def _figures(place: Room, nodes: int, goal: float | None) -> list[Figure]:
    """goal: of one play, in seconds; a few nodes would meet that of many, which says nothing."""
    seen = placed(nodes, AT)
    snapshot = snapshot_of(seen, PARALLEL)
    plan = plan_of(snapshot)
    member = plan.members[0]
    size = f"{nodes} nodes, {len(seen.pods)} pods"
    begun, cpu = time.monotonic(), time.process_time()
    once = play(place, Seed(snapshot, seen, observed(seen), NEW), Piece(plan.header, member), Luck.USUAL)
    wall, spent = time.monotonic() - begun, time.process_time() - cpu
    if once.end is not End.DONE:
        raise SystemExit(f"the rehearsal ended as {once.end}: {once.why}")
    begun, cpu = time.monotonic(), time.process_time()
    whole = rehearse_member(place, plan, member, Read(snapshot, seen), {"update-nodegroup": ()}, Prices())
    all_wall, all_cpu = time.monotonic() - begun, time.process_time() - cpu
    takes = f"the rotation takes {once.seconds:.0f} s, {once.evictions} evictions"
    bound = whole.bound.total_seconds() if whole.bound else 0.0
    return [
        Figure(f"play once, {size}: wall", wall, "s", goal, "lower", takes),
        Figure(f"play once, {size}: CPU", spent, "s", goal, "lower", takes),
        Figure("rehearse with all three kinds of luck: wall", all_wall, "s", None, "lower", "the same in one process"),
        Figure("rehearse with all three kinds of luck: CPU", all_cpu, "s", None, "lower", "the same in one process"),
        Figure("rehearsed length by its lower bound", once.seconds / bound, "x", None, "lower", f"bound {bound:.0f} s"),
    ]


if __name__ == "__main__":
    main(measure)
