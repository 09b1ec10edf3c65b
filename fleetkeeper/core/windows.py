"""When a stage's windows are open: local times of IANA zones, over midnight and over changes of the clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fleetkeeper.core.playbook import Window

HORIZON = 15
"""Days ahead that are searched: a week, and another for the one that a change of the clock may take out."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Opening:
    """One span in which work may begin. zone: that of the window that opens it."""

    start: datetime
    end: datetime
    zone: str

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def openings(windows: Sequence[Window], now: datetime) -> tuple[Opening, ...]:
    """The span that is open and those to come, in order; windows that touch are one span.

    Raises KeyError or ValueError for a zone that this machine does not know.
    """
    merged: list[Opening] = []
    for each in sorted(_spans(windows, now), key=lambda span: span.start):
        if merged and each.start <= merged[-1].end:
            last = merged[-1]
            merged[-1] = Opening(last.start, max(last.end, each.end), last.zone)
        else:
            merged.append(each)
    return tuple(each for each in merged if each.end > now)


def opening_text(opening: Opening, now: datetime) -> str:
    """`Sat 22:00 Europe/Berlin`, with the date where the weekday alone could mean another week."""
    local = opening.start.astimezone(ZoneInfo(opening.zone))
    far = opening.start - now > timedelta(days=6)
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}" if far else _DAYS[local.weekday()]
    return f"{day} {local.hour:02}:{local.minute:02} {opening.zone}"


def closing_text(opening: Opening) -> str:
    """`Sun 05:00`: in the zone of the text beside it."""
    local = opening.end.astimezone(ZoneInfo(opening.zone))
    return f"{_DAYS[local.weekday()]} {local.hour:02}:{local.minute:02}"


def _spans(windows: Sequence[Window], now: datetime) -> Iterator[Opening]:
    for window in windows:
        zone = ZoneInfo(window.zone)
        today = now.astimezone(zone).date()
        length = (window.end - window.start) % 1440 or 1440
        for ahead in range(-2, HORIZON):  # one that began yesterday may still be open
            day = today + timedelta(days=ahead)
            if day.weekday() not in window.days:
                continue
            start = max(_readings(day, window.start, zone))
            end = min(_readings(day, window.start + length, zone))
            if end > start:
                yield Opening(start, end, window.zone)


def _readings(day: date, minute: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """A local time as an instant. It is two where the clock is set back over it, or forward past it.

    A span takes the later one for its start and the earlier one for its end: work never begins at a time that is
    outside of the window by either reading.
    """
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second
