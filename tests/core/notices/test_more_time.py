"""A deadline that moves: to an earlier day it is news at once, to a later one it is an edit of what is out."""

import pytest

from fleetkeeper.core.notices.values import Notice, Silence, Turn
from tests.core.notices.made import DAY, MONDAY, due, item, news, world


@pytest.mark.parametrize("is_tentative", [False, True], ids=["by the day", "by a window"])
def test_more_time_is_no_message_but_an_edit_once(is_tentative: bool) -> None:
    web = item("web", 50)
    made = world(web)
    (digest,) = made.tick().notices
    made.put(due(web, MONDAY + 57 * DAY, is_tentative))
    turn = made.tick(DAY)
    assert (turn.notices, turn.later, turn.edits) == ((), (), (digest.id,))
    assert made.told[web.key].announced == MONDAY + 57 * DAY
    assert made.tick(DAY) == Turn(silences=(Silence(web.key, "payments", "told Mon 23 Nov, and nothing is new"),))
    made.put(due(web, MONDAY + 55 * DAY))
    assert news(made.tick(DAY)) == ["the deadline moved from Tue 19 Jan 2027 to Sun 17 Jan 2027, due in 52 days"]


def test_with_more_time_the_ladder_begins_anew() -> None:
    web = item("web", 14)
    made = world(web)
    made.tick()
    made.tick(2 * DAY)
    made.put(due(web, MONDAY + 84 * DAY))
    told = [(made.now - MONDAY) // DAY for _ in range(60) if made.tick(DAY).notices]
    assert told == [24, 56]  # 60 and 28 days before, each on a Thursday or a Monday


def test_the_windows_of_a_plan_that_nobody_starts_are_told_once_and_then_weekly_in_the_thread() -> None:
    """A date each week, that passes without a start."""
    web = due(item("web"), MONDAY + 9 * DAY, is_tentative=True)
    made = world(web)
    told: list[Notice] = []
    for _ in range(35):
        known = made.items[web.key].deadline
        if known and known.at <= made.now + DAY:
            made.put(due(web, known.at + 7 * DAY, is_tentative=True))
        told += made.tick(DAY).notices
    first: list[str] = []
    later: list[str] = []
    for each in told:
        (first if each.at < MONDAY + 9 * DAY else later).append(f"{each.kind} {each.day:%d %b}")
    assert first == [
        *("digest 24 Nov", "direct 24 Nov", "digest 25 Nov", "direct 25 Nov", "direct 25 Nov"),
        *("escalation 30 Nov", "digest 30 Nov", "direct 30 Nov", "direct 30 Nov"),
    ]
    assert later == [f"reminder {day}" for day in ("07 Dec", "14 Dec", "21 Dec", "28 Dec") for _ in "cf"]
    assert {each.following for each in told[-2:]} == {"next reminder Mon 4 Jan 2027"}


def test_a_plan_that_is_started_makes_its_date_firm() -> None:
    web = due(item("web"), MONDAY + 9 * DAY, is_tentative=True)
    made = world(web)
    made.tick(8 * DAY)
    made.put(due(web, MONDAY + 16 * DAY, is_tentative=True))
    assert made.tick(DAY).notices == ()
    made.put(due(web, made.now + DAY))
    assert "the deadline moved from Wed 9 Dec to Thu 3 Dec, due tomorrow" in news(made.tick())
