"""What an engine's loop counts in wall time: how often something is done, and what it has in flight."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from fleetkeeper.core.run import TaskKey


class Every:
    """True once every so many seconds of wall time, and at the first ask."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class Share:
    """Keeps what is asked for all the time, by run, to a thirtieth of the time, and back for `longest` seconds at most.

    A pause must hold within a second: this is a part of that.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._next: dict[str, float] = {}

    def may(self, run: str) -> bool:
        return time.monotonic() >= self._next.get(run, 0.0)

    @contextmanager
    def spent(self, run: str) -> Iterator[None]:
        """What is done in the block took its time; twenty-nine times as long, at most, it must wait."""
        begun = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            self._next[run] = ended + min(self._longest, 29 * (ended - begun))

    def forget(self, kept: frozenset[str]) -> None:
        for run in self._next.keys() - kept:
            del self._next[run]


class Flight:
    """The tasks that this engine has claimed and not stored yet; their leases are renewed meanwhile."""

    def __init__(self) -> None:
        self._keys: set[TaskKey] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: TaskKey) -> None:
        with self._lock:
            self._keys.add(key)

    def land(self, keys: Iterable[TaskKey]) -> None:
        with self._lock:
            self._keys.difference_update(keys)

    def keys(self) -> tuple[TaskKey, ...]:
        with self._lock:
            return tuple(self._keys)
