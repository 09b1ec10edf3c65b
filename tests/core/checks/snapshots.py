"""A healthy cluster with every part seen and empty, for tests that change one thing."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.assess import hops_to
from fleetkeeper.core.checks import check_of
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.snapshot import Hop, Policy, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SCOPE = model.Scope("111122223333", "eu-west-1")
PLACEMENT = model.Placement("production", "canary", "shop", mapped=True, reason="tag")
NOTHING: Mapping[str, Any] = {}
ANY = Policy()
NO_ROWS = Compat()
HOP = Hop(Minor(1, 34), Minor(1, 35))

EMPTY: dict[str, Any] = {
    parts.MANAGED_ADDONS: (),
    parts.NODE_GROUPS: (),
    parts.FARGATE_PROFILES: (),
    parts.INSIGHTS: (),
    parts.NODES: (),
    parts.WORKLOADS: (),
    parts.PODS: model.Pods(0, ()),
    parts.NAMESPACES: (),
    parts.CRDS: (),
    parts.HELM_RELEASES: (),
    parts.ADDONS: model.Addons(()),
    parts.UPDATES: (),
    parts.PREREQUISITES: observed.ClusterPrerequisites(),
    parts.LAUNCH_TEMPLATES: (),
    parts.IMAGES: (),
    parts.BUDGETS: (),
    parts.POD_NOTES: (),
    parts.VOLUMES: (),
    parts.WEBHOOKS: (),
    parts.API_SERVICES: (),
    parts.GITOPS: (),
    parts.API_USE: observed.ApiUse((), NOW - timedelta(days=30)),
    parts.OBJECT_TRACES: (),
    parts.HELM_USE: observed.HelmUse(),
    parts.AUDIT_CALLS: (),
    parts.CUSTOMISED: (),
}
SHARED: dict[str, Any] = {
    parts.AUTO_SCALING_GROUPS: (),
    parts.CLUSTER_VERSIONS: (),
    parts.ADDON_RELEASES: (),
    parts.QUOTAS: (),
}


def control_plane(version: str = "1.34", **more: Any) -> model.ControlPlane:
    return model.ControlPlane("shop", Minor.parse(version), "ACTIVE", "https://shop.example", "pem", **more)


def snapshot(
    values: Mapping[str, Any] = NOTHING, *, unseen: Iterable[str] = (), policy: Policy = ANY, now: datetime = NOW
) -> Snapshot:
    """A snapshot with these parts by name; `unseen` ones are gaps."""
    seen = {parts.CONTROL_PLANE: control_plane(), **EMPTY, **SHARED, **values}
    gap = model.Gap(GapReason.FORBIDDEN, "not allowed to list it", NOW)
    made = {
        name: model.Part(None, None, gap) if name in set(unseen) else model.Part(value, NOW)
        for name, value in seen.items()
    }
    own = {name: part for name, part in made.items() if name not in SHARED}
    id = model.ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/shop", NOW)
    cluster = model.SeenCluster(id, "shop", SCOPE, PLACEMENT, NOW, NOW, None, own)
    return Snapshot(cluster, now, {name: made[name] for name in SHARED}, policy)


def found(code: str, snap: Snapshot, hop: Hop = HOP, compat: Compat = NO_ROWS) -> tuple[Finding, ...]:
    """What one check finds."""
    check = check_of(code)
    assert check is not None, f"no check has the code {code}"
    return tuple(check.look(snap, hop, compat))


def hops(source: str, target: str) -> tuple[Hop, ...]:
    return hops_to(Minor.parse(source), Minor.parse(target))
