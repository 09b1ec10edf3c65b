"""A rotation of one managed group rehearsed: 500 nodes with about 5,000 pods, budgets, volumes and a DaemonSet.

Played by the real engine in virtual time, with usual luck once; then rehearsed whole, with all three kinds of luck, as
`rehearse` does it on this machine (side by side, the processes' start included) and in one process; beside it the time
that the rotation itself would take. Peaks of memory are resident sets: a process that plays shares most of its own with
the one that began it.
"""

import os
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from common import Figure, machine, main, measured

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the tests are, whose made-up cluster this is

from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import End, Rehearsed
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.rehearsal.company import Company
from fleetkeeper.rehearsal.machine import Limits, cores, limits
from fleetkeeper.rehearsal.member import Play, Read, Trial
from fleetkeeper.rehearsal.playing import Course, play, room
from fleetkeeper.rehearsal.processes import players
from tests.rehearsal.clusters import placed, plan_of, snapshot_of

NODES, QUICK_NODES = 500, 60
PARALLEL = 50
GOAL = 10.0  # seconds
AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
MIB = 2**20


def measure(quick: bool) -> list[Figure]:
    """Side by side comes first, for then this process is as small as that of the command."""
    seen = placed(QUICK_NODES if quick else NODES, AT)
    snapshot = snapshot_of(seen, PARALLEL)
    plan = plan_of(snapshot)
    trial = Trial(
        plan.header, plan.members[0], Read(snapshot, seen), observed(seen), {"update-nodegroup": ()}, Prices()
    )
    goal = None if quick else GOAL  # a few nodes would meet that of many, which says nothing
    size = f"{len(seen.nodes)} nodes, {len(seen.pods)} pods"
    whole, wall, _ = _rehearsed(trial, limits())
    peaks = [_peak(resource.RUSAGE_SELF), _peak(resource.RUSAGE_CHILDREN)]
    loaded, _ = measured([sys.executable, "-c", "import fleetkeeper.rehearsal.rehearse"], os.environ)
    once, once_wall, once_cpu = _once(trial)
    alone, alone_wall, alone_cpu = _rehearsed(trial, Limits(1))
    if alone != whole:
        raise SystemExit("side by side something else was rehearsed than in one process")
    takes = f"the rotation takes {once.seconds:.0f} s, {once.evictions} evictions"
    by_bound = once.seconds / whole.bound.total_seconds() if whole.bound else 0.0
    used = f"{cores()} cores, in one process {alone_wall:.1f} s"
    return [
        Figure(f"rehearse, {size}: wall", wall, "s", goal, "lower", used),
        Figure("rehearse in one process: wall", alone_wall, "s", None, "lower", "the same with --processes 1"),
        Figure("rehearse in one process: CPU", alone_cpu, "s", None, "lower", "the same with --processes 1"),
        Figure(f"play once, {size}: wall", once_wall, "s", goal, "lower", takes),
        Figure(f"play once, {size}: CPU", once_cpu, "s", goal, "lower", takes),
        Figure("load the command's code: wall", loaded.wall, "s", None, "lower", "before it, once a command"),
        Figure("peak memory of the process that waits", peaks[0], "MiB", None, "lower", "resident, side by side"),
        Figure("peak memory of the largest that plays", peaks[1], "MiB", None, "lower", f"at most {limits().plays}"),
        Figure("rehearsed length by its lower bound", by_bound, "x", None, "lower", f"bound {whole.bound}"),
        machine(),
    ]


def _rehearsed(trial: Trial, limited: Limits) -> tuple[Rehearsed, float, float]:
    """What came of it, seconds of wall clock and of this process's CPU."""
    begun, cpu = time.monotonic(), time.process_time()
    with room() as place, players(place, limited, _silently) as company:
        (found,) = Company(company).rehearse(iter([trial]))
    if found.end is not End.DONE:
        raise SystemExit(f"the rehearsal ended as {found.end}: {found.why}")
    return found, time.monotonic() - begun, time.process_time() - cpu


def _silently(_: str) -> None:
    """Nothing is to be set up in a process that plays."""


def _once(trial: Trial) -> tuple[Course, float, float]:
    part = trial.part(Play(Luck.USUAL))
    with room() as place:
        begun, cpu = time.monotonic(), time.process_time()
        found = play(place, part.seed, part.piece, part.luck)
        return found, time.monotonic() - begun, time.process_time() - cpu


def _peak(who: int) -> float:
    """Mebibytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit / MIB


if __name__ == "__main__":
    main(measure)
