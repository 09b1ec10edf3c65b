"""Schedules as Kubernetes reads them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.cron import Cron

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("*/15 * * * *", "2026-11-20T09:45", id="steps"),
        pytest.param("30 9 * * *", "2026-11-21T09:30", id="this very minute is not after it"),
        pytest.param("0 3 1 * *", "2026-12-01T03:00", id="monthly"),
        pytest.param("@monthly", "2026-12-01T00:00", id="a macro"),
        pytest.param("0 0 * * 1-5", "2026-11-23T00:00", id="weekdays"),
        pytest.param("0 0 * * mon", "2026-11-23T00:00", id="a name"),
        pytest.param("0 0 * * 7", "2026-11-22T00:00", id="seven is Sunday"),
        pytest.param("0 0 13 * 5", "2026-11-27T00:00", id="either day, where both are given"),
        pytest.param("0 0 29 2 *", "2028-02-29T00:00", id="a leap day"),
        pytest.param("TZ=Europe/Paris 0 0 1 jan ?", "2027-01-01T00:00", id="a time zone, and a question mark"),
        pytest.param("5/20 * * * *", "2026-11-20T09:45", id="a start with a step"),
    ],
)
def test_the_next_run(text: str, expected: str) -> None:
    assert Cron.parse(text).next_after(NOW) == datetime.fromisoformat(f"{expected}:00+00:00")


def test_a_day_that_never_comes() -> None:
    assert Cron.parse("0 0 30 2 *").next_after(NOW) is None


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* * * * mox", "*/0 * * * *", "@often", "5-1 * * * *"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|invalid"):
        Cron.parse(text)


@given(st.datetimes(NOW.replace(tzinfo=None), timezones=st.just(UTC)), st.integers(0, 59), st.integers(0, 23))
def test_a_daily_schedule_fires_within_a_day(moment: datetime, minute: int, hour: int) -> None:
    found = Cron.parse(f"{minute} {hour} * * *").next_after(moment)
    assert found is not None
    assert 0 < (found - moment).total_seconds() <= 86400
    assert (found.hour, found.minute) == (hour, minute)
