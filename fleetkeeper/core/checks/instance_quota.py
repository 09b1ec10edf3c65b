"""FK504: the account's EC2 quota has no room for the nodes that are added while the nodes of a pool are replaced.

Quotas count vCPUs by instance family, on demand and spot apart (EC2 User Guide, using-spot-limits, 2026). One pool is
replaced at a time, with as many nodes more in each of its zones as the policy says. Nodes that no spot node group made
count as on demand, for a node does not tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetkeeper.core import parts
from fleetkeeper.core.capacity import launches_instances, quota_of, vcpus
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.node_pools import Pool, pools
from fleetkeeper.core.observed import Quota
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, read

NEEDS = (parts.NODES, parts.NODE_GROUPS, parts.QUOTAS)


@dataclass(frozen=True, slots=True)
class _Need:
    """What the surge of one pool takes of one quota; cores None where the type's name does not tell them."""

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
    """By pool and its largest instance type, for a group of mixed types may launch that one."""
    spot_groups = {group.name for group in snap.node_groups if group.capacity_type == "SPOT"}
    for pool in pools(snap.nodes):
        types = sorted({node.instance_type for node in pool.nodes if node.instance_type})
        if not launches_instances(pool) or not types:
            continue
        kind = max(types, key=lambda each: vcpus(each) or 0)
        nodes = snap.policy.surge_nodes * len({node.zone for node in pool.nodes})
        each, spot = vcpus(kind), pool.group in spot_groups
        quota = quota_of(kind, snap.quotas, spot=spot)
        yield _Need(pool, kind, nodes, each * nodes if each else None, quota, spot)


def _too_small(snap: Snapshot, need: _Need, quota: Quota, cores: int) -> Finding:
    used = quota.used or 0
    return Finding(
        code="FK504",
        severity=Severity.BLOCKER,
        subject=Subject("Quota", quota.code),
        message=f"{quota.name} is {quota.value:.0f} vCPUs with {used:.0f} in use;"
        f" {need.pool.subject} needs {cores} more for {counted(need.nodes, 'node')} of {need.instance_type}",
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
        key=need.instance_type,
        message=f"whether {counted(need.nodes, 'node')} more of {need.instance_type} ({kind}) fit is not known: {why}",
        fix="look at the EC2 quotas of this region: aws service-quotas list-service-quotas --service-code ec2",
        breaks=Breaks.AT_NODES,
        evidence=(read(snap, parts.QUOTAS, "Service Quotas", need.quota.code if need.quota else "no quota by name"),),
    )
