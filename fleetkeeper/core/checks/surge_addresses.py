"""FK505: a zone of a node group lacks free addresses for the nodes that are added while its nodes are replaced.

The VPC CNI takes a whole network interface of addresses with the first pod of a node, and one more to keep warm by its
default WARM_ENI_TARGET (general knowledge); a node that gets none stays NotReady. Groups are judged zone by zone, for
an address of another zone is of no use: managed ones by the types that they list, self-managed Auto Scaling groups by
those that they run. Which subnets Karpenter and Auto Mode launch into was not read, so their surge is unknown. Pods
with custom networking (ENIConfig) are not judged here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from fleetkeeper.core import parts
from fleetkeeper.core.capacity import addresses
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat, Confidence
from fleetkeeper.core.finding import Breaks, Evidence, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.node_pools import Pool, pools, with_groups
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

# Not parts.NODES: without it FK000 says that nodes were not seen, and node groups are judged all the same.
NEEDS = (parts.NODE_GROUPS, parts.PREREQUISITES)
_OWN_SUBNETS = {ComputeKind.SELF_MANAGED, ComputeKind.KARPENTER, ComputeKind.AUTO_MODE}


@dataclass(frozen=True, slots=True)
class _Group:
    """What launches nodes into subnets that are known. types: the instance types that it may launch."""

    subject: Subject
    subnets: tuple[str, ...]
    types: Collection[str]
    tags: Mapping[str, str] = field(default_factory=dict)


@check("FK505", "A zone has no addresses for a surge", needs=NEEDS, each_hop=False)
def surge_addresses(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker below one interface for each node more, a warning below two; unknown for a subnet that was not seen."""
    for group in snap.node_groups:
        if group.desired:
            subject = Subject("NodeGroup", group.name)
            yield from _judged(snap, _Group(subject, group.subnets, group.instance_types, group.tags))
    into = {each.name: each.subnets for each in snap.auto_scaling_groups}
    for pool in pools(with_groups(snap.nodes, snap.auto_scaling_groups)):
        subnets = into.get(pool.group, ()) if pool.kind is ComputeKind.SELF_MANAGED else ()
        if subnets:
            types = {each.instance_type for each in pool.nodes if each.instance_type}
            yield from _judged(snap, _Group(pool.subject, subnets, types))
        elif pool.kind in _OWN_SUBNETS:
            yield _not_known(pool)


def _not_known(pool: Pool) -> Finding:
    zones = sorted({node.zone for node in pool.nodes if node.zone})
    where = f" in {some(zones)}" if zones else ""
    return Finding(
        code="FK505",
        severity=Severity.UNKNOWN,
        subject=pool.subject,
        message=f"the free addresses{where} were not judged: which subnets its nodes are launched into was not read",
        fix=f"before its nodes are replaced, see that the subnets of {pool.subject.name} have free addresses",
        breaks=Breaks.AT_NODES,
    )


def _judged(snap: Snapshot, group: _Group) -> Iterator[Finding]:
    known = {subnet.id: subnet for subnet in snap.prerequisites.node_subnets} if snap.prerequisites else {}
    free: dict[str, int] = defaultdict(int)
    for subnet in (known[id] for id in group.subnets if id in known):
        free[subnet.zone] += subnet.free_addresses
    if lost := sorted(set(group.subnets) - set(known)):
        yield _finding(snap, group, "", Severity.UNKNOWN, f"the free addresses of {some(lost)} were not seen")
    interface = max((addresses(each) for each in group.types), default=addresses(""))
    for zone, number in sorted(free.items()):
        least = interface * snap.policy.surge_nodes
        if number < 2 * least:
            severity = Severity.BLOCKER if number < least else Severity.WARNING
            surge = f"a surge of {counted(snap.policy.surge_nodes, 'node')} takes {least} to {2 * least}"
            yield _finding(snap, group, zone, severity, f"{zone} has {number} free addresses; {surge}")


def _finding(snap: Snapshot, group: _Group, zone: str, severity: Severity, message: str) -> Finding:
    seen = snap.part(parts.PREREQUISITES)
    return Finding(
        code="FK505",
        severity=severity,
        subject=group.subject,
        key=zone,
        message=message,
        fix="allow ec2:DescribeSubnets, or remove the subnets that are gone from the group"
        if severity is Severity.UNKNOWN
        else f"free addresses in {zone}, add a subnet to the group, or lower WARM_ENI_TARGET of the VPC CNI",
        blocks=severity is Severity.BLOCKER,
        breaks=Breaks.AT_NODES,
        evidence=(
            Evidence(
                "EC2", "DescribeSubnets; need by instance size", seen.observed_at if seen else None, Confidence.MEDIUM
            ),
        ),
        owner=group.tags,
    )
