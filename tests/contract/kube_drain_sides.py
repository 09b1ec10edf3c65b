"""The three KubeWriters that a drain may have: of a real API server, of the simulator's over HTTP, and of its world."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event

from fleetkeeper.adapters.kube.connection import Connection, Endpoint, Proxy
from fleetkeeper.adapters.kube.credentials import Fixed
from fleetkeeper.adapters.kube.kubeconfig import User
from fleetkeeper.adapters.kube.limits import Limits, WallPace
from fleetkeeper.adapters.kube.writer import KubeObjects
from fleetkeeper.clock import SystemClock
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.engine.writers import KubeWriter
from fleetkeeper.sim.control_plane.identity import TokenUser
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from fleetkeeper.sim.kube.rbac import AUTHENTICATED
from fleetkeeper.sim.kube.rbac import User as SimUser
from fleetkeeper.sim.ports_execute_kube import WorldKubeWriter
from tests.contract.kube_sides import ADMIN, Side, copied, served
from tests.contract.kube_write_sides import Case, Step, played

NOBODY = "nobody"
_SOME_TIME = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Writing:
    """side is written to by the cases; by(user) is a writer of that user, to be closed by nobody."""

    name: str
    side: Side
    by: Callable[[str], KubeWriter]

    @property
    def kube(self) -> KubeWriter:
        return self.by(ADMIN)

    def play(self, namespace: str, *steps: Step | list[Step]) -> None:
        flat = [each for step in steps for each in ([step] if isinstance(step, Step) else step)]
        replies = played(self.side, Case(namespace, tuple(flat)), f"{namespace}-{self.name}")
        assert all(reply.status in (200, 201) for reply in replies), [reply.text for reply in replies]

    def pod(self, namespace: str, name: str = "web") -> LivePod:
        found = self.kube.pods()
        return next(each for each in found if (each.namespace, each.name) == (f"{namespace}-{self.name}", name))


@contextmanager
def drains(minor: str) -> Iterator[tuple[Writing, ...]]:
    """API servers without controllers: only the cases write."""
    users = {NOBODY: ("people",)}
    options = Options(
        controllers=False,
        scheduler=False,
        kwok=False,
        token_users=tuple(TokenUser(user, groups) for user, groups in users.items()),
    )
    with ControlPlane(minor, options) as plane, ExitStack() as open_:
        tokens = {user: plane.token_identity(user).token for user in users} | {ADMIN: plane.admin_token}
        cluster = copied(plane, minor, custom=False)
        server = open_.enter_context(served(cluster, tokens, users))
        groups = users | {ADMIN: ("system:masters",)}
        real, simulated = (
            Side.of(url, ca_pem, tokens)
            for url, ca_pem in ((plane.server, plane.ca_pem), (cluster.endpoint, server.ca_pem))
        )

        def over(url: str, ca_pem: str) -> Callable[[str], KubeWriter]:
            return lambda user: open_.enter_context(_live(url, ca_pem, tokens[user]))

        def within(user: str) -> KubeWriter:
            return WorldKubeWriter(server.world, server.api, SimUser(user, (*groups[user], AUTHENTICATED)), cluster)

        yield (
            Writing("real", real, over(plane.server, plane.ca_pem)),
            Writing("wire", simulated, over(cluster.endpoint, server.ca_pem)),
            Writing("world", simulated, within),
        )


@contextmanager
def _live(url: str, ca_pem: str, token: str) -> Iterator[KubeWriter]:
    connection = Connection(Endpoint(url, ca_pem, proxy=Proxy("")), Fixed(User(token=token)))
    found = KubeObjects(connection, Limits(), WallPace(Event()), SystemClock())
    try:
        yield found
    finally:
        found.close()


def plain_pod(pod: LivePod, namespace: str) -> LivePod:
    """Without what differs by nature, but for whether it is there."""
    assert pod.uid
    names = ("created_at", "ready_since", "unready_since", "leaving_since")
    times: Mapping[str, datetime | None] = {name: getattr(pod, name) and _SOME_TIME for name in names}
    return replace(pod, uid="", namespace=namespace, unplaced="", **times)  # type: ignore[arg-type]


def plain_node(node: LiveNode) -> LiveNode:
    assert node.resource_version
    inner = replace(node.node, name="", uid="", created_at=node.node.created_at and _SOME_TIME)
    return replace(node, node=inner, resource_version="")


def plain_volume(volume: LiveVolume) -> LiveVolume:
    def nameless(text: str) -> str:
        return text.rpartition("-")[0] if text.endswith(("-real", "-wire", "-world")) else text

    namespace, _, claim = volume.claim.partition("/")
    return replace(
        volume,
        name=nameless(volume.name),
        claim=f"{nameless(namespace)}/{claim}",
        attached_to=tuple(map(nameless, volume.attached_to)),
    )
