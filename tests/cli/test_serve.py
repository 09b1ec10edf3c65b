"""`fleetkeeper serve` as processes: replicas on one PostgreSQL, one engine on SQLite, and every way to end."""

import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import parts
from fleetkeeper.sim.process import SimProcess
from tests.cli.programs import PATIENCE, Program, fast_time, of_fleet, run, slow, surroundings
from tests.postgres import Postgres
from tests.sqlite import migrated
from tests.waiting import wait_until

EPOCH = "2026-11-20T09:00:00+00:00"
QUARTER = 900  # seconds between the slots of the default schedule
SLOTS = 3  # that each replica must have worked before something is done to it


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return migrated(tmp_path / "fleet.db").url


@pytest.fixture
def shared(postgres: Postgres) -> Iterator[str]:
    url = postgres.migrated()
    yield url
    postgres.drop(url)


def slots(url: str) -> list[tuple[float, str]]:
    """The ledger of observations: when each slot was, and which replica won it."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT slot, who FROM cron_fire WHERE job = 'observe' ORDER BY slot").fetchall()
    return [(slot.timestamp(), who) for slot, who in rows]


# ---- replicas


def test_replicas_share_the_slots_and_a_survivor_takes_all(tmp_path: Path, fleet: SimProcess, shared: str) -> None:
    """Slots pass faster than the fleet is read, so that the winner of one is still busy at the next."""
    environ = of_fleet(tmp_path, fleet, shared) | fast_time(EPOCH, 4 * QUARTER)
    with Program(["serve"], environ, tmp_path) as one, Program(["serve"], environ, tmp_path) as other:
        one.await_event("observation_done", SLOTS)
        other.await_event("observation_done", SLOTS)
        one.tell(signal.SIGKILL)
        assert one.ended() == -signal.SIGKILL
        before = len(other.events("observation_done"))
        other.await_event("observation_done", before + SLOTS)
        other.tell(signal.SIGTERM)
        assert other.ended() == 0
    name = one.events("serving")[0]["replica"]
    begun = [event["slot"] for replica in (one, other) for event in replica.events("observation_begun")]
    assert len(set(begun)) == len(begun)
    taken = slots(shared)
    assert len({slot for slot, _ in taken}) == len(taken)
    for replica in (one, other):
        mine = [slot for slot, who in taken if who == replica.events("serving")[0]["replica"]]
        assert len(mine) >= SLOTS
        assert len(mine) >= len(replica.events("observation_begun"))
    assert all(who != name for _, who in taken[-SLOTS + 1 :])
    for done in other.events("observation_done")[:-1]:
        assert (done["clusters"], done["incomplete"], done["stopped"]) == (3, 0, False)


def test_a_database_that_restarts_costs_a_delay_and_no_replica(
    tmp_path: Path, fleet: SimProcess, postgres: Postgres, shared: str
) -> None:
    environ = of_fleet(tmp_path, fleet, shared) | fast_time(EPOCH, 2 * QUARTER)
    with Program(["serve"], environ, tmp_path) as replica:
        replica.await_event("observation_done")
        postgres.stop(signal.SIGQUIT)
        try:
            delayed = replica.await_event("job_delayed", len(replica.events("job_delayed")) + 1)
        finally:
            postgres.start()
        assert delayed["again_in"] == "0:00:30"
        replica.await_event("observation_done", len(replica.events("observation_done")) + 2)
        replica.tell(signal.SIGTERM)
        assert replica.ended() == 0


def test_on_postgresql_without_a_key_it_observes_and_says_that_the_engine_is_off(
    tmp_path: Path, fleet: SimProcess, shared: str
) -> None:
    with Program(["serve"], of_fleet(tmp_path, fleet, shared), tmp_path) as replica:
        off = replica.await_event("engine_off")
        assert "openssl rand -hex 32" in off["fix"]
        replica.await_event("observation_done")
        assert replica.events("engine_runs") == []
        replica.tell(signal.SIGTERM)
        assert replica.ended() == 0


# ---- one engine on SQLite


def test_a_second_engine_is_refused_and_a_killed_one_leaves_no_lock(
    tmp_path: Path, fleet: SimProcess, sqlite: str
) -> None:
    environ = of_fleet(tmp_path, fleet, sqlite)
    with Program(["serve"], environ, tmp_path) as first:
        first.await_event("listening")
        refused = run(["serve"], environ, tmp_path)
        assert refused.returncode == 1
        holder = f"process {first.process.pid} on {socket.gethostname()} since"
        assert refused.stderr.startswith(f"fleetkeeper: {tmp_path}/fleet.db is in use by another engine: {holder}")
        assert len(refused.stderr.splitlines()) == 1
        shown = run(["get", "clusters", "-o", "json"], environ, tmp_path)
        assert shown.returncode == 0  # others may look, and write shortly
        first.tell(signal.SIGKILL)
        first.ended()
    with Program(["serve"], environ, tmp_path) as second:
        second.await_event("listening")


# ---- how it ends


def test_sigterm_during_an_observation_ends_it_and_keeps_what_was_read(
    tmp_path: Path, fleet: SimProcess, sqlite: str
) -> None:
    store = SqlStore(StoreSettings(sqlite))
    with (
        slow(fleet, side="kube", cluster="tools"),
        Program(["serve"], of_fleet(tmp_path, fleet, sqlite), tmp_path) as program,
    ):
        program.await_event("observation_begun")
        wait_until(lambda: len(store.clusters(only=())) == 2, "two clusters are stored while the third hangs")
        program.tell(signal.SIGTERM)
        assert program.ended() == 0
    done = program.events("observation_done")[-1]
    assert done["stopped"]
    assert program.events("stopping")
    found = {c.name: c for c in store.clusters()}
    store.close()
    assert found["payments"].value(parts.NODES)
    assert found["shop"].value(parts.NODES)
    assert len(program.events()) == len(program.lines)  # no traceback among them


def test_an_observation_that_does_not_end_in_time_is_left(tmp_path: Path, fleet: SimProcess, sqlite: str) -> None:
    environ = of_fleet(tmp_path, fleet, sqlite) | {"FLEETKEEPER_SERVE__SHUTDOWN_SECONDS": "0"}
    with slow(fleet, side="kube"), Program(["serve"], environ, tmp_path) as program:
        program.await_event("observation_begun")
        wait_until(lambda: bool(fleet.control("GET", "/state")["kube_requests"]), "the fleet is being read")
        program.tell(signal.SIGTERM)
        assert program.ended() == 6
    assert program.lines[-1] == "An observation did not end in time; what it read until now is stored.\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_it_at_once(
    tmp_path: Path, fleet: SimProcess, sqlite: str, number: signal.Signals, code: int
) -> None:
    environ = of_fleet(tmp_path, fleet, sqlite) | {"FLEETKEEPER_SERVE__SHUTDOWN_SECONDS": "60"}
    with slow(fleet, side="aws"), Program(["serve"], environ, tmp_path) as program:
        program.await_event("observation_begun")
        program.tell(signal.SIGTERM)
        program.await_event("stopping")
        program.tell(number)
        assert program.ended() == code
    assert program.lines[-1] == "fleetkeeper: ended at once\n"


def test_a_signal_while_nothing_runs_ends_it(tmp_path: Path, sqlite: str) -> None:
    environ = surroundings(
        tmp_path,
        FLEETKEEPER_STORE__URL=sqlite,
        FLEETKEEPER_SERVE__LISTEN="127.0.0.1:0",
        FLEETKEEPER_OBSERVE__SCHEDULE="0 0 1 jan *",
        FLEETKEEPER_OBSERVE__STALE_AFTER_MINUTES="1440",
    )
    with Program(["serve"], environ, tmp_path) as program:
        program.await_event("listening")
        program.tell(signal.SIGINT)
        assert program.ended() == 0


# ---- what it refuses, and what it tells


def test_without_a_database_it_says_what_to_do(tmp_path: Path) -> None:
    environ = surroundings(tmp_path, FLEETKEEPER_STORE__URL=f"sqlite:///{tmp_path}/fleet.db")
    found = run(["serve"], environ, tmp_path)
    assert (found.returncode, found.stderr) == (
        1,
        f"fleetkeeper: there is no database at {tmp_path}/fleet.db yet: run `fleetkeeper db upgrade`\n",
    )


def test_a_port_in_use_is_told_by_its_setting(tmp_path: Path, sqlite: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        environ = surroundings(tmp_path, FLEETKEEPER_STORE__URL=sqlite, FLEETKEEPER_SERVE__LISTEN=listen)
        found = run(["serve"], environ, tmp_path)
    assert found.returncode == 1
    assert found.stderr == (
        f"fleetkeeper: configuration: serve.listen: cannot listen on {listen}: Address already in use "
        "— end what listens there, or set another host:port\n"
    )


def test_a_clock_that_cannot_be_read_is_told(tmp_path: Path, sqlite: str) -> None:
    environ = surroundings(tmp_path, FLEETKEEPER_STORE__URL=sqlite, FLEETKEEPER_SIMULATED_TIME="noon")
    found = run(["serve"], environ, tmp_path)
    assert found.returncode == 1
    assert found.stderr.startswith("fleetkeeper: environment: FLEETKEEPER_SIMULATED_TIME: 'noon' is not epoch,started")


def test_health_and_metrics_of_a_running_one(tmp_path: Path, fleet: SimProcess, sqlite: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with Program(["serve"], of_fleet(tmp_path, fleet, sqlite), tmp_path) as program:
        url = program.await_event("listening")["url"]
        program.await_event("observation_done")
        answers = {p: opener.open(f"{url}/{p}", timeout=PATIENCE).read() for p in ("healthz", "readyz", "metrics")}
        program.tell(signal.SIGTERM)
        assert program.ended() == 0
    assert answers["healthz"] == b"ok\n"
    assert answers["readyz"] == b'{"ready": true}\n'
    assert b"\nfleetkeeper_clusters 3.0\n" in answers["metrics"]
    for secret in (b"payments", b"tools", b"111122223333"):
        assert secret not in answers["metrics"]


def test_the_log_is_json_lines_on_stderr_and_stdout_is_empty(tmp_path: Path, fleet: SimProcess, sqlite: str) -> None:
    with Program(["serve"], of_fleet(tmp_path, fleet, sqlite), tmp_path) as program:
        program.await_event("history_pruned")
        program.tell(signal.SIGTERM)
        assert program.process.stdout is not None
        assert program.process.stdout.read() == ""
        assert program.ended() == 0
    names = [event["event"] for event in program.events()]
    assert len(names) == len(program.lines)
    assert names[0] == "serving"
    assert {"listening", "observation_begun", "observation_done", "history_pruned", "stopping"} <= set(names)
