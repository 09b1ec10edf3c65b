"""One owner of a simulated fleet: its AWS, its API servers and the control channel, started and stopped together."""

import time
from collections import OrderedDict
from datetime import timedelta
from types import TracebackType

from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY, Unidentified, serve_aws
from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.control import control_app
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube.api import Authenticate
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube_api import KubeServer, serve_kube
from fleetkeeper.sim.loopback import Listener, Loopback
from fleetkeeper.sim.mixed_workers import MixedWorkers
from fleetkeeper.sim.timeline import Driver, Timeline
from fleetkeeper.sim.world import SimCluster, World

SESSION = "fleetkeeper"
"""The session name that stands in user names: EKS puts in the one of the caller's session, which tokens do not tell."""


TOKEN_KNOWN = 2.0
"""Seconds for which a token is not checked again: a scan of one cluster sends it with each of its requests."""


class Simulator:
    """A world, served on loopback from threads of this process until closed. tokens are accepted on every cluster.

    Its clusters live: what EKS, the control channel and their controllers do runs on one timeline, by scaled wall time,
    or where `virtual` only when `advance` is called. A cluster that nobody writes to stays asleep.
    """

    def __init__(
        self, world: World, *, control_port: int = 0, tokens: dict[str, User] | None = None, virtual: bool = False
    ) -> None:
        self.world = world
        self._tokens = tokens or {}
        self.living = LivingWorld(world, virtual=virtual)
        if virtual:
            world.clock = self.timeline.now
        self.workers = MixedWorkers(LivingWorkers(self.living))
        self.aws = serve_aws(world, self.living, self.workers)
        self.authenticate = self._authenticate()
        self.kube: KubeServer = serve_kube(world, self.authenticate, lambda cluster: self.living.of(cluster).objects)
        self.aws.stage.restarted.append(self.kube.api.forget)
        self._driver = None if virtual else Driver(self.timeline)
        listener = Listener(control_app(self.living, self.kube, self.aws.stats), port=control_port)
        self.control_url = f"http://127.0.0.1:{listener.port}"
        self._control = Loopback("sim-control", [listener])

    @property
    def timeline(self) -> Timeline:
        return self.living.timeline

    @property
    def aws_url(self) -> str:
        return self.aws.url

    def advance(self, by: timedelta | float) -> None:
        """Let so much virtual time pass (seconds, or a timedelta), and everything happen that is due by then."""
        with self.world.lock:
            self.timeline.advance(by)

    def close(self) -> None:
        self._control.close()
        self.kube.close()
        self.aws.close()
        if self._driver is not None:
            self._driver.close()

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def ready(self) -> dict[str, object]:
        """What a client needs to find everything."""
        return {
            "aws_url": self.aws_url,
            "kube_url": self.kube.url,
            "kube_ca_pem": self.kube.ca_pem,
            "control_url": self.control_url,
            "access_key_id": DEMO_ACCESS_KEY,
            "secret_access_key": DEMO_SECRET_KEY,
            "management_account": self.world.management_account,
            "clusters": len(self.world.clusters),
            "epoch": self.world.epoch.isoformat(),
            "scale": self.world.scale,
        }

    def _authenticate(self) -> Authenticate:
        known: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

        def authenticate(cluster: SimCluster, token: str) -> User | None:
            if token in self._tokens:
                return self._tokens[token]
            key, now = (cluster.name, token), time.monotonic()
            arn, until = known.get(key, ("", 0.0))
            if now >= until:
                said = self.aws.identify(token, cluster.name)
                if isinstance(said, Unidentified):
                    return None
                arn = said
                known[key] = (arn, now + TOKEN_KNOWN)
                if len(known) > 4096:
                    known.popitem(last=False)
            return eks_user(cluster, arn)

        return authenticate


def eks_user(cluster: SimCluster, arn: str) -> User | None:
    """The Kubernetes user that an access entry makes of an IAM principal; None where there is no entry."""
    groups = cluster.access.get(arn)
    if groups is None:
        return None
    if ":role/" not in arn:
        return User(arn, tuple(groups))
    role = arn.rpartition("/")[2]
    return User(f"arn:{cluster.partition}:sts::{arn.split(':')[4]}:assumed-role/{role}/{SESSION}", tuple(groups))
