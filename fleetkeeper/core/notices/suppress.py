"""Why an item is quiet although its deadline comes nearer: nothing compulsory, an answer, or a fix under way."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import day_text
from fleetkeeper.core.notices.ladder import UNTIMED, begins, final_days, is_final
from fleetkeeper.core.notices.values import Phase, Rung, Standing
from fleetkeeper.core.notices.view import Known, View


@dataclass(frozen=True, slots=True)
class Quiet:
    """why: for people. until: when it is over by itself, None when it waits for something."""

    why: str
    until: datetime | None = None
    keeps: bool = False  # what would be new now stays new until it is told


ADVISORY = Quiet("nothing that has to be done by a date: it stands in digests only")


def quiet_of(view: View, known: Known, rung: Rung, zone: ZoneInfo) -> Quiet | None:
    """None when nothing keeps it quiet; that is so on the last rung before a deadline, whatever was answered."""
    policy, item, deadline = view.situation.policy, known.item, known.deadline
    if deadline is None or is_final(rung, policy.ladder):
        return None
    final = begins(Rung(final_days(policy.ladder), ()), deadline, zone)
    share = view.muted.get(item.tracked.finding.code)
    if share is not None:
        code = item.tracked.finding.code
        return Quiet(f"{code} is muted: {share:.0%} of those told said that it is not theirs", final, keeps=True)
    if item.busy:
        return Quiet(item.busy, final, keeps=True)
    if _came_nearer(known, deadline) or came_back(view, known):
        return None
    return _answered(view, known.standing, final, zone)


def _answered(view: View, standing: Standing, final: datetime, zone: ZoneInfo) -> Quiet | None:
    if standing.phase is Phase.EXTENSION_REQUESTED:
        return Quiet(f"{standing.by} asked for more time, and nobody has answered yet", final, keeps=True)
    if standing.until is None or standing.phase not in (Phase.EXTENDED, Phase.ACKED):
        return None
    until = standing.promised or view.date(standing.until, zone)
    day = day_text(until, view.date(view.now, zone))
    if standing.phase is Phase.EXTENDED:
        return Quiet(f"{standing.by} gave more time, until {day}", final, keeps=True)
    return Quiet(f"{standing.by} said that it will be fixed by {day}", standing.until, keeps=True)


def _came_nearer(known: Known, at: datetime) -> bool:
    """An answer was about the deadline that they knew."""
    told = known.heard
    return told is not None and told.announced is not None and at < told.announced - timedelta(hours=12)


def is_falling(view: View, known: Known, rung: Rung, moment: datetime) -> datetime | None:
    """When others of the same ask were mended since the last time it was due: work is visibly under way."""
    mended = view.mended.get((known.owner, known.item.campaign, known.item.tracked.finding.code))
    return mended if mended and mended > moment - timedelta(days=max(rung.every, 1)) else None


def is_flap(view: View, known: Known) -> bool:
    """It was mended and came back within the grace, or so fast that nobody was told of it."""
    told, item = known.record, known.item
    if told is None or item.tracked.times <= told.opened or item.is_over:
        return False
    return told.mended is None or item.tracked.since - told.mended <= view.situation.policy.grace


def came_back(view: View, known: Known) -> bool:
    """It was told as done, stayed so for longer than the grace, and nobody was told that it is open again."""
    told = known.record
    return told is not None and known.item.tracked.times > told.opened and not is_flap(view, known)


def not_yet(view: View, at: datetime, zone: ZoneInfo) -> Quiet:
    """Before the first rung."""
    first = max(view.situation.policy.ladder, key=lambda rung: rung.days, default=Rung(UNTIMED, ()))
    start = begins(first, at, zone)
    today = view.date(view.now, zone)
    return Quiet(f"due {day_text(view.date(at, zone), today)}: first told {first.days} days before", start)
