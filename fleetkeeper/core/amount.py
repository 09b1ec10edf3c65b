"""A limit as people write it, 5 or "20%", and what it comes to; and durations, 90s 30m 6h 7d."""

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(?:\d+[smhd])+")


@dataclass(frozen=True, slots=True)
class Amount:
    """A count, or a part of a hundred of the members that it is about."""

    value: int
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value}%" if self.percent else str(self.value)

    @classmethod
    def parse(cls, text: str) -> "Amount":
        """Read `5` or `20%`; ValueError that says what is accepted."""
        number = text.strip().removesuffix("%")
        if not number.isdecimal():
            raise ValueError(f"{text!r} is neither a count such as 5 nor a percentage such as 20%")
        found = cls(int(number), text.strip().endswith("%"))
        if found.percent and found.value > 100:
            raise ValueError(f"{text!r} is more than 100%")
        return found

    def concurrency(self, of: int) -> int:
        """How many at once: a percentage is rounded down, but at least one may go."""
        return max(1, of * self.value // 100 if self.percent else self.value)

    def failures(self, of: int) -> int:
        """How many may fail: a percentage is rounded up."""
        return -(-of * self.value // 100) if self.percent else self.value


NONE, ONE, ALL = Amount(0), Amount(1), Amount(100, percent=True)


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `1h30m`, `7d`; ValueError that says what is accepted."""
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not a duration such as 90s, 30m, 1h30m or 7d")
    found = timedelta()
    for number, unit in re.findall(r"(\d+)([smhd])", text):
        found += timedelta(**{_UNITS[unit]: int(number)})
    return found


def duration_text(length: timedelta) -> str:
    """1h30m; seconds only below an hour; 0s for nothing."""
    seconds = max(0, round(length.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    shown = [(days, "d"), (hours, "h"), (minutes, "m"), (0 if days or hours else seconds, "s")]
    return "".join(f"{number}{unit}" for number, unit in shown if number) or "0s"
