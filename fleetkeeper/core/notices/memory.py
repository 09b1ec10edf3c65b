"""What stored notices say of the days before: who was told what at which rung, and how much each of them got."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.values import Audience, Delivery, ItemKey, NoticeKind, Sent, Situation

LOST = frozenset({Delivery.FAILED, Delivery.DROPPED})
"""Nobody read these: what they told was not told."""

_ROOTS = frozenset({NoticeKind.DIGEST, NoticeKind.DIRECT, NoticeKind.ESCALATION})
_TELLING = _ROOTS | {NoticeKind.REMINDER, NoticeKind.PAGE}
_REQUESTS = frozenset({NoticeKind.DECISION, NoticeKind.ANSWER})


@dataclass(frozen=True, slots=True)
class Last:
    """When a recipient was last told of an item, and the days of the rung at which that was."""

    rung: int
    at: datetime


@dataclass(slots=True)
class Memory:
    """roots: by recipient, kind and day the message that threads hang on. newest: by recipient and kind.

    digests: owners that had one, wherever it went, by day. reminded: recipients. requests: what was asked and told.
    """

    sent: dict[str, Sent] = field(default_factory=dict)
    people: dict[tuple[str, ItemKey], Last] = field(default_factory=dict)
    roots: dict[tuple[str, NoticeKind, date], str] = field(default_factory=dict)
    newest: dict[tuple[str, NoticeKind], Sent] = field(default_factory=dict)
    digests: set[tuple[str, date]] = field(default_factory=set)
    reminded: set[tuple[str, date]] = field(default_factory=set)
    directs: dict[str, list[date]] = field(default_factory=lambda: defaultdict(list))
    requests: set[tuple[NoticeKind, str]] = field(default_factory=set)

    def is_lost(self, notice: str) -> bool:
        found = self.sent.get(notice)
        return found is not None and found.state in LOST

    def told_on(self, day: date, zone: ZoneInfo) -> int:
        """How many messages went out on a day."""
        days = (each.stored_at.astimezone(zone).date() for each in self.sent.values() if _tells(each))
        return sum(each == day for each in days)

    def directs_since(self, recipient: str, day: date) -> list[date]:
        return sorted(each for each in self.directs.get(recipient, ()) if each > day - timedelta(days=7))


def memory_of(situation: Situation) -> Memory:
    found = Memory()
    for sent in sorted(situation.sent, key=lambda each: (each.stored_at, each.notice.id)):
        found.sent[sent.notice.id] = sent
        notice = sent.notice
        if notice.kind in _REQUESTS and sent.state not in LOST:
            found.requests.add((notice.kind, notice.subject))
        if _tells(sent):
            _remember(found, sent)
    return found


def _tells(sent: Sent) -> bool:
    return sent.notice.kind in _TELLING and sent.state not in LOST


def _remember(found: Memory, sent: Sent) -> None:
    notice, address = sent.notice, sent.notice.recipient.key
    found.newest[address, notice.kind] = sent
    if notice.kind in _ROOTS:
        found.roots[address, notice.kind, notice.day] = notice.id
    if notice.kind is NoticeKind.DIGEST:
        found.digests.update((owner, notice.day) for owner in notice.recipient.owners)
    if notice.kind is NoticeKind.REMINDER:
        found.reminded.add((address, notice.day))
    if notice.kind is NoticeKind.DIRECT and not notice.is_urgent:
        found.directs[address].append(notice.day)
    if notice.recipient.audience is not Audience.CHANNEL:
        for entry in notice.entries:
            found.people[address, entry.item] = Last(entry.rung, sent.stored_at)
