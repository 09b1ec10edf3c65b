"""How much may go out: one message per recipient and day, few to a person in a week, a cap on a fleet's first day.

What does not fit is told later and says so; what is urgent goes into the thread of the day's message instead.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fleetkeeper.core.notices.drafts import Draft, part_of
from fleetkeeper.core.notices.hours import midnight, next_day, next_moment, zone_of
from fleetkeeper.core.notices.judging import Judged
from fleetkeeper.core.notices.values import Audience, NoticeKind, Via
from fleetkeeper.core.notices.view import View

_CHANNELS = frozenset({Audience.CHANNEL, Audience.FLEET})
_ORDER = (NoticeKind.PAGE, NoticeKind.ESCALATION, NoticeKind.DIGEST, NoticeKind.DIRECT, NoticeKind.REMINDER)


def fitted(view: View, drafts: Iterable[Draft]) -> list[Draft]:
    """Each draft as it may go out; those that have to wait have a later time and the reason."""
    within = [part for draft in drafts for part in _day(view, draft)]
    return _first_day(view, [_week(view, each) for each in within])


def _day(view: View, draft: Draft) -> tuple[Draft, ...]:
    """One message per recipient and day; a repeat hangs in the thread of the last one."""
    if draft.kind is NoticeKind.PAGE:
        return (draft,)
    address, zone = draft.recipient.key, draft.route.zone
    day = view.date(draft.at, zone)
    root = view.memory.roots.get((address, draft.kind, day))
    if root:
        return _after(view, draft, root)
    if draft.kind is NoticeKind.DIGEST:
        had, fresh = _split(draft.told, lambda each: (each.owner, day) in view.memory.digests)
        if had:
            return (*(_day(view, part_of(draft, fresh)) if fresh else ()), *_after(view, part_of(draft, had), ""))
    if draft.is_repeat and (address, day) in view.memory.reminded:
        return (_later(view, draft, "there was a reminder today already"),)
    newest = view.memory.newest.get((address, draft.kind))
    if draft.is_repeat and newest and draft.recipient.audience in _CHANNELS:
        return (_quiet_hours(view, _hung(draft, newest.notice.id)),)
    return (_quiet_hours(view, draft),)


def _after(view: View, draft: Draft, root: str) -> tuple[Draft, ...]:
    """The day's message is out: what is urgent follows in its thread, the rest waits for the next day. root: "" where
    the message went somewhere else, before the channel was archived."""
    tomorrow = next_day(draft.at, draft.route.zone, view.situation.policy)
    urgent, rest = _split(draft.told, lambda each: each.is_urgent or _is_lost_by(view, each, tomorrow))
    parts = [_quiet_hours(view, _hung(part_of(draft, urgent), root))] if urgent else []
    if rest:
        parts.append(_later(view, part_of(draft, rest), "today's message is out already"))
    return tuple(parts)


def _split(told: Iterable[Judged], is_one: Callable[[Judged], bool]) -> tuple[list[Judged], list[Judged]]:
    """(those that are, those that are not)."""
    sides: tuple[list[Judged], list[Judged]] = ([], [])
    for each in told:
        sides[0 if is_one(each) else 1].append(each)
    return sides


def _hung(draft: Draft, root: str) -> Draft:
    """Only chats have threads."""
    return replace(draft, kind=NoticeKind.REMINDER, thread=root if draft.recipient.via is Via.SLACK else "")


def _quiet_hours(view: View, draft: Draft) -> Draft:
    if draft.at <= view.now:
        return draft
    return replace(draft, why_then=f"outside of working hours in {draft.route.zone.key}")


def _week(view: View, draft: Draft) -> Draft:
    if draft.kind is not NoticeKind.DIRECT or draft.is_urgent:
        return draft
    zone, most = draft.route.zone, view.situation.policy.direct_week
    days = view.memory.directs_since(draft.recipient.key, view.date(draft.at, zone))
    if len(days) < most:
        return draft
    free = midnight(days[-most] + timedelta(days=7), zone) if most else draft.at + timedelta(days=7)
    at = next_moment(max(free, draft.at), zone, view.situation.policy)
    return _defer(view, draft, at, f"{most} direct messages in seven days are the limit")


def _first_day(view: View, drafts: Sequence[Draft]) -> list[Draft]:
    """The most urgent ones go out on the first day, as many as may; pages are no part of it."""
    due = [each for each in drafts if each.at <= view.now and each.kind is not NoticeKind.PAGE]
    room = _room(view)
    if room is None or len(due) <= room:
        return list(drafts)
    kept = {id(each) for each in sorted(due, key=_urgency)[:room]}
    why = f"{view.situation.policy.first_day} messages are the limit of the first day"
    capped = {id(each): _later(view, each, why) for each in due if id(each) not in kept}
    return [capped.get(id(each), each) for each in drafts]


def _room(view: View) -> int | None:
    """How many more may go out today; None where it is not the first day."""
    zone = zone_of(view.situation.policy.timezone)
    today, first = view.date(view.now, zone), view.situation.first_live
    if first is not None and view.date(first, zone) != today:
        return None
    return max(0, view.situation.policy.first_day - view.memory.told_on(today, zone))


def _urgency(draft: Draft) -> tuple[int, datetime, int, str]:
    days = min(each.rung.days for each in draft.told)
    return days, draft.deadline, _ORDER.index(draft.kind), draft.recipient.key


def _later(view: View, draft: Draft, why: str) -> Draft:
    return _defer(view, draft, next_day(max(view.now, draft.at), draft.route.zone, view.situation.policy), why)


def _defer(view: View, draft: Draft, at: datetime, why: str) -> Draft:
    """Not beyond a deadline that the owner does not know of: then it goes out as it is."""
    if any(_is_lost_by(view, each, at) for each in draft.told):
        return draft
    return replace(draft, at=at, why_then=why)


def _is_lost_by(view: View, judged: Judged, at: datetime) -> bool:
    """Its deadline, of which the owner does not know, would pass before then."""
    if not view.now < judged.deadline <= at:
        return False
    told = judged.known.record
    return told is None or told.announced != judged.deadline
