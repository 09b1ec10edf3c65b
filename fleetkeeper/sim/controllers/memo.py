"""Answers that hold as long as the very objects stand that they were made of: the state replaces what it changes."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Memo:
    """One answer for each key: a cluster's DaemonSets ask the same of every node after every write to one of them."""

    _known: dict[Hashable, tuple[tuple[object, ...], Any]] = field(default_factory=dict)

    def of(self, key: Hashable, made_of: tuple[object, ...], make: Callable[[], T]) -> T:
        """What was made last time, where it was made of the same objects (not equal ones); else it is made."""
        known = self._known.get(key)
        if known is not None and all(before is now for before, now in zip(known[0], made_of, strict=True)):
            found: T = known[1]
            return found
        made = make()
        self._known[key] = (made_of, made)  # the objects are kept, so that no other one can take their place
        return made
