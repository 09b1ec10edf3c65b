"""A served API server whose time only the test moves, with a pod and a config map, and a plain client of it."""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from fleetkeeper.sim.kube_api import KubeServer
from fleetkeeper.sim.world import Object, SimCluster, World
from tests.sim.kube_wire import ADMIN, EPOCH, Reply, a_cluster, a_world, served

MAPS, MAP = "/api/v1/namespaces/team/configmaps", "/api/v1/namespaces/team/configmaps/c"
POD, EVICTION = "/api/v1/namespaces/team/pods/p", "/api/v1/namespaces/team/pods/p/eviction"
KEY = "a"


class Clock:
    """A world's time that only the test moves."""

    def __init__(self) -> None:
        self.at = EPOCH

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def filled(world: World) -> World:
    """One pod that runs and one config map, in the first cluster; no faults."""
    world.faults.clear()
    cluster = world.clusters[KEY]
    cluster.objects.clear()
    cluster.put("/namespaces", {"metadata": {"name": "team"}, "spec": {}, "status": {"phase": "Active"}})
    cluster.put("/configmaps", {"metadata": {"name": "c", "namespace": "team"}, "data": {"key": "old"}})
    spec, status = {"nodeName": "n1", "containers": [{"name": "x", "image": "x"}]}, {"phase": "Running"}
    metadata: Object = {"name": "p", "namespace": "team", "uid": "1"}
    cluster.put("/pods", {"metadata": metadata, "spec": spec, "status": status})
    return world


@pytest.fixture(scope="module")
def server() -> Iterator[KubeServer]:
    running = served(a_world(a_cluster(KEY), a_cluster("b")))
    yield running
    running.close()


@pytest.fixture
def clock(server: KubeServer) -> Clock:
    server.world.clock = made = Clock()
    return made


@pytest.fixture
def world(server: KubeServer, clock: Clock) -> World:
    return filled(server.world)


@pytest.fixture
def cluster(world: World) -> SimCluster:
    return world.clusters[KEY]


def send(cluster: SimCluster, method: str, path: str, body: Any = None, patience: float = 20.0) -> Reply:
    """One request with a connection of its own; a patch is a merge patch."""
    with opened(cluster, patience) as connection:
        connection.request(method, urlsplit(cluster.endpoint).path + path, *_sent(method, body))
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def _sent(method: str, body: Any) -> tuple[bytes | None, dict[str, str]]:
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": kind}
    return None if body is None else json.dumps(body).encode(), headers


@contextmanager
def opened(cluster: SimCluster, patience: float = 20.0) -> Iterator[http.client.HTTPSConnection]:
    where, context = urlsplit(cluster.endpoint), ssl.create_default_context(cadata=cluster.ca_pem)
    connection = http.client.HTTPSConnection(str(where.hostname), where.port, timeout=patience, context=context)
    try:
        yield connection
    finally:
        connection.close()


class Watching:
    """An open watch, read line by line."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self._answer = answer

    def event(self) -> tuple[str, Any]:
        """The next event: its type, and its object's name and code."""
        line = self._answer.readline()
        if not line:
            raise EOFError
        event = json.loads(line)
        return event["type"], event["object"]


@contextmanager
def watching(cluster: SimCluster, since: str, resource: str = MAPS) -> Iterator[Watching]:
    with opened(cluster) as connection:
        path = f"{urlsplit(cluster.endpoint).path}{resource}?watch=1&resourceVersion={since}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {ADMIN}"})
        yield Watching(connection.getresponse())


def data(cluster: SimCluster) -> str:
    """What the config map really holds."""
    return str(cluster.objects["/configmaps"]["team", "c"]["data"]["key"])


def write(cluster: SimCluster, value: str) -> Reply:
    return send(cluster, "PATCH", MAP, {"data": {"key": value}})


def evict(cluster: SimCluster) -> Reply:
    body = {"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p", "namespace": "team"}}
    return send(cluster, "POST", EVICTION, body)


def is_leaving(cluster: SimCluster) -> bool:
    return "deletionTimestamp" in cluster.objects["/pods"]["team", "p"]["metadata"]
