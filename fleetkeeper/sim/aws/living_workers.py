"""Workers of a living world: its controllers start nodes, move evicted pods, and all of it takes its time."""

from fleetkeeper.sim.aws.evictions import MANY_BUDGETS
from fleetkeeper.sim.aws.workers import BlockedPod, Draining, NodeOrder, cordoned, has_to_move, new_node
from fleetkeeper.sim.controllers import disruption, nodes, pods
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.controllers.matching import condition, selects, with_condition
from fleetkeeper.sim.kube.state_log import key_of
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object, SimCluster

_VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget."
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
    """Evict a pod by what the status of its budget says: "" when it goes, else why it stays.

    After pkg/registry/core/pod/storage/eviction.go of Kubernetes 1.36; that budgets are read from their status is why
    one that its controller has not seen yet refuses.
    """
    if not pods.is_ended(pod) and pod.get("status", {}).get("phase") != "Pending":
        there = live.objects.find("namespace", disruption.RESOURCE, pod["metadata"].get("namespace", ""))
        budgets = [each for each in there if selects(each["spec"].get("selector"), pod["metadata"].get("labels"))]
        if len(budgets) > 1:
            return MANY_BUDGETS
        reason = _spend(live, budgets[0], pod) if budgets else ""
        if reason:
            return reason
    said = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    said["message"] = "Eviction API: evicting"
    status = pod.get("status") or {}
    conditions = with_condition(status.get("conditions") or (), said, stamp(live.now()))
    live.set_status(pods.PODS, pod, {**status, "conditions": conditions})
    live.objects.delete(pods.PODS, key_of(pod))
    return ""


def _spend(live: Live, budget: Object, pod: Object) -> str:
    """Take one disruption of a budget, unless the pod needs none: why there is none, or ""."""
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    always = budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    if not pods.is_ready(pod) and (always or healthy >= desired > 0):
        return ""
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        return f"{_VIOLATION} The disruption budget {name} is still being processed by the server."
    if status.get("disruptionsAllowed", 0) <= 0:
        return f"{_VIOLATION} {_exhausted(budget, healthy, desired)}"
    disrupted = {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: stamp(live.now())}
    spent = {"disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": disrupted}
    live.set_status(disruption.RESOURCE, budget, {**status, **spent})
    return ""


def _exhausted(budget: Object, healthy: int, desired: int) -> str:
    name = budget["metadata"]["name"]
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    text = f"The disruption budget {name} does not allow evicting pods currently"
    said = condition(budget, "DisruptionAllowed")
    return f"{text} because it failed sync: {said['message']}" if said and said["reason"] == "SyncFailed" else text
