"""FK108: managed or Fargate nodes are behind the control plane, where EKS wants them on its minor before an upgrade.

The text of UpdateClusterVersion asks for it, and the user guide allows three minors of lag (update-cluster, 2025;
botocore 1.44.5): the two contradict each other, so this warns, and FK107 blocks what no version of the rule allows.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.node_pools import pools
from fleetkeeper.core.skew import window
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, read, some

KINDS = frozenset({ComputeKind.MANAGED, ComputeKind.FARGATE})


@check("FK108", "EKS nodes are behind the control plane", needs=(parts.NODES, parts.CONTROL_PLANE), each_hop=False)
def nodes_behind(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """One warning for each pool and minor; silent where FK107 blocks the same nodes."""
    for pool in pools(snap.nodes):
        if pool.kind not in KINDS:
            continue
        for minor, names in pool.minors():
            if minor is None or minor >= hop.source or _is_blocked(compat, minor, hop):
                continue
            yield Finding(
                code="FK108",
                severity=Severity.WARNING,
                subject=pool.subject,
                key=str(minor),
                message=f"{counted(len(names), 'node')} of {pool.subject} ({some(names)}) run kubelet {minor};"
                f" EKS wants {hop.source} there before {hop}, and may refuse",
                fix=pool.move_to(hop.source, snap.cluster.name),
                breaks=Breaks.AT_UPGRADE,
                evidence=(read(snap, parts.NODES, "nodes", f"kubelet {minor}"),),
            )


def _is_blocked(compat: Compat, minor: Minor, hop: Hop) -> bool:
    allowed = window(compat, "kubelet", minor, hop.target)
    return allowed is not None and minor < allowed.oldest
