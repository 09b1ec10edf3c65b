"""FK504: the account's EC2 quota has no room for the nodes that are added while the nodes of a pool are replaced.

Quotas count vCPUs by instance family, on demand and spot apart (EC2 User Guide, using-spot-limits, 2026). One pool is
replaced at a time, with as many nodes more in each of its zones as the policy says. A managed node group may launch
each type that it lists. Karpenter and Auto Mode pick a type by themselves, and a self-managed group as its launch
template says: they are judged by the families that they run now. Self-managed nodes count as on demand, for they do
not tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetkeeper.core import parts
from fleetkeeper.core.capacity import family, launches_instances, quota_of, vcpus
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.node_pools import Pool, pools, with_groups
from fleetkeeper.core.observed import Quota
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, read

NEEDS = (parts.NODES, parts.NODE_GROUPS, parts.QUOTAS)
OPEN = (ComputeKind.KARPENTER, ComputeKind.AUTO_MODE)
"""Kinds that may launch another family than the one that runs."""


@dataclass(frozen=True, slots=True)
class _Need:
    """What the surge of one pool takes of one quota, by its largest type there; cores None: not told."""

    pool: Pool
    instance_type: str
    nodes: int
    cores: int | None
    quota: Quota | None
    spot: bool


@check("FK504", "An EC2 quota has no room for a surge", needs=NEEDS, each_hop=False)
def instance_quota(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """One blocker for each quota that is too small, by the pool that needs most of it; unknown without figures."""
    largest: dict[str, _Need] = {}
    for need in _needs(snap):
        if need.quota is None or need.quota.used is None or need.cores is None:
            yield _unknown(snap, need)
        elif need.quota.code not in largest or (largest[need.quota.code].cores or 0) < need.cores:
            largest[need.quota.code] = need
    for need in largest.values():
        if need.quota and need.cores and (need.quota.used or 0) + need.cores > need.quota.value:
            yield _too_small(snap, need, need.quota, need.cores)


def _needs(snap: Snapshot) -> Iterator[_Need]:
    """By pool, and by quota its largest instance type, for a pool of mixed types may launch that one."""
    for pool in pools(with_groups(snap.nodes, snap.auto_scaling_groups)):
        if not launches_instances(pool):
            continue
        nodes = snap.policy.surge_nodes * len({node.zone for node in pool.nodes})
        largest: dict[tuple[str, bool], _Need] = {}
        for kind, spot in sorted(_types(snap, pool), key=lambda each: (vcpus(each[0]) or 0, each)):
            each, quota = vcpus(kind), quota_of(kind, snap.quotas, spot=spot)
            counted_by = quota.code if quota and each else family(kind)
            largest[counted_by, spot] = _Need(pool, kind, nodes, each * nodes if each else None, quota, spot)
        yield from largest.values()


def _types(snap: Snapshot, pool: Pool) -> set[tuple[str, bool]]:
    """The instance types that a pool runs or lists, each with whether it takes them as spot."""
    group = next((each for each in snap.node_groups if each.name == pool.group), None)
    managed = group if pool.kind is ComputeKind.MANAGED else None
    is_spot = managed is not None and managed.capacity_type == "SPOT"
    running = {(node.instance_type, node.spot or is_spot) for node in pool.nodes if node.instance_type}
    return running | {(kind, is_spot) for kind in (managed.instance_types if managed else ())}


def _too_small(snap: Snapshot, need: _Need, quota: Quota, cores: int) -> Finding:
    used = quota.used or 0
    return Finding(
        code="FK504",
        severity=Severity.BLOCKER,
        subject=Subject("Quota", quota.code),
        message=f"{quota.name} is {quota.value:.0f} vCPUs with {used:.0f} in use;"
        f" {need.pool.subject} needs {cores} more for {counted(need.nodes, 'node')} of {need.instance_type}"
        + _choice(need),
        fix="aws service-quotas request-service-quota-increase --service-code ec2"
        f" --quota-code {quota.code} --desired-value {used + cores:.0f}",
        blocks=True,
        breaks=Breaks.AT_NODES,
        evidence=(read(snap, parts.QUOTAS, "Service Quotas", f"{quota.code}: {used:.0f} of {quota.value:.0f}"),),
    )


def _unknown(snap: Snapshot, need: _Need) -> Finding:
    kind = "spot" if need.spot else "on demand"
    why = (
        "the quota was not found"
        if need.quota is None
        else "its use is not counted"
        if need.cores
        else "its size is not told"
    )
    return Finding(
        code="FK504",
        severity=Severity.UNKNOWN,
        subject=need.pool.subject,
        key=f"{need.instance_type} spot" if need.spot else need.instance_type,
        message=f"whether {counted(need.nodes, 'node')} more of {need.instance_type} ({kind}) fit is not known: {why}"
        + _choice(need),
        fix="look at the EC2 quotas of this region: aws service-quotas list-service-quotas --service-code ec2",
        breaks=Breaks.AT_NODES,
        evidence=(read(snap, parts.QUOTAS, "Service Quotas", need.quota.code if need.quota else "no quota by name"),),
    )


def _choice(need: _Need) -> str:
    return "; it may launch other families, and is judged by what it runs now" if need.pool.kind in OPEN else ""
