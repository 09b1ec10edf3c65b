"""When a CronJob runs next, by the five fields that Kubernetes takes (robfig/cron v3, standard parser)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LONGEST = 366 * 8  # days; 29 February on a weekday may be that far away


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule as sets of what it fires on. any_day: both day fields are free, or one of them alone decides."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    either_day: bool  # both day fields are restricted: one that fits is enough

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Read `0 3 1 * *`, `@monthly` or `TZ=UTC 0 3 * * 1-5`; ValueError otherwise. A time zone is read past."""
        fields = text.split()
        if fields and fields[0].startswith(("TZ=", "CRON_TZ=")):
            fields = fields[1:]
        if len(fields) == 1:
            fields = _MACROS.get(fields[0], "").split()
        if len(fields) != 5:
            raise ValueError(f"{text!r} is not a schedule of five fields")
        minutes, hours, days, months, weekdays = fields
        return cls(
            minutes=_values(minutes, 0, 59),
            hours=_values(hours, 0, 23),
            days=_values(days, 1, 31),
            months=_values(months, 1, 12, _MONTHS, first=1),
            weekdays=frozenset(day % 7 for day in _values(weekdays, 0, 7, _DAYS)),
            either_day=not _is_free(days) and not _is_free(weekdays),
        )

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after a moment, in its time zone; None for a schedule that never fires (30 February)."""
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for ahead in range(_LONGEST):
            day = start + timedelta(days=ahead)
            if not self._fits(day):
                continue
            earliest = (start.hour, start.minute) if ahead == 0 else (0, 0)
            times = ((hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes))
            found = next((time for time in times if time >= earliest), None)
            if found:
                return day.replace(hour=found[0], minute=found[1])
        return None

    def _fits(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either_day else by_day and by_weekday


def _is_free(field: str) -> bool:
    return field.startswith(("*", "?"))


def _values(field: str, low: int, high: int, names: list[str] | None = None, first: int = 0) -> frozenset[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        start, dash, end = span.partition("-")
        if span in ("*", "?"):
            begin, last = low, high
        else:
            begin = _value(start, names, first)
            last = _value(end, names, first) if dash else high if step else begin
        pace = int(step) if step else 1
        if not (low <= begin <= last <= high) or pace < 1:
            raise ValueError(f"{part!r} is not within {low}-{high}")
        found.update(range(begin, last + 1, pace))
    return frozenset(found)


def _value(text: str, names: list[str] | None, first: int) -> int:
    if names and text in names:
        return names.index(text) + first
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a number")
    return int(text)
