"""Extensions in notices: a request goes to those who may grant it, and its answer to where it was asked."""

from dataclasses import replace
from datetime import timedelta

from fleetkeeper.core.notices.assembling import notice_id
from fleetkeeper.core.notices.extending import SETTLES, settled, withdrawn
from fleetkeeper.core.notices.hours import day_text, zone_of
from fleetkeeper.core.notices.ladder import UNTIMED, URGENT_DAYS
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Audience,
    Entry,
    ItemKey,
    Notice,
    NoticeKind,
    Phase,
    Recipient,
    Via,
)
from fleetkeeper.core.notices.view import View

_RECENT = timedelta(days=7)
"""An answer that could not be told within a week shows by the state of its items."""


def request_notices(view: View) -> list[Notice]:
    """What is asked and answered, and not told yet."""
    asked = {each.id: each for each in view.situation.answers if each.kind is AnswerKind.EXTEND}
    found = [_decision(view, each) for each in asked.values() if _waits(view, each)]
    for request in asked.values():
        taken = withdrawn(request, view.situation.answers)
        answer = taken or settled(request, view.situation.answers)
        subject = taken.id if taken else request.id
        if answer and answer.at > view.now - _RECENT and (NoticeKind.ANSWER, subject) not in view.memory.requests:
            found.append(_answer(view, request, answer, subject))
    return [each for each in found if each]


def _waits(view: View, asked: Answer) -> bool:
    if (NoticeKind.DECISION, asked.id) in view.memory.requests:
        return False
    return any(_is_asked(view, key, asked) for key in asked.items)


def _is_asked(view: View, key: ItemKey, asked: Answer) -> bool:
    known = view.items.get(key)
    if known is None or known.standing.phase is not Phase.EXTENSION_REQUESTED:
        return False
    return known.standing.asked == asked


def _decision(view: View, asked: Answer) -> Notice | None:
    """To the fleet's on-call channel, where the approvers are."""
    entries = _entries(view, asked)
    owner = entries[0].owner
    route = view.routes.to(owner, Audience.FLEET) or view.routes.to(owner, Audience.CHANNEL)
    if route is None:
        return None
    until = f" until {day_text(asked.until, view.date(view.now, route.zone))}" if asked.until else ""
    why = f"{asked.person} asks for more time{until}: {asked.reason or 'no reason was given'}"
    return _notice(view, NoticeKind.DECISION, route.recipient, asked, why)


def _answer(view: View, asked: Answer, answer: Answer, subject: str) -> Notice | None:
    """In the thread of the notice where it was asked for; in the owner's channel where that is not known. subject: the
    request's id, of a withdrawal its own."""
    entries = _entries(view, asked)
    route = view.routes.to(entries[0].owner, Audience.CHANNEL) if entries else None
    known = view.memory.sent.get(asked.notice)
    recipient = known.notice.recipient if known else route.recipient if route else None
    if recipient is None:
        return None
    until = answer.until or asked.until
    is_until = until is not None and answer.kind is AnswerKind.GRANT
    day = f" until {day_text(until, view.now.date())}" if until and is_until else ""
    reason = f": {answer.reason}" if answer.reason else ""
    verb = SETTLES[answer.kind] if subject == asked.id else "withdrawn"
    why = f"{answer.person} has {verb} the extension that {asked.person} asked for{day}{reason}"
    thread = (known.notice.thread or known.notice.id) if known and recipient.via is Via.SLACK else ""
    found = _notice(view, NoticeKind.ANSWER, recipient, asked, why, thread)
    if subject == asked.id:
        return found
    return replace(found, id=notice_id(recipient, found.day, found.kind, (), subject), subject=subject)


def _notice(view: View, kind: NoticeKind, recipient: Recipient, asked: Answer, why: str, thread: str = "") -> Notice:
    zone = zone_of(recipient.timezone, view.situation.policy.timezone)
    entries = _entries(view, asked)
    at = view.moment(zone)
    deadlines = [found for entry in entries if (found := view.items[entry.item].deadline)]
    nearest = min((each for each in deadlines if each > view.now), default=None)
    is_pressing = nearest is not None and nearest <= at
    at = view.now if is_pressing else at
    day, id = view.date(at, zone), notice_id(recipient, asked.at.date(), kind, (), asked.id)
    if view.memory.is_lost(id):  # nobody read it: tried again, under the id of each day
        id = notice_id(recipient, day, kind, (), asked.id)
    return Notice(
        id=id,
        kind=kind,
        recipient=recipient,
        day=day,
        at=at,
        entries=entries,
        why=why,
        why_then=f"outside of working hours in {zone.key}" if at > view.now else "",
        thread=thread,
        is_urgent=is_pressing or (nearest is not None and (nearest - view.now).days < URGENT_DAYS),
        subject=asked.id,
    )


def _entries(view: View, asked: Answer) -> tuple[Entry, ...]:
    """The items that were asked about and are still known."""
    found = []
    for key in sorted(asked.items):
        known = view.items.get(key)
        if known:
            rung = known.record.rung if known.record else UNTIMED
            found.append(Entry(key, known.owner, rung, "more time was asked for"))
    return tuple(found)
