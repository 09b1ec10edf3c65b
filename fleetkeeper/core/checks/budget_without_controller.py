"""FK410: a PodDisruptionBudget counts by controllers, and its pods have none, so none can ever be evicted.

With maxUnavailable or a percentage the disruption controller adds up the sizes of the pods' controllers; pods without
one add nothing, expected is 0, and 0 may go (measured on 1.36.3; event UnmanagedPods).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import counts_controllers, limit_text
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)


@check("FK410", "A disruption budget holds pods without a controller", needs=NEEDS, critical=True, each_hop=False)
def budget_without_controller(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for guard in snap.guards:
        budget = guard.budget
        if not guard.bare or guard.expected or not counts_controllers(budget):
            continue
        names = some(each.name for each in guard.bare)
        yield Finding(
            code="FK410",
            severity=Severity.BLOCKER,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message=f"{limit_text(budget)} counts controllers, and {counted(len(guard.bare), 'pod')} ({names}) "
            "have none: it never lets one go",
            fix=f"run the pods in a Deployment, or kubectl -n {budget.namespace} delete pdb {budget.name}",
            blocks=True,
            breaks=Breaks.AT_NODES,
            owner=budget.owner or guard.bare[0].owner,
        )
