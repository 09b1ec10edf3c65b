"""FK404: a PodDisruptionBudget lets pods go at today's size, but none once the autoscaler is at its minimum.

Nodes are best replaced when load is low, and that is when the HorizontalPodAutoscaler has shrunk the workload to a size
at which nothing may be evicted: the drain that passed by day hangs by night.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import limit_text
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)


@check("FK404", "A disruption budget lets no pod go at the autoscaler's minimum", needs=NEEDS, each_hop=False)
def budget_at_minimum_size(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for guard in snap.guards:
        budget = guard.budget
        if not guard.is_trusted or guard.allowed_at_minimum != 0 or not guard.allowed_at_best:
            continue
        sizes = some(f"{each.kind} {each.name} {each.minimum}" for each in guard.workloads if each.minimum)
        yield Finding(
            code="FK404",
            severity=Severity.WARNING,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message=f"{limit_text(budget)} lets {guard.allowed_at_best} of {guard.expected} pods go now, "
            f"but none at the autoscaler's minimum ({sizes or 'zero'})",
            fix="raise minReplicas of the HorizontalPodAutoscaler by 1, or set maxUnavailable 1 in the budget instead",
            breaks=Breaks.AT_NODES,
            owner=budget.owner,
        )
