"""Nodes and pods as an API server has them at this moment: what a drain meets, and who owns what stands in its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.node_pools import minor_of
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class LiveNode:
    """A node with what says how it is disrupted. stays: the annotation by which it asks Karpenter to leave it."""

    node: Node
    stays: str = ""
    leaving: bool = False  # it has a deletionTimestamp

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def is_of_pool(self) -> bool:
        """Whether Karpenter or Auto Mode made it."""
        return self.node.kind in (ComputeKind.KARPENTER, ComputeKind.AUTO_MODE)

    def is_behind(self, to: Minor) -> bool:
        """Whether its kubelet is older; one whose version cannot be read counts as older."""
        minor = minor_of(self.node.kubelet)
        return minor is None or minor < to


@dataclass(frozen=True, slots=True)
class LivePod:
    """A pod on a node. controller is the workload at its top (the Deployment, not its ReplicaSet), "" for none.

    stays: the annotation by which it asks Karpenter not to disrupt it, "" when it does not. static: a mirror of a file
    on the node, which no eviction moves. tolerant: it tolerates every taint, so that it comes back to a cordoned node.
    """

    namespace: str
    name: str
    node: str
    labels: Mapping[str, str] = field(default_factory=dict)
    controller: str = ""  # Kind/name
    owner: Mapping[str, str] = field(default_factory=dict)
    phase: str = "Running"
    ready: bool = True
    stays: str = ""
    leaving_since: datetime | None = None
    finalizers: tuple[str, ...] = ()
    static: bool = False
    tolerant: bool = False

    @property
    def place(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def kind(self) -> str:
        return self.controller.partition("/")[0]

    @property
    def has_ended(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    @property
    def is_drained(self) -> bool:
        """Whether a drain has to move it: not what is of a DaemonSet or of the node itself, nor what has ended."""
        return self.kind != "DaemonSet" and not self.static and not self.has_ended
