"""Which plays are begun, in which order, and given up: told by players that only keep what they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import End, Rehearsed
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.rehearsal.company import Company
from fleetkeeper.rehearsal.member import Play, Read, Trial
from fleetkeeper.rehearsal.players import Fault, Key, Lost, Outcome
from fleetkeeper.rehearsal.playing import Course, Part
from tests.rehearsal.clusters import blocked, placed, plan_of, snapshot_of

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
LEDGER = frozenset({"shop/ledger"})
USUAL, GOOD, BAD = (Play(luck) for luck in (Luck.USUAL, Luck.GOOD, Luck.BAD))
FREED = tuple(Play(luck, LEDGER) for luck in (Luck.USUAL, Luck.GOOD, Luck.BAD))


def course(end: End = End.DONE, seconds: float = 60.0) -> Course:
    return Course(end, "" if end is End.DONE else "it is held", "", "", seconds, (), 0, 0, (), (), {}, (), 0)


@dataclass
class Scripted:
    """Plays end in the order of a script, so many at once; what is not in it goes on for ever."""

    script: Sequence[tuple[Key, Outcome]]
    most: int = 9
    at_once: int = 1
    at_work: list[Key] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    urgent: set[Key] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        return len(self.at_work) >= self.most

    def begin(self, key: Key, part: Part, urgent: bool) -> bool:
        if self.is_full:
            return False
        assert part.luck is key.play.luck
        assert part.seed.without == key.play.without
        self.at_work.append(key)
        self.log.append(f"begin {told(key)}")
        if urgent:
            self.urgent.add(key)
        return True

    def give_up(self, key: Key) -> None:
        if key in self.at_work:
            self.at_work.remove(key)
            self.log.append(f"give up {told(key)}")

    def ended(self) -> list[tuple[Key, Outcome]]:
        found, self.script = self.script[: self.at_once], self.script[self.at_once :]
        assert found, "nothing ends any more"
        for key, _ in found:
            self.at_work.remove(key)
            self.log.append(f"end {told(key)}")
        return list(found)


def told(key: Key) -> str:
    return f"{key.number} {key.play.luck.name.lower()}{' freed' if key.play.without else ''}"


def trial(seen: Placed) -> Trial:
    snapshot = snapshot_of(seen, parallel=2)
    plan = plan_of(snapshot)
    return Trial(plan.header, plan.members[0], Read(snapshot, seen), observed(seen), {}, Prices())


@pytest.fixture(scope="module")
def free() -> Trial:
    return trial(placed(6, AT))


@pytest.fixture(scope="module")
def held() -> Trial:
    """A budget keeps one pod on its node for good."""
    return trial(blocked(placed(6, AT)))


def test_where_cores_are_free_all_three_begin_and_only_the_usual_is_urgent(free: Trial) -> None:
    script = [(Key(0, BAD), course(seconds=90)), (Key(0, USUAL), course()), (Key(0, GOOD), course(seconds=30))]
    players = Scripted(script)
    (found,) = Company(players).rehearse(iter([free]))
    assert players.log[:3] == ["begin 0 usual", "begin 0 good", "begin 0 bad"]
    assert players.urgent == {Key(0, USUAL)}
    assert found.end is End.DONE
    assert found.length is not None
    assert [each.total_seconds() for each in (found.length.low, found.length.usual, found.length.high)] == [30, 60, 90]


def test_one_at_a_time_the_others_begin_after_the_usual_is_done(free: Trial) -> None:
    players = Scripted([(Key(0, each), course()) for each in (USUAL, GOOD, BAD)], most=1)
    Company(players).rehearse(iter([free]))
    assert players.log == ["begin 0 usual", "end 0 usual", "begin 0 good", "end 0 good", "begin 0 bad", "end 0 bad"]


def test_when_the_usual_fails_the_others_are_given_up_and_tell_nothing(free: Trial) -> None:
    players = Scripted([(Key(0, BAD), course(seconds=500)), (Key(0, USUAL), course(End.FAILED))])
    (found,) = Company(players).rehearse(iter([free]))
    assert players.log[3:] == ["end 0 bad", "end 0 usual", "give up 0 good"]
    assert (found.end, found.length, found.freed) == (End.FAILED, None, None)
    alone = Scripted([(Key(0, USUAL), course(End.FAILED))], most=1)
    assert Company(alone).rehearse(iter([free])) == (found,)


def test_where_a_budget_lets_nothing_go_it_is_played_without_it_from_the_beginning(held: Trial) -> None:
    script = [(Key(0, FREED[0]), course()), (Key(0, USUAL), course(End.BLOCKED))]
    players = Scripted([*script, (Key(0, FREED[1]), course()), (Key(0, FREED[2]), course())])
    (found,) = Company(players).rehearse(iter([held]))
    assert players.log[:4] == ["begin 0 usual", "begin 0 usual freed", "begin 0 good freed", "begin 0 bad freed"]
    assert found.end is End.BLOCKED
    assert found.freed is not None
    assert found.length is None


def test_a_guess_that_was_wrong_is_given_up_for_what_is_wanted(held: Trial) -> None:
    players = Scripted([(Key(0, each), course()) for each in (USUAL, GOOD, BAD)], most=3)
    (found,) = Company(players).rehearse(iter([held]))
    assert players.log[3] == "end 0 usual"
    assert set(players.log[4:6]) == {"give up 0 usual freed", "give up 0 good freed"}
    assert players.log[6:8] == ["begin 0 good", "begin 0 bad"]
    assert found.end is End.DONE


def test_once_a_play_without_the_budgets_is_not_done_the_others_of_it_are_given_up(held: Trial) -> None:
    script = [(Key(0, USUAL), course(End.BLOCKED)), (Key(0, FREED[2]), course(End.UNFINISHED))]
    players = Scripted(script)
    (found,) = Company(players).rehearse(iter([held]))
    assert (found.end, found.freed) == (End.BLOCKED, None)
    assert players.at_work == []


def test_what_ended_together_with_a_play_that_makes_it_needless_tells_nothing(free: Trial) -> None:
    script: list[tuple[Key, Outcome]] = [
        (Key(0, USUAL), course(End.BLOCKED)),
        (Key(0, BAD), course()),
        (Key(0, GOOD), Lost("it was killed")),
    ]
    (found,) = Company(Scripted(script, at_once=3)).rehearse(iter([free]))
    assert (found.end, found.length) == (End.BLOCKED, None)


def test_a_lost_play_makes_its_member_not_rehearsed_and_ends_its_others(free: Trial) -> None:
    done = [(Key(1, each), course()) for each in (USUAL, GOOD, BAD)]
    players = Scripted([(Key(0, USUAL), Lost("it was killed")), *done])
    first, second = Company(players).rehearse(iter([free, free]))
    assert (first.end, first.why) == (End.NOT_REHEARSED, "it was killed")
    assert second.end is End.DONE
    assert players.at_work == []


@pytest.mark.parametrize(("usual", "end"), [(End.DONE, End.NOT_REHEARSED), (End.FAILED, End.FAILED)])
def test_a_lost_guess_counts_only_once_it_turns_out_to_be_wanted(free: Trial, usual: End, end: End) -> None:
    players = Scripted([(Key(0, GOOD), Lost("it was killed")), (Key(0, USUAL), course(usual))])
    (found,) = Company(players).rehearse(iter([free]))
    assert found.end is end
    assert players.at_work == []


def test_a_fault_of_ours_is_raised_once_its_play_is_wanted(free: Trial) -> None:
    fault = Fault("big (good luck): KeyError: 'x'", "Traceback ...")
    with pytest.raises(RuntimeError, match="KeyError: 'x'") as caught:
        Company(Scripted([(Key(0, GOOD), fault), (Key(0, USUAL), course())])).rehearse(iter([free]))
    assert caught.value.__notes__ == ["Traceback ..."]
    failed = Scripted([(Key(0, GOOD), fault), (Key(0, USUAL), course(End.FAILED))])
    assert Company(failed).rehearse(iter([free]))[0].end is End.FAILED


def test_members_are_told_in_their_order_and_each_as_it_is_over(free: Trial) -> None:
    gone = Rehearsed("gone", End.NOT_REHEARSED, "nobody answers")
    script = [(Key(number, each), course()) for number in (2, 1) for each in (USUAL, GOOD, BAD)]
    over: list[str] = []
    players = Scripted(script)
    found = Company(players, lambda each: over.append(each.member)).rehearse(iter([gone, free, free]))
    assert [each.member for each in found] == ["gone", "big", "big"]
    assert over == ["gone", "big", "big"]


def test_the_next_member_is_not_read_before_a_play_of_it_could_begin(free: Trial) -> None:
    script = [(Key(number, each), course()) for number in (0, 1) for each in (USUAL, GOOD, BAD)]
    players = Scripted(script, most=3)

    def read() -> Iterator[Trial]:
        for number in range(2):
            players.log.append(f"read {number}")
            yield free

    Company(players).rehearse(read())
    assert players.log[:6] == ["read 0", "begin 0 usual", "begin 0 good", "begin 0 bad", "end 0 usual", "read 1"]
