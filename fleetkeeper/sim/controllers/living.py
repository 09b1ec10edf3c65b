"""A world whose clusters live: the state of each with its controllers, and the one timeline that moves them all."""

from collections.abc import Iterator

from fleetkeeper.sim.controllers import (
    autoscaler,
    cronjob,
    daemonset,
    deployment,
    disruption,
    garbage,
    job,
    kubelet,
    nodes,
    placing,
    pods,
    replicaset,
    scheduler,
    statefulset,
    volumes,
)
from fleetkeeper.sim.controllers.hosts import NODES, Hosts
from fleetkeeper.sim.controllers.live import Controller, Live, controller_uid
from fleetkeeper.sim.controllers.timing import Timing
from fleetkeeper.sim.controllers.usage import Usage
from fleetkeeper.sim.kube.state import KEPT_EVENTS, Objects
from fleetkeeper.sim.timeline import Timeline
from fleetkeeper.sim.world import SimCluster, World

# In the order in which they look at a cluster that wakes: Deployments judge by the counts of their ReplicaSets.
CONTROLLERS: tuple[Controller, ...] = (
    replicaset.CONTROLLER,
    deployment.CONTROLLER,
    statefulset.CONTROLLER,
    daemonset.CONTROLLER,
    cronjob.CONTROLLER,
    job.CONTROLLER,
    autoscaler.CONTROLLER,
    disruption.CONTROLLER,
    disruption.POD_CONTROLLER,
    volumes.CLAIM_CONTROLLER,
    scheduler.CONTROLLER,
    volumes.VOLUME_CONTROLLER,
    kubelet.NODE_CONTROLLER,
    kubelet.CONTROLLER,
    nodes.CONTROLLER,
    garbage.CONTROLLER,
    garbage.NAMESPACE_CONTROLLER,
)


class LivingWorld:
    """The clusters of a world with their controllers. Hold the world's lock for every call.

    A cluster sleeps, and its objects stay recipes, until somebody writes to it (`of(cluster).objects`) or wakes it.
    """

    def __init__(
        self,
        world: World,
        *,
        virtual: bool,
        timing: Timing | None = None,
        controllers: tuple[Controller, ...] = CONTROLLERS,
        kept_events: int = KEPT_EVENTS,
    ) -> None:
        """kept_events: of each resource, for those who watch; 0 where nobody does."""
        self.world = world
        self.timeline = Timeline(world, virtual=virtual)
        self.timing = timing or Timing()
        self._controllers = controllers
        self._kept_events = kept_events
        self._live: dict[str, Live] = {}

    def of(self, cluster: SimCluster) -> Live:
        """A cluster's state and controllers; asleep until the first write."""
        found = self._live.get(cluster.key)
        if found is None or found.cluster is not cluster:
            found = self._live[cluster.key] = self._made(cluster)
        return found

    def awake(self) -> Iterator[Live]:
        return (live for live in self._live.values() if live.awake)

    def _made(self, cluster: SimCluster) -> Live:
        objects = Objects(cluster, self.timeline.now, self._kept_events)
        objects.index("controller", pods.PODS, lambda pod: controller_uid(pod) or "-")
        objects.index("node", pods.PODS, pods.node_of)
        objects.index("namespace", pods.PODS, lambda pod: str(pod["metadata"].get("namespace", "")))
        objects.index("apart", pods.PODS, placing.wants_apart)
        objects.index("drawn", pods.PODS, placing.looks_at_others)
        objects.index("controller", "apps/replicasets", controller_uid)
        objects.index("controller", "batch/jobs", controller_uid)
        used = Usage(lambda: objects.of(pods.PODS))
        hosts = Hosts(lambda: objects.of(NODES), used)
        live = Live(cluster, objects, self.timeline, self.timing, self._controllers, used, hosts)
        objects.subscribe(live.hear, live.start_over)
        return live
