"""FK342: a workload has no readiness probe, so that its new pods count as healthy before they answer.

Advice, never a blocker: budgets and rollouts go by readiness, and a container without a probe is ready once it has
started, so that the next pod is evicted too early.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import SCALED
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK342", "A workload without a readiness probe", needs=(parts.WORKLOADS,), each_hop=False)
def no_readiness_probe(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for workload in snap.workloads:
        if (
            workload.kind not in SCALED
            or workload.replicas == 0
            or not workload.template
            or workload.template.is_probed
        ):
            continue
        yield Finding(
            code="FK342",
            severity=Severity.INFO,
            subject=Subject(workload.kind, workload.name, workload.namespace),
            message="a container has no readiness probe: its pods count as healthy before they answer",
            fix="add readinessProbe to every container, by a request that says that it can serve",
            breaks=Breaks.AT_NODES,
            owner=workload.owner,
        )
