"""What `serve` does between two slots of its schedule: clusters are looked at anew, and answers are taken up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fleetkeeper.core.notices.values import Answer, AnswerKind, Delivery, Turn
from fleetkeeper.core.selector import Selector
from fleetkeeper.daemon_notices import Attendant, tell
from fleetkeeper.engine.notice_ports import Recheck
from fleetkeeper.engine.notify import Notified
from fleetkeeper.engine.observe import Outcome
from fleetkeeper.errors import StoreUnavailable
from fleetkeeper.metrics import Metrics
from tests.contract.observed import cluster_id

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@dataclass
class Place:
    """A keeper and a database as an attendant sees them."""

    rechecks: list[Recheck] = field(default_factory=list)
    said: list[Answer] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    observed: list[str] = field(default_factory=list)
    bound_before: list[int] = field(default_factory=list)  # each look
    turns: int = 0
    bound: int = 0
    woken: int = 0
    told_waves: int = 0
    freshened: int = 0
    unreadable: str = ""  # a notice
    unbindable: bool = False
    fault: Exception | None = None  # of the telling of waves
    ends: Notified = field(default_factory=lambda: Notified(Turn(), ("n-1",), 0))

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        self.attendant = Attendant(cast(Any, self), cast(Any, self), self.metrics, self.wake)
        self.ports = SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW))
        self.telling = SimpleNamespace(notifier=SimpleNamespace(binder=SimpleNamespace(settle=self.bind)))

    # ---- the keeper

    def observe(self, selector: Selector, _progress: object) -> Outcome:
        """There is one cluster: shop."""
        self.observed.append(str(selector))
        self.bound_before.append(self.bound)
        return Outcome(int(str(selector) == "name=shop"), 0, {}, False)

    def assess(self, _selector: Selector) -> Iterator[Any]:
        yield SimpleNamespace(cluster=SimpleNamespace(id=cluster_id()))

    def findings(self, _selector: Selector) -> tuple[Any, ...]:
        return ()

    def notify(self) -> Notified:
        self.turns += 1
        return self.ends

    def bind(self) -> None:
        self.bound += 1
        if self.unbindable:
            raise ValueError("a freeze that nobody can read")

    def wake(self) -> None:
        self.woken += 1

    # ---- what it sees to

    @property
    def notices(self) -> "Place":
        return self

    @property
    def waves(self) -> "Place":
        return self

    def freshen(self) -> None:
        self.freshened += 1

    # ---- the database

    def take_rechecks(self, _worker: str, _lease: timedelta) -> tuple[Recheck, ...]:
        found, self.rechecks = tuple(self.rechecks), []
        return found

    def answers(self) -> tuple[Answer, ...]:
        return tuple(self.said)

    def record(self, id: str) -> None:
        if id == self.unreadable:
            raise ValueError("a notice that nobody can read")

    def rechecked(self, id: str, result: str, _at: datetime) -> None:
        self.results[id] = result

    def outbox_counts(self) -> dict[Delivery, int]:
        return {Delivery.FAILED: 2}

    # ---- waves

    def turn(self) -> int:
        if self.fault:
            raise self.fault
        return self.told_waves


@pytest.fixture
def place() -> Place:
    return Place()


def test_nothing_is_done_while_nobody_says_anything(place: Place) -> None:
    assert not place.attendant.turn("me")
    assert (place.turns, place.bound, place.woken) == (0, 0, 0)


def test_clusters_are_looked_at_judged_and_told_of(place: Place) -> None:
    place.rechecks.append(Recheck("r-1", ("shop", "pay"), "lea@shop.example", "n-1", NOW))
    assert place.attendant.turn("me")
    assert place.observed == ["name=shop", "name=pay"]
    assert "pay" in place.results["r-1"]  # which could not be looked at
    assert (place.turns, place.woken) == (1, 1)


def test_an_answer_binds_at_once_and_brings_about_one_turn(place: Place) -> None:
    place.attendant.turn("me")
    place.said.append(Answer("a-1", AnswerKind.ACK, (), "lea", "slack", NOW))
    assert place.attendant.turn("me")
    assert not place.attendant.turn("me")
    assert (place.turns, place.bound) == (1, 1)


@pytest.mark.parametrize("unbindable", [False, True], ids=["and is bound", "and cannot be bound"])
def test_an_answer_does_not_wait_for_a_look_at_a_cluster(place: Place, unbindable: bool) -> None:
    place.attendant.turn("me")
    place.unbindable = unbindable
    place.said.append(Answer("a-1", AnswerKind.GRANT, (), "lea", "slack", NOW))
    place.rechecks.append(Recheck("r-1", ("shop",), "lea@shop.example", "n-1", NOW))
    assert place.attendant.turn("me")
    assert place.bound_before == [1]
    assert list(place.results) == ["r-1"]


def test_many_answers_in_a_row_bind_each_and_wait_for_their_turn(place: Place) -> None:
    place.attendant.turn("me")
    for number in range(3):
        place.said.append(Answer(f"a-{number}", AnswerKind.ACK, (), "lea", "slack", NOW))
        place.attendant.turn("me")
    assert (place.turns, place.bound) == (1, 3)


def test_what_was_answered_before_it_began_is_the_schedules(place: Place) -> None:
    place.said.append(Answer("a-1", AnswerKind.ACK, (), "lea", "slack", NOW))
    assert not place.attendant.turn("me")


def test_news_of_a_wave_wake_the_delivery(place: Place) -> None:
    place.told_waves = 1
    place.attendant.turn("me")
    assert place.woken == 1


def test_what_clicks_rest_on_is_seen_to_each_time_and_after_it_told_something_itself(place: Place) -> None:
    place.attendant.turn("me")
    assert place.freshened == 1
    place.rechecks.append(Recheck("r-1", ("shop",), "lea@shop.example", "n-1", NOW))
    assert place.attendant.turn("me")
    assert place.freshened == 3


def test_a_fault_in_the_news_of_a_wave_does_not_keep_clusters_from_being_looked_at(place: Place) -> None:
    place.fault = ValueError("a plan that nobody can read")
    place.rechecks.append(Recheck("r-1", ("shop",), "lea@shop.example", "n-1", NOW))
    assert place.attendant.turn("me")
    assert "r-1" in place.results


def test_a_look_that_fails_is_told_and_keeps_nobody_from_their_turn(place: Place) -> None:
    """Each is leased for minutes when it is taken: one that is skipped would be late by them, and for ever."""
    for id, name in (("r-1", "no,name"), ("r-2", "shop")):
        place.rechecks.append(Recheck(id, (name,), "lea@shop.example", "n-1", NOW))
    assert place.attendant.turn("me")
    assert list(place.results) == ["r-1", "r-2"]
    assert "no,name could not be looked at" in place.results["r-1"]


def test_a_result_that_cannot_be_told_keeps_nobody_from_their_turn(place: Place) -> None:
    place.unreadable = "n-1"
    for id in ("1", "2"):
        place.rechecks.append(Recheck(f"r-{id}", ("shop",), "lea@shop.example", f"n-{id}", NOW))
    assert place.attendant.turn("me")
    assert list(place.results) == ["r-2"]


def test_a_cluster_is_looked_at_once_for_all_who_asked(place: Place) -> None:
    for id in range(5):
        place.rechecks.append(Recheck(f"r-{id}", ("shop",), f"{id}@shop.example", "n-1", NOW))
    assert place.attendant.turn("me")
    assert place.observed == ["name=shop"]
    assert len(place.results) == 5
    place.rechecks.append(Recheck("r-9", ("shop",), "lea@shop.example", "n-1", NOW))
    place.attendant.turn("me")
    assert len(place.observed) == 2


def test_a_database_that_does_not_answer_ends_the_turn(place: Place) -> None:
    place.fault = StoreUnavailable("no route to host db-1")
    place.rechecks.append(Recheck("r-1", ("shop",), "lea@shop.example", "n-1", NOW))
    with pytest.raises(StoreUnavailable):
        place.attendant.turn("me")
    assert place.rechecks


def test_the_outbox_is_counted_for_all_to_see(place: Place) -> None:
    place.attendant.turn("me")
    assert place.metrics.registry.get_sample_value("fleetkeeper_notices", {"state": "failed"}) == 2


@pytest.mark.parametrize(
    ("ends", "woken"),
    [
        pytest.param(Notified(Turn(), ("n-1",), 0), 1, id="something new"),
        pytest.param(Notified(Turn(), (), 1), 1, id="an edit"),
        pytest.param(Notified(Turn(), (), 0), 0, id="nothing"),
    ],
)
def test_a_turn_of_the_schedule_wakes_the_delivery_when_there_is_something(
    place: Place, ends: Notified, woken: int
) -> None:
    place.ends = ends
    tell(cast(Any, place), place.metrics, place.wake)
    assert place.woken == woken
    at = place.metrics.registry.get_sample_value("fleetkeeper_last_notify_timestamp_seconds")
    assert at == NOW.timestamp()
