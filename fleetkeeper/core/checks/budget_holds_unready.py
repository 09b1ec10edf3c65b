"""FK403: a PodDisruptionBudget holds pods that are not even ready, so that nothing of it can be evicted.

Below its desired healthy number, and without unhealthyPodEvictionPolicy AlwaysAllow, the eviction API refuses unready
pods too (measured on 1.36.3): an application that crash-loops keeps its nodes from ever being drained. AlwaysAllow is
what Kubernetes advises for nodes that are drained by machines (Kubernetes documentation, Specifying a Disruption Budget
for your Application, unhealthy pod eviction policy, 2026).
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
PATCH = '{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}'


@check("FK403", "A disruption budget holds pods that are not ready", needs=NEEDS, critical=True, each_hop=False)
def budget_holds_unready(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker of nothing: a crash loop may be over before the nodes' turn comes."""
    for guard in snap.guards:
        budget = guard.budget
        if not _holds(guard):
            continue
        yield Finding(
            code="FK403",
            severity=Severity.WARNING,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message=f"{budget.healthy} of {budget.expected} pods are healthy and {budget.desired} must be: "
            f"{budget.unhealthy_policy or 'IfHealthyBudget'} lets no pod go, not even an unready one",
            fix=f"mend the unready pods, and kubectl -n {budget.namespace} patch pdb {budget.name} "
            f"--type merge -p '{PATCH}'",
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.BUDGETS, "status", budget.message or budget.reason or "0 disruptions allowed"),),
            owner=budget.owner,
        )


def _holds(guard: Guard) -> bool:
    budget = guard.budget
    held = budget.unhealthy_policy != "AlwaysAllow" and budget.healthy < budget.desired
    return held and budget.expected > 0 and guard.is_trusted and guard.is_drained and not guard.never
