"""What comes next, when, and to whom, unless it is mended: computed from the ladder, as the next turns will do it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import day_text, midnight, next_moment
from fleetkeeper.core.notices.ladder import begins, following_rungs, repeats_after
from fleetkeeper.core.notices.values import Audience, Policy, Rung

_WORDS = {
    Audience.CHANNEL: "the channel",
    Audience.LEAD: "the lead",
    Audience.MANAGER: "the manager",
    Audience.FLEET: "the fleet's on-call",
    Audience.PAGER: "the pager",
}


def following(rung: Rung, deadline: datetime, moment: datetime, zone: ZoneInfo, policy: Policy) -> str:
    """`next reminder Tue 24 Nov; on Tue 1 Dec also to the lead`; "" when nothing comes any more."""
    today = moment.astimezone(zone).date()
    left = (deadline.astimezone(zone).date() - today).days
    repeat = _repeat(rung, left, moment, zone, policy)
    step = _step(rung, deadline, moment, zone, policy)
    parts = []
    if repeat and (step is None or repeat.date() < step[0].date()):
        parts.append(f"next reminder {day_text(repeat.date(), today)}")
    if step:
        at, to = step
        parts.append(f"on {day_text(at.date(), today)} {to}")
    return "; ".join(parts)


def _repeat(rung: Rung, left: int, moment: datetime, zone: ZoneInfo, policy: Policy) -> datetime | None:
    every = repeats_after(rung, left)
    if not every:
        return None
    day = moment.astimezone(zone).date() + timedelta(days=every)
    return next_moment(midnight(day, zone), zone, policy).astimezone(zone)


def _step(
    rung: Rung, deadline: datetime, moment: datetime, zone: ZoneInfo, policy: Policy
) -> tuple[datetime, str] | None:
    """When the next rung is told and what it adds; rungs that begin on one working day are told as the last of them."""
    found: tuple[datetime, Rung] | None = None
    for each in following_rungs(rung, policy.ladder):
        at = next_moment(max(begins(each, deadline, zone), moment), zone, policy).astimezone(zone)
        if found and at.date() > found[0].date():
            break
        found = at, each
    if found is None:
        return None
    more = [_WORDS[audience] for audience in found[1].to if audience not in rung.to]
    return found[0], f"also to {_joined(more)}" if more else "again"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
