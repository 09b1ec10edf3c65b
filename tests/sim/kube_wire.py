"""A plain TLS client of the simulated API servers, and a small cluster to ask."""

import gzip
import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube_api import KubeServer, serve_kube, static_tokens
from fleetkeeper.sim.world import Object, SimCluster, World

ADMIN, READER, NOBODY = "admin-token", "reader-token", "nobody-token"
USERS = {
    ADMIN: User("admin", ("system:masters",)),
    READER: User("reader", ("readers",)),
    NOBODY: User("nobody"),
}
EPOCH = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        zipped = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if zipped else self.body)


def get(cluster: SimCluster, path: str, token: str = ADMIN, *, ca_pem: str = "", **headers: str) -> Reply:
    """One request with a connection of its own; header names are given with _ for -."""
    return ask("GET", cluster, path, token, ca_pem=ca_pem, **headers)


def ask(
    method: str,
    cluster: SimCluster,
    path: str,
    token: str = ADMIN,
    *,
    body: Any = None,
    ca_pem: str = "",
    **headers: str,
) -> Reply:
    where = urlsplit(cluster.endpoint)
    context = ssl.create_default_context(cadata=ca_pem or cluster.ca_pem)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    connection = http.client.HTTPSConnection(str(where.hostname), where.port, timeout=20, context=context)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, where.path + path, payload, headers=sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    finally:
        connection.close()


def names(reply: Reply) -> list[str]:
    return [item["metadata"]["name"] for item in reply.json()["items"] or ()]


def a_cluster(key: str = "a", version: str = "1.34", *, own_ca: bool = False) -> SimCluster:
    return SimCluster(
        key=key,
        name=key,
        account="111122223333",
        region="eu-west-1",
        partition="aws",
        version=version,
        patch=f"v{version}.2-eks-3cfe0ce",
        platform_version="eks.24",
        created_at=EPOCH,
        own_ca=own_ca,
    )


def a_world(*clusters: SimCluster) -> World:
    return World(EPOCH, "100000000001", clusters={cluster.key: cluster for cluster in clusters})


def served(world: World) -> KubeServer:
    return serve_kube(world, static_tokens(USERS))


def config_map(namespace: str, name: str, size: int = 1, **labels: str) -> Object:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": {"key": "x" * size}}


def crd(plural: str, kind: str, **version: object) -> Object:
    names = {"plural": plural, "kind": kind, "singular": kind.lower()}
    versions = [{"name": "v1", "served": True, "storage": True, **version}]
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions}
    return {"metadata": {"name": f"{plural}.example.com"}, "spec": spec}


RBAC = "rbac.authorization.k8s.io"


def filled() -> World:
    first, second = a_cluster("a"), a_cluster("b")
    for number in range(5):
        first.put("/configmaps", config_map("team", f"c{number}", odd="yes" if number % 2 else "no"))
    first.put("/configmaps", config_map("team-b", "other"))
    first.put("/namespaces", {"metadata": {"name": "team"}, "spec": {}, "status": {"phase": "Active"}})
    first.put("/pods", {"metadata": {"name": "p", "namespace": "team"}, "spec": {"nodeName": "n1"}})
    first.put("/secrets", {"metadata": {"name": "h", "namespace": "team"}, "type": "helm.sh/release.v1", "data": {}})
    first.put("/secrets", {"metadata": {"name": "o", "namespace": "team"}, "type": "Opaque", "data": {}})
    crds = "apiextensions.k8s.io/customresourcedefinitions"
    first.put(crds, crd("widgets", "Widget"))
    first.put(crds, crd("relics", "Relic", deprecated=True))
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "team"}}
    first.put("example.com/widgets", widget)
    rules = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"]}]
    first.put(f"{RBAC}/clusterroles", {"metadata": {"name": "reader"}, "rules": rules})
    binding = {
        "metadata": {"name": "reader"},
        "subjects": [{"kind": "Group", "name": "readers"}],
        "roleRef": {"kind": "ClusterRole", "name": "reader"},
    }
    first.put(f"{RBAC}/clusterrolebindings", binding)
    return a_world(first, second, a_cluster("own", own_ca=True))


def refreshed(server: KubeServer) -> World:
    """The world that is served, as filled() makes it, at a revision that no case has seen."""
    world = server.world
    world.faults = []
    for key, fresh in filled().clusters.items():
        cluster = world.clusters[key]
        cluster.objects, cluster.revision = fresh.objects, cluster.revision + 1
        cluster.deprecated_calls.clear()
        server.api.forget(cluster)
    return world


@pytest.fixture(scope="module")
def server() -> Iterator[KubeServer]:
    running = served(filled())
    yield running
    running.close()


@pytest.fixture
def world(server: KubeServer) -> World:
    return refreshed(server)


@pytest.fixture
def cluster(world: World) -> SimCluster:
    return world.clusters["a"]
