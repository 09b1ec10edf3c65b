"""Remembers, in this process, what of each cluster may rest: `serve` has one; whoever looks once reads everything."""

from datetime import timedelta
from threading import Lock

from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.turns import SLOW, Looks, after, resting
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.reading import Reading

NOTHING: frozenset[str] = frozenset()

_FORGOTTEN = timedelta(days=1)  # then a cluster is gone, or everything of it is read anyway


class Turns:
    """The turns of every cluster; a cluster that moved to another minor begins anew. Safe to use from many threads."""

    def __init__(self, clock: Clock, stale_after: timedelta) -> None:
        self._clock, self._stale_after = clock, stale_after
        self._looks: dict[ClusterId, tuple[Minor, Looks]] = {}
        self._lock = Lock()

    def resting(self, id: ClusterId, minor: Minor) -> frozenset[str]:
        """The parts of the cluster that are not read in this look."""
        with self._lock:
            at, looks = self._looks.get(id, (minor, None))
        return resting(looks, self._clock.now(), self._stale_after) if at == minor else NOTHING

    def note(self, id: ClusterId, minor: Minor | None, reading: Reading) -> None:
        """How a look ended; without a minor nothing of it is known, so the next one reads everything."""
        now = self._clock.now()
        seen = [part for part in SLOW if reading.value(part) is not None]
        missed = [part for part in SLOW if reading.gap(part) is not None]
        with self._lock:
            at, before = self._looks.pop(id, (minor, None))
            if minor is not None:
                looks = after(before if at == minor else None, id.arn, seen, missed, now, self._stale_after)
                self._looks[id] = minor, looks
            # Each look puts its cluster last, so that those that are gone gather at the front.
            while self._looks and now - next(iter(self._looks.values()))[1].last > _FORGOTTEN:
                del self._looks[next(iter(self._looks))]
