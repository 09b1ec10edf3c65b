"""The token bucket, on a clock that the test turns."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fleetkeeper.adapters.eks.rate import TokenBucket
from fleetkeeper.errors import GapReason, ReadError


class Time(threading.Event):
    """A clock and a cancel event in one: waiting moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def wait(self, timeout: float | None = None) -> bool:
        self.at += timeout or 0.0
        return self.is_set()


def times(bucket: TokenBucket, clock: Time, count: int) -> list[float]:
    found = []
    for _ in range(count):
        bucket.take()
        found.append(round(clock.at, 6))
    return found


def test_a_burst_goes_out_at_once_and_then_the_rate_holds() -> None:
    clock = Time()
    bucket = TokenBucket(10, 5, clock, clock.now)

    assert times(bucket, clock, 9) == [0, 0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4]
    assert bucket.taken == 9


def test_quiet_time_is_saved_up_but_no_more_than_a_burst() -> None:
    clock = Time()
    bucket = TokenBucket(10, 3, clock, clock.now)
    times(bucket, clock, 3)
    clock.at = 100.0

    assert times(bucket, clock, 5) == [100, 100, 100, 100.1, 100.2]


def test_a_long_run_never_beats_the_rate() -> None:
    clock = Time()
    bucket = TokenBucket(7, 5, clock, clock.now)

    assert times(bucket, clock, 705)[-1] == pytest.approx(100)


def test_after_a_pause_nobody_sends_before_it_ends_and_no_burst_follows() -> None:
    clock = Time()
    bucket = TokenBucket(10, 5, clock, clock.now)
    bucket.take()
    bucket.pause(2.0)

    assert times(bucket, clock, 3) == [2.1, 2.2, 2.3]


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = Time()
    bucket = TokenBucket(10, 5, clock, clock.now)
    bucket.pause(3.0)
    bucket.pause(1.0)

    assert times(bucket, clock, 1) == [3.1]


def test_who_waits_already_when_the_pause_comes_waits_for_its_end_too() -> None:
    class Throttled(Time):
        def wait(self, timeout: float | None = None) -> bool:
            if self.at == 0.0:
                bucket.pause(5.0)
            return super().wait(timeout)

    clock = Throttled()
    bucket = TokenBucket(10, 1, clock, clock.now)
    bucket.take()

    assert times(bucket, clock, 1) == [pytest.approx(5.1)]
    assert bucket.taken == 2


@pytest.mark.parametrize("waiting", [False, True], ids=["with a token free", "with none free"])
def test_after_a_cancel_nobody_gets_a_token(waiting: bool) -> None:
    clock = Time()
    bucket = TokenBucket(10, 1, clock, clock.now)
    if waiting:
        bucket.take()
    clock.set()

    with pytest.raises(ReadError) as told:
        bucket.take()

    assert told.value.reason is GapReason.TIMEOUT


def test_a_cancel_ends_a_wait_of_minutes_at_once() -> None:
    cancel = threading.Event()
    bucket = TokenBucket(0.01, 1, cancel)
    bucket.take()
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bucket.take)
        cancel.set()
        with pytest.raises(ReadError):
            waiting.result(timeout=30)
    assert time.monotonic() - begun < 60


def test_many_threads_share_one_rate_and_each_instant_is_given_once() -> None:
    waits: list[float] = []

    class Frozen(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(round(timeout or 0.0, 6))
            return False

    bucket = TokenBucket(10, 5, Frozen(), lambda: 0.0)
    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(bucket.take) for _ in range(105)]:
            done.result()

    assert sorted(waits) == pytest.approx([n / 10 for n in range(1, 101)])
    assert bucket.taken == 105


def test_who_comes_first_is_served_first() -> None:
    order: list[tuple[float, int]] = []
    booked: list[float] = []

    class Frozen(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            booked.append(timeout or 0.0)
            return False

    bucket = TokenBucket(10, 1, Frozen(), lambda: 0.0)
    bucket.take()
    for caller in range(20):
        bucket.take()
        order.append((booked[-1], caller))

    assert order == sorted(order)
