"""Clusters that go up or back some minors: a small one at 1.33, of which a case changes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.core import model, parts
from fleetkeeper.core.candidates import Back, Candidate, Standing
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.expanding.fold import Known, Walk, walk
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.playbook import Changes, GateSpec, Playbook, StageSpec, StepSpec, When
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.observe import attributes_of
from tests.contract.observed import NOON, control_plane, node, node_group
from tests.core.fleets import cluster, scope_parts
from tests.core.plans import addon, release

SHIPPED: Compat = read_compat()
M32, M33, M34, M35, M36 = (Minor(1, number) for number in range(32, 37))


def hop_step(kind: str, name: str = "", **params: Any) -> StepSpec:
    return StepSpec(name or kind, kind, params, each_hop=True)


UPGRADE = Playbook(
    name="minor-upgrade",
    title="Upgrade Kubernetes",
    purpose="So that no minor loses its support.",
    changes=Changes.MINOR,
    steps=(
        StepSpec("preflight", "preflight"),
        hop_step("refresh-insights", "insights"),
        hop_step("repair-release", "repair"),
        hop_step("update-release", "charts-before", when="before"),
        hop_step("update-addon", "before", addon="*", when="before"),
        hop_step("hold-nodes", "hold"),
        hop_step("refresh-insights", "insights-again"),
        hop_step("upgrade-control-plane", "control-plane"),
        hop_step("bake", **{"for": "1h"}),
        hop_step("update-nodegroup", "nodes"),
        hop_step("release-nodes", "release"),
        hop_step("restart-fargate", "fargate"),
        hop_step("update-addon", "after", addon="*", when="after"),
        hop_step("update-release", "charts-after", when="after"),
        StepSpec("postflight", "postflight"),
    ),
    stages=(
        StageSpec("canary", "ring=canary", gates=(GateSpec("soak", "soak", When.AFTER, {"for": "1d"}),)),
        StageSpec("rest", gates=(GateSpec("go-ahead", "approval", When.BEFORE),)),
    ),
    origin="shipped minor-upgrade.toml",
    digest="0" * 64,
)
ROLLBACK = replace(
    UPGRADE,
    name="rollback",
    title="Take Kubernetes back one minor",
    changes=Changes.ROLLBACK,
    steps=(
        StepSpec("preflight", "preflight", {"readiness": False}),
        StepSpec("nodes", "update-nodegroup"),
        StepSpec("addons", "update-addon", {"addon": "*", "version": "before"}),
        StepSpec("insights", "refresh-insights"),
        StepSpec("control-plane", "rollback-control-plane", {"timeout_minutes": 720}),
        StepSpec("bake", "bake", {"for": "30m"}),
        StepSpec("postflight", "postflight"),
    ),
    stages=(StageSpec("all"),),
)

OFFERED = (
    release("coredns", "v1.11.4-eksbuild.1", M32, M33),
    release("coredns", "v1.12.1-eksbuild.1", M33, M34),
    release("coredns", "v1.12.4-eksbuild.1", M33, M34, M35),
    release("coredns", "v1.13.2-eksbuild.1", M34, M35, M36),
    release("coredns", "v1.14.3-eksbuild.1", M36),
    *(release("kube-proxy", f"v{minor}.1-eksbuild.1", minor) for minor in (M32, M33, M34, M35, M36)),
    release("vpc-cni", "v1.19.6-eksbuild.1", M32, M33, M34),
    release("vpc-cni", "v1.20.4-eksbuild.1", M33, M34, M35, M36),
    release("vpc-cni", "v1.21.1-eksbuild.1", M34, M35, M36),
)
"""What EKS offers in these tests: coredns needs one update on the way from 1.33 to 1.36, and vpc-cni none."""

ADDONS = (
    addon("coredns", "v1.12.4-eksbuild.1"),
    addon("kube-proxy", "v1.33.1-eksbuild.1"),
    addon("vpc-cni", "v1.20.4-eksbuild.1"),
)


def group(name: str = "web", version: str | None = "1.33", **other: Any) -> model.NodeGroup:
    own = {} if version else {"ami_type": "CUSTOM"}
    return node_group(name=name, version=Minor.parse(version) if version else None, **own, **other)


def member_node(number: int, kubelet: str, kind: ComputeKind = ComputeKind.MANAGED, group: str = "web") -> model.Node:
    return node(number, kubelet=f"v{kubelet}.2-eks-a1b2c3", kind=kind, group=group)


def small(
    name: str = "shop",
    version: str = "1.33",
    addons: Sequence[model.ManagedAddon] = ADDONS,
    groups: Sequence[model.NodeGroup] | None = None,
    nodes: Sequence[model.Node] | None = None,
    releases: tuple[model.AddonRelease, ...] = OFFERED,
    values: Mapping[str, Any] | None = None,
    **other: Any,
) -> Snapshot:
    """A cluster with one managed group of its own minor, and nothing of Karpenter, Fargate or Helm."""
    plane = other.pop("plane", {})
    shared = other.pop("shared", {})
    found = {
        parts.CONTROL_PLANE: control_plane(version, name=name, **plane),
        parts.MANAGED_ADDONS: tuple(addons),
        parts.CUSTOMISED: (),
        parts.NODE_GROUPS: tuple((group(version=version),) if groups is None else groups),
        parts.NODES: tuple((member_node(1, version),) if nodes is None else nodes),
        parts.ADDONS: model.Addons(()),
        parts.HELM_RELEASES: (),
    } | dict(values or {})
    seen = cluster(name, values=found, **other)
    return Snapshot(seen, NOON, scope_parts(addon_releases=releases, **shared), stale_after=timedelta(hours=1))


def hops(source: str, target: str) -> tuple[Hop, ...]:
    found: list[Hop] = []
    at, to = Minor.parse(source), Minor.parse(target)
    while at < to:
        found.append(Hop(at, at.next(), first=not found))
        at = at.next()
    return tuple(found)


def up(snap: Snapshot, target: str = "1.34", playbook: Playbook = UPGRADE, known: Known | None = None) -> Walk:
    assert snap.control_plane is not None
    return walk(playbook, snap, SHIPPED, hops(str(snap.control_plane.version), target), known or Known())


def back(snap: Snapshot, history: Mapping[str, str] | None = None, playbook: Playbook = ROLLBACK) -> Walk:
    assert snap.control_plane is not None
    minor = snap.control_plane.version
    return walk(playbook, snap, SHIPPED, (Hop(minor, minor.previous()),), Known(history or {}))


def names(way: Walk, *, but: Sequence[str] = ("preflight", "postflight", "insights", "bake")) -> list[str]:
    """The steps of a way, without those that every way has."""
    return [each.name for each in way.steps if not each.name.startswith(tuple(but))]


def climber(snap: Snapshot, target: str = "1.34", **standing: Any) -> Candidate:
    assert snap.control_plane is not None
    way = tuple(str(each.target) for each in hops(str(snap.control_plane.version), target))
    return Candidate(snap, attributes_of(snap.cluster), Standing(hops=way, **standing))


def returner(snap: Snapshot, found: Back) -> Candidate:
    return Candidate(snap, attributes_of(snap.cluster), back=found)
