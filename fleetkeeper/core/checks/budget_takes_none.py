"""FK407: a PodDisruptionBudget takes no pod, so that what it was meant to protect is not protected.

A selector that is absent, or whose labels no workload has, matches nothing; nodes are then drained without regard for
the application that somebody wanted kept.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)


@check("FK407", "A disruption budget takes no pod", needs=NEEDS, each_hop=False)
def budget_takes_none(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Only where the disruption controller, too, expects none: it sees controllers that nobody else lists."""
    for guard in snap.guards:
        budget = guard.budget
        if guard.workloads or guard.bare or budget.expected or not guard.is_trusted:
            continue
        absent = budget.selector is None
        yield Finding(
            code="FK407",
            severity=Severity.INFO,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message="it has no selector, so it takes no pod" if absent else "its selector takes no pod",
            fix="give spec.selector the labels of the application that is meant, or delete the budget",
            breaks=Breaks.NOTHING,
            owner=budget.owner,
        )
