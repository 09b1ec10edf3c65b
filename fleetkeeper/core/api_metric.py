"""The API server's own metrics, of which two families matter: who asked for deprecated APIs, and since when."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from fleetkeeper.core.observed import ApiUse, DeprecatedCall

REQUESTED = "apiserver_requested_deprecated_apis"
STARTED = "process_start_time_seconds"
MOST_CALLS = 1_000
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_LINE = re.compile(rf"({REQUESTED}|{STARTED})(?:\{{(.*)\}})? +(\S+)(?: +\S+)?\s*")


def api_use(lines: Iterable[str]) -> ApiUse:
    """From the lines of the page, of which all others are passed over. A gauge of 0 is no call."""
    calls: set[tuple[str, ...]] = set()
    since: datetime | None = None
    for name, labels, value in _samples(lines):
        if name == STARTED:
            since = _moment(value)
        elif _number(value):
            said = dict(_LABEL.findall(labels))
            calls.add(tuple(said.get(key, "") for key in _KEYS))
    return ApiUse(tuple(DeprecatedCall(*each) for each in sorted(calls)[:MOST_CALLS]), since)


_KEYS = ("group", "version", "resource", "subresource", "removed_release")


def _samples(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        if found := _LINE.fullmatch(line):
            yield found[1], found[2] or "", found[3]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
