"""Workers of a living world: its controllers start nodes, move evicted pods, and all of it takes its time."""

import json
from collections import Counter
from collections.abc import Collection, Mapping

from fleetkeeper.sim.aws.workers import BlockedPod, Draining, NodeOrder, cordoned, has_to_move, loads, new_node
from fleetkeeper.sim.controllers import nodes, pods
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube import eviction
from fleetkeeper.sim.kube.state_log import Change, Event, key_of
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

    def loads(self, cluster: SimCluster, nodes: Collection[str]) -> Mapping[str, int]:
        live = self._living.of(cluster)
        live.objects.notice()
        return live.follower(Loads).of(cluster, nodes)

    def remove_node(self, cluster: SimCluster, node: str) -> None:
        """Its instance is gone: the cloud takes the node away a little later, and its pods after a quarantine."""
        live = self._awake(cluster)
        if live.objects.get("/nodes", "", node) is not None:
            nodes.terminate(live, node)

    def _awake(self, cluster: SimCluster) -> Live:
        live = self._living.of(cluster)
        live.wake()
        return live


class Loads:
    """How many pods of each node a drain has to move, followed write by write: a group that shrinks asks each time."""

    resources = (pods.PODS,)

    def __init__(self) -> None:
        self._by_node: Counter[str] | None = None

    def of(self, cluster: SimCluster, nodes: Collection[str]) -> Mapping[str, int]:
        if self._by_node is None:
            placed = (pod["spec"].get("nodeName", "") for pod in cluster.objects.get(pods.PODS, {}).values())
            self._by_node = Counter(loads(cluster, set(placed)))
        return {node: self._by_node[node] for node in nodes}

    def hear(self, event: Event) -> None:
        if self._by_node is None or event.is_of_status:
            return
        if event.before is not None:
            self._add(event.before, -1)
        if event.change is not Change.DELETED:
            self._add(event.object, 1)

    def forget(self) -> None:
        self._by_node = None

    def _add(self, pod: Object, sign: int) -> None:
        if self._by_node is not None and has_to_move(pod):
            self._by_node[pod["spec"].get("nodeName", "")] += sign


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
