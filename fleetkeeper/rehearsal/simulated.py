"""The placements of a simulated world (the Placements port), for tests and the demo."""

from contextlib import closing

from fleetkeeper.core.model import SeenCluster
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.ports_execute import WorldWriters


class WorldPlacements:
    def __init__(self, living: LivingWorld) -> None:
        self._living = living
        self._writers = WorldWriters(living, User("reader", ("system:masters",)))

    def of(self, cluster: SeenCluster) -> Placed:
        with closing(self._writers.kube(cluster.scope, cluster.name, cluster.id)) as kube:
            return Placed(self._living.timeline.now(), kube.nodes(), kube.pods(), kube.budgets(), kube.volumes())
