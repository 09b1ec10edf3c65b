"""Writes as events, and the indexes that follow them."""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import NamedTuple

from fleetkeeper.sim.world import Object

Key = tuple[str, str]
"""Namespace and name; namespace "" for what has none."""

Listener = Callable[["Event"], None]
Indexer = Callable[[Object], str | tuple[str, ...]]
"""The value of an object, or several; "" and () leave it out. By its name, spec, labels and owners alone."""


class Change(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Event(NamedTuple):
    """One write. object of a DELETED is the last state with the revision of the deletion; before None is an ADDED.

    is_of_status: nothing but the status differs from before, and the version, as with most writes.
    """

    revision: int
    change: Change
    resource: str
    key: Key
    object: Object
    before: Object | None = None
    is_of_status: bool = False


def moves(event: Event) -> bool:
    """Whether a write may give an object another place in an index."""
    if event.is_of_status:
        return False
    before, after = event.before, event.object
    if before is None or event.change is Change.DELETED or before.get("spec") is not after.get("spec"):
        return True
    old, new = before["metadata"], after["metadata"]
    return old.get("labels") is not new.get("labels") or old.get("ownerReferences") is not new.get("ownerReferences")


class Index:
    """Values → keys of one resource, made at the first question."""

    def __init__(self, of: Indexer) -> None:
        self._of = of
        self._keys: dict[str, dict[Key, None]] | None = None

    def forget(self) -> None:
        self._keys = None

    def keys(self, listing: dict[Key, Object], value: str) -> Collection[Key]:
        if self._keys is None:
            self._keys = {}
            for key, obj in listing.items():
                self._add(key, obj)
        return self._keys.get(value, {}).keys()

    def move(self, event: Event) -> None:
        if self._keys is None:
            return
        before = () if event.before is None else self._of(event.before)
        after = () if event.change is Change.DELETED else self._of(event.object)
        if before == after:
            return
        for value in _values(before):
            self._keys.get(value, {}).pop(event.key, None)
        for value in _values(after):
            self._keys.setdefault(value, {})[event.key] = None

    def _add(self, key: Key, obj: Object) -> None:
        if self._keys is not None:
            for value in _values(self._of(obj)):
                self._keys.setdefault(value, {})[key] = None


def _values(found: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(found, tuple):
        return found
    return (found,) if found else ()


def key_of(obj: Object) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
