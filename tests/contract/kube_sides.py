"""The same objects behind a real API server and the simulator's, and one raw client for both."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.control_plane.identity import TokenUser
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from fleetkeeper.sim.kube import resources
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube_api import KubeServer, serve_kube, static_tokens
from fleetkeeper.sim.world import SimCluster, World
from tests.contract.kube_objects import CRDS, USERS, create_all

KEY = "plane"
TIMEOUT = 60.0  # seconds
ADMIN = "fleetkeeper-admin"
NOT_STORED = ("bindings", "componentstatuses")
DEPRECATED = ("endpoints",)  # asking for them would show in the metric that a case looks at


@dataclass(frozen=True, slots=True)
class Reply:
    """What one side answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, as far as it is text; only its own indentation is taken out."""
        found = self.body.decode(errors="replace")
        return json.dumps(json.loads(found), separators=(",", ":")) if found.startswith("{") else found


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two servers: its address with the path prefix, what trusts it, and a token for each user."""

    url: str
    trust: ssl.SSLContext
    tokens: Mapping[str, str]

    @classmethod
    def of(cls, url: str, ca_pem: str, tokens: Mapping[str, str]) -> "Side":
        return cls(url, ssl.create_default_context(cadata=ca_pem), tokens)

    def request(self, method: str, path: str, user: str = ADMIN, headers: Mapping[str, str] | None = None) -> Reply:
        """One request; user "" sends no token, and a user that is unknown sends one that nobody knows."""
        where = urlsplit(self.url)
        assert where.hostname is not None
        sent = dict(headers or {})
        if user:
            sent["Authorization"] = f"Bearer {self.tokens.get(user, 'unknown')}"
        connection = http.client.HTTPSConnection(where.hostname, where.port, timeout=TIMEOUT, context=self.trust)
        try:
            connection.request(method, where.path + path, headers=sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Sides:
    """Both servers with the same objects. `plane` and `cluster` are what stands behind them."""

    minor: str
    real: Side
    simulated: Side
    plane: ControlPlane
    cluster: SimCluster

    def both(
        self, method: str, path: str, user: str = ADMIN, headers: Mapping[str, str] | None = None
    ) -> tuple[Reply, Reply]:
        """The answers of the real server and of the simulator."""
        return self.real.request(method, path, user, headers), self.simulated.request(method, path, user, headers)


@contextmanager
def sides(minor: str, *flags: str) -> Iterator[Sides]:
    """An API server without controllers, so that nothing moves, and the simulator with a copy of its objects."""
    options = Options(
        controllers=False,
        scheduler=False,
        kwok=False,
        token_users=tuple(TokenUser(user, groups) for user, groups in USERS.items()),
        api_server_flags=flags,
    )
    with ControlPlane(minor, options) as plane:
        create_all(plane)
        tokens = {user: plane.token_identity(user).token for user in USERS} | {ADMIN: plane.admin_token}
        cluster = copied(plane, minor)
        with served(cluster, tokens, USERS) as server:
            real = Side.of(plane.server, plane.ca_pem, tokens)
            yield Sides(minor, real, Side.of(cluster.endpoint, server.ca_pem, tokens), plane, cluster)


@contextmanager
def served(
    cluster: SimCluster, tokens: Mapping[str, str], users: Mapping[str, tuple[str, ...]]
) -> Iterator[KubeServer]:
    world = World(epoch=datetime(2026, 11, 20, 9, 0, tzinfo=UTC), management_account="111111111111")
    world.clusters[cluster.key] = cluster
    groups = dict(users) | {ADMIN: ("system:masters",)}
    server = serve_kube(world, static_tokens({token: User(user, groups[user]) for user, token in tokens.items()}))
    try:
        yield server
    finally:
        server.close()


def copied(plane: ControlPlane, minor: str, *, custom: bool = True) -> SimCluster:
    cluster = SimCluster(
        key=KEY,
        name=KEY,
        account="111111111111",
        region="eu-west-1",
        partition="aws",
        version=minor,
        patch=f"v{plane.version}",
        platform_version="eks.1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    builtin = resources.builtin(Minor.parse(minor)).values()
    stored = [r for r in builtin if "list" in r.verbs and r.name not in (*NOT_STORED, *DEPRECATED)]
    for resource in (*stored, *(_custom() if custom else ())):
        found, cluster.revision = _listed(plane, resource)
        cluster.objects[resource.key] = {(o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in found}
    return cluster


def _custom() -> tuple[Resource, ...]:
    """Each custom resource in the version that is stored."""
    found = resources.custom(CRDS).values()
    return tuple(resource for resource in found if resource.version == "v1")


def _listed(plane: ControlPlane, resource: Resource) -> tuple[list[dict[str, Any]], int]:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    answer = plane.request("GET", f"{root}/{resource.name}").json()
    return answer["items"], int(answer["metadata"]["resourceVersion"])
