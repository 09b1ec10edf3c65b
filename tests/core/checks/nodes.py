"""Nodes and node groups, each healthy, for tests that change one thing."""

from typing import Any

from fleetkeeper.core.model import ComputeKind, Node, NodeGroup
from fleetkeeper.core.versions import Minor


def node(name: str = "node-a", **more: Any) -> Node:
    """A ready AL2023 node of the managed group `workers`."""
    made: dict[str, Any] = {
        "uid": f"uid-{name}",
        "kubelet": "v1.34.2-eks-abcdef0",
        "os_image": "Amazon Linux 2023.9.20251027",
        "os": "linux",
        "arch": "arm64",
        "runtime": "containerd://2.1.4",
        "kernel": "6.12",
        "kind": ComputeKind.MANAGED,
        "group": "workers",
        "ready": True,
        "schedulable": True,
        "instance_type": "m8g.large",
        "zone": "eu-west-1a",
        "provider_id": f"aws:///eu-west-1a/i-{name}",
        "created_at": None,
    }
    return Node(name, **{**made, **more})


def group(name: str = "workers", **more: Any) -> NodeGroup:
    made: dict[str, Any] = {
        "status": "ACTIVE",
        "version": Minor(1, 34),
        "release_version": "1.34.2-20251110",
        "ami_type": "AL2023_ARM_64_STANDARD",
        "capacity_type": "ON_DEMAND",
        "instance_types": ("m8g.large",),
        "desired": 2,
        "minimum": 1,
        "maximum": 4,
    }
    return NodeGroup(name, **{**made, **more})
