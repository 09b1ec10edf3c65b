"""Clicks are acknowledged in time, whatever the database does; what takes longer is told afterwards."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog

from fleetkeeper.adapters.slack.payloads import Payload, acknowledgement, click_of
from fleetkeeper.core.interacting.values import Click, Reply
from fleetkeeper.core.interacting.words import BUSY, told, told_late
from fleetkeeper.engine.click_ports import Interacting
from fleetkeeper.errors import InvalidAnswer

_log = structlog.get_logger("slack")

_SECONDS = 2.5
"""Slack waits 3 s for an acknowledgement, and shows an error to the clicker after that."""

_THREADS = 8
_MOST = 64
"""Clicks under way; whoever clicks then is told to click again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """body: of the acknowledgement, empty for none. then: what is to be done when that is out."""

    body: Payload
    then: Callable[[], None]


class Clicks:
    """Shared by all listeners of a process. Safe to use from many threads."""

    def __init__(self, interacting: Interacting, seconds: float = _SECONDS) -> None:
        self._interacting = interacting
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(_MOST)
        self._quick = ThreadPoolExecutor(_THREADS, "slack-click")
        self._later = ThreadPoolExecutor(_THREADS, "slack-reply")

    def take(self, kind: str, payload: Payload) -> Taken:
        """Handle what an envelope says, for no longer than Slack waits; never raises."""
        try:
            click = click_of(kind, payload)
        except InvalidAnswer as error:
            _log.warning("payload_refused", kind=kind, reason=error.detail)
            return Taken({}, _nothing)
        if click is None:
            return Taken({}, _nothing)
        if not self._free.acquire(blocking=False):
            _log.warning("click_refused", user=click.user, reason="too many clicks at once")
            reply = told(click, BUSY, refused=True)
            return Taken(acknowledgement(reply), _nothing)
        handled = self._quick.submit(self._interacting.handle, click)
        try:
            reply = handled.result(self._seconds)
        except TimeoutError:
            _log.warning("click_takes_long", user=click.user, action=click.action)
            return Taken({}, partial(self._submit, partial(self._tell_late, click, handled)))
        return Taken(acknowledgement(reply), partial(self._submit, partial(self._tell, click, reply)))

    def close(self) -> None:
        """Wait for what is under way."""
        self._quick.shutdown()
        self._later.shutdown()

    def _submit(self, work: Callable[[], None]) -> None:
        try:
            self._later.submit(work)
        except RuntimeError:  # it was closed meanwhile: what was clicked is stored
            self._free.release()

    def _tell(self, click: Click, reply: Reply) -> None:
        try:
            self._interacting.carry_out(click, reply)
        finally:
            self._free.release()

    def _tell_late(self, click: Click, handled: Future[Reply]) -> None:
        self._tell(click, told_late(click, handled.result()))


def _nothing() -> None:
    """All is said with the acknowledgement."""
