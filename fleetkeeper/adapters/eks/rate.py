"""A token bucket per account and region: AWS counts requests per account, region and API family, not per client."""

import threading
import time
from collections.abc import Callable

from fleetkeeper.errors import GapReason, Unreachable


class TokenBucket:
    """Hands out `rate` tokens a second, at most `burst` at once; take() waits its turn in the order of calls.

    Waiting is planned, not polled: each caller books the next free instant and sleeps until it, so N waiting threads
    cost nothing and no one starves. `cancel` ends a wait at once with a ReadError.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        cancel: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1.0 / rate
        self._burst = burst
        self._cancel = cancel
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._next_free = monotonic() - burst * self._interval
        self._paused_until = self._next_free
        self.taken = 0

    def take(self) -> None:
        """Wait for a token. Whoever waits when the bucket is paused books anew, behind the pause."""
        while True:
            at, wait = self._book()
            if self._cancel.wait(wait) if wait > 0 else self._cancel.is_set():
                raise Unreachable("stopped before the request was sent", GapReason.TIMEOUT)
            with self._lock:
                if at >= self._paused_until:
                    self.taken += 1
                    return

    def pause(self, seconds: float) -> None:
        """AWS said slow down: nobody of this account and region sends before `seconds` have passed."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._monotonic() + seconds)
            self._next_free = max(self._next_free, self._paused_until)

    def _book(self) -> tuple[float, float]:
        """The instant of the next free token, and the seconds until then."""
        with self._lock:
            now = self._monotonic()
            self._next_free = max(self._next_free, now - self._burst * self._interval) + self._interval
            return self._next_free, self._next_free - now
