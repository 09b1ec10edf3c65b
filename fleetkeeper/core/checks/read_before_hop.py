"""FK322: changes of the target that cannot be seen in a cluster, to be read before the hop.

One list for a hop, and nothing that blocks: they lie in the flags of kubelets, in what clients send, in defaults.
"""

from collections.abc import Iterator

from fleetkeeper.core import behaviours, parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Breaks, Finding, Severity
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some


@check("FK322", "Changes to read before the hop", needs=(parts.CONTROL_PLANE,))
def read_before_hop(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    rows = [row for row in compat.behaviours if row.minor == hop.target and not behaviours.is_seen(row)]
    if not rows:
        return
    yield Finding(
        code="FK322",
        severity=Severity.INFO,
        subject=CLUSTER,
        key=str(hop.target),
        message=f"{counted(len(rows), 'change')} of {hop.target} cannot be seen in a cluster: "
        + some(row.id for row in rows),
        fix=f"read them before the hop; the evidence has them all ({hop})",
        breaks=Breaks.NOTHING,
        minor=hop.target,
        evidence=tuple(behaviours.evidence(row) for row in rows),
    )
