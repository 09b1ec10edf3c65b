"""The seam between EKS and the nodes of a cluster: make, cordon, drain and remove them; and how EKS makes a node."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fleetkeeper.sim.controllers.live import controller_of
from fleetkeeper.sim.controllers.matching import is_true
from fleetkeeper.sim.world import Object, SimCluster

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
_INSTANCE_TYPE = "node.kubernetes.io/instance-type"
_SIZE = {"cpu": "4", "ephemeral-storage": "83873772Ki", "memory": "16093192Ki", "pods": "58"}


@dataclass(frozen=True, slots=True)
class NodeOrder:
    """A node that is wanted. kubelet is a version such as "v1.35.8-eks-8f2a1c0"; taints are in Kubernetes' words."""

    instance: str
    zone: str
    address: str
    kubelet: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[dict[str, str], ...] = ()
    os_image: str = "Amazon Linux 2023.9.20261027"
    os: str = "linux"
    arch: str = "amd64"


@dataclass(frozen=True, slots=True)
class BlockedPod:
    """A pod that could not be evicted, and why, in the words of the eviction API."""

    namespace: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Draining:
    """How far a node is drained: pods that are left (those of DaemonSets do not count), and those that stand in the
    way: they may not go, or are told to and have not ended."""

    left: int
    blocked: tuple[BlockedPod, ...] = ()


class Workers(Protocol):
    """Nodes and pods of a cluster as EKS, Auto Scaling and Karpenter move them. Hold the world's lock."""

    def create_node(self, cluster: SimCluster, order: NodeOrder) -> str:
        """A node that joins now (the time to boot has passed) and is Ready soon: its name."""
        ...

    def cordon(self, cluster: SimCluster, node: str, *, on: bool) -> None:
        """Make a node unschedulable and take it out of external load balancers, or undo that."""
        ...

    def evict_all(self, cluster: SimCluster, node: str) -> Draining:
        """Try to evict every pod of a node once, through the Eviction API; a node that is gone has none."""
        ...

    def loads(self, cluster: SimCluster, nodes: Collection[str]) -> Mapping[str, int]:
        """How many pods of each of these nodes a drain has to move; those without any may be left out."""
        ...

    def remove_node(self, cluster: SimCluster, node: str) -> None:
        """The node goes away, soon, with whatever still runs on it; nothing happens when it is not there."""
        ...


def pods_of(cluster: SimCluster, node: str) -> list[Object]:
    """The pods of a node that a drain has to move: neither those of DaemonSets nor static ones."""
    found = cluster.objects.get("/pods", {}).values()
    return [pod for pod in found if pod.get("spec", {}).get("nodeName") == node and has_to_move(pod)]


def has_to_move(pod: Object) -> bool:
    owner = controller_of(pod)
    if owner is not None and owner["kind"] in ("DaemonSet", "Node"):
        return False
    return "kubernetes.io/config.mirror" not in (pod["metadata"].get("annotations") or ())


def node_of(cluster: SimCluster, instance: str) -> str:
    """The name of the node that an instance backs, "" when it has not joined."""
    end = f"/{instance}"
    for (_, name), node in cluster.objects.get("/nodes", {}).items():
        if node.get("spec", {}).get("providerID", "").endswith(end):
            return name
    return ""


def nodes_by_instance(cluster: SimCluster) -> dict[str, str]:
    """The names of all nodes by the instances that back them: of many instances it is asked once."""
    found = cluster.objects.get("/nodes", {}).items()
    return {str(node.get("spec", {}).get("providerID", "")).rpartition("/")[2]: name for (_, name), node in found}


def loads(cluster: SimCluster, nodes: Collection[str]) -> Counter[str]:
    """How many pods of each of these nodes a drain has to move."""
    found: Counter[str] = Counter()
    for pod in cluster.objects.get("/pods", {}).values():
        node = pod["spec"].get("nodeName")
        if node in nodes and has_to_move(pod):
            found[node] += 1
    return found


def ready_nodes(cluster: SimCluster) -> set[str]:
    return {name for (_, name), node in cluster.objects.get("/nodes", {}).items() if is_true(node, "Ready")}


def cordoned(node: Object, *, on: bool) -> Object:
    """The node as it is when EKS has made it unschedulable, or has undone that."""
    spec = {key: value for key, value in node.get("spec", {}).items() if key != "unschedulable"}
    labels = {key: value for key, value in node["metadata"].get("labels", {}).items() if key != EXCLUDED}
    if on:
        spec["unschedulable"], labels[EXCLUDED] = True, "true"
    return {**node, "metadata": {**node["metadata"], "labels": labels}, "spec": spec}


def new_node(cluster: SimCluster, order: NodeOrder) -> Object:
    """The node as its kubelet registers it, before it has reported any condition."""
    name = f"ip-{order.address.replace('.', '-')}.{cluster.region}.compute.internal"
    labels = {
        "kubernetes.io/arch": order.arch,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": order.os,
        "topology.kubernetes.io/region": cluster.region,
        "topology.kubernetes.io/zone": order.zone,
        **order.labels,
    }
    spec: Object = {"providerID": f"aws:///{order.zone}/{order.instance}"}
    if order.taints:
        spec["taints"] = [dict(taint) for taint in order.taints]
    system = {
        "kubeletVersion": order.kubelet,
        "osImage": order.os_image,
        "kernelVersion": "6.12.55-74.119.amzn2023.x86_64",
        "containerRuntimeVersion": "containerd://2.1.4",
        "operatingSystem": order.os,
        "architecture": order.arch,
    }
    addresses = [{"type": "InternalIP", "address": order.address}, {"type": "Hostname", "address": name}]
    size = _size(cluster, labels.get(_INSTANCE_TYPE, ""))
    status = {"capacity": size, "allocatable": size, "addresses": addresses, "nodeInfo": system}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


def _size(cluster: SimCluster, instance_type: str) -> dict[str, str]:
    """What a node of this type has: as much as those of the cluster that are there."""
    for node in cluster.objects.get("/nodes", {}).values():
        if instance_type and node["metadata"].get("labels", {}).get(_INSTANCE_TYPE) == instance_type:
            known: dict[str, str] = node.get("status", {}).get("allocatable") or _SIZE
            return known
    return _SIZE
