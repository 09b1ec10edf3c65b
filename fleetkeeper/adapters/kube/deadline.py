"""A deadline for whole answers: a socket timeout alone lets a server that drips bytes hold a thread for ever."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fleetkeeper.adapters.kube.limits import Pace

T = TypeVar("T")

# How long a blocked read goes without looking whether it was cancelled.
_SLICE_SECONDS = 0.25

_current = threading.local()


class Cancelled(Exception):
    """We are shutting down."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of one request in `pace`'s monotonic seconds."""

    pace: Pace
    at: float

    @classmethod
    def after(cls, pace: Pace, seconds: float) -> "Deadline":
        return cls(pace, pace.monotonic() + seconds)

    def within(self, seconds: float) -> "Deadline":
        """The earlier of this one and `seconds` from now."""
        return Deadline(self.pace, min(self.at, self.pace.monotonic() + seconds))

    def left(self) -> float:
        """Seconds left, above zero; TimeoutError when none are, Cancelled when we stop."""
        if self.pace.cancelled():
            raise Cancelled
        left = self.at - self.pace.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the answer has passed")
        return left


@contextmanager
def bounded_by(deadline: Deadline) -> Iterator[None]:
    """Every read of a DeadlineSocket on this thread, headers included, ends by the deadline."""
    before = getattr(_current, "deadline", None)
    _current.deadline = deadline
    try:
        yield
    finally:
        _current.deadline = before


class DeadlineSocket(ssl.SSLSocket):
    """A TLS socket that looks at the thread's deadline before each read and while it waits.

    ssl.SSLContext.sslsocket_class is the documented place to put it.
    """

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        return self._in_time(lambda: super(DeadlineSocket, self).recv_into(buffer, nbytes, flags))

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:  # TLS inside the TLS of an https proxy
        return self._in_time(lambda: super(DeadlineSocket, self).recv(buflen, flags))

    def _in_time(self, read: Callable[[], T]) -> T:
        deadline: Deadline | None = getattr(_current, "deadline", None)
        if deadline is None:
            return read()
        while True:
            self.settimeout(min(deadline.left(), _SLICE_SECONDS))
            try:
                return read()
            except TimeoutError:
                deadline.left()
