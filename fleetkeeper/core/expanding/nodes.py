"""Nodes that follow the control plane: as late as the version skew allows, and on the last hop in any case."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fleetkeeper.core import parts
from fleetkeeper.core.expanding.expansion import Asked, Expansion, Stride, unseen
from fleetkeeper.core.expanding.prospect import PoolKey, PoolState, pool_name
from fleetkeeper.core.expanding.rotation import update_node_groups
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.playbook import Changes, Param
from fleetkeeper.core.skew import window
from fleetkeeper.core.versions import Minor

KARPENTER = "karpenter"
"""The addon whose pools drift as soon as the control plane has moved."""


def group_fact(name: str) -> str:
    """The name of the fact that is the version of a managed node group."""
    return f"node group {name}"


@dataclass(frozen=True, slots=True)
class Due:
    """A pool whose nodes are to be at the hop's minor now, and why."""

    key: PoolKey
    pool: PoolState
    why: str


def due(asked: Asked, kind: ComputeKind) -> Iterator[Due]:
    """The pools of one kind that are behind, and cannot or need not wait any longer."""
    hop = asked.hop
    assert hop is not None
    for key, pool in asked.at.of_kind(kind):
        if pool.own_image or pool.oldest is None or pool.oldest >= asked.at.minor:
            continue
        if asked.next is None:
            end = f"{hop.target} is the last minor of this plan, so its nodes follow"
            why = f"{pool_name(key)} is at {pool.oldest}; {end}"
            yield Due(key, pool, why)
        elif late := _too_late(asked, key, pool.oldest, asked.next):
            yield Due(key, pool, late)


def _too_late(asked: Asked, key: PoolKey, kubelet: Minor, next: Minor) -> str:
    """Why a pool may not wait for the next hop, "" when it may."""
    allowed = window(asked.compat, "kubelet", kubelet, next)
    if allowed is None or kubelet >= allowed.oldest:
        return ""
    return (
        f"kubelets of {pool_name(key)} are at {kubelet}: behind {next} by {next.minor - kubelet.minor}, and"
        f" {allowed.row.older} is the most that EKS allows, so they roll to {asked.at.minor} before the next hop"
    )


def update_node_group(asked: Asked) -> Expansion:
    """A step for each managed group that is due; in a rollback for each that is newer than the minor before."""
    if asked.changes is Changes.NODES:
        return update_node_groups(asked)
    if gap := unseen(asked.snap, parts.NODES, parts.NODE_GROUPS):
        return Expansion(obstacle=gap)
    if asked.hop is None:
        return Expansion()
    if asked.changes is Changes.ROLLBACK:
        return _rolled(asked, tuple(_too_new(asked)), asked.hop.target, direction="any")
    return _rolled(asked, tuple(due(asked, ComputeKind.MANAGED)), asked.at.minor)


def _too_new(asked: Asked) -> Iterator[Due]:
    hop = asked.hop
    assert hop is not None
    for key, pool in asked.at.of_kind(ComputeKind.MANAGED):
        if not pool.own_image and pool.newest and pool.newest > hop.target:
            why = f"{pool_name(key)} is at {pool.newest}, and {hop.target} takes no kubelet newer than itself"
            yield Due(key, pool, f"{why}; EKS may refuse to take it back")


def _rolled(asked: Asked, found: tuple[Due, ...], to: Minor, direction: str = "") -> Expansion:
    at, strides = asked.at, list[Stride]()
    more: dict[str, Param] = {"direction": direction} if direction else {}
    for each in found:
        name = each.key[1]
        at = at.with_pools({each.key: each.pool.moved(to)})
        strides.append(Stride(asked.step(each.why, name, group=name, to=str(to), **more), at))
    names = {each.key[1] for each in found}
    facts = {group_fact(each.name): str(each.version) for each in asked.snap.node_groups if each.name in names}
    return Expansion(tuple(strides), facts)


# ---- Karpenter


def hold_nodes(asked: Asked) -> Expansion:
    """All NodePools before the first control plane; before a later one those that were let go."""
    hop = asked.hop
    if hop is None or not _has_karpenter(asked):
        return Expansion()
    if asked.at.held and not asked.at.let:
        return Expansion()
    pools = tuple(sorted(asked.at.let))
    why = f"Karpenter's images follow the control plane, so nodes would drift as soon as it is at {hop.target}"
    again = f"let go for {hop.source}, and held again: " if pools else "of every NodePool: "
    step = asked.step(again + why, pools=pools)
    return Expansion((Stride(step, replace(asked.at, held=True, let=frozenset())),))


def _has_karpenter(asked: Asked) -> bool:
    seen = any(each.id == KARPENTER for each in asked.snap.addons)
    return seen or any(asked.at.of_kind(ComputeKind.KARPENTER))


def release_nodes(asked: Asked) -> Expansion:
    """The pools that are due are let go and waited for; on the last hop all that are held."""
    hop = asked.hop
    if hop is None or not asked.at.held:
        return Expansion()
    found = tuple(due(asked, ComputeKind.KARPENTER))
    last = asked.next is None
    if not found and not last:
        return Expansion()
    moved = {each.key: each.pool.moved(asked.at.minor) for each in found}
    names = () if last else tuple(sorted(each.key[1] for each in found))
    at = asked.at.with_pools(moved)
    after = replace(at, held=False, let=frozenset()) if last else replace(at, let=at.let | set(names))
    why = (
        "; ".join(each.why for each in found)
        or f"{hop.target} is the last minor of this plan: nothing is held any longer"
    )
    step = asked.step(why, pools=names, to=str(asked.at.minor), wait=True)
    return Expansion((Stride(step, after),))


# ---- Fargate


def restart_fargate(asked: Asked) -> Expansion:
    """Pods of Fargate keep their kubelet until they are made anew; all profiles' go together."""
    if asked.hop is None:
        return Expansion()
    found = tuple(due(asked, ComputeKind.FARGATE))
    if not found:
        return Expansion()
    every = {key: pool.moved(asked.at.minor) for key, pool in asked.at.of_kind(ComputeKind.FARGATE)}
    step = asked.step("; ".join(each.why for each in found), to=str(asked.at.minor))
    return Expansion((Stride(step, asked.at.with_pools(every)),))
