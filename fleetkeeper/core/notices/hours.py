"""When people are written to: working hours, weekends and holidays in their own zones; and how days are said."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.values import Policy

HORIZON = 60
"""Days ahead that are searched for a working day; a calendar without one is a mistake, and must hide nothing."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UTC = ZoneInfo("UTC")


@lru_cache(maxsize=1024)
def zone_of(*names: str) -> ZoneInfo:
    """The first of these that this machine knows, else UTC: a chat's answer must not stop a turn."""
    for name in filter(None, names):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    return _UTC


def may_write(moment: datetime, zone: ZoneInfo, policy: Policy) -> bool:
    """Whether somebody in this zone may be written to without urgency."""
    local = moment.astimezone(zone)
    return is_workday(local.date(), policy) and _in_hours(local.time(), policy)


def is_workday(day: date, policy: Policy) -> bool:
    return day.weekday() in policy.weekdays and day not in policy.holidays


def next_moment(now: datetime, zone: ZoneInfo, policy: Policy, *, any_day: bool = False) -> datetime:
    """Now inside the hours, else when they next begin. any_day: weekends and holidays too, but still by daylight."""
    local = now.astimezone(zone)
    for ahead in range(HORIZON):
        day = local.date() + timedelta(days=ahead)
        if not any_day and not is_workday(day, policy):
            continue
        if ahead == 0 and _in_hours(local.time(), policy):
            return now
        begin = datetime.combine(day, policy.hours[0], zone).astimezone(UTC)
        if begin > now and (ahead or local.time() < policy.hours[0]):
            return begin
    return now


def next_day(now: datetime, zone: ZoneInfo, policy: Policy) -> datetime:
    """When the hours of the next working day after today begin."""
    return next_moment(midnight(now.astimezone(zone).date() + timedelta(days=1), zone), zone, policy)


def midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last second of a day: who says "until Tuesday" has all of Tuesday, and is told "Tuesday"."""
    return midnight(day + timedelta(days=1), zone) - timedelta(seconds=1)


def days_left(at: datetime, now: datetime, zone: ZoneInfo) -> int:
    """Days of that zone's calendar; 0 is today, negative is past."""
    return (at.astimezone(zone).date() - now.astimezone(zone).date()).days


def day_text(day: date, today: date) -> str:
    """`Tue 24 Nov`, with the year where it is another one."""
    text = f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"
    return text if day.year == today.year else f"{text} {day.year}"


def _in_hours(local: time, policy: Policy) -> bool:
    return policy.hours[0] <= local < policy.hours[1]
