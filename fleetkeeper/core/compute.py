"""How a node came to be, read from what the node itself says; a kind that we do not know is never taken for managed."""

import re
from collections.abc import Mapping

from fleetkeeper.core.model import ComputeKind

_COMPUTE_TYPE = "eks.amazonaws.com/compute-type"
_NODE_GROUP = "eks.amazonaws.com/nodegroup"
_KARPENTER = ("karpenter.sh/nodepool", "karpenter.sh/provisioner-name")  # the second one before Karpenter 0.32
_EKSCTL_GROUP = "alpha.eksctl.io/nodegroup-name"
_CAPACITY = ("eks.amazonaws.com/capacityType", "karpenter.sh/capacity-type")  # SPOT and spot
_NOT_EC2 = {
    "auto": ComputeKind.AUTO_MODE,
    "fargate": ComputeKind.FARGATE,
    "hybrid": ComputeKind.HYBRID,
}
# HyperPod nodes have aws:///zone/sagemaker/cluster/…: an instance's own id is what makes a node EC2's.
_EC2 = re.compile(r"aws:///[a-z0-9-]*/i-[0-9a-f]{8,17}")


def compute_kind(labels: Mapping[str, str], provider_id: str) -> tuple[ComputeKind, str]:
    """The kind of a node and its group's name ("" when the node does not say).

    EKS's own compute-type speaks first: nodes of Auto Mode carry Karpenter's labels too. A node that claims two kinds,
    or a compute-type from after our time, is UNKNOWN.
    """
    node_group = labels.get(_NODE_GROUP, "")
    pool = next((labels[key] for key in _KARPENTER if labels.get(key)), "")
    if said := labels.get(_COMPUTE_TYPE, ""):
        return _NOT_EC2.get(said, ComputeKind.UNKNOWN), pool
    if node_group and pool:
        return ComputeKind.UNKNOWN, ""
    if node_group:
        return ComputeKind.MANAGED, node_group
    if pool:
        return ComputeKind.KARPENTER, pool
    if _EC2.fullmatch(provider_id):
        return ComputeKind.SELF_MANAGED, labels.get(_EKSCTL_GROUP, "")
    return ComputeKind.UNKNOWN, ""


def is_spot(labels: Mapping[str, str]) -> bool:
    """Whether a node says that it is a spot instance; those of self-managed groups do not tell."""
    return any(labels.get(key, "").lower() == "spot" for key in _CAPACITY)
