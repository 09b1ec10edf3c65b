"""What hangs on a managed node group, as far as EKS, Auto Scaling and the store tell: the ground for its traps."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fleetkeeper.core import parts
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.model import ControlPlane, NodeGroup, Workload
from fleetkeeper.core.observed import ClusterPrerequisites
from fleetkeeper.core.rotation.blue_green_traps import (
    NODE_GROUP,
    Ground,
    Scaling,
    Trap,
    pass_role,
    pinned_to,
    traps,
)
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import ScalingGroup

__all__ = ["CloneAsked", "Live", "caught", "pass_role"]


@dataclass(frozen=True, slots=True)
class CloneAsked:
    """What a second group is to be."""

    name: str
    ami_type: str = ""
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """The control plane, and every pod, at this moment."""

    plane: ControlPlane
    pods: tuple[LivePod, ...]


def caught(world: World, subject: Subject, group: NodeGroup, asked: CloneAsked, live: Live) -> tuple[Trap, ...]:
    """The traps of a group. Auto Scaling is asked now; workloads, subnets and other groups are as stored."""
    assert subject.scope is not None
    assert subject.member is not None
    workloads: tuple[Workload, ...] = _stored(world, subject, parts.WORKLOADS) or ()
    known: ClusterPrerequisites | None = _stored(world, subject, parts.PREREQUISITES) or None
    others: tuple[NodeGroup, ...] = _stored(world, subject, parts.NODE_GROUPS) or ()
    cloud = world.writers.cloud(subject.scope)
    found = [cloud.scaling_group(name) for name in group.auto_scaling_groups]
    ground = Ground(
        group=group,
        clone=asked.name,
        others=tuple(each for each in others if each.name != group.name),
        cluster=subject.member.name,
        cluster_tags=live.plane.tags,
        zones={each.id: each.zone for each in known.node_subnets} if known else {},
        pinned=(*pinned_to(group.name, asked.name, workloads), *_selecting(group.name, live.pods)),
        scaling=_scaling([each for each in found if each is not None]),
        ami_type=asked.ami_type,
        spare=asked.spare,
    )
    return (*_unseen(world, subject), *traps(ground))


def _unseen(world: World, subject: Subject) -> Iterable[Trap]:
    """Node affinity stands only in what is stored: unseen, it may name the group."""
    assert subject.member is not None
    part = world.store.cluster_part(subject.member.cluster, parts.WORKLOADS)
    if part is None or part.value is None:
        yield Trap("named by workloads", "which workloads choose nodes by their group was not seen", "observe it first")


def _stored(world: World, subject: Subject, part: str) -> Any:
    assert subject.member is not None
    found = world.store.cluster_part(subject.member.cluster, part)
    return found.value if found else None


def _selecting(group: str, pods: Iterable[LivePod]) -> tuple[str, ...]:
    named = {f"{pod.namespace}/{pod.controller or pod.name}" for pod in pods if pod.selects.get(NODE_GROUP) == group}
    return tuple(sorted(named))


def _scaling(found: Iterable[ScalingGroup]) -> Scaling:
    each = list(found)
    return Scaling(
        tags=tuple(sorted({key for group in each for key in group.tags})),
        target_groups=tuple(arn for group in each for arn in group.target_groups),
        scheduled=tuple(name for group in each for name in group.scheduled),
        warm_pool=any(group.warm_pool for group in each),
    )
