"""A simulated world that holds one cluster as it was seen: what is stored of it, and what stands where in it now."""

from dataclasses import dataclass, field
from datetime import timedelta

from fleetkeeper.core import model
from fleetkeeper.core.live import LiveNode
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.times import Luck, Times
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.rehearsal.objects import objects_of
from fleetkeeper.sim import build_eks
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.templates import publish
from fleetkeeper.sim.controllers.timing import Timing
from fleetkeeper.sim.eks_state import EksRules, EksTiming
from fleetkeeper.sim.objects.recipes import Identity
from fleetkeeper.sim.scenario import Look
from fleetkeeper.sim.world import SimAccount, SimAutoScalingGroup, SimCluster, SimNodeGroup, SimUpdateConfig, World

_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "NoExecute": "NO_EXECUTE", "PreferNoSchedule": "PREFER_NO_SCHEDULE"}
_SLOWER = {Luck.GOOD: 0.75, Luck.USUAL: 1.0, Luck.BAD: 2.0}
"""What EKS's own phases take, of their usual time."""
_IMAGE, _NEXT_IMAGE = "ami-0123456789abcdef0", "ami-0fedcba9876543210"
_MOST_MORE = 100
"""Instances by which an Auto Scaling group may grow: the inventory does not keep its maximum."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What a world is made of. version: the minor of the control plane by the time that nodes are moved."""

    snapshot: Snapshot
    placed: Placed
    times: Times
    version: Minor
    without: frozenset[str] = field(default_factory=frozenset)  # budgets (namespace/name) that are left out

    @property
    def plane(self) -> model.ControlPlane:
        found = self.snapshot.value("control_plane")
        if not isinstance(found, model.ControlPlane):
            raise TypeError(f"the control plane of {self.snapshot.cluster.name} was never seen")
        return found


def world_of(seed: Seed, luck: Luck) -> World:
    """The world at the moment of the placements; its cluster is the only one in it."""
    cluster, scope = seed.snapshot.cluster, seed.snapshot.cluster.scope
    if scope is None:
        raise TypeError(f"{cluster.name} is known by a kubeconfig alone")
    account = SimAccount(scope.account, scope.account, regions=[scope.region])
    world = World(
        epoch=seed.placed.at.replace(microsecond=0),
        management_account=scope.account,
        accounts={scope.account: account},
        name="rehearsal",
        eks=EksRules(timing=_eks_timing(seed.times, luck)),
    )
    made = _cluster(seed, scope)
    look = Look(version=seed.version)
    build_eks.fill(made, look, [], account, Identity(cluster.name, world.epoch))
    _fill_groups(made, seed)
    made.objects = objects_of(_left(seed), seed.times, luck)
    made.revision = 1 + sum(map(len, made.objects.values()))
    world.clusters[made.key] = made
    for name in made.auto_scaling_groups:  # else nothing of it would be old
        publish(world, made, name, _NEXT_IMAGE, kubelet=made.patch)
    return world


def timing_of(times: Times, luck: Luck, reaction: float = 0.05) -> Timing:
    """How long things take in the world; a pod's own time to Ready is on its template.

    reaction: seconds from a write to the controllers that look at it; all that is written meanwhile is one look.
    """
    return Timing(
        reaction=reaction,
        image_pull=0.0,
        container_start=0.0,
        readiness=times.pod.at(luck),
        node_boot=times.boot.at(luck),
        node_ready=times.node.at(luck),
        volume_attach=times.attach.at(luck),
        volume_detach=times.detach.at(luck),
    )


def _eks_timing(times: Times, luck: Luck) -> EksTiming:
    usual, slower = EksTiming(), _SLOWER[luck]
    return EksTiming(
        node_boot=timedelta(seconds=times.boot.at(luck)),
        group_setup=usual.group_setup * slower,
        scale_down_step=usual.scale_down_step * slower,
        instance_end=usual.instance_end * slower,
        configuration=usual.configuration * slower,
    )


def _left(seed: Seed) -> Placed:
    """The placements without the budgets that are left out."""
    if not seed.without:
        return seed.placed
    placed = seed.placed
    kept = tuple(each for each in placed.budgets if f"{each.namespace}/{each.name}" not in seed.without)
    return Placed(placed.at, placed.nodes, placed.pods, kept, placed.volumes)


def _cluster(seed: Seed, scope: model.Scope) -> SimCluster:
    cluster, plane = seed.snapshot.cluster, seed.plane
    offered = catalog().minor(str(seed.version))
    moved = seed.version != plane.version
    named = f"v{offered.patch if offered else f'{seed.version}.0'}-eks-3cfe0ce"
    return SimCluster(
        key=cluster.name,
        name=cluster.name,
        account=scope.account,
        region=scope.region,
        partition=scope.partition,
        version=str(seed.version),
        patch=named if moved or not plane.git_version else plane.git_version,
        platform_version=plane.platform_version,
        created_at=cluster.id.created_at,
        support_type=plane.support_type or "STANDARD",
        auto_mode=plane.auto_mode,
        tags=dict(plane.tags),
    )


def _fill_groups(made: SimCluster, seed: Seed) -> None:
    """Groups with the instances that back the nodes that are there."""
    snapshot, nodes = seed.snapshot, seed.placed.nodes
    made.subnets = list(seed.plane.subnets) or made.subnets
    for group in snapshot.node_groups:
        own = [each for each in nodes if each.node.kind is ComputeKind.MANAGED and each.node.group == group.name]
        made.node_groups[group.name] = _managed(group, own, seed)
    by_instance = {_instance(each): each for each in nodes}
    for asg in snapshot.auto_scaling_groups:
        if asg.node_group:
            continue
        own = [by_instance[each] for each in asg.instances if each in by_instance]
        kind = own[0].node.instance_type if own else ""
        made.auto_scaling_groups[asg.name] = SimAutoScalingGroup(
            name=asg.name,
            ami_id=_IMAGE,
            instance_type=kind or "m6i.large",
            desired=asg.desired,
            minimum=0,
            maximum=asg.desired + _MOST_MORE,
            tags={f"kubernetes.io/cluster/{made.name}": "owned"},
            instances=_zones(own),
            zones=sorted(set(_zones(own).values())),
        )


def _managed(group: model.NodeGroup, own: list[LiveNode], seed: Seed) -> SimNodeGroup:
    template, _, version = group.launch_template.partition(":")
    named = {"id": template, "name": template, "version": version} if template else {}
    return SimNodeGroup(
        name=group.name,
        version=str(group.version) if group.version else "",
        release_version=group.release_version,
        ami_type=group.ami_type,
        capacity_type=group.capacity_type,
        instance_types=list(group.instance_types) or ["m6i.large"],
        desired=group.desired,
        minimum=group.minimum,
        maximum=group.maximum,
        subnets=list(group.subnets),
        labels=dict(group.labels),
        taints=_taints(own),
        tags=dict(group.tags),
        status=group.status,
        launch_template=named,
        auto_scaling_group=next(iter(group.auto_scaling_groups), f"eks-{group.name}"),
        instances=_zones(own),
        zones=sorted(set(_zones(own).values())),
        created_at=seed.snapshot.cluster.id.created_at,
        update_config=_update_config(group),
    )


def _update_config(group: model.NodeGroup) -> SimUpdateConfig:
    text = group.max_unavailable
    if text.endswith("%"):
        return SimUpdateConfig(percent=int(text[:-1]), strategy=group.update_strategy)
    return SimUpdateConfig(nodes=int(text or 1), strategy=group.update_strategy)


def _taints(own: list[LiveNode]) -> list[dict[str, str]]:
    """Those that all nodes of the group have, in EKS's words: a new one will have them too."""
    if not own:
        return []
    shared = set(own[0].taints).intersection(*(each.taints for each in own))
    return [
        {"key": each.key, "value": each.value, "effect": _EFFECTS[each.effect]}
        for each in own[0].taints
        if each in shared and each.effect in _EFFECTS
    ]


def _instance(live: LiveNode) -> str:
    return live.node.provider_id.rpartition("/")[2]


def _zones(own: list[LiveNode]) -> dict[str, str]:
    return {_instance(each): each.node.zone for each in own}
