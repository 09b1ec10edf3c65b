"""Due actions: in order and in no time when time is virtual, by the scaled wall when a world is served."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.sim.timeline import Driver, Timeline
from fleetkeeper.sim.world import World

EPOCH = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PATIENCE = 20.0  # seconds of the wall


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(a_world(), virtual=True)


def a_world(scale: float = 1.0) -> World:
    return World(epoch=EPOCH, management_account="1" * 12, scale=scale)


def seconds(timeline: Timeline) -> float:
    return (timeline.now() - EPOCH).total_seconds()


def test_actions_run_in_the_order_of_their_times_and_then_of_their_asking(timeline: Timeline) -> None:
    ran: list[str] = []
    for name, after in (("later", 5), ("first", 1), ("also first", 1)):
        timeline.after(after, lambda name=name: ran.append(f"{name} at {seconds(timeline)}"))  # type: ignore[misc]
    timeline.advance(10)
    assert ran == ["first at 1.0", "also first at 1.0", "later at 5.0"]
    assert seconds(timeline) == 10


def test_what_an_action_asks_for_runs_in_the_same_advance_when_it_is_due(timeline: Timeline) -> None:
    ran: list[float] = []

    def again() -> None:
        ran.append(seconds(timeline))
        timeline.after(2, again)

    timeline.after(2, again)
    timeline.advance(timedelta(seconds=7))
    assert ran == [2, 4, 6]


def test_what_is_past_runs_now_and_time_never_goes_back(timeline: Timeline) -> None:
    ran: list[float] = []
    timeline.advance(60)
    timeline.at(EPOCH, lambda: ran.append(seconds(timeline)))
    timeline.advance(0)
    assert ran == [60]


def test_a_cancelled_action_does_not_run(timeline: Timeline) -> None:
    ran: list[int] = []
    timeline.after(1, lambda: ran.append(1)).cancel()
    assert timeline.next_due() is None
    timeline.advance(5)
    assert ran == []


def test_settling_ends_with_the_last_action_that_is_near(timeline: Timeline) -> None:
    timeline.after(30, lambda: None)
    timeline.after(3600, lambda: None)
    assert timeline.settle() == EPOCH + timedelta(seconds=30)


def test_a_world_that_never_rests_is_told(timeline: Timeline) -> None:
    def again() -> None:
        timeline.after(1, again)

    again()
    with pytest.raises(TimeoutError, match="not at rest"):
        timeline.settle(limit=timedelta(minutes=5))


def test_served_time_cannot_be_advanced() -> None:
    with pytest.raises(ValueError, match="passes by itself"):
        Timeline(a_world(), virtual=False).advance(1)


def test_a_driver_runs_actions_by_scaled_time_and_each_at_its_own_time() -> None:
    world = a_world(scale=3600.0)
    timeline, done, ran = Timeline(world, virtual=False), threading.Event(), list[datetime]()

    def first() -> None:
        ran.append(timeline.now())
        timeline.after(60, last)

    def last() -> None:
        ran.append(timeline.now())
        done.set()

    with Driver(timeline):
        with world.lock:
            began = timeline.now()
            timeline.after(120, first)
        assert done.wait(PATIENCE)
    assert ran[0] >= began + timedelta(seconds=120)
    assert ran[1] - ran[0] == timedelta(seconds=60)


def test_an_earlier_action_wakes_the_driver() -> None:
    world = a_world(scale=1000.0)
    timeline, done = Timeline(world, virtual=False), threading.Event()
    with Driver(timeline):
        with world.lock:
            timeline.after(3_600_000, lambda: None)
        with world.lock:
            timeline.after(1, done.set)
        assert done.wait(PATIENCE)


def test_a_failure_in_an_action_is_raised_when_the_driver_is_closed() -> None:
    world = a_world(scale=1000.0)
    timeline, failed = Timeline(world, virtual=False), threading.Event()

    def fail() -> None:
        failed.set()
        raise RuntimeError("a controller is broken")

    driver = Driver(timeline)
    with world.lock:
        timeline.after(1, fail)
    assert failed.wait(PATIENCE)
    with pytest.raises(RuntimeError, match="broken"):
        driver.close()
