"""Workers of a living world: its controllers start nodes, move evicted pods, and all of it takes its time."""

import json

from fleetkeeper.sim.aws.workers import BlockedPod, Draining, NodeOrder, cordoned, has_to_move, new_node
from fleetkeeper.sim.controllers import nodes, pods
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube import eviction
from fleetkeeper.sim.kube.state_log import key_of
from fleetkeeper.sim.world import Object, SimCluster

_LEAVING = "The pod is being deleted and has not ended yet."


class LivingWorkers:
    """Workers over the controllers of a world. Whatever is asked here wakes the cluster."""

    def __init__(self, living: LivingWorld) -> None:
        self._living = living

    def create_node(self, cluster: SimCluster, order: NodeOrder) -> str:
        """The node registers now, for its time to boot has passed; its kubelet reports Ready a little later."""
        node = new_node(cluster, order)
        nodes.register(self._awake(cluster), node)
        return str(node["metadata"]["name"])

    def cordon(self, cluster: SimCluster, node: str, *, on: bool) -> None:
        self._awake(cluster).objects.edit("/nodes", "", node, lambda found: cordoned(found, on=on))

    def evict_all(self, cluster: SimCluster, node: str) -> Draining:
        live = self._awake(cluster)
        refused = {}
        for pod in _on(live, node):
            if not pods.is_leaving(pod):
                refused[key_of(pod)] = evict(live, pod)
        left = [(key_of(pod), pod) for pod in _on(live, node)]
        standing = tuple(BlockedPod(*key, _LEAVING if pods.is_leaving(pod) else refused[key]) for key, pod in left)
        return Draining(len(standing), standing)

    def remove_node(self, cluster: SimCluster, node: str) -> None:
        """Its instance is gone: the cloud takes the node away a little later, and its pods after a quarantine."""
        live = self._awake(cluster)
        if live.objects.get("/nodes", "", node) is not None:
            nodes.terminate(live, node)

    def _awake(self, cluster: SimCluster) -> Live:
        live = self._living.of(cluster)
        live.wake()
        return live


def _on(live: Live, node: str) -> list[Object]:
    """The pods of a node that a drain has to move."""
    return [pod for pod in live.objects.find("node", pods.PODS, node) if has_to_move(pod)]


def evict(live: Live, pod: Object) -> str:
    """Evict a pod as the API server does: "" when it goes, else why it stays, in the server's words."""
    refusal = eviction.attempt(live.objects, pod)
    if refusal is None:
        return ""
    status = json.loads(refusal.body)
    causes = [cause["message"] for cause in status.get("details", {}).get("causes", ())]
    return " ".join((status["message"], *causes))
