"""The least time that a member's nodes can be moved in, whatever the order: what a rehearsal is measured against."""

from datetime import timedelta

from fleetkeeper.core.plan import Member
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.times import Luck, Times, workload_of
from fleetkeeper.core.rotation import bound
from fleetkeeper.core.rotation.facts import Mover
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.snapshot import Snapshot

_AFTER_DRAIN = timedelta(seconds=60)
"""What EKS waits with each node that it has emptied (managed-node-update-behavior)."""

_LAUNCH = ("update-nodegroup", "surge-nodes")


def bound_of(member: Member, snapshot: Snapshot, placed: Placed, times: Times, old: frozenset[str]) -> timedelta | None:
    """With good luck in everything; None where nothing is moved. old: the nodes, by name."""
    if not old:
        return None
    managed = {str(step.params.get("group", "")) for step in member.steps if step.kind == "update-nodegroup"}
    launches = any(step.kind in _LAUNCH for step in member.steps)
    parallel = sum(each.side_by_side for each in snapshot.node_groups if each.name in managed)
    seen = Seen(placed.at, "", old, placed.nodes, placed.pods, placed.budgets, placed.volumes)

    def ready(mover: Mover) -> timedelta:
        spread = times.pods.get(workload_of(mover.pod), times.pod)
        return timedelta(seconds=spread.at(Luck.GOOD))

    lengths = bound.Times(
        node=_AFTER_DRAIN if managed else timedelta(),
        provisioning=timedelta(seconds=times.boot.good + times.node.good if launches else 0.0),
        ready=ready,
    )
    return bound.lower_bound(seen, Rules(parallel=parallel or len(old)), lengths).length
