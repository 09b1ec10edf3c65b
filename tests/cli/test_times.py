"""Times as people type them."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.cli.times import moment
from fleetkeeper.errors import UsageError

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("  ", None, id="blanks"),
        pytest.param("7d", NOW - timedelta(days=7), id="days ago"),
        pytest.param("12h", NOW - timedelta(hours=12), id="hours ago"),
        pytest.param("30min", NOW - timedelta(minutes=30), id="minutes ago"),
        pytest.param("30m", NOW - timedelta(minutes=30), id="minutes ago, shorter"),
        pytest.param("2 w", NOW - timedelta(weeks=2), id="weeks ago, with a blank"),
        pytest.param("0d", NOW, id="now"),
        pytest.param("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC), id="a day begins at midnight UTC"),
        pytest.param("2026-11-01T09:30", datetime(2026, 11, 1, 9, 30, tzinfo=UTC), id="without a zone it is UTC"),
        pytest.param("2026-11-01T09:30Z", datetime(2026, 11, 1, 9, 30, tzinfo=UTC), id="Z"),
        pytest.param("2026-11-01T09:30+05:30", datetime(2026, 11, 1, 4, 0, tzinfo=UTC), id="another zone"),
        pytest.param("2026-11-01 09:30", datetime(2026, 11, 1, 9, 30, tzinfo=UTC), id="a blank for the T"),
    ],
)
def test_a_moment(text: str, expected: datetime | None) -> None:
    found = moment(text, NOW)
    assert found == expected
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("yesterday", "is no time", id="a word"),
        pytest.param("7", "is no time", id="a number alone"),
        pytest.param("-7d", "is no time", id="a span ahead"),
        pytest.param("٧d", "is no time", id="digits of another script"),
        pytest.param("7d 12h", "is no time", id="two spans"),
        pytest.param("2026-13-01", "is no time", id="no such month"),
        pytest.param("20/11/2026", "is no time", id="another order"),
        pytest.param("999999w", "is too long ago", id="before the calendar"),
        pytest.param("0001-01-01T00:00+14:00", "is too long ago", id="before the calendar, by its zone"),
    ],
)
def test_what_is_no_moment(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=f"{reason}: write 7d, 12h, 2026-11-20 or 2026-11-20T09:00Z"):
        moment(text, NOW)
