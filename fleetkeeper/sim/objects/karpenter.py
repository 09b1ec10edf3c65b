"""Karpenter's own resources: the NodePools of a scenario and the node class that they share."""

from collections.abc import Iterator
from datetime import timedelta

from fleetkeeper.sim.objects.recipes import Recipe
from fleetkeeper.sim.scenario import Look, NodeKind, NodesSpec
from fleetkeeper.sim.world import Object

_AGE = timedelta(days=200)


def recipes(look: Look) -> Iterator[Recipe]:
    """Nothing where no nodes are Karpenter's; Auto Mode's pools carry its own node class."""
    pools = [spec for spec in look.nodes.values() if spec.kind in (NodeKind.KARPENTER, NodeKind.AUTO)]
    for spec in pools:
        yield Recipe("karpenter.sh/nodepools", spec.name, _pool(spec), age=_AGE, generation=1)
    if any(spec.kind is NodeKind.KARPENTER for spec in pools):
        yield Recipe("karpenter.k8s.aws/ec2nodeclasses", "default", _node_class(), age=_AGE, generation=1)


def _pool(spec: NodesSpec) -> Object:
    auto = spec.kind is NodeKind.AUTO
    reference = {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"}
    if not auto:
        reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
    capacity = "spot" if spec.capacity == "SPOT" else "on-demand"
    requirements = [
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": [capacity]},
        {"key": "kubernetes.io/arch", "operator": "In", "values": [spec.arch]},
    ]
    template = {
        "spec": {"expireAfter": "336h" if auto else "720h", "nodeClassRef": reference, "requirements": requirements}
    }
    budgets = [{"nodes": "10%"}]
    disruption = {"budgets": budgets, "consolidateAfter": "30s", "consolidationPolicy": "WhenEmptyOrUnderutilized"}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "spec": {"disruption": disruption, "template": template},
        "status": {"conditions": [{"status": "True", "type": "Ready"}], "resources": {"nodes": str(spec.count)}},
    }


def _node_class() -> Object:
    return {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "spec": {
            "amiSelectorTerms": [{"alias": "bottlerocket@latest"}],
            "securityGroupSelectorTerms": [{"tags": {"karpenter.sh/discovery": "true"}}],
            "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "true"}}],
        },
        "status": {"conditions": [{"status": "True", "type": "Ready"}]},
    }
