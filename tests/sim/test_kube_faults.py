"""Faults as a client of an API server meets them: answers, connections, times, selection, over TLS."""

import http.client
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from fleetkeeper.adapters.kube.connection import Connection, Endpoint
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.kube_api import KubeServer
from fleetkeeper.sim.world import SimCluster, World
from tests.sim.kube_wire import ADMIN, Reply
from tests.sim.kube_writing import (
    KEY,
    MAP,
    MAPS,
    Clock,
    clock,
    cluster,
    data,
    evict,
    is_leaving,
    send,
    server,
    watching,
    world,
    write,
)

__all__ = ["clock", "cluster", "server", "world"]


# ---- answers in place of the real one


ANSWERS: dict[str, tuple[dict[str, Any], int, str, str | None]] = {
    "priority and fairness turns away": ({"kind": "throttle"}, 429, "Too many requests, please try again", "1"),
    "a throttle with its own patience": ({"kind": "throttle", "retry_after": 9}, 429, "Too many requests", "9"),
    "an error of etcd": ({"kind": "error"}, 500, "etcdserver: leader changed", None),
    "an error that says when to come back": ({"kind": "error", "retry_after": 3}, 500, "etcdserver", "3"),
    "a server that shuts down": ({"kind": "error", "status": 503}, 503, '"reason":"ServiceUnavailable"', "1"),
    "a server that shuts down for a while": (
        {"kind": "error", "status": 503, "retry_after": 4},
        503,
        "apiserver is shutting down",
        "4",
    ),
    "a server that ran out of time": ({"kind": "error", "status": 504}, 504, "within the allotted timeout", None),
    "a refusal": ({"kind": "forbid"}, 403, 'User \\"admin\\" cannot patch resource \\"configmaps\\"', None),
    "garbage": ({"kind": "garbage"}, 200, '"metadata":"none"', None),
}


@pytest.mark.parametrize("case", ANSWERS, ids=list(ANSWERS))
def test_a_write_that_is_answered_for_the_server_has_no_effect(world: World, cluster: SimCluster, case: str) -> None:
    fields, status, says, retry_after = ANSWERS[case]
    world.order(Fault("kube", operation="/configmaps", verb="patch", **fields))
    reply = write(cluster, "new")
    assert (reply.status, reply.headers.get("retry-after")) == (status, retry_after)
    assert says in reply.body.decode()
    assert data(cluster) == "old"
    assert send(cluster, "GET", MAP).status == 200


# ---- connections


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("unreachable", False), ("drop-before", False), ("drop-after", True)],
    ids=["unreachable has no effect", "drop-before has no effect", "drop-after has its effect"],
)
@pytest.mark.parametrize("what", ["a patch", "an eviction"])
def test_a_cut_connection_has_its_effect_or_none(
    world: World, cluster: SimCluster, server: KubeServer, kind: str, effect: bool, what: str
) -> None:
    verb, operation = ("patch", "/configmaps") if what == "a patch" else ("create", "/pods/eviction")
    world.order(Fault("kube", kind, operation=operation, verb=verb, count=1))
    lost: Callable[[], Reply] = (lambda: write(cluster, "new")) if what == "a patch" else (lambda: evict(cluster))
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        lost()
    assert server.access_log(KEY)[-1].status == 0
    assert (data(cluster) == "new" if what == "a patch" else is_leaving(cluster)) is effect
    assert lost().status in (200, 201)


METHODS: dict[str, tuple[str, str, Any]] = {
    "a read": ("GET", MAP, None),
    "a write": ("PATCH", MAP, {"data": {"key": "new"}}),
}


@pytest.mark.parametrize("what", METHODS)
def test_a_timeout_answers_nothing_and_does_nothing(world: World, cluster: SimCluster, what: str) -> None:
    world.order(Fault("kube", "timeout", count=1))
    with pytest.raises(TimeoutError):
        send(cluster, *METHODS[what], patience=0.1)
    assert data(cluster) == "old"
    assert write(cluster, "new").status == 200


def test_a_timeout_ends_by_itself(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "timeout", seconds=0.05))
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        send(cluster, "GET", MAP)


def test_a_slow_write_has_its_effect_before_its_answer(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "slow", seconds=30.0, verb="patch"))
    with pytest.raises(TimeoutError):
        send(cluster, "PATCH", MAP, {"data": {"key": "new"}}, patience=0.1)
    assert data(cluster) == "new"


def test_a_little_slowness_is_only_late(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "slow", seconds=0.01))
    assert send(cluster, "GET", MAP).status == 200


def test_a_truncated_list_ends_early_and_a_watch_is_left_whole(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "truncate"))
    with pytest.raises(http.client.IncompleteRead):
        send(cluster, "GET", MAPS)
    with watching(cluster, "0") as watch:
        assert watch.event()[0] == "ADDED"


@pytest.mark.parametrize(
    ("fault", "raises"),
    [
        pytest.param(Fault("kube", "timeout"), urllib3.exceptions.ReadTimeoutError, id="a timeout"),
        pytest.param(Fault("kube", "drop-before"), urllib3.exceptions.ProtocolError, id="a drop before"),
        pytest.param(Fault("kube", "drop-after"), urllib3.exceptions.ProtocolError, id="a drop after"),
        pytest.param(Fault("kube", "unreachable"), urllib3.exceptions.ProtocolError, id="nobody there"),
    ],
)
def test_our_adapter_meets_a_cut_connection_as_an_error_of_urllib3(
    world: World, cluster: SimCluster, fault: Fault, raises: type[Exception]
) -> None:
    world.order(fault)
    connection = Connection(Endpoint(cluster.endpoint, cluster.ca_pem), Token())
    try:
        with pytest.raises(raises):
            connection.get(MAP, {}, urllib3.Timeout(connect=5.0, read=0.1))
        world.faults.clear()
        assert connection.get(MAP, {}, urllib3.Timeout(5.0)).status == 200
    finally:
        connection.close()


class Token:
    """A fixed credential."""

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {ADMIN}"}

    def key_pair(self) -> None:
        """It has none."""

    def renew(self) -> bool:
        return False


# ---- time, count, selection


def test_a_fault_holds_for_its_simulated_time(world: World, cluster: SimCluster, clock: Clock) -> None:
    world.order(Fault("kube", "error", after=60.0, lasts=60.0))
    seen = []
    for _ in range(4):
        seen.append(send(cluster, "GET", MAP).status)
        clock.advance(50)
    assert seen == [200, 200, 500, 200]


def test_a_fault_is_over_after_its_count(world: World, cluster: SimCluster) -> None:
    world.order(Fault("kube", "throttle", count=2))
    assert [send(cluster, "GET", MAP).status for _ in range(4)] == [429, 429, 200, 200]


SELECTED: dict[str, tuple[dict[str, str], set[str]]] = {
    "everything": ({}, {"get", "list", "patch", "evict", "version", "twin"}),
    "a resource": ({"operation": "/configmaps"}, {"get", "list", "patch", "twin"}),
    "a verb": ({"verb": "patch"}, {"patch"}),
    "a resource of one cluster": ({"operation": "/configmaps", "cluster": KEY}, {"get", "list", "patch"}),
    "evictions": ({"operation": "/pods/eviction"}, {"evict"}),
    "pods and their subresources": ({"operation": "/pods"}, {"evict"}),
    "a path": ({"operation": "/version"}, {"version"}),
    "another account": ({"account": "999999999999"}, set()),
    "its account and region": ({"account": "111122223333", "region": "eu-west-1", "verb": "list"}, {"list", "twin"}),
}


@pytest.mark.parametrize("case", SELECTED, ids=list(SELECTED))
def test_a_fault_hits_only_what_it_selects(world: World, cluster: SimCluster, case: str) -> None:
    selects, hit = SELECTED[case]
    world.order(Fault("kube", "error", **selects))  # type: ignore[arg-type]
    replies = {
        "get": send(cluster, "GET", MAP),
        "list": send(cluster, "GET", MAPS),
        "patch": write(cluster, "new"),
        "evict": evict(cluster),
        "version": send(cluster, "GET", "/version"),
        "twin": send(world.clusters["b"], "GET", MAPS),
    }
    assert {name for name, reply in replies.items() if reply.status == 500} == hit
