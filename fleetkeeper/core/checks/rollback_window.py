"""FK111: the last upgrade can still be rolled back, and the next one closes that way.

EKS takes a control plane back to the minor before within 7 days of the end of its upgrade, and not once it was upgraded
again; force changes neither (rollback-cluster, 2026-05). We know when the update began, so the time left is at least
what is told here.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Breaks, Evidence, Finding, Severity
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.way_back import UPGRADE, WINDOW, last_move
from fleetkeeper.core.wording import counted


@check("FK111", "The last upgrade can still be rolled back", needs=(parts.UPDATES,), each_hop=False)
def rollback_window(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Told only, with the time that is left."""
    last = last_move(snap.updates)
    if last is None or last.created_at is None or last.kind != UPGRADE or last.minor != hop.source:
        return
    end = last.created_at + WINDOW
    if snap.now >= end or not hop.source.minor:
        return
    left = end - snap.now
    time = counted(left.days, "day") if left.days else counted(left.seconds // 3600, "hour")
    yield Finding(
        code="FK111",
        severity=Severity.INFO,
        subject=CLUSTER,
        message=f"the upgrade to {hop.source} can be rolled back to {hop.source.previous()} until"
        f" {end:%Y-%m-%d %H:%M} UTC ({time} left); the upgrade to {hop.target} closes that way for good",
        fix=f"let {hop.source} soak until then, or accept that there is no way back to {hop.source.previous()}",
        breaks=Breaks.NOTHING,
        deadline=end,
        evidence=(Evidence("EKS", f"{last.kind} {last.id} {last.status}", last.created_at),),
    )
