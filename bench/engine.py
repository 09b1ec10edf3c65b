"""The engine with 1,000 members in flight: what it adds to the time and what it costs, on SQLite and on PostgreSQL.

Every member has 5 steps, each an operation of 1 to 3 s of a cloud in a process of its own, that answers after 20 ms and
is asked every second: 15 times harsher than real life. The ideal is a simulation of the same operations by an engine
that costs nothing. Lateness is measured at the cloud: how much later than a second after the call before it a call
comes. On SQLite it is done three times, and the run with the middle CPU counts, for a host that others share is one and
a half times slower from one minute to the next. `--quick` has 2 steps, once, on SQLite, and no PostgreSQL beside it.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from common import MIB, Figure, machine, main

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the cloud and the plans are those of the tests

from fleetkeeper.adapters.store import schema  # noqa: E402
from fleetkeeper.adapters.store.runs import SqlRuns  # noqa: E402
from fleetkeeper.config import StoreSettings  # noqa: E402
from tests import postgres  # noqa: E402
from tests.chaos import cloud  # noqa: E402
from tests.chaos.cloud import AGAIN, ONCE, Call, Weather  # noqa: E402
from tests.chaos.fleet import Shape, begin  # noqa: E402

MEMBERS, STEPS, THREADS = 1000, 5, 64
TIMES = 3
POLL, LATENCY = 1.0, 0.02
SEED = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """One whole run. cpu: seconds of the application; server: of PostgreSQL."""

    wall: float
    cpu: float
    server: float
    peak: int
    kilobytes: float
    late: tuple[float, ...]
    calls: int
    repeated: int


def ideal(takes: list[list[float]]) -> float:
    """Seconds for all members: per step a look, the start, and looks every POLL until it is over; the longest member.

    All are in flight at once, and nothing but the cloud takes time.
    """
    return max(sum(_ideal_step(each) for each in member) for member in takes)


def _ideal_step(takes: float) -> float:
    now = 2 * LATENCY  # the look that finds nothing, and the start
    ends = LATENCY + takes  # the operation begins when the call comes in
    while True:
        now += POLL + LATENCY
        if now - LATENCY >= ends:
            return now


def takes_of(members: int, steps: int) -> list[list[float]]:
    """As tests.chaos.fleet draws them."""
    chance = random.Random(SEED)
    return [[round(chance.uniform(1.0, 3.0), 3) for _ in range(steps)] for _ in range(members)]


def lateness(journal: list[Call]) -> tuple[float, ...]:
    """Seconds beyond POLL between two calls for one operation, from its start on; sorted."""
    by: dict[str, list[float]] = {}
    for call in journal:
        if call.what == ONCE or call.token in by:
            by.setdefault(call.token, []).append(call.at)
    gaps = [after - before - POLL - LATENCY for times in by.values() for before, after in pairwise(times)]
    return tuple(sorted(max(0.0, gap) for gap in gaps))


@contextmanager
def sqlite() -> Iterator[tuple[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fleet.db"
        settings = StoreSettings(f"sqlite:///{file}")
        schema.upgrade(settings)
        yield settings.url, lambda: (sum(each.stat().st_size for each in file.parent.iterdir()), 0.0)


@contextmanager
def postgresql() -> Iterator[tuple[str, Any]]:
    """With its own settings: it syncs each commit to the disk."""
    with postgres.running(settings=()) as server:
        url = server.migrated()
        yield url, lambda: (server.size(url), server.cpu())


def run(database: str, spent: Any, members: int, steps: int) -> Measured:
    shape = Shape(members, members, steps, (1.0, 3.0), frozenset(), stages=1)
    runs = SqlRuns(StoreSettings(database))
    begin(runs, "run-1", shape, random.Random(SEED))
    runs.close()
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    size, server = spent()
    with cloud.running(SEED, Weather(latency=LATENCY)) as sky:
        load = {"database": database, "cloud": sky.url, "threads": THREADS}
        command = [sys.executable, str(ROOT / "bench" / "_engine_load.py"), json.dumps(load)]
        done = subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE, text=True)
        journal = sky.journal()
    found = json.loads(done.stdout)
    if found["state"] != "succeeded":
        raise SystemExit(f"the run ended as {found['state']}")
    grown, used = spent()
    return Measured(
        found["wall"],
        found["cpu"],
        used - server,
        found["peak"],
        (grown - size) / 1024,
        lateness(journal),
        len(journal),
        sum(call.what == AGAIN for call in journal),
    )


def figures(name: str, runs: list[Measured], best: float, members: int, goal: bool) -> list[Figure]:
    """Of the run with the middle CPU. goal: those of SQLite are goals; PostgreSQL stands beside it."""
    runs = sorted(runs, key=lambda each: each.cpu)
    found = runs[len(runs) // 2]
    p99 = found.late[int(0.99 * len(found.late))]
    p50 = found.late[len(found.late) // 2]
    per_member = 1000 * found.cpu / members
    server = f" and {1000 * found.server / members:.1f} ms of the server" if found.server else ""
    others = ", ".join(f"{1000 * each.cpu / members:.1f}" for each in runs)
    spread = f"; {others} ms in {len(runs)} runs" if len(runs) > 1 else ""
    return [
        Figure(
            f"{name}: overhead over ideal", 100 * (found.wall / best - 1), "%", 15.0, "lower", f"ideal {best:.1f} s"
        ),
        Figure(
            f"{name}: p99 lateness of a call", p99, "s", 0.3, "lower", f"p50 {p50:.2f} s, max {found.late[-1]:.2f} s"
        ),
        Figure(
            f"{name}: CPU per member",
            per_member,
            "ms",
            5.0 if goal else None,
            "lower",
            f"{found.calls / members:.1f} calls of the cloud{server}{spread}",
        ),
        Figure(f"{name}: memory at its peak", found.peak / MIB, "MiB", 100.0, "lower", f"{members} members in flight"),
        Figure(
            f"{name}: database per member",
            found.kilobytes / members,
            "KB",
            None,
            "lower",
            f"{found.repeated} repeated calls",
        ),
    ]


def measure(quick: bool) -> list[Figure]:
    steps = 2 if quick else STEPS
    best = ideal(takes_of(MEMBERS, steps))
    speed = machine()
    runs = []
    for _ in range(1 if quick else TIMES):
        with sqlite() as (url, spent):
            runs.append(run(url, spent, MEMBERS, steps))
    found = figures("SQLite", runs, best, MEMBERS, goal=True)
    if not quick:
        with postgresql() as (url, spent):
            found += figures("PostgreSQL", [run(url, spent, MEMBERS, steps)], best, MEMBERS, goal=False)
    return [*found, speed]


if __name__ == "__main__":
    main(measure)
