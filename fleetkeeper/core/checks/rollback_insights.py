"""FK106: a rollback insight of EKS does not pass, so that the way back to the minor before is closed.

EKS refuses VersionRollback while a rollback insight is ERROR, and by its later text also while it is UNKNOWN
(rollback-cluster, 2026-05). That stands in no upgrade's way.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Evidence, Finding, Severity, Subject
from fleetkeeper.core.insights import InsightStatus
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe

CATEGORY = "ROLLBACK_READINESS"
CLOSED = frozenset({InsightStatus.ERROR, InsightStatus.UNKNOWN})


@check("FK106", "A rollback insight does not pass", needs=(parts.INSIGHTS,), each_hop=False)
def rollback_insights(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Told only: it matters if the upgrade has to be taken back."""
    for insight in snap.insights:
        if insight.category != CATEGORY or insight.status is InsightStatus.PASSING:
            continue
        effect = "EKS would refuse" if insight.status in CLOSED else "EKS would warn of"
        yield Finding(
            code="FK106",
            severity=Severity.INFO,
            subject=Subject("Insight", insight.name),
            key=insight.id,
            message=f"{effect} a rollback from {hop.source}: {insight.status.value},"
            f" {safe(insight.reason or insight.name, 160)}",
            fix=f"before a rollback do what aws eks describe-insight --cluster-name {snap.cluster.name}"
            f" --id {insight.id} recommends",
            breaks=Breaks.NOTHING,
            evidence=(Evidence("insight", f"{insight.name}: {insight.status.value}", insight.refreshed_at),),
        )
