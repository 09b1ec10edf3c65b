"""Reads .ics calendars: which events are going on at a time, with what repeats, is left out or was cancelled."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from fleetkeeper.core.text import safe

_AROUND = timedelta(days=1)
_LONGEST = 160
_TOO_OFTEN = {"SECONDLY", "MINUTELY"}
"""Repeating so often is no freeze, and expanding it since some year long ago takes for ever."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time of an event; times are in UTC."""

    summary: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """A parsed calendar. zone: that of its days and of times without one."""

    events: Any
    zone: ZoneInfo

    @classmethod
    def parse(cls, content: bytes, zone: str) -> "Calendar":
        """zone holds where the calendar names none (X-WR-TIMEZONE). ValueError for what is no calendar."""
        try:
            parsed = icalendar.Calendar.from_ical(content)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no iCalendar: {safe(str(error), _LONGEST)}") from error
        if not isinstance(parsed, icalendar.Calendar):
            raise ValueError("it is no iCalendar: it does not begin with VCALENDAR")
        if parsed.errors:
            raise ValueError(f"it is not read in full: {safe(str(parsed.errors[0]), _LONGEST)}")
        for event in parsed.walk("VEVENT"):
            _check(event)
        own = str(parsed.get("X-WR-TIMEZONE", "")) or zone
        try:
            return cls(parsed, ZoneInfo(own))
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"its time zone {safe(own, _LONGEST)} is not known here") from error

    def at(self, now: datetime) -> tuple[Occurrence, ...]:
        """What is going on now, the longest first."""
        here = now.astimezone(self.zone)
        found = recurring_ical_events.of(self.events).between(here - _AROUND, here + _AROUND)
        going = (each for each in self._occurrences(found) if each.start <= now < each.end)
        return tuple(sorted(going, key=lambda each: (-each.end.timestamp(), each.start, each.summary)))

    def _occurrences(self, events: Any) -> Iterator[Occurrence]:
        for event in events:
            # Free or busy is not asked: calendars make events of whole days free by default, and a freeze is one.
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            start, end = self._moment(event.start), self._moment(event.end)
            yield Occurrence(safe(str(event.get("SUMMARY", "")) or "an event without a title", _LONGEST), start, end)

    def _moment(self, value: date | datetime) -> datetime:
        """A day begins at midnight of the calendar's own zone."""
        if not isinstance(value, datetime):
            value = datetime.combine(value, time(), self.zone)
        return (value if value.tzinfo else value.replace(tzinfo=self.zone)).astimezone(UTC)


def _check(event: Any) -> None:
    """ValueError for an event whose times cannot be told."""
    title = safe(str(event.get("SUMMARY", "")), _LONGEST) or "without a title"
    if "DTSTART" not in event:
        raise ValueError(f"the event {title} has no start")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if _TOO_OFTEN & {str(each).upper() for each in rule.get("FREQ", [])}:
            raise ValueError(f"the event {title} repeats every minute or second")
    if event.errors:
        raise ValueError(f"the event {title} is not read in full: {safe(str(event.errors[0]), _LONGEST)}")
