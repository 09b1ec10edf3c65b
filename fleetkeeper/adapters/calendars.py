"""Freezes of the settings (the Calendars port): .ics files, calendars behind a URL, and tables of times.

What cannot be read holds. A calendar behind a URL serves from its last good copy for a day.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from fleetkeeper.adapters.ical import Calendar
from fleetkeeper.adapters.web import Web, cause
from fleetkeeper.config import CalendarSettings, FreezeSettings
from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.run import Cause, Hold
from fleetkeeper.errors import ReadError

_log = structlog.get_logger("calendars")

REFRESH = timedelta(minutes=15)
"""How long a fetched calendar serves before it is fetched anew."""

AGAIN = timedelta(minutes=1)
"""How long after a failed fetch the next one is tried."""

OLD = timedelta(days=1)
"""How long the last good copy serves while fetching fails: then nobody knows any more what was entered since."""

_SECONDS = 20.0
_OWNER = "the operator"


class FreezeCalendars:
    """Safe to use from many threads; each calendar is read by one at a time."""

    def __init__(self, calendars: Iterable[CalendarSettings], freezes: Iterable[FreezeSettings]) -> None:
        self._calendars = tuple(_Source(each) for each in calendars)
        self._freezes = tuple(freezes)

    def holds(self, now: datetime, names: Sequence[str]) -> tuple[Hold, ...]:
        known = {each.settings.name for each in self._calendars} | {each.calendar for each in self._freezes}
        unknown = [name for name in names if name not in known]
        return (
            *(_unknown(name, known) for name in unknown),
            *(hold for each in self._freezes if each.calendar in ("", *names) for hold in _of_table(each, now)),
            *(
                hold
                for each in self._calendars
                if each.settings.everything or each.settings.name in names
                for hold in each.holds(now)
            ),
        )

    def close(self) -> None:
        for each in self._calendars:
            each.close()


@dataclass(slots=True)
class _Source:
    """One calendar and its last good copy. stamp: of the file that was read; looked_at: of the last try to fetch."""

    settings: CalendarSettings
    _calendar: Calendar | None = None
    _stamp: tuple[int, int] | None = None
    _read_at: datetime | None = None
    _looked_at: datetime | None = None
    _failure: str = ""
    _web: Web | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def holds(self, now: datetime) -> Iterator[Hold]:
        name = self.settings.name
        with self._lock:
            calendar, trouble = self._current(now)
        if calendar is None:
            text = f"the calendar {name} cannot be read, so nobody knows whether it is frozen: {trouble}"
            yield Hold(Cause.FREEZE, text, owner=_OWNER)
            return
        try:
            found = calendar.at(now)
        except Exception as error:  # whatever a calendar of the world does to the library, nothing may begin by it
            _log.exception("calendar_not_expanded", calendar=name)
            text = f"the calendar {name} cannot be expanded, so nobody knows whether it is frozen"
            yield Hold(Cause.FREEZE, f"{text}: {type(error).__name__}", owner=_OWNER)
            return
        for each in found:
            text = f"frozen by the calendar {name} until {each.end:%d %b %H:%M} UTC: {each.summary}"
            yield Hold(Cause.FREEZE, text, each.end, f"who keeps the calendar {name}")

    def close(self) -> None:
        if self._web:
            self._web.close()

    def _current(self, now: datetime) -> tuple[Calendar | None, str]:
        if self.settings.file:
            self._read_file()
            return (None, self._failure) if self._failure else (self._calendar, "")
        self._fetch(now)
        if self._calendar is None or self._read_at is None:
            return None, self._failure
        age = now - self._read_at
        if age > OLD:
            return None, f"its last good copy is {duration_text(age)} old; {self._failure}"
        return self._calendar, ""

    def _read_file(self) -> None:
        """Read the file when it is another than the one that was read; an unreadable one is no older copy."""
        try:
            status = Path(self.settings.file).stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._stamp:
                return
            self._stamp = None
            self._calendar = Calendar.parse(Path(self.settings.file).read_bytes(), self.settings.timezone)
            self._stamp, self._failure = stamp, ""
        except OSError as error:
            self._stamp, self._failure = None, f"{self.settings.file}: {error.strerror}"
        except ValueError as error:
            self._failure = f"{self.settings.file}: {error}"

    def _fetch(self, now: datetime) -> None:
        pause = AGAIN if self._failure else REFRESH
        if self._looked_at is not None and now - self._looked_at < pause:
            return
        self._looked_at = now
        try:
            self._web = self._web or Web("its address", _SECONDS, self.settings.ca_bundle)
            secret = self.settings.secret_url
            reply = self._web.send("GET", secret.value if secret else self.settings.url, {"Accept": "text/calendar"})
            self._calendar = Calendar.parse(reply.body, self.settings.timezone)
            self._read_at, self._failure = now, ""
        except ReadError as error:
            self._failure = error.detail
        except OSError as error:
            self._failure = cause(error)
        except ValueError as error:
            self._failure = str(error)
        if self._failure:
            _log.warning("calendar_not_read", calendar=self.settings.name, reason=self._failure)


def _of_table(freeze: FreezeSettings, now: datetime) -> Iterator[Hold]:
    if freeze.begins <= now < freeze.until:
        text = f"frozen by the settings until {freeze.until:%d %b %H:%M} UTC: {freeze.reason}"
        yield Hold(Cause.FREEZE, text, freeze.until, _OWNER, freeze.selector)


def _unknown(name: str, known: set[str]) -> Hold:
    names = ", ".join(sorted(known - {""})) or "none"
    text = f"its playbook names the calendar {name}, which the settings do not have; they have {names}"
    return Hold(Cause.FREEZE, text, owner=_OWNER)
