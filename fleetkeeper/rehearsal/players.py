"""Who plays: this process itself, one play after the other; processes.py has those that play side by side."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fleetkeeper.rehearsal.member import Play
from fleetkeeper.rehearsal.playing import Course, Part, Room, play


class Key(NamedTuple):
    """Which play of which member, by its number."""

    number: int
    play: Play


@dataclass(frozen=True, slots=True)
class Lost:
    """A play whose process ended without a course: why, and what to do."""

    why: str


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of our own in a play: what it was, and where."""

    text: str
    trace: str

    def error(self) -> RuntimeError:
        found = RuntimeError(self.text)
        found.add_note(self.trace)
        return found


Outcome = Course | Lost | Fault


class Players(Protocol):
    """Each play that was begun is given up, or has its end told once."""

    @property
    def is_full(self) -> bool:
        """Whether no more play may begin before one ends."""

    def begin(self, key: Key, part: Part, urgent: bool) -> bool:
        """False where there is no room for it beside the others. urgent: others hang on its end."""

    def give_up(self, key: Key) -> None:
        """End what was begun and is not needed any more; nothing where it has ended."""

    def ended(self) -> list[tuple[Key, Outcome]]:
        """Wait until a play has ended."""


@dataclass(slots=True)
class Alone:
    """Plays in this process; a play begins when its end is waited for."""

    place: Room
    _next: tuple[Key, Part] | None = None

    @property
    def is_full(self) -> bool:
        return self._next is not None

    def begin(self, key: Key, part: Part, urgent: bool) -> bool:  # noqa: ARG002  # there are no others
        if self._next is not None:
            return False
        self._next = (key, part)
        return True

    def give_up(self, key: Key) -> None:
        if self._next is not None and self._next[0] == key:
            self._next = None

    def ended(self) -> list[tuple[Key, Outcome]]:
        if self._next is None:
            return []
        (key, part), self._next = self._next, None
        return [(key, play(self.place, part.seed, part.piece, part.luck))]
