"""Until when people may say that they will have mended something."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from fleetkeeper.core.interacting.words import day
from fleetkeeper.core.notices.values import Answer, Ask, Deadline, Policy

LONGEST = timedelta(days=90)
"""Of an acknowledgement of what has no deadline."""


def last_day(deadlines: Iterable[Deadline | None], now: datetime) -> date:
    """The last day that may be named: that of the nearest deadline, which no answer may reach past."""
    nearest = min((each.at for each in deadlines if each), default=now + LONGEST)
    return nearest.date()


def refusal_of_ack(until: date | None, last: date, now: datetime) -> str:
    """Why this day may not be named, for the field of the modal; "" when it may."""
    if until is None:
        return "Choose the day by which it is mended."
    if last < now.date():
        return "The deadline is over: ask for an extension, or mend it today."
    if until < now.date():
        return "That day is over."
    if until > last:
        return f"The deadline is {day(last)}: choose that day or an earlier one, or ask for an extension."
    return ""


def refusal_of_more(until: date, ask: Ask, answers: Iterable[Answer], policy: Policy, now: datetime) -> str:
    """Why so much more time may not be asked for, "" when it may."""
    deadlines = [item.deadline for item in ask.items if item.deadline]
    if not deadlines:
        return "It has no deadline: acknowledge it with the day by which it is mended."
    nearest = min(deadlines, key=lambda each: each.at)
    hard = min((each.hard for each in deadlines if each.hard), default=None)
    last = nearest.at + policy.longest_extension
    last_allowed = min(last, hard).date() if hard else last.date()
    if until <= nearest.at.date():
        return f"The deadline is {day(nearest.at.date())} already: choose a later day."
    if until > last_allowed:
        why = "nothing goes beyond that" if hard and hard < last else f"{policy.longest_extension.days} days at most"
        return f"Not beyond {day(last_allowed)}: {why}."
    if until < now.date():
        return "That day is over."
    return ""
