"""Until when people may say that they will have mended something."""

from datetime import date, tzinfo

from fleetkeeper.core.interacting.words import day
from fleetkeeper.core.messages.dates import day_of, zone
from fleetkeeper.core.notices.standing import by_item, last_quiet, standing
from fleetkeeper.core.notices.values import Ask, Deadline, Situation


def deadline_of(ask: Ask, situation: Situation) -> Deadline | None:
    """The nearest one of what is asked, with its extensions."""
    said = by_item(situation.answers)
    found = (
        standing(item, situation.told.get(item.key), said.get(item.key, ()), situation.now, situation.policy).deadline
        for item in ask.items
    )
    return min(filter(None, found), key=lambda each: each.at, default=None)


def quiet_until(until: date, ask: Ask, situation: Situation) -> date | None:
    """The last day on which it is quiet after such an acknowledgement; None where it is told all the same."""
    tz = _zone(ask, situation)
    last = last_quiet(deadline_of(ask, situation), situation.policy, tz)
    quiet = until if last is None else min(until, last)
    return quiet if quiet >= day_of(situation.now, tz) else None


def refusal_of_ack(until: date | None, ask: Ask, situation: Situation) -> str:
    """Why this day may not be named, for the field of the modal; "" when it may. Days are the team's own."""
    tz, deadline = _zone(ask, situation), deadline_of(ask, situation)
    today = day_of(situation.now, tz)
    if until is None:
        return "Choose the day by which it is fixed."
    if until < today:
        return "That day is over."
    if deadline is None:
        return ""
    last = day_of(deadline.at, tz)
    if last < today:
        return "The deadline is over: ask for an extension, or fix it today."
    return _beyond(last) if until > last else ""


def _zone(ask: Ask, situation: Situation) -> tzinfo:
    team = situation.teams.get(ask.owner)
    return zone(team.timezone if team else situation.policy.timezone)


def _beyond(last: date) -> str:
    return f"The deadline is {day(last)}: choose that day or an earlier one, or ask for an extension."
