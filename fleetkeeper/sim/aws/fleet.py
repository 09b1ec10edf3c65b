"""The EC2 side of clusters: Auto Scaling groups, instances and subnets, shared by EC2 and Auto Scaling."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from fleetkeeper.sim.aws.call import Call
from fleetkeeper.sim.aws.eks_nodes import group_name
from fleetkeeper.sim.aws.images import ami_id
from fleetkeeper.sim.world import SimAutoScalingGroup, SimCluster, SimNodeGroup, SimScaling, World

_FREE = 4000  # of the 4091 of a /20: a healthy subnet
_ZONES = "abc"
_OWNED = "tag:kubernetes.io/cluster/"


@dataclass(frozen=True, slots=True)
class Group:
    """An Auto Scaling group of a cluster. tags are its own; instances carry them too."""

    cluster: SimCluster
    name: str
    image: str
    instance_type: str
    desired: int
    minimum: int
    maximum: int
    subnets: tuple[str, ...]
    tags: dict[str, str]
    instances: dict[str, str]
    created_at: datetime
    template: dict[str, str]
    spot: bool = False
    life: dict[str, str] = field(default_factory=dict)  # instance id → lifecycle state other than InService
    images: dict[str, str] = field(default_factory=dict)  # instance id → image other than the group's
    suspended: tuple[str, ...] = ()
    launched: dict[str, datetime] = field(default_factory=dict)  # instance id → when, where it is not created_at
    versions: dict[str, int] = field(default_factory=dict)  # instance id → version of the template, where an older one
    scaling: SimScaling = field(default_factory=SimScaling)

    @property
    def instance_tags(self) -> dict[str, str]:
        return {**self.tags, "aws:autoscaling:groupName": self.name, "Name": f"{self.cluster.name}-node"}

    @property
    def is_managed(self) -> bool:
        return "eks:nodegroup-name" in self.tags


@dataclass(frozen=True, slots=True)
class Template:
    """A launch template by the groups that launch from it. versions: those that they launch, in their order."""

    users: tuple[Group, ...]
    versions: tuple[int, ...]
    default: int
    latest: int

    @property
    def id(self) -> str:
        return self.users[0].template["id"]

    @property
    def name(self) -> str:
        return self.users[0].template["name"]


@dataclass(frozen=True, slots=True)
class Subnet:
    """zone is a name such as eu-west-1a."""

    id: str
    vpc: str
    zone: str
    cidr: str
    free: int
    tags: dict[str, str]


def clusters_for(call: Call, filters: Iterable[Mapping[str, Any]]) -> Iterator[SimCluster]:
    """The clusters of the call's account and region that its tag filters can mean; most calls ask for one of many."""
    named: set[str] | None = None
    for each in filters:
        name, values = each["Name"], each.get("Values", [])
        if name.startswith(_OWNED):
            named = {name.removeprefix(_OWNED)}
        elif name == "tag:eks:cluster-name" and not any(set(value) & set("*?[") for value in values):
            named = set(values)
    for cluster in call.world.of_scope(call.account, call.region):
        if named is None or cluster.name in named:
            yield cluster


def groups_of(cluster: SimCluster) -> Iterator[Group]:
    """Managed groups first, then the self-managed ones."""
    for managed in cluster.node_groups.values():
        yield _managed(cluster, managed)
    for own in cluster.auto_scaling_groups.values():
        yield _self_managed(cluster, own)


def _managed(cluster: SimCluster, group: SimNodeGroup) -> Group:
    name = group_name(cluster, group)
    tags = {
        "eks:cluster-name": cluster.name,
        "eks:nodegroup-name": group.name,
        f"kubernetes.io/cluster/{cluster.name}": "owned",
        f"k8s.io/cluster-autoscaler/{cluster.name}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        **group.scaling.tags,
    }
    digest = sha256(name.encode()).hexdigest()[:17]
    # Every managed group has a template: EKS makes one where the owner brought none.
    template = {"id": f"lt-{digest}", "name": name, "version": "1"} | group.launch_template
    return Group(
        cluster=cluster,
        name=name,
        image=ami_id(cluster.region, group.ami_type, group.release_version),
        instance_type=group.instance_types[0],
        desired=group.desired + group.surge,
        minimum=group.minimum,
        maximum=max(group.maximum, group.desired + group.surge),
        subnets=tuple(group.subnets or cluster.subnets),
        tags=tags,
        instances=group.instances,
        created_at=group.created_at or cluster.created_at,
        template=template,
        spot=group.capacity_type == "SPOT",
        life=group.life,
        images=group.images,
        suspended=tuple(group.suspended),
        launched=group.launched,
        scaling=group.scaling,
    )


def _self_managed(cluster: SimCluster, group: SimAutoScalingGroup) -> Group:
    digest = sha256(f"{cluster.key}/{group.name}".encode()).hexdigest()[:17]
    return Group(
        cluster=cluster,
        name=group.name,
        image=group.ami_id,
        instance_type=group.instance_type,
        desired=group.desired,
        minimum=group.minimum,
        maximum=group.maximum,
        subnets=tuple(group.subnets or cluster.subnets),
        tags={f"kubernetes.io/cluster/{cluster.name}": "owned", **group.tags, **group.scaling.tags},
        instances=group.instances,
        created_at=cluster.created_at,
        template={"id": f"lt-{digest}", "name": group.name, "version": "1"} | group.launch_template,
        life=group.life,
        images=group.images,
        suspended=tuple(group.suspended),
        launched=group.launched,
        versions=group.versions,
        scaling=group.scaling,
    )


def templates_of(world: World, account: str, region: str) -> Iterator[Template]:
    """The launch templates of an account and region that some group uses."""
    users: dict[str, list[Group]] = {}
    for cluster in world.of_scope(account, region):
        for group in groups_of(cluster):
            users.setdefault(group.template["id"], []).append(group)
    for id, groups in users.items():
        versions = tuple(launched_version(world, group.template) for group in groups)
        newest, own = max(versions), world.templates.get(id)
        numbers = (own.default, max(own.latest, newest)) if own else (newest, newest)
        yield Template(tuple(groups), versions, *numbers)


def launched_version(world: World, template: Mapping[str, str]) -> int:
    """The number behind what a group says of its template: $Latest and $Default are those of the moment."""
    named, own = template["version"], world.templates.get(template["id"])
    if named.isdigit():
        return int(named)
    return (own.latest if named == "$Latest" else own.default) if own else 1


def private_address(instance: str) -> str:
    """The IPv4 address of an instance, made of its id."""
    digest = sha256(instance.encode()).digest()
    return f"10.{digest[0]}.{digest[1]}.{digest[2] % 250 + 4}"


def subnets_of(world: World, cluster: SimCluster) -> dict[str, Subnet]:
    """The cluster's subnets by id, spread over the region's zones in their order."""
    second = sha256(cluster.vpc.encode()).digest()[0]
    found = {}
    for number, name in enumerate(cluster.subnets):
        own = world.subnets.get(name)
        found[name] = Subnet(
            id=name,
            vpc=cluster.vpc,
            zone=cluster.region + _ZONES[number % len(_ZONES)],
            cidr=f"10.{second}.{number * 16 % 256}.0/20",
            free=own.free_addresses if own else _FREE,
            tags=own.tags if own else {f"kubernetes.io/cluster/{cluster.name}": "shared"},
        )
    return found


def vpc_cidr(vpc: str) -> str:
    return f"10.{sha256(vpc.encode()).digest()[0]}.0.0/16"
