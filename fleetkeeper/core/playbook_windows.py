"""The windows of a stage from its TOML: {days = ["sat"], from = "22:00", to = "04:00", zone = "Europe/Berlin"}."""

import re
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from fleetkeeper.core.playbook import Window
from fleetkeeper.documents import Table

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def read_windows(table: Table) -> tuple[Window, ...]:
    """The windows of a stage in their order; days are every day unless they are named."""
    return tuple(_window(each) for each in table.tables("windows"))


def _window(table: Table) -> Window:
    days = table.texts("days", DAYS, choices=DAYS)
    return Window(
        days=tuple(sorted(DAYS.index(day) for day in days if day in DAYS)),
        start=table.parsed("from", _minutes) or 0,
        end=table.parsed("to", _minutes) or 0,
        zone=table.text("zone", check=_wrong_zone),
    )


def _minutes(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a time of day such as 22:00")
    return int(found[1]) * 60 + int(found[2])


def _wrong_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # not found, not a key, or a folder of zones such as "Europe"
        near = get_close_matches(text, available_timezones(), n=1)
        return f"must be an IANA time zone such as {near[0] if near else 'Europe/Berlin'}"
    return ""


def window_text(window: Window) -> str:
    """`sat, sun 22:00-04:00 (Europe/Berlin)`, every day without naming the days."""
    days = "" if len(window.days) == len(DAYS) else ", ".join(DAYS[day] for day in window.days) + " "
    times = "-".join(f"{at // 60:02}:{at % 60:02}" for at in (window.start, window.end))
    return f"{days}{times} ({window.zone})"
