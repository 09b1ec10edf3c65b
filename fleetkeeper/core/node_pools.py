"""The nodes of a cluster by the pool that makes them, and how each kind of pool is brought to a minor."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from fleetkeeper.core.finding import Subject
from fleetkeeper.core.model import AutoScalingGroup, ComputeKind, Node
from fleetkeeper.core.versions import Minor

_KINDS = {
    ComputeKind.MANAGED: "NodeGroup",
    ComputeKind.SELF_MANAGED: "AutoScalingGroup",
    ComputeKind.KARPENTER: "NodePool",
    ComputeKind.AUTO_MODE: "NodePool",
    ComputeKind.FARGATE: "FargateProfile",
}


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes of one kind and group; nodes that name no group are one pool of their kind."""

    kind: ComputeKind
    group: str
    nodes: tuple[Node, ...]

    @property
    def subject(self) -> Subject:
        return Subject(_KINDS.get(self.kind, "Nodes"), self.group) if self.group else Subject("Nodes", self.kind.value)

    def minors(self) -> Iterator[tuple[Minor | None, tuple[str, ...]]]:
        """The kubelets' minors, oldest first, each with its nodes' names; None for those that cannot be read."""
        found: dict[Minor | None, list[str]] = {}
        for node in self.nodes:
            found.setdefault(minor_of(node.kubelet), []).append(node.name)
        for minor in sorted(found, key=lambda m: m or Minor(0, 0)):
            yield minor, tuple(sorted(found[minor]))

    def move_to(self, minor: Minor, cluster: str) -> str:
        """What brings the pool to a minor that the control plane has reached, in the imperative."""
        match self.kind:
            case ComputeKind.MANAGED:
                return (
                    f"aws eks update-nodegroup-version --cluster-name {cluster} --nodegroup-name {self.group}"
                    f" --kubernetes-version {minor}"
                )
            case ComputeKind.SELF_MANAGED:
                return f"put an image of {minor} into the launch template and replace the instances"
            case ComputeKind.KARPENTER:
                return f"let the EC2NodeClass select an image of {minor}: Karpenter replaces the drifted nodes"
            case ComputeKind.AUTO_MODE:
                return f"let Auto Mode replace the nodes: look for budgets and do-not-disrupt that hold {self.subject}"
            case ComputeKind.FARGATE:
                return "restart the workloads of these pods: kubectl rollout restart"
        return f"replace these nodes by ones of {minor}"


@lru_cache(maxsize=1024)  # thousands of nodes have a few versions
def minor_of(kubelet: str) -> Minor | None:
    try:
        return Minor.parse(kubelet)
    except ValueError:
        return None


def pools(nodes: Iterable[Node]) -> tuple[Pool, ...]:
    """Every pool, by kind and group."""
    found: dict[tuple[ComputeKind, str], list[Node]] = {}
    for node in nodes:
        found.setdefault((node.kind, node.group), []).append(node)
    return tuple(Pool(kind, group, tuple(found[kind, group])) for kind, group in sorted(found))


def with_groups(nodes: Iterable[Node], groups: Iterable[AutoScalingGroup]) -> Iterator[Node]:
    """Self-managed nodes get the Auto Scaling group that counts their instance: what a label calls it is a nickname."""
    group_of = {instance: group.name for group in groups for instance in group.instances}
    for node in nodes:
        own = node.kind is ComputeKind.SELF_MANAGED
        name = group_of.get(node.provider_id.rpartition("/")[2], "") if own else ""
        yield replace(node, group=name) if name and name != node.group else node
