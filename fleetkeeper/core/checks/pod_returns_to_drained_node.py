"""FK417: a workload tolerates the taint of a cordoned node, so that its evicted pods come back to the node.

A drain meets them again and again; EKS names it as a cause of PodEvictionFailure (Amazon EKS User Guide, managed node
update behavior, 2026). DaemonSets always tolerate it, and drains leave them alone.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Workload
from fleetkeeper.core.snapshot import Hop, Snapshot

CORDON = "node.kubernetes.io/unschedulable"


@check("FK417", "Evicted pods return to the drained node", needs=(parts.WORKLOADS,), each_hop=False)
def pod_returns_to_drained_node(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for workload in snap.workloads:
        if workload.kind == "DaemonSet" or workload.replicas == 0 or not _tolerates(workload):
            continue
        yield Finding(
            code="FK417",
            severity=Severity.WARNING,
            subject=Subject(workload.kind, workload.name, workload.namespace),
            message="tolerates the taint of a cordoned node: an evicted pod may come back to the node that is drained",
            fix="replace the toleration without a key (operator: Exists) by the taints that are meant",
            breaks=Breaks.AT_NODES,
            owner=workload.owner,
        )


def _tolerates(workload: Workload) -> bool:
    template = workload.template
    if template is None:
        return False
    return template.tolerates_everything or any(each.key == CORDON for each in template.tolerations)
