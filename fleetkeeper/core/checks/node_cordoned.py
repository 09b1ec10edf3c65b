"""FK423: nodes were cordoned before the upgrade, so that their room is missing for the pods that will move.

Somebody else cordoned them, for a reason that is theirs: they are left as they are, and never uncordoned.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.node_pools import pools
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some


@check("FK423", "Nodes are cordoned already", needs=(parts.NODES,), each_hop=False)
def node_cordoned(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for pool in pools(snap.nodes):
        names = sorted(node.name for node in pool.nodes if not node.schedulable)
        if not names:
            continue
        yield Finding(
            code="FK423",
            severity=Severity.WARNING if len(names) == len(pool.nodes) else Severity.INFO,
            subject=pool.subject,
            message=f"{len(names)} of {counted(len(pool.nodes), 'node')} cordoned by somebody else ({some(names)})",
            fix=f"ask who did it; when it is over: kubectl uncordon {' '.join(names[:3])}",
            breaks=Breaks.AT_NODES,
        )
