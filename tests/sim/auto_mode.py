"""A cluster of EKS Auto Mode: one pool, and nodes of it that follow the control plane."""

from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.aws.workers import NodeOrder
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.world import Object, SimCluster


def a_pool(nodes: str = "1") -> Object:
    """nodes: how many may be disrupted at once."""
    reference = {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"}
    template = {"spec": {"nodeClassRef": reference}}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": "general-purpose"},
        "spec": {"disruption": {"budgets": [{"nodes": nodes}]}, "template": template},
    }


def make_auto(living: LivingWorld, cluster: SimCluster, count: int = 2) -> None:
    """Turn Auto Mode on, without any other group, and let so many nodes of it be there at the cluster's minor."""
    cluster.auto_mode = True
    cluster.node_groups.clear()
    with living.world.lock:
        cluster.put("karpenter.sh/nodepools", a_pool())
        workers = LivingWorkers(living)
        labels = {"karpenter.sh/nodepool": "general-purpose", "eks.amazonaws.com/compute-type": "auto"}
        for number in range(1, count + 1):
            kubelet = f"v{cluster.version}.11-eks-1"
            workers.create_node(cluster, NodeOrder(f"i-{number}", "eu-west-1a", f"10.0.0.{number}", kubelet, labels))
