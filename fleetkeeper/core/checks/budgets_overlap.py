"""FK405: two PodDisruptionBudgets take the same pods, which the eviction API refuses for ever.

It answers 500, "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support"
(measured on 1.36.3; kubernetes/kubernetes#75957, open since 2019), whatever the budgets would allow.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import PASSING
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Workload
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)


@check("FK405", "Two disruption budgets take the same pods", needs=NEEDS, critical=True, each_hop=False)
def budgets_overlap(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    workloads, holders = _holders(snap)
    for uid, budgets in holders.items():
        each = workloads[uid]
        if len(budgets) < 2 or each.kind == "DaemonSet" or each.replicas == 0:
            continue
        names, passes = sorted(budget.name for budget in budgets), each.kind in PASSING
        yield Finding(
            code="FK405",
            severity=Severity.WARNING if passes else Severity.BLOCKER,
            subject=Subject(each.kind, each.name, each.namespace),
            key=",".join(names),
            message=f"its pods are taken by {len(names)} budgets ({some(names)}), so none can ever be evicted",
            fix=f"leave one: kubectl -n {each.namespace} delete pdb {' '.join(names[1:])}, or narrow its selector",
            blocks=not passes,
            breaks=Breaks.AT_NODES,
            owner=each.owner or budgets[0].owner,
        )


def _holders(snap: Snapshot) -> tuple[Mapping[tuple[str, ...], Workload], Mapping[tuple[str, ...], list[Budget]]]:
    """Workloads and pods without an owner, and the budgets that take them, by kind, namespace and name."""
    workloads: dict[tuple[str, ...], Workload] = {}
    holders: defaultdict[tuple[str, ...], list[Budget]] = defaultdict(list)
    for guard in snap.guards:
        for each in (*guard.workloads, *guard.bare):
            key = (each.kind, each.namespace, each.name)
            workloads[key] = each
            holders[key].append(guard.budget)
    return workloads, holders
