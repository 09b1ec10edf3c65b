"""The control plane's own steps: up one minor, back one minor, and the insights that EKS is asked for before."""

from collections.abc import Iterator
from dataclasses import replace

from fleetkeeper.core import parts
from fleetkeeper.core.expanding.addon_ways import Ways
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride, unseen
from fleetkeeper.core.expanding.prospect import PoolKey, PoolState, Prospect, oldest_allowed, pool_name, violations
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.playbook import Changes
from fleetkeeper.core.traits import AUTO_MODE
from fleetkeeper.core.versions import Minor

_OURS = (ComputeKind.MANAGED, ComputeKind.KARPENTER, ComputeKind.AUTO_MODE, ComputeKind.FARGATE)
"""Kinds of compute whose nodes this playbook brings to a minor; nobody's step touches the others."""


def upgrade(asked: Asked) -> Expansion:
    """One minor up, where everything that is there then goes with it."""
    if asked.snap.cluster.scope is None:
        return Expansion(obstacle="it is no EKS cluster: nothing moves its control plane from here")
    if gap := unseen(asked.snap, parts.NODES, parts.NODE_GROUPS):
        return Expansion(obstacle=gap)
    hop = asked.hop
    assert hop is not None
    after = _moved(asked.at, hop.target)
    if wrong := next(_in_the_way(asked, after), ""):
        return Expansion(obstacle=f"before {hop}: {wrong}")
    traits = (AUTO_MODE,) if is_auto_mode(asked) else ()
    step = asked.step(_why_up(asked), **{"from": str(hop.source), "to": str(hop.target)})
    notes = tuple(_left_alone(asked)) if asked.next is None else ()
    return Expansion((Stride(step, after),), notes=notes, traits=traits)


def is_auto_mode(asked: Asked) -> bool:
    plane = asked.snap.control_plane
    return bool(plane and plane.auto_mode) or any(asked.at.of_kind(ComputeKind.AUTO_MODE))


def _moved(at: Prospect, to: Minor) -> Prospect:
    """Auto Mode's nodes follow at once; those of Karpenter may, where nothing holds them."""
    follow = {key: pool.moved(to) for key, pool in at.of_kind(ComputeKind.AUTO_MODE)}
    drift = {
        key: replace(pool, newest=max(pool.newest, to))
        for key, pool in at.of_kind(ComputeKind.KARPENTER)
        if pool.newest and not at.holds(key[1])
    }
    return replace(at.with_pools({**follow, **drift}), minor=to)


def _in_the_way(asked: Asked, after: Prospect) -> Iterator[str]:
    """The last look at the order itself: what would be out of skew, or no longer supported, once it has moved."""
    hop = asked.hop
    assert hop is not None
    for key, pool in asked.at.pools.items():
        oldest = oldest_allowed(asked.compat, pool.oldest, hop.target) if pool.oldest else None
        if pool.oldest and oldest and pool.oldest < oldest:
            yield (
                f"{pool_name(key)} is at {pool.oldest}, and {hop.target} takes no kubelet older than {oldest}:"
                f" {_move_to(asked, key, pool)}"
            )
    yield from violations(after, asked.compat)
    for name, text in after.addons.items():
        ways = Ways(name, asked.snap.addon_releases, asked.compat)
        fit = ways.fits(text, hop.target)
        if fit.answer is not True and ways.is_critical:
            known = "does not go" if fit.answer is False else "is not known to go"
            yield f"{name} {text} {known} with {hop.target} ({fit.why}), and no step of the playbook moves it"


def _move_to(asked: Asked, key: PoolKey, pool: PoolState) -> str:
    """What the owner of nodes that no step moves in time would do."""
    hop, cluster = asked.hop, asked.snap.cluster.name
    assert hop is not None
    match key[0]:
        case ComputeKind.MANAGED if not pool.own_image and hop.first:
            return (
                f"roll it to {hop.source} first: aws eks update-nodegroup-version --cluster-name {cluster}"
                f" --nodegroup-name {key[1]} --kubernetes-version {hop.source}"
            )
        case ComputeKind.MANAGED:
            return f"put an image of {hop.source} into its launch template and update the group first"
        case ComputeKind.FARGATE:
            return "restart the workloads of its pods first: kubectl rollout restart"
        case ComputeKind.KARPENTER | ComputeKind.AUTO_MODE:
            return f"let its nodes be replaced by ones of {hop.source} first"
    return f"replace its nodes by ones of {hop.source} first; fleetkeeper does not touch them"


def _why_up(asked: Asked) -> str:
    hop = asked.hop
    assert hop is not None
    way = f"the next minor on the way to {asked.ahead[-1]}" if asked.ahead else "the minor that its policy wants"
    kubelets = [pool.oldest for pool in asked.at.pools.values() if pool.oldest]
    oldest = f"; its oldest kubelets are at {min(kubelets)}" if kubelets else ""
    return f"from {hop.source} to {hop.target}, {way}; EKS takes one minor at a time, and it cannot be stopped{oldest}"


def _left_alone(asked: Asked) -> Iterator[str]:
    """Nodes that stay behind the control plane, for nobody's step touches them."""
    for key, pool in asked.at.pools.items():
        if key[0] not in _OURS or (key[0] is ComputeKind.MANAGED and pool.own_image):
            of = "its own images" if pool.own_image else key[0].value
            yield (
                f"{pool_name(key)} stays at {pool.oldest}: fleetkeeper does not touch such nodes ({of});"
                f" replace them by ones of {asked.hop.target if asked.hop else ''} afterwards"
            )


# ---- back


def roll_back(asked: Asked) -> Expansion:
    """One minor back, where everything that is there then goes with it."""
    if gap := unseen(asked.snap, parts.NODES, parts.NODE_GROUPS):
        return Expansion(obstacle=gap)
    hop = asked.hop
    assert hop is not None
    auto = is_auto_mode(asked)
    back = {key: pool.moved(hop.target) for key, pool in asked.at.of_kind(ComputeKind.AUTO_MODE)}
    after = replace(asked.at.with_pools(back), minor=hop.target)
    if wrong := next(_too_new(asked, after), ""):
        return Expansion(obstacle=f"before it goes back to {hop.target}: {wrong}")
    rest = {name: value for name, value in asked.spec.params.items() if auto or name != "timeout_minutes"}
    plain = replace(asked, spec=replace(asked.spec, params=rest))
    first = "; EKS rolls the nodes of Auto Mode back first" if auto else ""
    why = f"back from {hop.source} to {hop.target}, the only minor that EKS takes it back to{first}"
    step = plain.step(why, **{"from": str(hop.source), "to": str(hop.target)})
    return Expansion((Stride(step, after),), notes=_AUTO if auto else (), traits=(AUTO_MODE,) if auto else ())


_AUTO = (
    "EKS Auto Mode: its nodes go back first, all at once; past the timeout they go forward again",
    "EKS Auto Mode: a NodePool budget of 0, or a node with do-not-disrupt, stops its way back (an ERROR insight)",
)


def _too_new(asked: Asked, after: Prospect) -> Iterator[str]:
    hop = asked.hop
    assert hop is not None
    for key, pool in after.pools.items():
        if pool.newest and pool.newest > hop.target:
            yield f"{pool_name(key)} is at {pool.newest}, newer than {hop.target}: {_take_back(key[0], hop.target)}"
    yield from violations(after, asked.compat)


def _take_back(kind: ComputeKind, to: Minor) -> str:
    match kind:
        case ComputeKind.FARGATE:
            return "delete these pods first (scale their workloads to zero), for a new one gets the cluster's minor"
        case ComputeKind.KARPENTER:
            return f"let its EC2NodeClass select a fixed image of {to}, and its nodes be replaced, first"
        case ComputeKind.MANAGED:
            return f"put an image of {to} into its launch template and update the group first"
    return f"replace them by nodes of {to} first; fleetkeeper does not touch them"


# ---- insights


def refresh_insights(asked: Asked) -> Expansion:
    """EKS's own judgement, asked for anew, unless nothing was moved since the plan asked last."""
    hop, at = asked.hop, asked.at
    if hop is None or at.judged == at.state:
        return Expansion()
    back = asked.changes is Changes.ROLLBACK
    what = f"the way back to {hop.target}" if back else str(hop.target)
    why = f"EKS judges {what} by insights that may be a day old: made anew, they show an ERROR before it moves"
    if at.judged and at.judged[0] == at.minor:
        why = f"the steps before it mended what EKS's insights for {what} may show as ERROR: they are made anew"
    category = "ROLLBACK_READINESS" if back else "UPGRADE_READINESS"
    return Expansion((Stride(asked.step(why, category=category), replace(at, judged=at.state)),))
