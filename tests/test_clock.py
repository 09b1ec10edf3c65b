"""The clocks, and the environment variable that names one."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from fleetkeeper.clock import ScaledClock, SystemClock, clock_of
from fleetkeeper.errors import ConfigError

EPOCH = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
STARTED = datetime(2030, 1, 1, tzinfo=UTC)


class Stop(threading.Event):
    """Notes how long it was to be waited for, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return False


def test_no_name_is_the_machines_time() -> None:
    assert isinstance(clock_of(""), SystemClock)
    with time_machine.travel(STARTED, tick=False):
        assert clock_of("").now() == STARTED


def test_a_scaled_clock_survives_its_text() -> None:
    clock = ScaledClock(EPOCH, STARTED, 60.0)
    assert clock_of(clock.to_text()) == clock
    with time_machine.travel(STARTED + timedelta(seconds=2), tick=False):
        assert clock.now() == EPOCH + timedelta(minutes=2)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("tomorrow", id="one word"),
        pytest.param("2026-11-20T09:00:00+00:00,2030-01-01T00:00:00+00:00", id="no scale"),
        pytest.param("2026-11-20T09:00:00,2030-01-01T00:00:00+00:00,1", id="a time without a zone"),
        pytest.param("2026-11-20T09:00:00Z,2030-01-01T00:00:00Z,0", id="time that stands"),
        pytest.param("2026-11-20T09:00:00Z,2030-01-01T00:00:00Z,-1", id="time that goes back"),
        pytest.param("2026-11-20T09:00:00Z,2030-01-01T00:00:00Z,nan", id="no number"),
        pytest.param("2026-11-20T09:00:00Z,2030-01-01T00:00:00Z,1e300", id="time past the calendar"),
        pytest.param("0001-01-01T00:00:00+14:00,2030-01-01T00:00:00Z,1", id="time before the calendar"),
    ],
)
def test_a_text_that_names_no_clock_is_a_mistake_of_the_configuration(text: str) -> None:
    with pytest.raises(ConfigError, match=r"environment: FLEETKEEPER_SIMULATED_TIME: .* is not epoch,started,scale"):
        clock_of(text)


@pytest.mark.parametrize(
    ("clock", "ahead", "expected"),
    [
        pytest.param(SystemClock(), timedelta(seconds=5), [5.0], id="so long"),
        pytest.param(SystemClock(), timedelta(hours=1), [20.0], id="in pieces, for the machine may sleep meanwhile"),
        pytest.param(SystemClock(), timedelta(seconds=-1), [], id="not for the past"),
        pytest.param(ScaledClock(STARTED, STARTED, 60.0), timedelta(minutes=5), [5.0], id="in simulated time"),
    ],
)
def test_a_wait(clock: SystemClock | ScaledClock, ahead: timedelta, expected: list[float]) -> None:
    stop = Stop()
    with time_machine.travel(STARTED, tick=False):
        clock.wait(clock.now() + ahead, stop)
    assert stop.waits == expected
