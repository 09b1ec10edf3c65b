"""The fleet as a person wants to see it: one row a cluster, its support dates, its compute, and what was not seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core import model, parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.support import Support, support_at, support_of
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.way_back import WayBack, way_back_of
from fleetkeeper.errors import GapReason


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything stored that the tables are made of; `scopes` are the parts that the clusters of a scope share."""

    clusters: Sequence[model.SeenCluster]
    scopes: Mapping[model.Scope, Mapping[str, model.Part[Any]]]
    compat: Compat
    now: datetime
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class NodeLine:
    """Nodes of one cluster that are alike. image is the OS image; kubelet versions differ between lines."""

    kind: model.ComputeKind
    group: str
    kubelet: str
    image: str
    traits: tuple[str, ...]
    count: int
    ready: int


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One cluster. observed_at is the oldest good read of the parts shown, None when one of them was never read.

    rollback is the way back of its control plane; one that is closed says why.
    """

    id: model.ClusterId
    name: str
    account: str
    account_name: str
    region: str
    placement: model.Placement
    version: Minor | None
    status: str
    support: Support | None
    support_type: str
    nodes: int | None
    kubelets: tuple[Minor, ...]
    compute: tuple[str, ...]
    addons: int | None
    addons_not_seen: tuple[str, ...]
    observed_at: datetime | None
    stale: bool
    gaps: Mapping[str, model.Gap]
    rollback: WayBack


@dataclass(frozen=True, slots=True)
class GapRow:
    """Parts of one subject that are not seen for one reason."""

    subject: str
    parts: tuple[str, ...]
    gap: model.Gap
    fix: str


SHOWN = (parts.CONTROL_PLANE, parts.NODES, parts.ADDONS)
"""The parts that a row of the fleet shows; its age is that of the oldest of them."""

NEEDED = (*SHOWN, parts.NODE_GROUPS, parts.FARGATE_PROFILES, parts.UPDATES)
"""The parts that the rows of the fleet and of its nodes are made of."""

_FIXES = {
    GapReason.UNREACHABLE: "check the network path or set a proxy for it, then `fleetkeeper doctor {name}`",
    GapReason.TIMEOUT: "check the network path and load, or raise kubernetes.timeout_seconds",
    GapReason.THROTTLED: "find who else uses up this API's limit; tried again at the next tick",
    GapReason.SERVER_ERROR: "tried again at the next tick; if it stays, look at the API server's own health",
    GapReason.UNAUTHENTICATED: "renew the credential, then `fleetkeeper doctor {name}`",
    GapReason.FORBIDDEN: "`fleetkeeper doctor {name}` names what is missing, `fleetkeeper onboard {name}` grants it",
    GapReason.NOT_FOUND: "gone or never there; checked again at the next tick",
    GapReason.WRONG_ENDPOINT: "point the kubeconfig context at this cluster's own endpoint and CA",
    GapReason.INVALID_ANSWER: "look at what stands between (proxy, gateway); report it if the API itself answers so",
    GapReason.TOO_LARGE: "raise kubernetes.max_answer_mib, or lower kubernetes.page_size",
    GapReason.IN_USE: "wait for what is being done to it; tried again at the next tick",
    GapReason.REJECTED: "the message says what is wrong with the request; report it if the fault is fleetkeeper's",
    GapReason.NOT_CONFIGURED: "",
    GapReason.NOT_READ: "`fleetkeeper observe`, or look at why the daemon does not",
}


def subject(name: str, account: str, region: str) -> str:
    """A cluster as people tell it from its namesakes in other accounts and regions."""
    return f"{name} ({account}/{region})" if account else name


def fix_for(reason: GapReason, name: str) -> str:
    return _FIXES[reason].format(name=name)


def _scope_fix(reason: GapReason, name: str) -> str:
    """What to do about an organization, account or scope (`account/region`) that could not be listed."""
    if reason in (GapReason.FORBIDDEN, GapReason.UNAUTHENTICATED):
        account = name.partition("/")[0]
        grants = f", `fleetkeeper onboard {account}` grants it" if account.isdecimal() else ""
        return f"`fleetkeeper doctor` names what is missing{grants}"
    return fix_for(reason, "").replace(" doctor `", " doctor`")


def fleet_rows(fleet: Fleet) -> tuple[FleetRow, ...]:
    """One row a cluster; first what runs out of support first, then by name."""
    rows = [_row(fleet, cluster) for cluster in fleet.clusters]
    return tuple(sorted(rows, key=_urgency))


def _urgency(row: FleetRow) -> tuple[Any, ...]:
    return (row.version is None, row.version or Minor(0, 0), row.name, row.account, row.region)


def _row(fleet: Fleet, cluster: model.SeenCluster) -> FleetRow:
    control_plane: model.ControlPlane | None = cluster.value(parts.CONTROL_PLANE)
    nodes: tuple[model.Node, ...] | None = cluster.value(parts.NODES)
    addons: model.Addons | None = cluster.value(parts.ADDONS)
    observed = [p.observed_at if (p := cluster.parts.get(name)) else None for name in SHOWN]
    oldest = None if None in observed else min(o for o in observed if o)
    return FleetRow(
        id=cluster.id,
        name=cluster.name,
        account=cluster.scope.account if cluster.scope else "",
        account_name=_account_name(fleet, cluster),
        region=cluster.scope.region if cluster.scope else "",
        placement=cluster.placement,
        version=control_plane.version if control_plane else None,
        status=control_plane.status if control_plane else "",
        support=_support(fleet, cluster, control_plane),
        support_type=control_plane.support_type if control_plane else "",
        nodes=None if nodes is None else len(nodes),
        kubelets=tuple(sorted({m for n in nodes or () if (m := _minor(n.kubelet))})),
        compute=compute_of(fleet, cluster),
        addons=None if addons is None else len(addons.found),
        addons_not_seen=addons.not_seen if addons else (),
        observed_at=oldest,
        stale=oldest is None or fleet.now - oldest > fleet.stale_after,
        gaps=cluster.gaps,
        rollback=rollback_of(fleet, cluster),
    )


def rollback_of(fleet: Fleet, cluster: model.SeenCluster) -> WayBack:
    """The way back of a control plane by what is stored, counted from the start of its upgrade, which is cautious."""
    part = fleet.scopes.get(cluster.scope, {}).get(parts.CLUSTER_VERSIONS) if cluster.scope else None
    return way_back_of(cluster, part.value if part else None, fleet.compat, fleet.now)


def rollback_ends(fleet: Fleet) -> dict[tuple[str, str, str], datetime]:
    """(name, account, region) of the clusters whose control plane EKS takes back → until when."""
    ways = {
        (each.name, each.scope.account, each.scope.region): rollback_of(fleet, each).until
        for each in fleet.clusters
        if each.scope
    }
    return {who: until for who, until in ways.items() if until is not None}


def _account_name(fleet: Fleet, cluster: model.SeenCluster) -> str:
    if cluster.scope is None:
        return ""
    part = fleet.scopes.get(cluster.scope, {}).get(parts.ACCOUNT)
    return part.value.name if part and part.value else ""


def _support(fleet: Fleet, cluster: model.SeenCluster, control_plane: model.ControlPlane | None) -> Support | None:
    if control_plane is None:
        return None
    if cluster.scope is None:
        upstream = fleet.compat.upstream_support(control_plane.version)
        return support_at(fleet.now, control_plane.version, [upstream])
    part = fleet.scopes.get(cluster.scope, {}).get(parts.CLUSTER_VERSIONS)
    return support_of(control_plane.version, part.value if part else None, fleet.compat, fleet.now)


def _minor(kubelet: str) -> Minor | None:
    try:
        return Minor.parse(kubelet)
    except ValueError:
        return None


def compute_of(fleet: Fleet, cluster: model.SeenCluster) -> tuple[str, ...]:
    """How this cluster's nodes come and go, with the traits that change how they are rotated."""
    kinds = {n.kind.value for n in cluster.value(parts.NODES) or ()}
    groups: tuple[model.NodeGroup, ...] = cluster.value(parts.NODE_GROUPS) or ()
    kinds |= {model.ComputeKind.MANAGED.value for _ in groups}
    kinds |= {model.ComputeKind.FARGATE.value for _ in cluster.value(parts.FARGATE_PROFILES) or ()}
    kinds |= {model.ComputeKind.SELF_MANAGED.value for _ in self_managed_groups(fleet, cluster)}
    control_plane = cluster.value(parts.CONTROL_PLANE)
    if control_plane and control_plane.auto_mode:
        kinds.add(model.ComputeKind.AUTO_MODE.value)
    order = [k.value for k in model.ComputeKind]
    traits = {trait for line in node_lines(cluster) for trait in line.traits}
    return (*sorted(kinds, key=order.index), *sorted(traits))


def self_managed_groups(fleet: Fleet, cluster: model.SeenCluster) -> tuple[model.AutoScalingGroup, ...]:
    """Auto Scaling groups that carry the cluster's tag and that no managed node group owns."""
    part = fleet.scopes.get(cluster.scope, {}).get(parts.AUTO_SCALING_GROUPS) if cluster.scope else None
    groups: tuple[model.AutoScalingGroup, ...] = (part.value if part else None) or ()
    return tuple(g for g in groups if g.cluster == cluster.name and not g.node_group)


def node_lines(cluster: model.SeenCluster) -> tuple[NodeLine, ...]:
    """The cluster's nodes, those alike as one line, and managed groups that have no node."""
    groups = {g.name: g for g in cluster.value(parts.NODE_GROUPS) or ()}
    alike: dict[tuple[model.ComputeKind, str, str, str, tuple[str, ...]], list[model.Node]] = {}
    for node in cluster.value(parts.NODES) or ():
        traits = _traits(node, groups.get(node.group) if node.kind is model.ComputeKind.MANAGED else None)
        alike.setdefault((node.kind, node.group, node.kubelet, node.os_image, traits), []).append(node)
    lines = [
        NodeLine(kind, group, kubelet, image, traits, len(nodes), sum(n.ready for n in nodes))
        for (kind, group, kubelet, image, traits), nodes in alike.items()
    ]
    present = {line.group for line in lines if line.kind is model.ComputeKind.MANAGED}
    lines += [_empty_group(g) for g in groups.values() if g.name not in present]
    return tuple(sorted(lines, key=lambda line: (line.kind, line.group, line.kubelet, line.image)))


def _empty_group(group: model.NodeGroup) -> NodeLine:
    image = f"{group.ami_type} {group.release_version}".strip()
    return NodeLine(model.ComputeKind.MANAGED, group.name, "", image, _of_group(group), 0, 0)


def _traits(node: model.Node, group: model.NodeGroup | None) -> tuple[str, ...]:
    found = set(_of_group(group)) if group else set()
    if node.os == "windows":
        found.add("windows")
    if node.os_image.startswith("Bottlerocket"):
        found.add("bottlerocket")
    return tuple(sorted(found))


def _of_group(group: model.NodeGroup) -> tuple[str, ...]:
    found = set()
    if group.custom_ami:
        found.add("custom AMI")
    if group.ami_type.startswith("BOTTLEROCKET"):
        found.add("bottlerocket")
    if group.ami_type.startswith("WINDOWS"):
        found.add("windows")
    return tuple(sorted(found))


def gap_rows(rows: Iterable[FleetRow], not_listed: Mapping[str, model.Gap]) -> tuple[GapRow, ...]:
    """What is not seen now; the parts of one cluster that share a reason are one row, with the first one's words."""
    found = [GapRow(name, (parts.CLUSTERS,), gap, _scope_fix(gap.reason, name)) for name, gap in not_listed.items()]
    for row in rows:
        together: dict[GapReason, dict[str, model.Gap]] = {}
        for part in sorted(row.gaps, key=parts.CLUSTER_PARTS.index):
            together.setdefault(row.gaps[part].reason, {})[part] = row.gaps[part]
        who = subject(row.name, row.account, row.region)
        for reason, gaps in together.items():
            details = list(dict.fromkeys(g.detail for g in gaps.values()))
            detail = details[0] + (f" (and {len(details) - 1} more like it)" if len(details) > 1 else "")
            gap = model.Gap(reason, detail, min(g.since for g in gaps.values()))
            found.append(GapRow(who, tuple(gaps), gap, fix_for(reason, row.name)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class NodeRow:
    cluster: str
    account: str
    region: str
    line: NodeLine


def node_rows(fleet: Fleet) -> tuple[NodeRow, ...]:
    """Every kind of node of every cluster, by cluster."""
    rows = [
        NodeRow(c.name, c.scope.account if c.scope else "", c.scope.region if c.scope else "", line)
        for c in fleet.clusters
        for line in node_lines(c)
    ]
    return tuple(sorted(rows, key=lambda r: (r.cluster, r.account, r.region)))


@dataclass(frozen=True, slots=True)
class EachNode:
    """One node of one cluster; traits change how it is rotated."""

    cluster: str
    account: str
    region: str
    traits: tuple[str, ...]
    node: model.Node


def each_node(fleet: Fleet) -> tuple[EachNode, ...]:
    """Every node of every cluster, by cluster, group and name."""
    found = []
    for cluster in fleet.clusters:
        groups = {g.name: g for g in cluster.value(parts.NODE_GROUPS) or ()}
        account, region = (cluster.scope.account, cluster.scope.region) if cluster.scope else ("", "")
        for node in cluster.value(parts.NODES) or ():
            traits = _traits(node, groups.get(node.group) if node.kind is model.ComputeKind.MANAGED else None)
            found.append(EachNode(cluster.name, account, region, traits, node))
    return tuple(sorted(found, key=lambda n: (n.cluster, n.account, n.region, n.node.group, n.node.name)))
