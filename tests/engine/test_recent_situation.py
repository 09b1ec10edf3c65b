"""Who clicks has a situation at once: the last one, unless something was told after it was made."""

import threading
from datetime import datetime, timedelta

import pytest

from fleetkeeper.core.notices.values import Answer, AnswerKind, Policy, Situation
from fleetkeeper.engine import recent_situation as module
from fleetkeeper.engine.recent_situation import RecentSituation
from tests.engine.rig import T0, SetClock
from tests.waiting import wait_until

SAID = Answer("a1", AnswerKind.ACK, (), "ada", "slack", T0)


class Making:
    """Makes situations, when it is let; how often is counted."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.let.set()
        self.begun = 0
        self.made: list[datetime] = []
        self.broken = False
        self.told: datetime | None = None  # when the newest message was stored

    def newest(self) -> datetime | None:
        return self.told

    def __call__(self, now: datetime) -> Situation:
        self.begun += 1
        self.let.wait(30)
        self.made.append(now)
        if self.broken:
            raise ValueError("no")
        return Situation(now, Policy(fallback=f"made {len(self.made)}"), ())


@pytest.fixture
def clock() -> SetClock:
    return SetClock(T0)


@pytest.fixture
def making() -> Making:
    return Making()


@pytest.fixture
def recent(making: Making, clock: SetClock) -> RecentSituation:
    return RecentSituation(making, lambda: (SAID,), making.newest, clock)


def test_one_serves_for_a_while_with_the_time_and_the_answers_of_now(
    recent: RecentSituation, making: Making, clock: SetClock
) -> None:
    recent()
    clock.at += timedelta(seconds=30)
    found = recent()
    assert (found.now, found.answers, len(making.made)) == (clock.at, (SAID,), 1)


def test_an_older_one_serves_while_the_next_is_made(
    recent: RecentSituation, making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent()
    monkeypatch.setattr(module, "SERVES", -1.0)
    making.let.clear()
    assert recent().policy.fallback == "made 1"
    assert recent().policy.fallback == "made 1"
    making.let.set()
    wait_until(lambda: len(making.made) == 2, "the next is made, once for both")
    wait_until(lambda: recent().policy.fallback != "made 1", "the next one serves")


def test_what_was_told_after_it_was_made_is_in_the_next(
    recent: RecentSituation, making: Making, clock: SetClock
) -> None:
    recent()
    clock.at += timedelta(seconds=5)
    assert recent(since=T0).policy.fallback == "made 1"
    assert recent(since=clock.at).policy.fallback == "made 2"
    assert recent(since=clock.at).policy.fallback == "made 2"
    assert making.made == [T0, clock.at]


def test_a_message_of_a_replica_whose_clock_is_ahead_is_waited_for_once(
    recent: RecentSituation, making: Making, clock: SetClock
) -> None:
    recent()
    making.told = clock.at + timedelta(minutes=5)
    for _ in range(3):
        assert recent(since=making.told).policy.fallback == "made 2"


def test_one_that_cannot_be_made_leaves_the_last(
    recent: RecentSituation, making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent()
    monkeypatch.setattr(module, "SERVES", -1.0)
    making.broken = True
    assert recent().policy.fallback == "made 1"
    wait_until(lambda: len(making.made) > 1, "it was tried")
    assert recent().policy.fallback == "made 1"


def test_it_is_made_before_anybody_clicks(recent: RecentSituation, making: Making) -> None:
    recent.freshen()
    wait_until(lambda: making.made, "it is made")
    recent(since=T0)
    assert len(making.made) == 1


def test_what_was_told_is_in_it_before_anybody_clicks_whichever_replica_told_it(
    recent: RecentSituation, making: Making, clock: SetClock
) -> None:
    recent()
    clock.at += timedelta(minutes=15)
    making.told = clock.at
    recent.freshen()
    wait_until(lambda: recent().policy.fallback == "made 2", "it is made")
    assert recent(since=clock.at).policy.fallback == "made 2"
    assert len(making.made) == 2


def test_nothing_is_made_while_nothing_new_is_told(recent: RecentSituation, making: Making) -> None:
    making.told = T0
    recent()
    making.let.clear()  # whoever made one would still be at it
    before = threading.active_count()
    for _ in range(20):
        recent.freshen()
    assert threading.active_count() == before
    making.let.set()


def test_what_is_stored_while_one_is_made_is_seen_the_next_time(recent: RecentSituation, making: Making) -> None:
    """Messages are stored seconds after their own time: no clock tells that one was made in between."""
    recent()
    making.told = T0
    making.let.clear()
    recent.freshen()
    wait_until(lambda: making.begun == 2, "one is being made")
    making.told = T0 + timedelta(seconds=-3)
    recent.freshen()
    making.let.set()
    wait_until(lambda: recent().policy.fallback == "made 2", "it is made")
    recent.freshen()
    wait_until(lambda: recent().policy.fallback == "made 3", "the next is made")


def test_it_is_made_anew_now_and_then_also_while_nobody_clicks(
    recent: RecentSituation, making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent()
    monkeypatch.setattr(module, "KEPT", -1.0)
    recent.freshen()
    wait_until(lambda: recent().policy.fallback == "made 2", "it is made")
