"""Freezes by calendar and by table: what repeats, what is cancelled, whole days; what cannot be read holds."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleetkeeper.adapters.calendars import FreezeCalendars
from fleetkeeper.config import CalendarSettings, FreezeSettings, Secret
from fleetkeeper.core.run import Cause, Hold
from tests.endpoint import Answer, Endpoint, Request, endpoint

ICS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//EN\r
{head}BEGIN:VEVENT\r
UID:1@test\r
DTSTAMP:20261101T000000Z\r
SUMMARY:{summary}\r
{event}\r
END:VEVENT\r
{more}END:VCALENDAR\r
"""


def ics(event: str, summary: str = "Fair", head: str = "", more: str = "") -> str:
    """A calendar with one event, its lines divided by |."""
    lines = {"event": event.replace("|", "\r\n"), "more": more.replace("|", "\r\n"), "head": head.replace("|", "\r\n")}
    return ICS.format(summary=summary, **lines)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def held(text: str, until: str | None, owner: str = "who keeps the calendar trading") -> Hold:
    return Hold(Cause.FREEZE, text, utc(until) if until else None, owner)


def of_file(path: Path, text: str | bytes, **other: object) -> FreezeCalendars:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return FreezeCalendars([CalendarSettings("trading", str(path), **other)], [])  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trading.ics"


# ---- what is going on

ONE = "DTSTART:20261120T100000Z|DTEND:20261120T120000Z"
WEEKLY = "DTSTART;TZID=Europe/Berlin:20261001T220000|DTEND;TZID=Europe/Berlin:20261002T020000|RRULE:FREQ=WEEKLY"
DAYS = "DTSTART;VALUE=DATE:20261224|DTEND;VALUE=DATE:20261227"
MOVED = (
    "BEGIN:VEVENT|UID:1@test|DTSTAMP:20261101T000000Z|RECURRENCE-ID;TZID=Europe/Berlin:20261119T220000|"
    "{change}|SUMMARY:Fair|END:VEVENT|"
)


@pytest.mark.parametrize(
    ("text", "now", "until"),
    [
        pytest.param(ics(ONE), "2026-11-20T09:59", None, id="an event that comes does not"),
        pytest.param(ics(ONE), "2026-11-20T10:00", "2026-11-20T12:00", id="an event that begins does"),
        pytest.param(ics(ONE), "2026-11-20T12:00", None, id="an event that ended does not"),
        pytest.param(ics(f"{ONE}|STATUS:CANCELLED"), "2026-11-20T11:00", None, id="a cancelled event does not"),
        pytest.param(
            ics(f"{ONE}|TRANSP:TRANSPARENT"), "2026-11-20T11:00", "2026-11-20T12:00", id="one shown as free does"
        ),
        pytest.param(
            ics("DTSTART:20261120T100000Z|DURATION:PT90M"),
            "2026-11-20T11:00",
            "2026-11-20T11:30",
            id="one by length does",
        ),
        pytest.param(
            ics("DTSTART:20261101T000000Z|DTEND:20261201T000000Z"),
            "2026-11-20T11:00",
            "2026-12-01T00:00",
            id="one that goes on for weeks does",
        ),
        pytest.param(ics(WEEKLY), "2026-11-20T00:30", "2026-11-20T01:00", id="one that repeats, over midnight, does"),
        pytest.param(ics(WEEKLY), "2026-10-01T20:30", "2026-10-02T00:00", id="one that repeats, in summer time, does"),
        pytest.param(
            ics(f"{WEEKLY}|EXDATE;TZID=Europe/Berlin:20261119T220000"),
            "2026-11-20T00:30",
            None,
            id="one that repeats, left out at this date, does not",
        ),
        pytest.param(
            ics(WEEKLY, more=MOVED.format(change="DTSTART:20261119T210000Z|DTEND:20261120T010000Z|STATUS:CANCELLED")),
            "2026-11-20T00:30",
            None,
            id="one that repeats, cancelled at this date, does not",
        ),
        pytest.param(
            ics(WEEKLY, more=MOVED.format(change="DTSTART:20261120T080000Z|DTEND:20261120T090000Z")),
            "2026-11-20T00:30",
            None,
            id="one that repeats, moved away from this date, does not",
        ),
        pytest.param(
            ics(WEEKLY, more=MOVED.format(change="DTSTART:20261120T080000Z|DTEND:20261120T090000Z")),
            "2026-11-20T08:30",
            "2026-11-20T09:00",
            id="one that repeats, moved to this time, does",
        ),
        pytest.param(
            ics(DAYS), "2026-12-23T23:30", "2026-12-26T23:00", id="whole days do, from midnight in their zone"
        ),
        pytest.param(ics(DAYS), "2026-12-26T23:30", None, id="whole days do not after midnight in their zone"),
        pytest.param(
            ics(DAYS, head="X-WR-TIMEZONE:America/New_York|"),
            "2026-12-24T04:30",
            None,
            id="whole days of a calendar with its own zone do not before midnight there",
        ),
        pytest.param(
            ics(DAYS, head="X-WR-TIMEZONE:America/New_York|"),
            "2026-12-24T05:30",
            "2026-12-27T05:00",
            id="whole days of a calendar with its own zone do from midnight there",
        ),
        pytest.param(
            ics("DTSTART;VALUE=DATE:20261224"), "2026-12-24T12:00", "2026-12-24T23:00", id="a day without an end does"
        ),
        pytest.param(
            ics("DTSTART:20261120T100000|DTEND:20261120T120000"),
            "2026-11-20T10:30",
            "2026-11-20T11:00",
            id="times without a zone are of the settings' zone and do",
        ),
    ],
)
def test_what_holds_by_a_calendar(file: Path, text: str, now: str, until: str | None) -> None:
    calendars = of_file(file, text, timezone="Europe/Berlin")
    expected = (
        [held(f"frozen by the calendar trading until {utc(until):%d %b %H:%M} UTC: Fair", until)] if until else []
    )
    assert list(calendars.holds(utc(now), ())) == expected


def test_a_title_from_outside_is_made_harmless(file: Path) -> None:
    (found,) = of_file(file, ics(ONE, summary="\x1b[2Jgone")).holds(utc("2026-11-20T11:00"), ())
    assert found.text.endswith(r": \x1b[2Jgone")


def test_a_file_that_was_changed_is_read_anew(file: Path) -> None:
    calendars = of_file(file, ics(ONE))
    assert len(calendars.holds(utc("2026-11-20T11:00"), ())) == 1
    file.write_text(ics(DAYS))
    os.utime(file, ns=(1, 1))
    assert calendars.holds(utc("2026-11-20T11:00"), ()) == ()


# ---- what cannot be read


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(b"<html>log in</html>", "it is no iCalendar", id="another thing"),
        pytest.param(b"", "it is no iCalendar", id="nothing"),
        pytest.param(b"\xff\xfe\x00", "it is no iCalendar", id="bytes"),
        pytest.param(ics("DTEND:20261120T120000Z").encode(), "has no start", id="an event without a start"),
        pytest.param(ics("DTSTART:someday").encode(), "", id="an event whose start is a word"),
        pytest.param(
            ics(f"{ONE}|RRULE:FREQ=SECONDLY").encode(), "repeats every minute or second", id="a flood of events"
        ),
        pytest.param(ics(ONE).encode()[:150], "", id="half of a calendar"),
        pytest.param(ics(ONE).encode().removesuffix(b"END:VCALENDAR\r\n"), "", id="a calendar without its end"),
        pytest.param(
            ics(ONE, head="X-WR-TIMEZONE:Europe/Atlantis|").encode(),
            "Europe/Atlantis is not known here",
            id="a zone of nowhere",
        ),
    ],
)
def test_a_calendar_that_cannot_be_read_holds(file: Path, text: bytes, says: str) -> None:
    (found,) = of_file(file, text).holds(utc("2026-11-21T00:00"), ())
    assert found.cause is Cause.FREEZE
    assert found.owner == "the operator"
    assert found.text.startswith("the calendar trading cannot be ")
    assert "nobody knows whether it is frozen: " in found.text
    assert says in found.text


def test_a_calendar_whose_file_is_gone_holds(file: Path) -> None:
    calendars = of_file(file, ics(DAYS))
    assert calendars.holds(utc("2026-11-20T11:00"), ()) == ()
    file.unlink()
    (found,) = calendars.holds(utc("2026-11-20T11:00"), ())
    assert found.text.endswith(f"{file}: No such file or directory")


def test_a_calendar_that_is_mended_holds_no_longer(file: Path) -> None:
    calendars = of_file(file, b"broken")
    assert len(calendars.holds(utc("2026-11-20T11:00"), ())) == 1
    file.write_text(ics(DAYS))
    assert calendars.holds(utc("2026-11-20T11:00"), ()) == ()


# ---- behind a URL


class Site:
    """A site whose answer a test changes."""

    def __init__(self) -> None:
        self.says: Answer = (200, ics(ONE).encode())

    def answer(self, _: Request) -> Answer:
        return self.says


@pytest.fixture
def site() -> Iterator[tuple[Site, Endpoint]]:
    made = Site()
    with endpoint(made.answer) as server:
        yield made, server


def of_url(server: Endpoint, check: Callable[[FreezeCalendars], None]) -> None:
    url = Secret(f"{server.url}/s3cret/trading.ics")
    calendars = FreezeCalendars([CalendarSettings("trading", secret_url=url)], [])
    try:
        check(calendars)
    finally:
        calendars.close()


def test_a_calendar_is_fetched_anew_only_after_a_while(site: tuple[Site, Endpoint]) -> None:
    made, server = site
    start = utc("2026-11-20T11:00")

    def check(calendars: FreezeCalendars) -> None:
        for minutes in (0, 5, 14):
            assert len(calendars.holds(start + timedelta(minutes=minutes), ())) == 1
        assert len(server.requests) == 1
        made.says = (200, ics(DAYS).encode())
        assert calendars.holds(start + timedelta(minutes=15), ()) == ()
        assert len(server.requests) == 2

    of_url(server, check)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        pytest.param((503, {}), "its address answered 503", id="the site is out of order"),
        pytest.param((200, b"<html>"), "it is no iCalendar", id="the site answers another thing"),
        pytest.param((404, {}), "its address answered 404", id="the calendar was taken away"),
    ],
)
def test_the_last_good_copy_serves_for_a_day_when(site: tuple[Site, Endpoint], trouble: Answer, says: str) -> None:
    made, server = site
    start = utc("2026-11-20T13:00")

    def check(calendars: FreezeCalendars) -> None:
        assert calendars.holds(start, ()) == ()
        made.says = trouble
        assert calendars.holds(start + timedelta(hours=24), ()) == ()
        (found,) = calendars.holds(start + timedelta(hours=24, minutes=2), ())
        assert "its last good copy is 1d2m old" in found.text
        assert says in found.text
        made.says = (200, ics(DAYS).encode())
        assert calendars.holds(start + timedelta(hours=24, minutes=4), ()) == ()

    of_url(server, check)


def test_a_calendar_that_was_never_fetched_holds_and_its_address_is_not_told(site: tuple[Site, Endpoint]) -> None:
    made, server = site
    made.says = (403, {})

    def check(calendars: FreezeCalendars) -> None:
        (found,) = calendars.holds(utc("2026-11-20T13:00"), ())
        assert found.text == (
            "the calendar trading cannot be read, so nobody knows whether it is frozen: its address answered 403"
        )

    of_url(server, check)


# ---- tables, and who is meant

FAIR = FreezeSettings("the fair", utc("2026-11-20T00:00"), utc("2026-11-22T00:00"))


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        pytest.param("2026-11-19T23:59", False, id="before it begins"),
        pytest.param("2026-11-20T00:00", True, id="when it begins"),
        pytest.param("2026-11-21T23:59", True, id="shortly before it ends"),
        pytest.param("2026-11-22T00:00", False, id="when it ends"),
    ],
)
def test_a_freeze_of_the_settings_holds_in_its_time(now: str, holds: bool) -> None:
    text = "frozen by the settings until 22 Nov 00:00 UTC: the fair"
    expected = (held(text, "2026-11-22T00:00", "the operator"),) if holds else ()
    assert FreezeCalendars([], [FAIR]).holds(utc(now), ()) == expected


def test_a_freeze_of_some_clusters_says_which() -> None:
    some = FreezeSettings(FAIR.reason, FAIR.begins, FAIR.until, selector="ring=late")
    (found,) = FreezeCalendars([], [some]).holds(utc("2026-11-21T00:00"), ())
    assert found.selector == "ring=late"


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        pytest.param((), False, id="a playbook that does not name it is not held"),
        pytest.param(("bank",), True, id="a playbook that names it is held"),
    ],
)
def test_a_freeze_of_some_playbooks(file: Path, names: Sequence[str], holds: bool) -> None:
    table = FreezeSettings(FAIR.reason, FAIR.begins, FAIR.until, calendar="bank")
    file.write_text(ics(ONE))
    calendar = CalendarSettings("bank", str(file), everything=False)
    found = FreezeCalendars([calendar], [table]).holds(utc("2026-11-20T11:00"), names)
    assert len(found) == (2 if holds else 0)


def test_a_playbook_that_names_an_unknown_calendar_is_held() -> None:
    (found,) = FreezeCalendars([], [FreezeSettings("r", FAIR.begins, FAIR.until, calendar="bank")]).holds(
        utc("2026-12-24T00:00"), ("benk",)
    )
    assert found.text == "its playbook names the calendar benk, which the settings do not have; they have bank"
