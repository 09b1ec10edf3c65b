"""Daemons that share a database, at the speed of the test: their clocks move when they wait."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import ObserveSettings, Settings
from fleetkeeper.core import model
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.selector import Selector
from fleetkeeper.daemon import Daemon
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.observe import Choice, Outcome, Progress
from fleetkeeper.engine.observe_cluster import ClusterReader
from fleetkeeper.engine.ports import Clouds, Kubes, Ports, Store
from fleetkeeper.engine.telling import Telling
from fleetkeeper.keeper import Keeper
from fleetkeeper.metrics import Metrics
from tests.engine.memory_runs import planning
from tests.sqlite import migrated

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


class BrokenStore:
    """A store that raises what it is told to, as long as it is told to."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> object:
        if self.error is not None:
            raise self.error
        return getattr(self._store, name)


@dataclass
class Replica:
    """A daemon on a store of its own connections, a clock that moves when it waits, and observations that are noted."""

    daemon: Daemon
    clock: Clock
    store: BrokenStore
    metrics: Metrics
    cancel: threading.Event
    observed: list[datetime] = field(default_factory=list)
    during: Callable[[], None] = lambda: None
    waits: list[datetime] = field(default_factory=list)
    end: datetime = NOON + timedelta(days=365)

    def observe(self, _keeper: Keeper, _selector: Selector, _progress: Progress) -> Outcome:
        self.observed.append(self.clock.at)
        self.during()
        if self.clock.at >= self.end:
            self.cancel.set()
        return Outcome(3, 1, {}, self.cancel.is_set())

    def run_until(self, end: datetime) -> None:
        """Run the schedule, at the speed of the test, until its clock says `end`."""
        self.cancel.clear()
        self.end = end
        self.daemon.run()

    def wait(self, until: datetime) -> None:
        self.waits.append(until)
        self.clock.at = min(until, self.end)
        if until >= self.end:
            self.cancel.set()


Replicas = Callable[..., Replica]


@pytest.fixture
def replicas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replicas]:
    """Makes replicas that share a database."""
    settings = replace(migrated(tmp_path / "fleet.db"), history_days=30)
    made: list[Replica] = []
    stores: list[SqlStore] = []

    def observe(keeper: Keeper, selector: Selector, progress: Progress) -> Outcome:
        replica = next(r for r in made if r.cancel is keeper.ports.cancel)
        return replica.observe(keeper, selector, progress)

    monkeypatch.setattr(Keeper, "observe", observe)

    def make(schedule: str = "*/15 * * * *", now: datetime = NOON, telling: Telling | None = None) -> Replica:
        stores.append(SqlStore(settings))
        clock, cancel, store, metrics = Clock(now), threading.Event(), BrokenStore(stores[-1]), Metrics()
        keeper = _keeper(Ports(cast(Clouds, None), cast(Kubes, None), cast(Store, store), clock, cancel), telling)
        observing, number = ObserveSettings(schedule), len(made)

        def wait(until: datetime) -> None:
            made[number].wait(until)

        daemon = Daemon(keeper, Settings(store=settings, observe=observing), metrics, wait)
        daemon.name = f"replica-{number}"
        replica = Replica(daemon, clock, store, metrics, cancel)
        made.append(replica)
        return replica

    yield make
    for store in stores:
        store.close()


def _keeper(ports: Ports, telling: Telling | None) -> Keeper:
    compat = Compat((), (), ())
    hour = timedelta(hours=1)
    assessor = Assessor(ports.store, ports.clock, compat, hour)
    reader = ClusterReader(ports, _nowhere, compat, False, False)
    return Keeper(ports, reader, compat, Choice(), hour, 1, assessor, *planning(assessor), telling=telling)


def _nowhere(*_: object) -> model.Placement:
    raise AssertionError("nothing is placed here")
