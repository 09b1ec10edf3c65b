"""Findings that hold a hop, and that the plan itself mends on its way there."""

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.expanding.addon_ways import Ways
from fleetkeeper.core.expanding.fold import Walk
from fleetkeeper.core.expanding.prospect import KUBE_PROXY, Prospect, oldest_allowed
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor

MENDABLE = frozenset({"FK105", "FK107", "FK109", "FK202"})
"""Codes of findings that steps of a plan may mend."""

_ADDON_INSIGHT, _KUBELET_INSIGHT, _PROXY_INSIGHT = "EKS add-on", "Kubelet version skew", "kube-proxy version skew"
"""How EKS names its insights of what a plan mends (view-cluster-insights, 2026). The names are not promised: one that
is worded anew only holds the cluster, as any other insight does, and what is mended is proven without it."""


def is_mended(finding: Finding, way: Walk, hops: tuple[Hop, ...], snap: Snapshot, compat: Compat) -> bool:
    """Whether what a finding says is no longer so when the control plane gets to the minor at which it breaks."""
    minor = finding.minor or (hops[0].target if hops else None)
    at = way.before(minor) if minor else None
    if minor is None or at is None:
        return False
    match finding.code:
        case "FK202":
            name = finding.subject.name
            return at.addons.get(name) != way.start.addons.get(name) and _fits(name, at, minor, snap, compat)
        case "FK109":
            return finding.subject.name in at.addons and _fits(finding.subject.name, at, minor, snap, compat)
        case "FK107":
            return _in_skew(at, minor, compat, finding.subject.name)
        case "FK105":
            return _is_mended_insight(finding.subject.name, at, minor, snap, compat)
    return False


def _is_mended_insight(name: str, at: Prospect, minor: Minor, snap: Snapshot, compat: Compat) -> bool:
    if name.startswith(_ADDON_INSIGHT):
        return all(_fits(each, at, minor, snap, compat) for each in at.addons)
    if name.startswith(_KUBELET_INSIGHT):
        return _in_skew(at, minor, compat)
    if name.startswith(_PROXY_INSIGHT):
        return KUBE_PROXY in at.addons and _fits(KUBE_PROXY, at, minor, snap, compat)
    return False


def _fits(name: str, at: Prospect, minor: Minor, snap: Snapshot, compat: Compat) -> bool:
    return Ways(name, snap.addon_releases, compat).fits(at.addons[name], minor).answer is True


def _in_skew(at: Prospect, minor: Minor, compat: Compat, name: str = "") -> bool:
    """Of one pool by its name, or of all; a pool that is not known by its name is not mended."""
    chosen = [pool for key, pool in at.pools.items() if not name or name in (key[1], key[0].value)]
    for pool in chosen:
        allowed = oldest_allowed(compat, pool.oldest, minor) if pool.oldest else None
        if pool.oldest is None or allowed is None or pool.oldest < allowed:
            return False
    return bool(chosen) or not name
