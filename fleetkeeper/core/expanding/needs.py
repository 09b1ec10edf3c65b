"""What a member takes of its account while it is worked on: addresses of subnets and vCPUs of quotas.

EKS takes up to five addresses for a new control plane, from any of the cluster's subnets (user guide, update-cluster,
2025), so five of each are reserved. An update of a managed group adds max(2 x zones, maxUnavailable) nodes before it
drains the old ones (user guide, managed-node-update-behavior); one that terminates first (MINIMAL) adds none, and a
second group beside it adds all of it. Steps go
one after the other, so of each resource a member needs what its hungriest step needs, and never more than there is:
whether that is enough is for FK501, FK504 and FK505 to say.
"""

from collections.abc import Iterable, Iterator
from math import ceil

from fleetkeeper.core.capacity import addresses, quota_of, vcpus
from fleetkeeper.core.checks.control_plane_subnets import NEEDED
from fleetkeeper.core.expanding.fold import MOVES
from fleetkeeper.core.model import NodeGroup
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
    known = {each.id: each for each in snap.prerequisites.node_subnets} if snap.prerequisites else {}
    subnets = [known[id] for id in group.subnets if id in known]
    zones = len({each.zone for each in subnets}) or 1
    nodes = group.desired if whole else max(2 * zones, group.side_by_side)
    interface = max((addresses(each) for each in group.instance_types), default=addresses(""))
    for subnet in subnets:
        yield _of_subnet(subnet, interface * ceil(nodes / zones))
    yield from _of_quotas(snap, group, nodes)


def _of_quotas(snap: Snapshot, group: NodeGroup, nodes: int) -> Iterator[Need]:
    """By the largest type that the group may launch; a size or a use that nobody tells reserves nothing."""
    scope = snap.cluster.scope
    for kind in group.instance_types:
        quota = quota_of(kind, snap.quotas, spot=group.capacity_type == "SPOT")
        cores = vcpus(kind)
        if scope is not None and quota is not None and quota.used is not None and cores:
            free = max(0, int(quota.value - quota.used))
            yield Need(f"quota:{scope}/{quota.code}", min(cores * nodes, free), free)
