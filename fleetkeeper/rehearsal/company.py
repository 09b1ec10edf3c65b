"""Members rehearsed side by side: what they want is begun, and given up once it turns out not to be needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fleetkeeper.core.rehearsal.report import End, Rehearsed
from fleetkeeper.rehearsal.member import Play, Trial
from fleetkeeper.rehearsal.players import Fault, Key, Lost, Outcome, Players
from fleetkeeper.rehearsal.playing import Course


@dataclass(slots=True)
class _Open:
    """A member at work: what is known of it, what will not be, and what was begun and is not known."""

    trial: Trial
    known: dict[Play, Course] = field(default_factory=dict)
    lost: dict[Play, Lost | Fault] = field(default_factory=dict)
    begun: set[Play] = field(default_factory=set)


@dataclass(slots=True)
class Company:
    """told: hears of each member that is over."""

    players: Players
    told: Callable[[Rehearsed], None] = lambda _: None
    _open: dict[int, _Open] = field(default_factory=dict)
    _found: dict[int, Rehearsed] = field(default_factory=dict)

    def rehearse(self, members: Iterator[Trial | Rehearsed]) -> tuple[Rehearsed, ...]:
        """Of each, in their order; RuntimeError for a fault in a play. One that is Rehearsed already needs no play.

        The next is asked for when one more play could begin and none waits: what was read of a cluster takes memory.
        """
        numbered = enumerate(members)
        while True:
            waits = self._begin()
            may_open = not waits and not self.players.is_full
            following = next(numbered, None) if may_open else None
            if following is not None:
                self._take_up(*following)
            elif self._open:
                for key, outcome in self.players.ended():
                    self._take(key, outcome)
            else:
                return tuple(self._found[number] for number in sorted(self._found))

    def _begin(self) -> bool:
        """Begin what members want, as far as there is room; whether something still waits."""
        for number, each in self._open.items():
            for place, play in enumerate(each.trial.wanted(each.known)):
                if play in each.begun:
                    continue
                urgent = place == 0 and not each.known
                if not self.players.begin(Key(number, play), each.trial.part(play), urgent):
                    return True
                each.begun.add(play)
        return False

    def _take_up(self, number: int, member: Trial | Rehearsed) -> None:
        if isinstance(member, Trial):
            self._open[number] = _Open(member)
        else:
            self._tell(number, member)

    def _take(self, key: Key, outcome: Outcome) -> None:
        """What came of a play. One that was lost counts once it is the next that would have been played alone."""
        each = self._open.get(key.number)
        if each is None or key.play not in each.begun:  # given up, at the moment at which it ended
            return
        if isinstance(outcome, Course):
            each.known[key.play] = outcome
            each.begun.discard(key.play)
        else:
            each.lost[key.play] = outcome
        wanted = each.trial.wanted(each.known)
        lost = each.lost.get(wanted[0]) if wanted else None
        if isinstance(lost, Fault):
            raise lost.error()
        if lost is not None:
            self._close(key.number, each, Rehearsed(each.trial.member.name, End.NOT_REHEARSED, lost.why))
        elif not wanted:
            self._close(key.number, each, each.trial.told(each.known))
        else:
            self._give_up(key.number, each, each.begun.difference(wanted))

    def _close(self, number: int, each: _Open, found: Rehearsed) -> None:
        self._give_up(number, each, set(each.begun))
        del self._open[number]
        self._tell(number, found)

    def _give_up(self, number: int, each: _Open, plays: set[Play]) -> None:
        for play in plays:
            self.players.give_up(Key(number, play))
        each.begun -= plays

    def _tell(self, number: int, found: Rehearsed) -> None:
        self._found[number] = found
        self.told(found)
