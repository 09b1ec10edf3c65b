"""FK402: a PodDisruptionBudget lets no pod go now, though its limits would if all pods were healthy.

Nodes with its pods cannot be drained until more of them are healthy. It is not FK401: waiting, or mending the pods that
are not ready, is enough. A budget whose unready pods are themselves held is FK403.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import Guard
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)


@check("FK402", "A disruption budget lets no pod go now", needs=NEEDS, critical=True, each_hop=False)
def budget_allows_none_now(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for guard in snap.guards:
        budget = guard.budget
        if not _is_short(guard):
            continue
        unready = max(0, budget.expected - budget.healthy)
        yield Finding(
            code="FK402",
            severity=Severity.WARNING,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message=f"lets none of its {budget.expected} pods go now: {budget.healthy} are healthy and "
            f"{budget.desired} must stay; with all healthy {guard.allowed_at_best} could go",
            fix=f"make the {unready} unready ready, or wait for the rollout to end, before nodes are replaced",
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.BUDGETS, "status", budget.message or budget.reason or "0 disruptions allowed"),),
            owner=budget.owner,
        )


def _is_short(guard: Guard) -> bool:
    """Short of healthy pods, with unready pods that an eviction may take (healthy enough, or AlwaysAllow)."""
    budget = guard.budget
    held = budget.healthy < budget.desired and budget.unhealthy_policy != "AlwaysAllow"
    is_short = guard.is_trusted and budget.expected > 0 and not budget.allowed and guard.allowed_at_best > 0
    return is_short and not held and guard.is_drained
