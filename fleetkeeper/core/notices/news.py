"""What is new about an item since a recipient was last told of it; nothing new is nothing told."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import day_text
from fleetkeeper.core.notices.ladder import repeats_after
from fleetkeeper.core.notices.memory import Last
from fleetkeeper.core.notices.suppress import Quiet, came_back, is_falling
from fleetkeeper.core.notices.values import Audience, Rung
from fleetkeeper.core.notices.view import Known, View
from fleetkeeper.core.wording import counted

_PEOPLE = frozenset({Audience.LEAD, Audience.MANAGER})


@dataclass(frozen=True, slots=True)
class News:
    """text: for people. is_repeat: nothing happened but time."""

    text: str
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One item as one recipient sees it at one moment. last: what they were told."""

    known: Known
    at: datetime  # the deadline
    rung: Rung
    moment: datetime
    zone: ZoneInfo
    audience: Audience
    last: Last | None


def news_of(view: View, case: Case) -> News | Quiet:
    last = case.last
    if last is None:
        return News(_arrival(view, case))
    event = _event(view, case)
    if event:
        return News(event)
    if case.rung.days < last.rung:
        return News(due_text(view, case))
    return _repeat(view, case, last)


def due_text(view: View, case: Case) -> str:
    """`due in 14 days`, `overdue by 3 days`: another text on each day, so no two messages read the same."""
    left = (view.date(case.at, case.zone) - view.date(case.moment, case.zone)).days
    if case.moment >= case.at:
        return "overdue since today" if left >= 0 else f"overdue by {counted(-left, 'day')}"
    return "due today" if left <= 0 else "due tomorrow" if left == 1 else f"due in {left} days"


def _arrival(view: View, case: Case) -> str:
    before = case.known.record
    if before and before.owner != case.known.owner:
        return f"new for you: {before.owner} does not own it, {due_text(view, case)}"
    if before and case.audience is not Audience.CHANNEL:
        return due_text(view, case)
    return f"new, {due_text(view, case)}"


def _event(view: View, case: Case) -> str:
    """Something that happened to the item; only its owner's own message tells such."""
    told = case.known.heard
    if case.audience is not Audience.CHANNEL or told is None:
        return ""
    if came_back(view, case.known):
        return f"came back, {due_text(view, case)}"
    if told.announced and case.at < told.announced:  # more time is no news: what is out is edited
        today, old, new = (view.date(at, case.zone) for at in (case.moment, told.announced, case.at))
        if old != new:
            moved = f"the deadline moved from {day_text(old, today)} to {day_text(new, today)}"
            return f"{moved}, {due_text(view, case)}"
    promise = case.known.promise
    if promise and told.last < promise <= case.moment:
        day = day_text(view.date(promise, case.zone), view.date(case.moment, case.zone))
        return f"was to be fixed by {day}, and is {due_text(view, case)}"
    return ""


def _repeat(view: View, case: Case, last: Last) -> News | Quiet:
    today, before = view.date(case.moment, case.zone), view.date(last.at, case.zone)
    left = (view.date(case.at, case.zone) - today).days
    every = repeats_after(case.rung, left)
    last_days = left >= 0 and case.moment < case.at
    if not every or is_told_once(case.audience, case.rung, last_days, case.known.is_tentative):
        return Quiet(f"told {day_text(before, today)}, and nothing is new")
    if (today - before).days < every:
        return Quiet(f"told {day_text(before, today)}, and again after {every} days")
    falling = is_falling(view, case.known, case.rung, case.moment)
    if falling:
        return Quiet(f"others like it were fixed {day_text(view.date(falling, case.zone), today)}: work is under way")
    return News(f"still open, {due_text(view, case)}", is_repeat=True)


def is_told_once(audience: Audience, rung: Rung, is_ahead: bool, is_tentative: bool) -> bool:
    """Pages and people: a page is not paged again, and a person is reminded only on the last days before.

    is_ahead: the deadline has not passed.
    """
    if audience is Audience.PAGER:
        return True
    return audience in _PEOPLE and (not (rung.acked and is_ahead) or is_tentative)
