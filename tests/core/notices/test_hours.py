"""When people may be written to, in their own zones."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from fleetkeeper.core.notices.hours import day_text, days_left, end_of, may_write, next_day, next_moment, zone_of
from fleetkeeper.core.notices.values import Policy

POLICY = Policy(holidays=frozenset({date(2026, 12, 25)}))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "then"),
    [
        pytest.param("2026-11-23 10:00", "UTC", "2026-11-23 10:00", id="inside the hours it is now"),
        pytest.param("2026-11-23 07:30", "UTC", "2026-11-23 09:00", id="before the hours it is when they begin"),
        pytest.param("2026-11-23 17:00", "UTC", "2026-11-24 09:00", id="the end of the hours is outside of them"),
        pytest.param("2026-11-27 18:00", "UTC", "2026-11-30 09:00", id="a Friday evening waits for Monday"),
        pytest.param("2026-12-24 18:00", "UTC", "2026-12-28 09:00", id="a holiday before a weekend waits for Monday"),
        pytest.param("2026-11-23 10:00", "America/New_York", "2026-11-23 14:00", id="New York is asleep at 10 UTC"),
        pytest.param("2026-11-22 23:30", "Australia/Sydney", "2026-11-22 23:30", id="Monday begins earlier in Sydney"),
        pytest.param("2026-03-27 17:30", "Europe/Berlin", "2026-03-30 07:00", id="after the clock was set forward"),
        pytest.param("2026-10-23 17:30", "Europe/Berlin", "2026-10-26 08:00", id="after the clock was set back"),
        pytest.param("2026-11-23 10:00", "Asia/Kolkata", "2026-11-23 10:00", id="a zone of half an hour"),
    ],
)
def test_when_somebody_may_next_be_written_to(now: str, zone: str, then: str) -> None:
    assert next_moment(at(now), zone_of(zone), POLICY) == at(then)
    assert may_write(at(then), zone_of(zone), POLICY)


def test_a_weekend_by_daylight_is_for_what_cannot_wait() -> None:
    assert next_moment(at("2026-11-28 03:00"), zone_of("UTC"), POLICY, any_day=True) == at("2026-11-28 09:00")
    assert next_moment(at("2026-11-28 12:00"), zone_of("UTC"), POLICY, any_day=True) == at("2026-11-28 12:00")


def test_a_calendar_without_a_working_day_hides_nothing() -> None:
    assert next_moment(at("2026-11-23 10:00"), zone_of("UTC"), replace(POLICY, weekdays=frozenset())) == at(
        "2026-11-23 10:00"
    )


def test_hours_that_do_not_exist_on_the_day_the_clock_is_set_begin_with_the_next_that_does() -> None:
    night = replace(POLICY, hours=(time(2, 30), time(5)), weekdays=frozenset(range(7)))
    assert next_moment(at("2026-03-29 00:00"), zone_of("Europe/Berlin"), night) == at("2026-03-29 01:30")


def test_the_next_day_is_the_next_working_one() -> None:
    assert next_day(at("2026-11-27 10:00"), zone_of("UTC"), POLICY) == at("2026-11-30 09:00")


@pytest.mark.parametrize(
    ("names", "zone"),
    [
        pytest.param(("Mars/Olympus", "Asia/Tokyo"), "Asia/Tokyo", id="the first that is known"),
        pytest.param(("", "../etc/passwd", "America"), "UTC", id="UTC where none is"),
    ],
)
def test_a_zone_that_nobody_knows_is_passed_over(names: tuple[str, ...], zone: str) -> None:
    assert zone_of(*names).key == zone


def test_days_are_those_of_the_calendar_of_whoever_reads() -> None:
    deadline, now = at("2026-12-01 00:00"), at("2026-11-29 20:00")
    assert days_left(deadline, now, zone_of("UTC")) == 2
    assert days_left(deadline, now, zone_of("America/New_York")) == 1
    assert days_left(deadline, now, zone_of("Asia/Tokyo")) == 1


def test_until_a_day_is_until_its_end() -> None:
    assert end_of(date(2026, 12, 1), zone_of("Europe/Berlin")) == datetime(2026, 12, 1, 22, 59, 59, tzinfo=UTC)


def test_a_day_of_another_year_is_said_with_it() -> None:
    assert day_text(date(2026, 11, 24), date(2026, 11, 1)) == "Tue 24 Nov"
    assert day_text(date(2027, 1, 4), date(2026, 11, 1)) == "Mon 4 Jan 2027"
