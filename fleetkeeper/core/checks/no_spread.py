"""FK343: nothing keeps the pods of a workload apart, so that one node may hold all of them.

Advice, never a blocker. Pod anti-affinity, required or preferred, or a topology spread constraint keeps them apart;
node affinity alone does not: it says which nodes, not how many pods on one.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import SCALED
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.pods import PodTemplate
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK343", "Nothing keeps a workload's pods apart", needs=(parts.WORKLOADS,), each_hop=False)
def no_spread(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for workload in snap.workloads:
        if workload.kind not in SCALED or (workload.replicas or 0) < 2:
            continue
        if workload.template is None or _is_spread(workload.template):
            continue
        yield Finding(
            code="FK343",
            severity=Severity.INFO,
            subject=Subject(workload.kind, workload.name, workload.namespace),
            message=f"nothing keeps its {workload.replicas} pods apart: one node may hold them all",
            fix="add topologySpreadConstraints by kubernetes.io/hostname and topology.kubernetes.io/zone",
            breaks=Breaks.AT_NODES,
            owner=workload.owner,
        )


def _is_spread(template: PodTemplate) -> bool:
    return bool(template.apart or template.apart_preferred or template.spread)
