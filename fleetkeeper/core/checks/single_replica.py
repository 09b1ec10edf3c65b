"""FK340: a workload runs as one pod, so that it is away while its node is replaced.

Advice, never a blocker: the pod is evicted first and made anew elsewhere, and nothing answers in between.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import SCALED
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK340", "A workload runs as one pod", needs=(parts.WORKLOADS,), each_hop=False)
def single_replica(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for workload in snap.workloads:
        if workload.kind not in SCALED or workload.replicas != 1:
            continue
        kind = workload.kind.lower()
        scale = f"kubectl -n {workload.namespace} scale {kind} {workload.name} --replicas=2"
        yield Finding(
            code="FK340",
            severity=Severity.INFO,
            subject=Subject(workload.kind, workload.name, workload.namespace),
            message="runs as 1 pod: it is away from its eviction until the new pod is ready",
            fix=f"{scale}, if the application can run twice",
            breaks=Breaks.AT_NODES,
            owner=workload.owner,
        )
