"""Days as the reader has them: in their time zone, with the days that are left."""

from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone(name: str) -> tzinfo:
    """UTC for a name that nobody knows: what people entered is checked elsewhere, and a message must go out."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def day_of(moment: datetime, tz: tzinfo) -> date:
    return moment.astimezone(tz).date()


def short(day: date) -> str:
    """`Tue 24 Nov`; names in English whatever the machine's language."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def full(day: date) -> str:
    """`Tue 24 Nov 2026`."""
    return f"{short(day)} {day.year}"


def days_left(moment: datetime, now: datetime, tz: tzinfo) -> int:
    """Calendar days of the reader until then; negative when it is past."""
    return (day_of(moment, tz) - day_of(now, tz)).days


def left(moment: datetime, now: datetime, tz: tzinfo) -> str:
    """`in 10 days`, `tomorrow`, `today at 14:00`, `3 days ago`."""
    days = days_left(moment, now, tz)
    if moment <= now:
        return "today" if days == 0 else "yesterday" if days == -1 else f"{-days} days ago"
    if days == 0:
        return f"today at {moment.astimezone(tz):%H:%M}"
    return "tomorrow" if days == 1 else f"in {days} days"


def when(moment: datetime, now: datetime, tz: tzinfo) -> str:
    """`Tue 1 Dec 2026 (in 10 days)`: a date never comes without what is left."""
    return f"{full(day_of(moment, tz))} ({left(moment, now, tz)})"


def lasted(start: datetime, end: datetime) -> str:
    """`6 days`, `less than a day`."""
    days = round((end - start).total_seconds() / 86_400)
    return "less than a day" if days < 1 else "1 day" if days == 1 else f"{days} days"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
