"""FK341: a workload of several pods has no PodDisruptionBudget, so that a drain may evict all of them at once.

Advice, never a blocker: without a budget the eviction API refuses nothing.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import SCALED, guards
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK341", "Several pods without a disruption budget", needs=(parts.WORKLOADS, parts.BUDGETS), each_hop=False)
def no_budget(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    guarded = {
        (each.kind, each.namespace, each.name)
        for guard in guards(snap.budgets, snap.workloads, None)
        for each in guard.workloads
    }
    for workload in snap.workloads:
        key = (workload.kind, workload.namespace, workload.name)
        if workload.kind not in SCALED or (workload.replicas or 0) < 2 or workload.template is None or key in guarded:
            continue
        chosen = workload.selector.equal if workload.selector else workload.template.labels
        labels = ",".join(f"{name}={value}" for name, value in sorted(chosen.items()))
        yield Finding(
            code="FK341",
            severity=Severity.INFO,
            subject=Subject(workload.kind, workload.name, workload.namespace),
            message=f"no budget keeps any of its {workload.replicas} pods: a drain may evict all at once",
            fix=f"kubectl -n {workload.namespace} create pdb {workload.name} --max-unavailable=1 --selector={labels}",
            breaks=Breaks.AT_NODES,
            owner=workload.owner,
        )
