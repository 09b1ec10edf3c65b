"""Days as readers in different zones have them."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core.messages.dates import days_left, lasted, left, when, zone

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOON + timedelta(days=11), "in 11 days"),
        (NOON + timedelta(days=1), "tomorrow"),
        (NOON + timedelta(hours=3), "today at 15:00"),
        (NOON - timedelta(hours=3), "today"),
        (NOON - timedelta(days=1), "yesterday"),
        (NOON - timedelta(days=3), "3 days ago"),
    ],
)
def test_what_is_left_is_told_in_days(moment: datetime, said: str) -> None:
    assert left(moment, NOON, UTC) == said


def test_days_are_those_of_the_reader() -> None:
    midnight = datetime(2026, 12, 2, tzinfo=UTC)
    assert when(midnight, NOON, zone("America/New_York")) == "Tue 1 Dec 2026 (in 11 days)"
    assert when(midnight, NOON, zone("Europe/Berlin")) == "Wed 2 Dec 2026 (in 12 days)"


def test_a_zone_that_nobody_knows_is_utc() -> None:
    assert zone("Mars/Olympus") is UTC
    assert days_left(NOON, NOON, zone("")) == 0


@pytest.mark.parametrize(("days", "said"), [(0.2, "less than a day"), (1, "1 day"), (6.4, "6 days")])
def test_how_long_it_took_is_told_in_days(days: float, said: str) -> None:
    assert lasted(NOON, NOON + timedelta(days=days)) == said
