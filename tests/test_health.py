"""Health and metrics over HTTP: what they say, and that no client can hold them up."""

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetkeeper import metrics as module
from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.model import Gap
from fleetkeeper.engine.observe import Outcome
from fleetkeeper.errors import ConfigError, GapReason, SchemaError
from fleetkeeper.metrics import HealthServer, Metrics, Readiness
from tests.postgres import Postgres, postgres

__all__ = ["postgres"]

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GAP = Gap(GapReason.FORBIDDEN, "no", NOON)
PATIENCE = 60.0


def nothing() -> None:
    """A database that is as it should be."""


@contextmanager
def serving(
    check: Callable[[], None] = nothing,
    alive: Callable[[], bool] = lambda: True,
    metrics: Metrics | None = None,
    listen: str = "127.0.0.1:0",
) -> Iterator[str]:
    server = HealthServer(listen, metrics or Metrics(), Readiness(check), alive)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def get(url: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(url, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def connected(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def test_a_healthy_one() -> None:
    with serving() as url:
        assert get(f"{url}/healthz") == (200, "ok\n")
        assert get(f"{url}/readyz?verbose") == (200, '{"ready": true}\n')
        assert get(f"{url}/") == (404, "there is /healthz, /readyz and /metrics\n")
        assert get(f"{url}/healthz", "HEAD") == (200, "")
        assert get(f"{url}/healthz", "POST")[0] == 501


def test_a_schedule_that_ended_is_not_healthy() -> None:
    with serving(alive=lambda: False) as url:
        assert get(f"{url}/healthz") == (503, "the schedule, the engine or what tells people does not run\n")


def test_a_schema_that_is_behind_is_not_ready(tmp_path: Path) -> None:
    settings = StoreSettings(f"sqlite:///{tmp_path}/fleet.db")
    store = SqlStore(settings)
    with serving(store.check_schema) as url:
        status, body = get(f"{url}/readyz")
        assert status == 503
        assert "run `fleetkeeper db upgrade`" in json.loads(body)["reason"]
        schema.upgrade(settings)
        assert get(f"{url}/readyz")[0] == 200
    store.close()


def test_a_database_that_is_gone_is_not_ready(postgres: Postgres) -> None:
    url_of_store = postgres.migrated()
    store = SqlStore(StoreSettings(url_of_store))
    with serving(store.check_schema) as url:
        assert get(f"{url}/readyz")[0] == 200
        postgres.drop(url_of_store)
        status, body = get(f"{url}/readyz")
        assert status == 503
        assert "does not exist" in json.loads(body)["reason"]
        assert get(f"{url}/healthz")[0] == 200
    store.close()


def test_a_fault_of_our_own_is_not_ready() -> None:
    def fail() -> None:
        raise ZeroDivisionError("oh")

    with serving(fail) as url:
        assert get(f"{url}/readyz") == (
            503,
            '{"ready": false, "reason": "a fault of fleetkeeper\'s own: ZeroDivisionError: oh"}\n',
        )


def test_a_database_that_hangs_is_asked_by_one_probe_at_a_time() -> None:
    asked: list[int] = []
    answer = threading.Event()

    def hang() -> None:
        asked.append(1)
        answer.wait(PATIENCE)

    readiness = Readiness(hang, patience=0.01)
    reasons = {readiness.reason() for _ in range(5)}
    assert reasons == {"the database did not answer within 0.01 s"}
    assert len(asked) == 1
    answer.set()
    assert Readiness(nothing).reason() == ""


def test_probes_do_not_wait_for_a_check_that_failed_before() -> None:
    wrong = [SchemaError("behind")]

    def check() -> None:
        if wrong:
            raise wrong.pop()

    readiness = Readiness(check)
    assert [readiness.reason(), readiness.reason()] == ["behind", ""]


# ---- metrics


def test_metrics_before_the_first_observation_say_nothing_about_the_fleet() -> None:
    with serving() as url:
        status, body = get(f"{url}/metrics")
    assert status == 200
    names = {line.split()[2] for line in body.splitlines() if line.startswith("# TYPE fleetkeeper")}
    assert names == {
        "fleetkeeper_build_info",
        "fleetkeeper_engine_up",
        "fleetkeeper_observation_seconds",
        "fleetkeeper_store_failures_total",
        "fleetkeeper_job_failures_total",
    } | {name for name in names if name.endswith("_created")}


def test_metrics_after_an_observation() -> None:
    metrics = Metrics()
    metrics.observed(Outcome(12, 2, {"111122223333/eu-west-1": GAP}, False), NOON)
    metrics.observed(Outcome(1, 0, {}, True), NOON)  # stopped: says nothing about the fleet
    metrics.job_failed("observe")
    with serving(metrics=metrics) as url:
        _, body = get(f"{url}/metrics")
    lines = body.splitlines()
    assert "fleetkeeper_clusters 12.0" in lines
    assert "fleetkeeper_clusters_incomplete 2.0" in lines
    assert "fleetkeeper_scopes_not_listed 1.0" in lines
    last = next(line for line in lines if line.startswith("fleetkeeper_last_observation_timestamp_seconds "))
    assert float(last.split()[1]) == NOON.timestamp()
    assert 'fleetkeeper_job_failures_total{job="observe"} 1.0' in lines
    assert "process_resident_memory_bytes" in body
    labels = {line.split("{")[1].split("=")[0] for line in lines if line.startswith("fleetkeeper") and "{" in line}
    assert labels == {"version", "le", "job"}


def test_what_is_left_of_a_way_back_is_counted_at_each_scrape() -> None:
    metrics, now = Metrics(), [NOON]
    ends = {("shop", "1", "eu-west-1"): NOON + timedelta(hours=2), ("till", "1", "eu-west-1"): NOON}
    metrics.rollbacks(ends, lambda: now[0])
    labels = 'account="1",cluster="shop",region="eu-west-1"'
    with serving(metrics=metrics) as url:
        _, first = get(f"{url}/metrics")
        now[0] = NOON + timedelta(hours=1)
        _, second = get(f"{url}/metrics")
    assert f"fleetkeeper_rollback_seconds_left{{{labels}}} 7200.0" in first.splitlines()
    assert f"fleetkeeper_rollback_seconds_left{{{labels}}} 3600.0" in second.splitlines()
    assert "till" not in first


# ---- clients that hold things up


def test_a_client_that_never_finishes_its_request_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REQUEST_SECONDS", 0.05)
    with serving() as url, connected(url) as client:
        client.sendall(b"GET /healthz HTT")
        assert client.recv(100) == b""


def test_too_many_requests_at_once_are_turned_away_and_the_others_answered() -> None:
    answer = threading.Event()

    def wait() -> None:
        answer.wait(PATIENCE)

    with serving(wait) as url:
        waiting = [connected(url) for _ in range(module._MOST_REQUESTS)]
        for client in waiting:
            client.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        with connected(url) as another:
            assert another.recv(100) == b""
        answer.set()
        for client in waiting:
            assert client.recv(100).startswith(b"HTTP/1.0 200")
            client.close()
        assert get(f"{url}/healthz")[0] == 200


def test_stopping_does_not_wait_for_clients() -> None:
    with serving() as url:
        client = connected(url)
        client.sendall(b"GET /healthz")
    with pytest.raises(OSError, match="refused"):
        connected(url)
    client.close()


# ---- where it listens


def test_a_port_in_use_is_told_by_its_setting() -> None:
    with serving() as url:
        listen = url.removeprefix("http://")
        with pytest.raises(ConfigError) as caught:
            HealthServer(listen, Metrics(), Readiness(nothing), lambda: True)
    assert str(caught.value) == (
        f"configuration: serve.listen: cannot listen on {listen}: Address already in use "
        "— end what listens there, or set another host:port"
    )


def test_a_host_that_is_not_this_machines_is_told() -> None:
    with pytest.raises(ConfigError, match=r"serve\.listen: cannot listen on 192\.0\.2\.1:8321: Cannot assign"):
        HealthServer("192.0.2.1:8321", Metrics(), Readiness(nothing), lambda: True)


def test_it_listens_on_ipv6() -> None:
    with serving(listen="[::1]:0") as url:
        assert url.startswith("http://[::1]:")
        assert get(f"{url}/healthz")[0] == 200
