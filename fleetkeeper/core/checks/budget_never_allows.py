"""FK401: a PodDisruptionBudget can never let a pod go, whatever its pods' health.

A drain of its nodes never ends: EKS gives up after 15 minutes with PodEvictionFailure (Amazon EKS User Guide, managed
node update behavior, 2026), and the eviction API answers 429 exactly as if one had only to wait (measured on 1.36.3).
It is told from limits and sizes, so a budget that is only short of healthy pods now is FK402. Percentages are rounded
up by the disruption controller: minAvailable 50% of one pod is one pod. A budget of jobs alone only warns: a drain
outlasts them.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import Guard, limit_text
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, read, some

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)


@check("FK401", "A disruption budget never lets a pod go", needs=NEEDS, critical=True, each_hop=False)
def budget_never_allows(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for guard in snap.guards:
        budget = guard.budget
        if not guard.never or not guard.is_drained:
            continue
        yield Finding(
            code="FK401",
            severity=Severity.WARNING if guard.passes else Severity.BLOCKER,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message=f"{limit_text(budget)} of {counted(guard.expected, 'pod')} never lets one go{_of(guard)}",
            fix=_fix(guard),
            blocks=not guard.passes,
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.BUDGETS, "status", _status(guard)),),
            owner=budget.owner or (guard.workloads[0].owner if guard.workloads else {}),
        )


def _status(guard: Guard) -> str:
    budget = guard.budget
    return f"{budget.healthy} healthy of {budget.expected}, {budget.allowed} allowed"


def _of(guard: Guard) -> str:
    names = some(f"{each.kind} {each.name}" for each in guard.workloads)
    return f" ({names})" if names else ""


def _fix(guard: Guard) -> str:
    budget = guard.budget
    patch = '{"spec":{"minAvailable":null,"maxUnavailable":1}}'
    loosen = f"kubectl -n {budget.namespace} patch pdb {budget.name} --type merge -p '{patch}'"
    if guard.expected == 1:
        return f"run at least 2 replicas, then {loosen}; or {loosen} alone where a short absence is fine"
    return loosen
