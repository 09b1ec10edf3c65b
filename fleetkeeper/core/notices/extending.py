"""Why more time may not be asked for, or not be given: limits, hard dates, and whoever asks does not grant."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from fleetkeeper.core.notices.hours import day_text, zone_of
from fleetkeeper.core.notices.standing import by_item, standing
from fleetkeeper.core.notices.values import Answer, AnswerKind, Deadline, Item, Situation, Standing
from fleetkeeper.core.people import People

SETTLES = {AnswerKind.GRANT: "granted", AnswerKind.DENY: "denied"}
"""What answers a request, and what became of it then, for people."""


def refusal_of_request(asked: Answer, situation: Situation) -> str:
    """asked: the EXTEND as it would be stored. "" when it may be, else what the asker is told."""
    if asked.until is None:
        return "Say until when you need more time."
    if asked.until < situation.now.astimezone(zone_of(situation.policy.timezone)).date():
        return "That day is over."
    items = _left(asked, situation)
    if not items:
        return "It is fixed already: there is nothing left to extend."
    said = by_item(situation.answers)
    for item in items:
        found = standing(item, situation.told.get(item.key), said.get(item.key, ()), situation.now, situation.policy)
        why = _refusal(found, asked.until, situation)
        if why:
            return why
    return ""


def refusal_of_grant(answer: Answer, situation: Situation, people: People) -> str:
    """answer: the GRANT or DENY as it would be stored. "" when it may be, else what the approver is told."""
    asked = next((each for each in situation.answers if each.id == answer.of), None)
    if asked is None or asked.kind is not AnswerKind.EXTEND:
        return "Nobody asked for this extension."
    if people.person(answer.person) == people.person(asked.person):
        return f"{asked.person} asked for it, so somebody else has to decide."
    before = settled(asked, situation.answers)
    if before:
        return f"{before.person} has {SETTLES[before.kind]} it already."
    if not _left(asked, situation):
        return "It is fixed already: there is nothing left to extend."
    if answer.kind is AnswerKind.DENY:
        return ""
    until = answer.until or asked.until
    others = tuple(each for each in situation.answers if each.id != asked.id)
    return refusal_of_request(replace(asked, until=until), replace(situation, answers=others))


def settled(asked: Answer, answers: Iterable[Answer]) -> Answer | None:
    """What became of a request: the first answer to it holds."""
    return next((each for each in answers if each.of == asked.id and each.kind in SETTLES), None)


def withdrawn(asked: Answer, answers: Iterable[Answer]) -> Answer | None:
    """Who took back what was granted: a denial behind the grant. answers: oldest first."""
    of_it = [each for each in answers if each.of == asked.id and each.kind in SETTLES]
    if not of_it or of_it[0].kind is not AnswerKind.GRANT:
        return None
    return next((each for each in of_it if each.kind is AnswerKind.DENY), None)


def refusal_of_withdrawal(asked: Answer, answers: Sequence[Answer], today: date) -> str:
    """Why there is nothing to take back, "" when there is; today: in the policy's zone."""
    grant = settled(asked, answers)
    if grant is None or grant.kind is not AnswerKind.GRANT:
        return "Nobody has granted it: there is nothing to withdraw."
    if taken := withdrawn(asked, answers):
        return f"{taken.person} has withdrawn it already."
    until = grant.until or asked.until
    if until is None or until < today:
        return "It is over by itself: there is nothing to withdraw."
    return ""


def latest_extension(deadline: Deadline, situation: Situation) -> datetime:
    """Until when an extension that is given now can last."""
    longest = max(deadline.at, situation.now) + situation.policy.longest_extension
    return min(longest, deadline.hard or longest)


def _left(asked: Answer, situation: Situation) -> Sequence[Item]:
    keys = frozenset(asked.items)
    return [item for item in situation.items if item.key in keys and not item.is_over]


def _refusal(found: Standing, until: date, situation: Situation) -> str:
    policy, deadline = situation.policy, found.deadline
    zone = zone_of(policy.timezone)
    if deadline is None:
        return "It has no deadline that could be moved: say by when it will be fixed instead."
    if found.asked:
        return f"{found.asked.person} has asked for it already, and nobody has answered yet."
    if found.extensions >= policy.most_extensions:
        return f"It was extended {found.extensions} times, and that is the limit."
    today = situation.now.astimezone(zone).date()
    last = latest_extension(deadline, situation)
    day = day_text(last.astimezone(zone).date(), today)
    if until <= deadline.at.astimezone(zone).date():
        return f"It is due {day_text(deadline.at.astimezone(zone).date(), today)} anyway: name a later day."
    if last == deadline.hard and until > last.astimezone(zone).date():
        return f"Nothing can be extended beyond {day}: the cloud acts then, whatever was agreed."
    if until > last.astimezone(zone).date():
        return f"An extension lasts {policy.longest_extension.days} days at most, until {day}."
    return ""
