"""FK424: it is not known what launches some nodes, so they cannot be replaced by any strategy.

Nodes that no node group, Auto Scaling group, NodePool or Fargate profile is known to have made would be drained without
anything bringing new ones; they are refused, never treated as managed.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some


@check("FK424", "Nodes of an unknown kind", needs=(parts.NODES,), each_hop=False)
def unknown_compute(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Unknown blocks nothing by itself: the control plane can move, and these nodes are left alone."""
    names = sorted(node.name for node in snap.nodes if node.kind is ComputeKind.UNKNOWN)
    if not names:
        return
    yield Finding(
        code="FK424",
        severity=Severity.UNKNOWN,
        subject=Subject("Nodes", ComputeKind.UNKNOWN.value),
        message=f"{counted(len(names), 'node')} ({some(names)}) that nothing known launches: they will not be replaced",
        fix="let the reader list Auto Scaling groups (autoscaling:DescribeAutoScalingGroups), or replace them by hand",
        breaks=Breaks.AT_NODES,
    )
