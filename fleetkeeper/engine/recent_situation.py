"""The situation for whoever clicks: nobody waits three seconds for a look at the whole fleet."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from fleetkeeper.core.notices.values import Answer, Situation
from fleetkeeper.engine.ports import Clock

_log = structlog.get_logger("notices")

SERVES = 60.0
"""Seconds of wall time after which a situation is made anew, beside those who still use it."""

KEPT = 600.0
"""Seconds of wall time for which one is kept while nobody clicks: what is shown first then is not hours old."""


@dataclass(frozen=True, slots=True)
class _Made:
    """newest: when the newest message that people can answer was stored, as it was asked before it was made; at: wall
    time."""

    situation: Situation
    newest: datetime | None
    at: float


class RecentSituation:
    """The last one that was made, with the answers as they are now; an older one serves while the next is made.

    made: makes one, as at a time; answers: those that count; newest: when the newest message that people can answer was
    stored. One is made at a time.
    """

    def __init__(
        self,
        made: Callable[[datetime], Situation],
        answers: Callable[[], tuple[Answer, ...]],
        newest: Callable[[], datetime | None],
        clock: Clock,
    ) -> None:
        self._make, self._answers, self._newest, self._clock = made, answers, newest, clock
        self._last: _Made | None = None
        self._making = threading.Lock()

    def __call__(self, since: datetime | None = None) -> Situation:
        """As it was at `since` or later: what was told then has to be in it. Waits only where none is new enough."""
        last = self._last
        if last is None or _is_before(last, since):
            last = self._made_after(since)
        elif time.monotonic() - last.at > SERVES:
            self.refresh()
        return replace(last.situation, now=self._clock.now(), answers=self._answers())

    def freshen(self) -> None:
        """Make the next one before somebody clicks on what the last one does not have, whichever replica told it.

        To be asked again and again: while one is being made nothing is begun, and the next asking sees what it lacks.
        """
        last = self._last
        if last is None or last.newest != self._newest() or time.monotonic() - last.at > KEPT:
            self.refresh()

    def refresh(self) -> None:
        """Make the next one, in a thread of its own, unless one is being made."""
        if not self._making.locked():
            threading.Thread(target=self._refreshed, name="situation", daemon=True).start()

    def _made_after(self, since: datetime | None) -> _Made:
        with self._making:
            if self._last is None or _is_before(self._last, since):
                self._last = self._made_now()
            return self._last

    def _made_now(self) -> _Made:
        newest = self._newest()
        return _Made(self._make(self._clock.now()), newest, time.monotonic())

    def _refreshed(self) -> None:
        if not self._making.acquire(blocking=False):
            return
        try:
            self._last = self._made_now()
        except Exception as error:  # whoever clicks next is told, or has what was made before
            _log.warning("situation_not_made", reason=f"{type(error).__name__}: {error}")
        finally:
            self._making.release()


def _is_before(last: _Made, since: datetime | None) -> bool:
    """By its own time, or by a message of then that was there: the clock of a replica that is ahead must not have every
    click wait for the fleet until ours has caught up."""
    if since is None or last.situation.now >= since:
        return False
    return last.newest is None or last.newest < since
