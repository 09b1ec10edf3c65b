"""The situation for whoever clicks: nobody waits three seconds for a look at the whole fleet."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from fleetkeeper.core.notices.values import Answer, Situation
from fleetkeeper.engine.ports import Clock

_log = structlog.get_logger("notices")

SERVES = 60.0
"""Seconds of wall time after which a situation is made anew, beside those who still use it."""


class RecentSituation:
    """The last one that was made, with the answers as they are now; an older one serves while the next is made.

    made: makes one, as at a time; answers: those that count. One is made at a time.
    """

    def __init__(
        self, made: Callable[[datetime], Situation], answers: Callable[[], tuple[Answer, ...]], clock: Clock
    ) -> None:
        self._make, self._answers, self._clock = made, answers, clock
        self._last: Situation | None = None
        self._made_at = float("-inf")
        self._making = threading.Lock()

    def __call__(self, since: datetime | None = None) -> Situation:
        """As it was at `since` or later: what was told then has to be in it. Waits only where none is new enough."""
        found = self._last
        if found is None or (since is not None and found.now < since):
            found = self._made_after(since)
        elif time.monotonic() - self._made_at > SERVES:
            self.refresh()
        return replace(found, now=self._clock.now(), answers=self._answers())

    def refresh(self) -> None:
        """Make the next one, in a thread of its own, unless one is being made."""
        if not self._making.locked():
            threading.Thread(target=self._refreshed, name="situation", daemon=True).start()

    def _made_after(self, since: datetime | None) -> Situation:
        with self._making:
            if self._last is None or (since is not None and self._last.now < since):
                self._last = self._make(self._clock.now())
                self._made_at = time.monotonic()
            return self._last

    def _refreshed(self) -> None:
        if not self._making.acquire(blocking=False):
            return
        try:
            self._last, self._made_at = self._make(self._clock.now()), time.monotonic()
        except Exception as error:  # whoever clicks next is told, or has what was made before
            _log.warning("situation_not_made", reason=f"{type(error).__name__}: {error}")
        finally:
            self._making.release()
