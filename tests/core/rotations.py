"""Clusters with nodes of some age, and the way of a rotation through them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.expanding.fold import Walk, walk
from fleetkeeper.core.group_images import group_images
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.playbook import Changes, Param, Playbook, StageSpec, StepSpec
from fleetkeeper.core.snapshot import Snapshot
from tests.contract.observed import NOON
from tests.core.upgrades import SHIPPED, group, member_node, small

OLD_DAY, NEW_DAY = "20260802", "20261110"  # 110 and 10 days before noon of 2026-11-20
OLD_SYSTEM, NEW_SYSTEM = f"Amazon Linux 2023.9.{OLD_DAY}", f"Amazon Linux 2023.9.{NEW_DAY}"
KINDS = ("update-nodegroup", "surge-nodes", "drift-nodes", "blue-green", "delete-node-group")


def rotate(*more: StepSpec, **params: Param) -> Playbook:
    """The shipped order of strategies; params are of the step blue-green."""
    steps = [StepSpec(kind, kind, params if kind == "blue-green" else {}) for kind in KINDS]
    return Playbook(
        name="rotate-nodes",
        title="Replace nodes",
        purpose="So that images are young.",
        changes=Changes.NODES,
        steps=(StepSpec("preflight", "preflight"), *steps, *more, StepSpec("postflight", "postflight")),
        stages=(StageSpec("all"),),
        origin="shipped rotate-nodes.toml",
        digest="0" * 64,
    )


def aged(
    number: int,
    day: str = OLD_DAY,
    kind: ComputeKind = ComputeKind.MANAGED,
    group: str = "web",
    version: str = "1.34",
    **other: Any,
) -> model.Node:
    """A node whose Amazon Linux is of that day, and which is younger than it."""
    made = datetime.strptime(day, "%Y%m%d").replace(tzinfo=NOON.tzinfo) if day else NOON
    found = member_node(number, version, kind, group)
    system = f"Amazon Linux 2023.9.{day}" if day else "Bottlerocket OS 1.26.1"
    return replace(found, **{"os_image": system, "created_at": made + timedelta(days=1), **other})


def old_group(name: str = "web", day: str = OLD_DAY, version: str = "1.34", **other: Any) -> model.NodeGroup:
    release = f"{version}.2-{day}" if day else "1.26.1-943d9a41"
    return group(name, version, release_version=release, **other)


def fleet(nodes: tuple[model.Node, ...] = (), groups: tuple[model.NodeGroup, ...] = (), **values: Any) -> Snapshot:
    """A cluster at 1.34 whose one group has old nodes, unless others are given."""
    shared = {parts.AUTO_SCALING_GROUPS: values.pop("scaling", ())}
    zones = (observed.Subnet("subnet-a", "eu-west-1a", 4000), observed.Subnet("subnet-b", "eu-west-1b", 4000))
    known = {
        parts.PREREQUISITES: observed.ClusterPrerequisites(node_subnets=zones),
        parts.WORKLOADS: (),
        parts.PODS: model.Pods(0, ()),
        parts.BUDGETS: (),
        parts.VOLUMES: (),
        parts.IMAGES: group_images(groups or (old_group(),), values.pop("templates", ()), values.pop("images", ())),
    }
    own = nodes or (aged(1), aged(2))
    return small(
        version="1.34",
        groups=groups or (old_group(),),
        nodes=own,
        values=known | values.pop("values", {}),
        shared=shared,
        **values,
    )


def rotated(snap: Snapshot, playbook: Playbook | None = None) -> Walk:
    return walk(playbook or rotate(), snap, SHIPPED)


def kinds(way: Walk) -> list[str]:
    """`update-nodegroup-web`, without what every way has."""
    return [each.name for each in way.steps if each.kind in KINDS]
