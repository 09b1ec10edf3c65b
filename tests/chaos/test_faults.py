"""A frozen replica, a database that restarts or goes back in time, and a cloud in bad weather."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fleetkeeper.config import StoreSettings
from tests.chaos import cloud
from tests.chaos.cloud import AGAIN, REFUSED, Weather
from tests.chaos.fleet import Fleet, Shape, assert_whole, fleet, wait_until
from tests.chaos.worker import Order
from tests.engine.rig import migrated
from tests.postgres import Postgres, running

SHAPE = Shape(members=15, at_once=15)
REPEATABLE = replace(SHAPE, once=frozenset())
LEASE = 1.5

Do = Callable[[], None]


def test_a_replica_that_was_frozen_beyond_its_leases_changes_nothing_when_it_wakes(
    postgres: Postgres, seed: int
) -> None:
    order = Order("", "", "", lease=LEASE)
    settings = StoreSettings(postgres.migrated())
    with cloud.running(seed) as sky, fleet(settings, sky, seed, order) as made:
        made.start(3)
        made.begin("run-1", REPEATABLE)
        frozen = made.replicas[0]
        assert made.sees_work(frozen)
        os.kill(frozen.pid, signal.SIGSTOP)
        held = made.held_by(frozen.name)
        wait_until(lambda: made.held_by(frozen.name) == 0 or not made.going(), "the others take its work over")
        os.kill(frozen.pid, signal.SIGCONT)
        woken = time.time()
        assert held, "it held nothing when it was frozen"
        made.begin("run-2", REPEATABLE)
        made.ends()
        journal = sky.journal()
        assert_whole(made, REPEATABLE, journal)
        late = [call for call in journal if call.worker == frozen.name and call.at > woken]
        assert late, "it did not wake"


def test_a_database_that_crashes_and_comes_back_costs_no_work(seed: int, kills: int) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running(settings=()))  # with its own fsync: it must survive
        sky = stack.enter_context(cloud.running(seed))
        made = stack.enter_context(fleet(StoreSettings(server.migrated()), sky, seed))
        made.start(2)
        made.begin("run-1", SHAPE)
        for number in range(max(2, min(8, kills // 8))):
            if not made.going():
                made.begin(f"run-{number + 2}", SHAPE)
            for replica in made.replicas:
                made.sees_work(replica)
            server.stop(signal.SIGQUIT)
            time.sleep(made.chance.uniform(0.0, 0.5))  # it is away for a span of chance, and nothing tells its end
            server.start()
        made.ends()
        assert_whole(made, SHAPE, sky.journal())
        assert all(made.is_alive(replica) for replica in made.replicas), "a replica did not survive"


class TestARestoredDatabase:
    """What the cloud has done since the copy is seen before anything is done again."""

    def test_of_sqlite_replays_nothing(self, tmp_path: Path, seed: int) -> None:
        copy = tmp_path / "copy.db"
        with cloud.running(seed) as sky, fleet(migrated(tmp_path), sky, seed) as made:
            file = made.database.file
            assert file is not None

            def save() -> None:
                with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
                    source.backup(target)

            def load() -> None:
                with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(file)) as target:
                    source.backup(target)

            restored = self._restored(made, 1, save, load)
            self._assert_nothing_replayed(made, restored)

    def test_of_postgresql_replays_nothing(self, postgres: Postgres, seed: int) -> None:
        url = postgres.migrated()
        with cloud.running(seed) as sky, fleet(StoreSettings(url), sky, seed) as made:

            def copied(source: str, target: str) -> None:
                made.runs.close()
                made.database.close()
                with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
                    for name in (source, target):
                        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
                        connection.execute(ended, [name])
                    dropped = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target))
                    connection.execute(dropped)
                    made_anew = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                    connection.execute(made_anew.format(sql.Identifier(target), sql.Identifier(source)))

            name = url.partition("@/")[2].partition("?")[0]
            restored = self._restored(
                made, 2, lambda: copied(name, f"{name}_copy"), lambda: copied(f"{name}_copy", name)
            )
            self._assert_nothing_replayed(made, restored)

    @staticmethod
    def _restored(made: Fleet, replicas: int, save: "Do", load: "Do") -> float:
        """Copy in mid-run, go on for a while, and go back to the copy; when that was."""
        made.start(replicas)
        made.begin("run-1", SHAPE)
        for replica in made.replicas:
            assert made.sees_work(replica)
        for replica in made.replicas:
            made.kill(replica)
        save()
        before = len(made.sky.journal())
        for replica in made.replicas:
            made.revive(replica)
        wait_until(lambda: sum(call.what == "start" for call in made.sky.journal()[before:]) >= 10, "work goes on")
        assert made.going()
        for replica in made.replicas:
            made.kill(replica)
        load()
        at = time.time()
        for replica in made.replicas:
            made.revive(replica)
        made.ends()
        return at

    @staticmethod
    def _assert_nothing_replayed(made: Fleet, restored: float) -> None:
        journal = made.sky.journal()
        assert_whole(made, SHAPE, journal)
        assert not [call for call in journal if call.what == AGAIN and call.at > restored]


STORMS = {
    "throttling": Weather(throttled=0.3),
    "a storm of 5xx": Weather(failing=0.3),
    "both, and slow answers": Weather(throttled=0.15, failing=0.15, slow_share=0.1, slow=0.6),
    "answers that are lost after the effect": Weather(cut=0.25),
}


@pytest.mark.parametrize("name", STORMS)
def test_bad_weather_costs_time_and_nothing_else(name: str, tmp_path: Path, seed: int) -> None:
    shape = REPEATABLE if STORMS[name].cut else SHAPE
    with cloud.running(seed, STORMS[name]) as sky, fleet(migrated(tmp_path), sky, seed) as made:
        made.start()
        made.begin("run-1", shape)
        made.ends()
        journal = sky.journal()
        assert_whole(made, shape, journal)
        weather = STORMS[name]
        refused = sum(call.what == REFUSED for call in journal)
        assert refused or weather.cut, "there was no weather"
