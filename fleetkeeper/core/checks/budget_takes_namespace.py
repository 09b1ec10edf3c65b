"""FK406: a PodDisruptionBudget with an empty selector takes every pod of its namespace.

In policy/v1 an empty selector ({}) matches all pods, where policy/v1beta1 matched none, and a budget meant for one
application then holds all (Kubernetes documentation, deprecation guide, PodDisruptionBudget, 2026). Any other budget
of the namespace overlaps with it, which FK405 tells.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)


@check("FK406", "A disruption budget takes every pod of its namespace", needs=NEEDS, each_hop=False)
def budget_takes_namespace(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Nothing is said where the namespace holds one workload: taking all is then taking that one."""
    for guard in snap.guards:
        budget, taken = guard.budget, (*guard.workloads, *guard.bare)
        if budget.selector is None or not budget.selector.is_empty or len(taken) < 2:
            continue
        names = some(f"{each.kind} {each.name}" for each in taken)
        yield Finding(
            code="FK406",
            severity=Severity.WARNING,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message=f"its empty selector takes all {counted(len(taken), 'workload')} of the namespace ({names}), "
            "which share one allowance",
            fix="name the labels of the application that is meant in spec.selector.matchLabels",
            breaks=Breaks.AT_NODES,
            owner=budget.owner,
        )
