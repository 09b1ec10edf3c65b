"""How a campaign goes, team by team: what is open, promised, late and mended, and whether it gets fewer."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import end_of, zone_of
from fleetkeeper.core.notices.precision import Rate, muted, rates
from fleetkeeper.core.notices.standing import standings
from fleetkeeper.core.notices.values import Item, ItemKey, Phase, Situation, Standing

WEEKS = 12
"""How far back the burn-down goes."""

_EXTENDED = (Phase.EXTENDED, Phase.EXTENSION_REQUESTED)


@dataclass(frozen=True, slots=True)
class Week:
    """How many counted at the end of a week, and how many were mended in it. until: its last day."""

    until: date
    open: int
    mended: int


@dataclass(frozen=True, slots=True)
class Progress:
    """One team in one campaign, of what is compulsory. open counts everything that is not mended; acked, extended and
    overdue are parts of it. told: how many of all were told. time_to_fix: the median, from the first telling."""

    owner: str
    campaign: str
    open: int
    acked: int
    extended: int
    overdue: int
    fixed: int
    told: int
    time_to_fix: timedelta | None
    weeks: tuple[Week, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """rows: by campaign and team. total: a row of all teams for each campaign, of owner "". checks: by code."""

    rows: tuple[Progress, ...]
    totals: tuple[Progress, ...]
    checks: Mapping[str, Rate]
    muted: Mapping[str, float]


def report(situation: Situation, weeks: int = WEEKS) -> Report:
    """The items of a situation are all that count, and those that were told and are over."""
    stand = standings(situation)
    groups: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in situation.items:
        if _is_of_one(item, situation):
            groups[item.campaign, item.owned.owner].append(item)
            groups[item.campaign, ""].append(item)
    rows = [_progress(situation, key, groups[key], stand, weeks) for key in sorted(groups)]
    return Report(
        tuple(row for row in rows if row.owner),
        tuple(row for row in rows if not row.owner),
        rates(situation.told, situation.answers),
        muted(situation.told, situation.answers, situation.policy),
    )


def _is_of_one(item: Item, situation: Situation) -> bool:
    """What is mended has to be done no more: of that, whether its deadline was told. With its cluster all is gone."""
    told = situation.told.get(item.key)
    return item.must or (item.is_over and not item.is_gone and told is not None and told.announced is not None)


def _progress(
    situation: Situation,
    key: tuple[str, str],
    items: Sequence[Item],
    stand: Mapping[ItemKey, Standing],
    weeks: int,
) -> Progress:
    campaign, owner = key
    left = [item for item in items if not item.is_over]
    fixed = [item for item in items if item.is_over]
    return Progress(
        owner=owner,
        campaign=campaign,
        open=len(left),
        acked=sum(stand[item.key].phase is Phase.ACKED for item in left),
        extended=sum(stand[item.key].phase in _EXTENDED for item in left),
        overdue=sum(_is_overdue(stand[item.key], situation.now) for item in left),
        fixed=len(fixed),
        told=sum(item.key in situation.told for item in items),
        time_to_fix=_time_to_fix(situation, fixed),
        weeks=burn_down(items, situation.now, zone_of(situation.policy.timezone), weeks),
    )


def _is_overdue(standing: Standing, now: datetime) -> bool:
    return standing.deadline is not None and standing.deadline.at <= now


def _time_to_fix(situation: Situation, fixed: Iterable[Item]) -> timedelta | None:
    """None while nothing that was told is mended. What was mended before its first telling took no time at all."""
    took = [
        max(timedelta(), item.tracked.since - told.first)
        for item in fixed
        if (told := situation.told.get(item.key)) is not None
    ]
    return timedelta(seconds=median(each.total_seconds() for each in took)) if took else None


def burn_down(items: Iterable[Item], now: datetime, zone: ZoneInfo, weeks: int) -> tuple[Week, ...]:
    """By calendar week, the oldest first; the last one is the present one, as it is now.

    Of an item that came back only its last stretch is known: before that it counts as it did from the beginning.
    """
    today = now.astimezone(zone).date()
    sunday = today + timedelta(days=6 - today.weekday())
    known = list(items)
    found = []
    for back in range(weeks - 1, -1, -1):
        until = sunday - timedelta(weeks=back)
        end, begin = end_of(until, zone), end_of(until - timedelta(weeks=1), zone)
        ends = [item.tracked.since for item in known if item.is_over]
        count = sum(item.tracked.first_seen <= end and not _was_over(item, end) for item in known)
        found.append(Week(until, count, sum(begin < each <= end for each in ends)))
    return tuple(found)


def _was_over(item: Item, at: datetime) -> bool:
    return item.is_over and item.tracked.since <= at
