"""FK422: nodes are not ready, so that room is missing and a drain of them may never end.

The kubelet of a node that does not answer confirms no deletion: its evicted pods stay Terminating until the node object
goes. What runs there is already missing from every budget's healthy count.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.node_pools import pools
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, read, some


@check("FK422", "Nodes are not ready", needs=(parts.NODES,), each_hop=False)
def node_not_ready(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """One finding for a group, whose nodes' names move."""
    for pool in pools(each for each in snap.nodes if not each.ready):
        names = sorted(node.name for node in pool.nodes)
        yield Finding(
            code="FK422",
            severity=Severity.WARNING,
            subject=pool.subject,
            message=f"{counted(len(names), 'node')} not ready ({some(names)})",
            fix=f"see why and mend or terminate: kubectl describe node {names[0]}",
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.NODES, "node", "condition Ready is not True"),),
        )
