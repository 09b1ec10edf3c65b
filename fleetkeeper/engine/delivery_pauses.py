"""When a whole way out rests, because what stands in the way of one message stands in the way of all."""

import time
from collections.abc import Iterable

from fleetkeeper.core.notices.values import Via

_MANY = 3
"""So many addresses in a row: then it is not the address. Slack does not say whose limit it was that a 429 is about."""
LONGEST = 300.0
"""Seconds: nothing rests for longer, for nobody tells us when a network or a token works again."""


class Pauses:
    """Of one process, in wall time. Not safe for threads: only who settles looks here."""

    def __init__(self, first: float) -> None:
        """first: seconds of a first pause; each that follows without a success between is twice as long."""
        self._first = first
        self._until: dict[Via, float] = {}
        self._rows: dict[Via, int] = {}
        self._at: dict[Via, set[str]] = {}

    def working(self, vias: Iterable[Via]) -> tuple[Via, ...]:
        now = time.monotonic()
        return tuple(via for via in vias if self._until.get(via, 0.0) <= now)

    def left(self) -> float:
        """Seconds until the first of those that rest goes on; 0 when none rests."""
        now = time.monotonic()
        return min((until - now for until in self._until.values() if until > now), default=0.0)

    def trouble(self, via: Via, address: str, seconds: float | None = None, at_once: bool = False) -> float:
        """Something stood in the way. seconds: for how long, where the other side says so. The pause; 0: none yet."""
        met = self._at.setdefault(via, set())
        met.add(address)
        if not at_once and len(met) < _MANY:
            return 0.0
        met.clear()
        pause = seconds if seconds is not None else self._grown(via)
        self._until[via] = max(self._until.get(via, 0.0), time.monotonic() + pause)
        return pause

    def worked(self, via: Via) -> bool:
        """Whether it had rested before."""
        self._at.pop(via, None)
        self._rows.pop(via, None)
        return self._until.pop(via, None) is not None

    def _grown(self, via: Via) -> float:
        if self._until.get(via, 0.0) > time.monotonic():  # those that were under way when it began to rest
            return 0.0
        rows = self._rows.get(via, 0)
        self._rows[via] = rows + 1
        return min(LONGEST, self._first * 2.0 ** min(rows, 20))
