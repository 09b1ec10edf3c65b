"""FK409: the disruption controller has not seen the present state of a PodDisruptionBudget.

Until status.observedGeneration is metadata.generation, the eviction API refuses all of its pods (measured on 1.36.3),
and its counts say nothing. A budget that stays so means that the controller manager does not work it off.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import SYNC_FAILED
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK409", "A disruption budget is not observed", needs=(parts.BUDGETS,), critical=True, each_hop=False)
def budget_not_observed(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for budget in snap.budgets:
        if budget.observed or budget.reason == SYNC_FAILED:
            continue
        yield Finding(
            code="FK409",
            severity=Severity.UNKNOWN,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message="the disruption controller has not seen its newest generation, so what it allows is not known",
            fix=f"look again in a minute: kubectl -n {budget.namespace} get pdb {budget.name} -o yaml, and compare "
            "status.observedGeneration with metadata.generation",
            blocks=True,
            breaks=Breaks.AT_NODES,
            owner=budget.owner,
        )
