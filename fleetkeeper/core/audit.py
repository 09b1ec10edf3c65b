"""What is remembered of an audit log between looks: each reads only what is new, and old callers are forgotten."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from fleetkeeper.core.observed import AuditCall

# EKS delivers audit events to CloudWatch within minutes; what is younger may not all be there yet.
LAG = timedelta(minutes=5)
LONGEST = timedelta(hours=24)
KEPT = timedelta(days=30)
MOST = 1000


def window(last: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """From when and to before when to look now, after a last good look at `last`: windows meet and never overlap."""
    until = now - LAG
    return max(last - LAG, until - LONGEST) if last else until - LONGEST, until


def merged(known: Iterable[AuditCall], found: Iterable[AuditCall], now: datetime) -> tuple[AuditCall, ...]:
    """Both, one entry for each client of each API: counts add up, the newest call stays; the newest client first.

    Without those that were not seen for 30 days, and no more than the newest 1,000.
    """
    whole: dict[tuple[str, ...], AuditCall] = {}
    for call in (*known, *found):
        key = (call.group, call.version, call.resource, call.user, call.user_agent, call.namespace)
        had = whole.get(key)
        whole[key] = replace(had, count=had.count + call.count, last=max(had.last, call.last)) if had else call
    recent = sorted(key for key, call in whole.items() if now - call.last <= KEPT)
    return tuple(sorted((whole[key] for key in recent), key=lambda call: call.last, reverse=True)[:MOST])
