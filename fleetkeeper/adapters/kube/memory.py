"""What was read of large lists, kept in this process for the next tick; docs/decisions/0006.

A value is kept under the uid and resourceVersion of its object, which name one content for good. So nothing here is a
state that changes are applied to: a key that is not found costs a read, and can never give a wrong value. What could
bring a version back is an etcd that was restored; then the server's own version goes back too, and all is forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from fleetkeeper.core.model import ClusterId

# Some 1 kB each, for all clusters together: a cluster of 2,000 nodes and 2,000 deployments takes 4,100.
MOST_VALUES = 30_000
# A whole read once a day bounds whatever no rule here foresees, and frees what is kept of clusters that are gone.
LONGEST = 24 * 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Known:
    """One list as it was last read: `uid@resourceVersion` → its value, None for an object that we do not keep.

    version is the list's own; restless when so much had changed that reading it whole again costs less.
    """

    values: Mapping[str, Any]
    version: str
    whole_at: float  # Pace's seconds: when it was last read without what is kept here
    restless: bool = False

    def may_hold(self, version: str) -> bool:
        """False when a list of this version is older than ours, or one of them is not a number: then forget."""
        both = self.version, version
        return all(each.isascii() and each.isdecimal() for each in both) and int(version) >= int(self.version)


class Room:
    """How many values may be kept, over all clusters. Who comes first stays: to take turns would serve nobody."""

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._left = most
        self._lock = Lock()

    def take(self, count: int) -> bool:
        """A negative count gives back."""
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True


class Memory:
    """The large lists of one cluster. One thread at a time reads a cluster. `now` is in Pace's seconds."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._lists: dict[str, Known] = {}

    def known(self, name: str, now: float) -> Known | None:
        self.forget_old(now)
        return self._lists.get(name)

    def keep(self, name: str, known: Known) -> None:
        """In place of what was kept under that name; not at all when there is no room."""
        self.forget(name)
        if self._room.take(len(known.values)):
            self._lists[name] = known

    def forget(self, name: str) -> None:
        if (known := self._lists.pop(name, None)) is not None:
            self._room.take(-len(known.values))

    def forget_old(self, now: float) -> None:
        for name in [name for name, known in list(self._lists.items()) if known.whole_at < now - LONGEST]:
            self.forget(name)


class Memories:
    """The memory of each cluster, by its id: one that takes over a name begins with none. Safe to use from threads."""

    def __init__(self) -> None:
        self._room = Room()
        self._memories: dict[ClusterId, Memory] = {}
        self._lock = Lock()

    def of(self, id: ClusterId, now: float) -> Memory:
        """What was not read for long, as of a cluster that is gone, is forgotten on the way."""
        with self._lock:
            for memory in self._memories.values():
                memory.forget_old(now)
            return self._memories.setdefault(id, Memory(self._room))
