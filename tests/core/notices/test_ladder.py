"""Which rung an item is on, and what comes next."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core.notices.following import following
from fleetkeeper.core.notices.hours import zone_of
from fleetkeeper.core.notices.ladder import begins, final_days, is_final, repeats_after, rung_of
from fleetkeeper.core.notices.values import LADDER, Audience, Policy, Rung
from tests.core.notices.made import DAY, MONDAY, item, world

ZONE = zone_of("UTC")
POLICY = Policy()


@pytest.mark.parametrize(
    ("days", "rung"),
    [
        pytest.param(91, None, id="nothing is told before the first"),
        pytest.param(90, 90, id="the first day of the first"),
        pytest.param(61, 90, id="it lasts until the next"),
        pytest.param(31, 60, id="a month and a day"),
        pytest.param(14, 14, id="two weeks"),
        pytest.param(3, 7, id="three days"),
        pytest.param(1, 2, id="tomorrow"),
        pytest.param(0.1, 2, id="today, and not yet over"),
        pytest.param(0, 0, id="the moment itself"),
        pytest.param(-40, 0, id="long ago"),
    ],
)
def test_the_rung_by_the_days_left(days: float, rung: int | None) -> None:
    found = rung_of(MONDAY + days * DAY, MONDAY, ZONE, LADDER)
    assert (found.days if found else None) == rung


def test_the_rung_is_of_the_readers_calendar() -> None:
    deadline = datetime(2026, 12, 8, 2, 0, tzinfo=UTC)
    late = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    assert (found := rung_of(deadline, late, zone_of("UTC"), LADDER))
    assert found.days == 30
    assert (found := rung_of(deadline, late, zone_of("America/New_York"), LADDER))
    assert found.days == 14


def test_the_order_in_the_settings_does_not_matter() -> None:
    assert rung_of(MONDAY + 10 * DAY, MONDAY, ZONE, LADDER[::-1]) == LADDER[3]


def test_a_rung_begins_at_the_readers_midnight_and_the_last_with_the_deadline() -> None:
    deadline = MONDAY + 20 * DAY
    assert begins(LADDER[3], deadline, zone_of("Europe/Berlin")) == datetime(2026, 11, 28, 23, 0, tzinfo=UTC)
    assert begins(LADDER[-1], deadline, ZONE) == deadline


def test_the_last_rung_before_the_deadline_heeds_no_answer_whatever_the_settings_say() -> None:
    ladder = (Rung(30, (Audience.CHANNEL,)), Rung(5, (Audience.CHANNEL,)), Rung(0, (Audience.CHANNEL,)))
    assert final_days(ladder) == 5
    assert [is_final(rung, ladder) for rung in ladder] == [False, True, True]


def test_a_rung_that_tells_also_those_who_answered_is_where_answers_end() -> None:
    """What is quiet, and until when, is one thing: a promise ends where reminders go on."""
    channel = (Audience.CHANNEL,)
    ladder = (Rung(30, channel), Rung(7, channel, acked=True), Rung(2, channel), Rung(0, channel))
    assert final_days(ladder) == 7
    assert [is_final(rung, ladder) for rung in ladder] == [False, True, True, True]


def test_what_is_long_overdue_is_told_weekly() -> None:
    assert repeats_after(LADDER[-1], -3) == 1
    assert repeats_after(LADDER[-1], -8) == 7
    assert repeats_after(LADDER[0], 80) == 0


@pytest.mark.parametrize(
    ("days", "text"),
    [
        pytest.param(80, "on Mon 14 Dec again", id="one that is told once names the next rung"),
        pytest.param(25, "next reminder Mon 30 Nov; on Fri 4 Dec also to the lead", id="a reminder before it"),
        pytest.param(5, "on Thu 26 Nov also to the fleet's on-call", id="who comes to it"),
        pytest.param(1, "on Tue 24 Nov also to the pager", id="the day after tomorrow"),
        pytest.param(-2, "next reminder Tue 24 Nov", id="overdue"),
    ],
)
def test_what_comes_next_is_told(days: int, text: str) -> None:
    deadline = MONDAY + days * DAY
    rung = rung_of(deadline, MONDAY, ZONE, LADDER)
    assert rung
    assert text in following(rung, deadline, MONDAY, ZONE, POLICY)


def test_a_person_who_is_told_once_is_promised_no_reminder() -> None:
    made = world(item("web", 5))
    step = "on Thu 26 Nov also to the fleet's on-call"
    assert {each.recipient.address: each.following for each in made.tick().notices} == {
        "C0PAY": f"next reminder Wed 25 Nov; {step}",
        "ada@example.com": step,
        "max@example.com": step,
    }


def test_what_would_come_at_a_weekend_comes_on_monday() -> None:
    friday = MONDAY + 4 * DAY
    deadline = friday + timedelta(days=8)
    rung = rung_of(deadline, friday, ZONE, LADDER)
    assert rung
    assert following(rung, deadline, friday, ZONE, POLICY) == "on Mon 30 Nov also to the manager"
