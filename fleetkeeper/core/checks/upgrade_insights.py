"""FK105: an upgrade insight of EKS for the target does not pass.

EKS may refuse UpdateClusterVersion while an insight is ERROR (its force flag "overrides upgrade-blocking readiness
checks", botocore 1.44.5), so an ERROR blocks until it is green or an approver waives it. An insight of deprecated APIs
looks back 30 days and stays red for so long after the last call (view-cluster-insights, 2026).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Evidence, Finding, Severity, Subject
from fleetkeeper.core.insights import ClientStat, Deprecation, Insight, InsightStatus
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, day, some

READINESS, MISCONFIGURATION = "UPGRADE_READINESS", "MISCONFIGURATION"
MEMORY = timedelta(days=30)  # of an insight about deprecated APIs
QUIET = timedelta(days=7)  # without a call: the caller is gone, or calls once a month
FRESH = timedelta(hours=48)  # EKS refreshes every 24 hours
LONGEST = 160  # characters of what EKS or a client says
SEVERITIES = {
    InsightStatus.ERROR: Severity.BLOCKER,
    InsightStatus.WARNING: Severity.WARNING,
    InsightStatus.UNKNOWN: Severity.UNKNOWN,
}


@check("FK105", "An upgrade insight does not pass", needs=(parts.INSIGHTS,), critical=True)
def upgrade_insights(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker for ERROR, however stale; unknown for UNKNOWN; a misconfiguration only warns."""
    for insight in snap.insights:
        if _concerns(insight, hop) and (found := finding_of(insight, snap.cluster.name, hop.target, snap.now)):
            yield found


def finding_of(insight: Insight, cluster: str, target: Minor, now: datetime) -> Finding | None:
    """What an insight says of a cluster (its name), None when it passes: the same to a waiver, stored or live."""
    severity = SEVERITIES.get(insight.status)
    if severity is None:
        return None
    grave = insight.category == READINESS
    return Finding(
        code="FK105",
        severity=severity if grave else Severity.WARNING,
        subject=Subject("Insight", insight.name),
        key=insight.id,
        message=_message(insight, now),
        fix=_fix(insight, cluster, now),
        blocks=grave and insight.status in (InsightStatus.ERROR, InsightStatus.UNKNOWN),
        minor=insight.minor or target,
        evidence=_evidence(insight),
    )


def _concerns(insight: Insight, hop: Hop) -> bool:
    """An insight is told for its own minor; one without a minor, or of a minor that is past, for the first hop."""
    if insight.category not in (READINESS, MISCONFIGURATION):
        return False
    return insight.minor == hop.target or (hop.first and (insight.minor is None or insight.minor < hop.target))


def _last(insight: Insight) -> ClientStat | None:
    """The client that called last, as far as EKS says when."""
    known = [c for d in insight.deprecations for c in d.clients if c.last_request]
    return max(known, key=lambda client: client.last_request.timestamp() if client.last_request else 0, default=None)


def _stale_until(insight: Insight, now: datetime) -> datetime | None:
    """When an insight that nobody feeds any more turns green by itself; None while somebody does."""
    last = _last(insight)
    if last is None or last.last_request is None or now - last.last_request < QUIET:
        return None
    return last.last_request + MEMORY


def _message(insight: Insight, now: datetime) -> str:
    about = f" for {insight.minor}" if insight.minor else ""
    said = (insight.reason or insight.name).rstrip(". ")
    text = f"EKS says {insight.status.value}{about}: {safe(said, LONGEST)}"
    if insight.deprecations:
        text += f"; {some(map(_usage, insight.deprecations))}"
    last, until = _last(insight), _stale_until(insight, now)
    if until and last and last.last_request:
        quiet = counted((now - last.last_request).days, "day")
        text += (
            f"; stale: no call for {quiet} (the last by {safe(last.user_agent, LONGEST)}), it expires on {day(until)}"
        )
    return text


def _usage(deprecation: Deprecation) -> str:
    calls = sum(client.requests_30d for client in deprecation.clients)
    clients = some(dict.fromkeys(safe(client.user_agent, LONGEST) for client in deprecation.clients))
    by = f" ({counted(calls, 'call')} in 30 days by {clients})" if clients else ""
    return f"{deprecation.usage}{by}"


def _fix(insight: Insight, cluster: str, now: datetime) -> str:
    refresh = f"aws eks start-insights-refresh --cluster-name {cluster}"
    if insight.refreshed_at is not None and now - insight.refreshed_at > FRESH:
        return f"it is from {day(insight.refreshed_at)}: {refresh}, then look again"
    if until := _stale_until(insight, now):
        return f"make sure that its callers are mended, then wait until {day(until)} or have an approver waive it"
    if insight.deprecations:
        moves = dict.fromkeys(f"{d.usage} to {d.replaced_with or 'what replaces it'}" for d in insight.deprecations)
        return f"move the callers of {some(moves)}"
    describe = f"aws eks describe-insight --cluster-name {cluster} --id {insight.id}"
    return f"do what {describe} recommends, then {refresh}"


def _evidence(insight: Insight) -> tuple[Evidence, ...]:
    own = Evidence("insight", f"{insight.name}: {insight.status.value}", insight.refreshed_at)
    last = _last(insight)
    return (
        (own, Evidence("insight", f"last call by {safe(last.user_agent, LONGEST)}", last.last_request))
        if last
        else (own,)
    )
