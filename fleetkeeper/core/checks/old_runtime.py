"""FK319: nodes run containerd 1.x, and nobody but their owner will bring a newer one.

1.35 is the last minor that supports containerd 1.x (Amazon EKS User Guide, Kubernetes versions, 1.35). Images of EKS
carry 2.x from 1.34 on, so groups that EKS or Auto Mode give an image are left out; images of one's own are not.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import Detector, due, evidence, severity_of
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.node_pools import pools
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

NEEDS = (parts.NODES, parts.NODE_GROUPS)
OF_EKS = frozenset({ComputeKind.AUTO_MODE, ComputeKind.FARGATE})


@check("FK319", "Nodes run containerd 1.x", needs=NEEDS)
def old_runtime(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    row = due(compat, hop, Detector.CONTAINERD_1)
    if row is None:
        return
    for pool in pools(_of_their_own(snap)):
        nodes, names = pool.nodes, some(sorted(each.name for each in pool.nodes))
        yield Finding(
            code="FK319",
            severity=severity_of(row),
            subject=pool.subject,
            message=f"{counted(len(nodes), 'node')} ({names}) run {nodes[0].runtime}: {row.text}",
            fix=f"build the image of {pool.subject} with containerd 2.x before its nodes move to {hop.target}",
            blocks=severity_of(row) is Severity.BLOCKER,
            breaks=Breaks.AT_NODES,
            minor=row.minor,
            evidence=(evidence(row),),
        )


def _of_their_own(snap: Snapshot) -> Iterator[Node]:
    of_eks = {each.name for each in snap.node_groups if not each.custom_ami}
    for node in snap.nodes:
        is_given = node.kind in OF_EKS or (node.kind is ComputeKind.MANAGED and node.group in of_eks)
        if node.runtime.startswith("containerd://1.") and not is_given:
            yield node
