"""What a member takes of its account while it is worked on: addresses of subnets and vCPUs of quotas.

EKS takes up to five addresses for a new control plane, from any of the cluster's subnets (user guide, update-cluster,
2025), so five of each are reserved. An update of a managed group adds max(2 x zones, maxUnavailable) nodes before it
drains the old ones (user guide, managed-node-update-behavior); one that terminates first (MINIMAL) adds none, and a
second group beside it adds all of it. A surge of our own adds as many as are emptied side by side; where its pods need
more, that is seen only then. Steps go one after the other, so of each resource a member needs what its hungriest step
needs, and never more than there is: whether that is enough is for FK501, FK504 and FK505 to say.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from fleetkeeper.core.amount import Amount
from fleetkeeper.core.capacity import addresses, quota_of, vcpus
from fleetkeeper.core.checks.control_plane_subnets import NEEDED
from fleetkeeper.core.expanding.fold import MOVES
from fleetkeeper.core.model import AutoScalingGroup, ComputeKind, NodeGroup
from fleetkeeper.core.node_pools import with_groups
from fleetkeeper.core.observed import Subnet
from fleetkeeper.core.plan import Need
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.snapshot import Snapshot


def needs_of(snap: Snapshot, steps: Iterable[StepSpec]) -> tuple[Need, ...]:
    """One for each resource, by name; nothing of what was not seen, or is used up already."""
    found: dict[str, Need] = {}
    for step in steps:
        for need in _of_step(snap, step):
            known = found.get(need.resource)
            if need.amount > 0 and (known is None or known.amount < need.amount):
                found[need.resource] = need
    return tuple(found[name] for name in sorted(found))


def _of_step(snap: Snapshot, step: StepSpec) -> Iterator[Need]:
    if step.kind in MOVES:
        yield from _of_control_plane(snap)
    elif step.kind in ("update-nodegroup", "blue-green"):
        groups = (each for each in snap.node_groups if each.name == step.params.get("group"))
        for group in groups:
            yield from _of_group(snap, group, whole=step.kind == "blue-green")
    elif step.kind == "surge-nodes":
        scaling = (each for each in snap.auto_scaling_groups if each.name == step.params.get("group"))
        for own in scaling:
            yield from _of_scaling_group(snap, own, Amount.parse(str(step.params.get("parallel", "1"))))


def _of_control_plane(snap: Snapshot) -> Iterator[Need]:
    """Of each subnet that has room for it: EKS may choose any, and none that is too full."""
    for subnet in snap.prerequisites.subnets if snap.prerequisites else ():
        if subnet.free_addresses >= NEEDED:
            yield _of_subnet(subnet, NEEDED)


def _of_subnet(subnet: Subnet, amount: int) -> Need:
    return Need(f"subnet:{subnet.id}", min(amount, subnet.free_addresses), subnet.free_addresses)


def _of_group(snap: Snapshot, group: NodeGroup, *, whole: bool) -> Iterator[Need]:
    """whole: it is there twice for a while, with as many nodes each."""
    if not group.desired or (group.update_strategy == "MINIMAL" and not whole):
        return
    zones = len({each.zone for each in _known(snap, group.subnets)}) or 1
    nodes = group.desired if whole else max(2 * zones, group.side_by_side)
    yield from _of_subnets(snap, group.subnets, group.instance_types, nodes)
    yield from _of_quotas(snap, group.instance_types, nodes, spot=group.capacity_type == "SPOT")


def _of_scaling_group(snap: Snapshot, group: AutoScalingGroup, parallel: Amount) -> Iterator[Need]:
    """By the types that it runs, as on demand, for self-managed nodes do not tell."""
    own = (node for node in with_groups(snap.nodes, (group,)) if node.group == group.name)
    types = sorted({node.instance_type for node in own if node.kind is ComputeKind.SELF_MANAGED and node.instance_type})
    nodes = parallel.concurrency(group.desired) if group.desired else 0
    yield from _of_subnets(snap, group.subnets, types, nodes)
    yield from _of_quotas(snap, types, nodes, spot=False)


def _known(snap: Snapshot, ids: Iterable[str]) -> Sequence[Subnet]:
    known = {each.id: each for each in snap.prerequisites.node_subnets} if snap.prerequisites else {}
    return [known[id] for id in ids if id in known]


def _of_subnets(snap: Snapshot, ids: Iterable[str], types: Iterable[str], nodes: int) -> Iterator[Need]:
    """Zones get alike many of the nodes, and EC2 may put all of a zone into any of its subnets."""
    subnets = _known(snap, ids)
    zones = len({each.zone for each in subnets}) or 1
    interface = max((addresses(each) for each in types), default=addresses(""))
    for subnet in subnets:
        yield _of_subnet(subnet, interface * ceil(nodes / zones))


def _of_quotas(snap: Snapshot, types: Iterable[str], nodes: int, *, spot: bool) -> Iterator[Need]:
    """By the largest type that the group may launch; a size or a use that nobody tells reserves nothing."""
    scope = snap.cluster.scope
    for kind in types:
        quota = quota_of(kind, snap.quotas, spot=spot)
        cores = vcpus(kind)
        if scope is not None and quota is not None and quota.used is not None and cores:
            free = max(0, int(quota.value - quota.used))
            yield Need(f"quota:{scope}/{quota.code}", min(cores * nodes, free), free)
