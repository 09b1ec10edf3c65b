"""One world, changed by boto3 over HTTP or by the port directly; its time stands still until a case moves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.writer import EksWriters
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.writers import CloudWriter
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.ports_execute import WorldWriters
from fleetkeeper.sim.world import SimCluster, World
from tests.adapters.eks.support import Patience, settings
from tests.sim.worlds import PROD, REGION, a_cluster, a_world, served

SCOPE = Scope(PROD, REGION)
SIDES = ("over HTTP", "in the world")


@dataclass(frozen=True, slots=True)
class CloudSide:
    """cloud is the writer that a case tries; the cluster's name is shop."""

    cloud: CloudWriter
    world: World
    cluster: SimCluster
    living: LivingWorld

    def later(self, **by: float) -> None:
        with self.world.lock:
            self.living.timeline.advance(timedelta(**by))

    @property
    def updates_begun(self) -> int:
        return len(self.cluster.eks.updates)


@contextmanager
def cloud_side(side: str) -> Iterator[CloudSide]:
    cluster = a_cluster()
    world = a_world(cluster)
    living = LivingWorld(world, virtual=True)
    world.clock = living.timeline.now
    if side == "in the world":
        yield CloudSide(WorldWriters(living).cloud(SCOPE), world, cluster, living)
        return
    with served(world, living) as aws:
        chosen = settings(aws.server.url)
        yield CloudSide(EksWriters(chosen, Sessions(chosen, Patience())).of(SCOPE), world, cluster, living)
        assert aws.server.violations == []
