"""A Keeper with the real adapters over a simulated fleet: HTTP, TLS, signatures and tokens, all but the waits."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import AwsAccount, AwsSettings, KubeCluster, KubernetesSettings, Secret
from fleetkeeper.core.model import SeenCluster
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.observe import Choice, Outcome, Progress
from fleetkeeper.engine.observe_cluster import ClusterReader
from fleetkeeper.engine.ports import Ports
from fleetkeeper.keeper import Keeper
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.build import build
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import World
from tests.engine.fakes import TurnedClock, compat, placed
from tests.engine.memory_runs import planning

STRANGER = "the-token-of-the-kubeconfig"
"""A bearer token that every simulated API server takes for the user `stranger`."""


class _Pace:
    """The kube adapter's time: real, with waits that pass at once."""

    def __init__(self, cancel: threading.Event) -> None:
        self._cancel = cancel

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        return

    def cancelled(self) -> bool:
        return self._cancel.is_set()


class _Cancel(threading.Event):
    """A cancel event whose waits pass at once."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


@dataclass(frozen=True, slots=True)
class Live:
    simulator: Simulator
    keeper: Keeper
    clock: TurnedClock

    @property
    def world(self) -> World:
        return self.simulator.world

    def observe(self, selector: str = "") -> Outcome:
        return self.keeper.observe(Selector.parse(selector), Progress())

    def rows(self) -> Mapping[str, SeenCluster]:
        """Clusters by ARN."""
        return {c.id.arn: c for c in self.keeper.ports.store.clusters()}


def world_of(scenario: str) -> World:
    """The world of a scenario text with the usual head: two accounts, prod and dev, in one region."""
    head = """
[fleet]
name = "must show"
epoch = 2026-11-20T09:00:00Z
management_account = "100000000001"
[[account]]
id = "111122223333"
name = "prod"
regions = ["eu-west-1"]
[[account]]
id = "444455556666"
name = "dev"
regions = ["eu-west-1"]
external_id = "of-dev"
[template.small]
version = "1.35"
addons = { vpc-cni = "default", coredns = "default", kube-proxy = "default" }
[[template.small.nodes]]
name = "general"
count = 2
[[template.small.helm]]
chart = "cert-manager"
version = "1.18.2"
app_version = "v1.18.2"
namespace = "cert-manager"
"""
    return build(scenario_file.parse(head + scenario, "must_show.toml"))


@contextmanager
def live(world: World, store: SqlStore, *kubeconfigs: KubeCluster, accounts: tuple[str, ...] = ()) -> Iterator[Live]:
    """Serve the world and a Keeper of it; all accounts of the scenario unless some are named."""
    with Simulator(world, tokens={STRANGER: User("stranger", ("system:masters",))}) as simulator:
        yield connected(simulator, store, *kubeconfigs, accounts=accounts)


def connected(simulator: Simulator, store: SqlStore, *kubeconfigs: KubeCluster, accounts: tuple[str, ...] = ()) -> Live:
    """A Keeper of a simulator that is there already."""
    known = [a for a in simulator.world.accounts.values() if not accounts or a.id in accounts]
    aws = AwsSettings(
        regions=("eu-west-1",),
        accounts=tuple(
            AwsAccount(a.id, a.name, external_id=Secret(a.external_id) if a.external_id else None) for a in known
        ),
        endpoint_url=simulator.aws_url,
        requests_per_second=100_000,
    )
    cancel, clock = _Cancel(), TurnedClock()
    clouds = EksClouds(aws, clock, cancel)
    kubernetes = KubernetesSettings(clusters=kubeconfigs, timeout_seconds=20)
    kubes = KubeAccess(kubernetes, clouds.token, SystemClock(), _Pace(cancel))
    ports = Ports(clouds, kubes, store, clock, cancel)
    reader = ClusterReader(ports, placed, compat(), helm_secrets=True, audit_logs=False)
    hour = timedelta(hours=1)
    assessor = Assessor(store, clock, compat(), hour)
    return Live(simulator, Keeper(ports, reader, compat(), Choice(), hour, 8, assessor, *planning(assessor)), clock)
