"""What makes a clone of a managed node group another thing than the group: each by its name, with what to do instead.

EKS makes an Auto Scaling group of its own for a node group, and copies nothing of what others have put on the old one
(https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html, 2026). A group with one of these is not
cloned at all; what was not seen counts as a trap, too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fleetkeeper.core.managed_by import managed_by
from fleetkeeper.core.model import NodeGroup, Workload
from fleetkeeper.core.pods import Requirement
from fleetkeeper.core.wording import some

NODE_GROUP = "eks.amazonaws.com/nodegroup"
"""The label that EKS gives every node of a group: its name, which a clone cannot have."""

_EKS_TAGS = (
    *("eks:", "aws:", "kubernetes.io/cluster/"),
    *("k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/node-template/"),
)
_SCARCE = frozenset({"g", "gr", "p", "inf", "trn", "dl", "vt", "f", "hpc"})
"""Families of accelerators and of reserved machines, of which a second set is seldom to be had."""

_LAUNCH_SIDE_BY_SIDE = 'update it in place with updateConfig.updateStrategy = "MINIMAL", which terminates first'


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the Auto Scaling groups behind a node group carry. tags: their keys; scheduled: names of actions."""

    tags: tuple[str, ...] = ()
    target_groups: tuple[str, ...] = ()
    scheduled: tuple[str, ...] = ()
    warm_pool: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """A node group and what hangs on it. zones: by subnet. pinned: workloads that ask for it by its name.

    scaling None: it was not looked at, as in a plan. ami_type: what its clone is to have, "" for the same.
    spare: the operator says that there is capacity for a second set of these machines.
    """

    group: NodeGroup
    clone: str
    others: tuple[NodeGroup, ...] = ()
    cluster: str = ""
    cluster_tags: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()
    scaling: Scaling | None = None
    ami_type: str = ""
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Trap:
    name: str
    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


def traps(ground: Ground) -> tuple[Trap, ...]:
    """All that there are, in the order in which people would mend them."""
    return tuple(trap for rule in _RULES for trap in rule(ground))


def pinned_to(group: str, clone: str, workloads: Iterable[Workload]) -> tuple[str, ...]:
    """Workloads that a node of the clone would not do for, or that would first run there: `shop/Deployment/web`."""
    return tuple(f"{each.namespace}/{each.kind}/{each.name}" for each in workloads if _tells_apart(each, group, clone))


def pass_role(role: str, message: str) -> Trap:
    """EKS's refusal to make a node group with a role that the executor may not pass on."""
    return Trap(
        "iam:PassRole",
        f"the executor may not give role {role} to a node group: {message}",
        f"allow iam:PassRole on {role} to the executor's role, for the service eks.amazonaws.com",
    )


def _tells_apart(workload: Workload, group: str, clone: str) -> bool:
    template = workload.template
    if template is None:
        return False
    terms = (each for each in (*template.node_terms, *template.preferred_terms) if each.key == NODE_GROUP)
    return any(_differs(each, group, clone) for each in terms)


def _differs(term: Requirement, group: str, clone: str) -> bool:
    return term.accepts({NODE_GROUP: group}) is not term.accepts({NODE_GROUP: clone})


# ---- the traps


def _kept_as_code(ground: Ground) -> Iterator[Trap]:
    keeper = managed_by(ground.group.tags, ground.cluster_tags)
    if keeper:
        yield Trap(
            "kept as code",
            f"{keeper} keeps {ground.group.name}, and would make it anew, or delete the clone, at its next apply",
            f"make the second group there, or let {keeper.tool} update {ground.group.name} in place",
        )


def _named_by_workloads(ground: Ground) -> Iterator[Trap]:
    if ground.pinned:
        yield Trap(
            "named by workloads",
            f"{some(ground.pinned)} choose nodes by {NODE_GROUP}, and the clone has another name",
            "choose by a label of your own, which both groups have",
        )


def _own_tags(ground: Ground) -> Iterator[Trap]:
    own = (f"k8s.io/cluster-autoscaler/{ground.cluster}", *_EKS_TAGS)
    found = [each for each in (ground.scaling.tags if ground.scaling else ()) if not each.startswith(own)]
    if found:
        yield Trap(
            "tags of the Auto Scaling group",
            f"{some(found)} are on it, which EKS copies to no other",
            "take them off, or tag the node group instead, when nothing reads them there",
        )


def _balanced(ground: Ground) -> Iterator[Trap]:
    if ground.scaling and ground.scaling.target_groups:
        names = some(each.rpartition("targetgroup/")[2] for each in ground.scaling.target_groups)
        yield Trap(
            "target groups",
            f"its Auto Scaling group is attached to {names}, and the clone's would get no traffic from there",
            "let the AWS Load Balancer Controller register targets, and detach it",
        )


def _scheduled(ground: Ground) -> Iterator[Trap]:
    if ground.scaling and ground.scaling.scheduled:
        yield Trap(
            "scheduled actions",
            f"{some(ground.scaling.scheduled)} would scale the old group up again, and never the clone",
            "delete them for the time of the rotation, and make them for the clone afterwards",
        )


def _warm_pool(ground: Ground) -> Iterator[Trap]:
    if ground.scaling and ground.scaling.warm_pool:
        yield Trap("warm pool", "its Auto Scaling group has one, and the clone would not", "update it in place")


def _one_per_zone(ground: Ground) -> Iterator[Trap]:
    """Groups alike but for their zone, so that an autoscaler balances them: a second one of a zone tilts it."""
    own = _zones(ground, ground.group)
    if len(own) != 1:
        return
    alike = [each for each in ground.others if _is_alike(each, ground.group) and _zones(ground, each) - own]
    if alike and all(len(_zones(ground, each)) == 1 for each in alike):
        yield Trap(
            "one group per zone",
            f"{some([ground.group.name, *(each.name for each in alike)])} are one for each zone, and an autoscaler"
            f" would balance two of {next(iter(own))} against one of each other",
            "update them in place, one after the other",
        )


def _is_alike(one: NodeGroup, other: NodeGroup) -> bool:
    return one.instance_types == other.instance_types and dict(one.labels) == dict(other.labels)


def _zones(ground: Ground, group: NodeGroup) -> set[str]:
    return {ground.zones[each] for each in group.subnets if each in ground.zones}


def _scarce(ground: Ground) -> Iterator[Trap]:
    group = ground.group
    if group.capacity_type == "CAPACITY_BLOCK":
        yield Trap("reserved capacity", "it runs in a Capacity Block, which has no second set", _LAUNCH_SIDE_BY_SIDE)
    elif ground.spare:
        return
    elif group.capacity_type == "SPOT":
        why = "it runs on Spot, and nobody promises as many instances once more"
        yield Trap("Spot capacity", why, f"{_LAUNCH_SIDE_BY_SIDE}; or set spare = true, if there is enough")
    elif rare := [each for each in group.instance_types if _family(each) in _SCARCE]:
        why = f"{some(rare)} are seldom to be had twice"
        yield Trap("scarce machines", why, f"{_LAUNCH_SIDE_BY_SIDE}; or set spare = true, if there are enough")


def _family(instance_type: str) -> str:
    letters = instance_type.partition(".")[0]
    return letters[: next((idx for idx, each in enumerate(letters) if each.isdigit()), len(letters))]


def _other_image_type(ground: Ground) -> Iterator[Trap]:
    group = ground.group
    if ground.ami_type in ("", group.ami_type) or not group.launch_template:
        return
    yield Trap(
        "user data for another image",
        f"launch template {group.launch_template} may have user data for {group.ami_type}, and {ground.ami_type}"
        " reads another format (nodeadm, bootstrap.sh and TOML are not alike)",
        "make a launch template for the new type, and a group with it, by hand",
    )


_RULES: tuple[Callable[[Ground], Iterator[Trap]], ...] = (
    *(_kept_as_code, _named_by_workloads, _own_tags, _balanced, _scheduled, _warm_pool, _one_per_zone),
    *(_scarce, _other_image_type),
)


# ---- deleting the old group


@dataclass(frozen=True, slots=True)
class RoleUsers:
    """Who uses node roles in a cluster. groups: node group → its role; classes: EC2NodeClass → its role.

    self_managed: nodes of Auto Scaling groups of the operator's own, whose role nothing here tells.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    self_managed: tuple[str, ...] = ()

    def beside(self, group: str, clone: str) -> tuple[str, ...]:
        """What else than the clone its role serves, or may serve.

        EKS takes the role's entry out of aws-auth, or its access entry away, with a group that it deletes; it heeds
        other managed groups, and no other nodes, which are then NotReady (delete-managed-node-group, 2026).
        """
        role = self.groups.get(group, "")
        short = role.rpartition("/")[2]
        named = [
            f"node group {name}" for name, other in self.groups.items() if name not in (group, clone) and other == role
        ]
        named += [f"EC2NodeClass {name}" for name, other in self.classes.items() if other in (role, short)]
        return (*sorted(named), *(f"node {name}, whose role is not known" for name in self.self_managed))
