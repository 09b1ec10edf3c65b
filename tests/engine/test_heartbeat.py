"""The heartbeat of silences: prolonged while the member is at work, by any replica, and never after its end."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from fleetkeeper.core.plan import Plan
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Role, StepState, Task, TaskKey, TaskState, Verb, Why
from fleetkeeper.core.run import Step as StepRow
from fleetkeeper.engine.guarding import Frozen
from fleetkeeper.engine.heartbeat import Heartbeat
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.world import World
from tests.engine.gating import HEADER, MEMBERS, RUN
from tests.engine.rig import T0, Nobody, SetClock
from tests.engine.silencing import Quietness
from tests.engine.wave import Wave

HOUR = timedelta(hours=1)
KEY = TaskKey(RUN.id, 0)
SPECS = (
    StepSpec("quiet", "silence-alerts", {"source": "am", "for": "1h"}),
    StepSpec("work", "wait-for", {"addon": "coredns"}),
    StepSpec("loud", "end-silences", {"source": "am"}),
)
FROZEN = Frozen(HEADER, "d", (replace(MEMBERS[0], steps=SPECS),))


@dataclass
class Rows:
    """One run, of which a member has silenced at T0; reads are counted."""

    task: Task = field(
        default_factory=lambda: Task(KEY, Role.MEMBER, "shop-eu-1", 0, "", TaskState.RUNNING, T0, 3, step=1)
    )
    rows: list[StepRow] = field(
        default_factory=lambda: [
            StepRow(KEY, 0, "quiet", "silence-alerts", StepState.SUCCEEDED, T0, token="t", ended_at=T0)
        ]
    )
    reads: int = 0

    def run(self, id: str) -> StoredRun:
        self.reads += 1
        return StoredRun(RUN, Plan(HEADER, MEMBERS, "d"), (), (self.task,), tuple(self.rows), (), ())

    def steps(self, key: TaskKey) -> tuple[StepRow, ...]:
        return tuple(self.rows)


@dataclass
class Beating:
    """So many replicas over one database and one silencer, with a clock that a test moves."""

    clock: SetClock = field(default_factory=SetClock)
    runs: Rows = field(default_factory=Rows)
    replicas: int = 1
    silences: Quietness = field(init=False)
    hearts: list[Heartbeat] = field(init=False)

    def __post_init__(self) -> None:
        self.silences = Quietness(self.clock)
        self.silences.until["t"] = T0 + HOUR
        nobody = cast(Any, Nobody())
        world = World(
            self.clock,
            nobody,
            cast(Any, self.runs),
            *(nobody,) * 7,
            silences=self.silences,
        )
        self.hearts = [Heartbeat(world) for _ in range(self.replicas)]

    def go(self, length: timedelta, every: timedelta = timedelta(seconds=15), frozen: Frozen = FROZEN) -> None:
        until = self.clock.at + length
        while self.clock.at < until:
            self.clock.at += every
            for heart in self.hearts:
                if heart.is_due(RUN.id, self.clock.at):
                    heart.beat(RUN, frozen)

    @property
    def left(self) -> timedelta:
        return self.silences.until["t"] - self.clock.at


@pytest.fixture
def beating() -> Beating:
    return Beating()


def test_a_member_at_work_stays_silenced_for_as_long_as_it_takes(beating: Beating) -> None:
    for _ in range(10):
        beating.go(HOUR)
        assert beating.left > HOUR / 4
    assert beating.silences.made("hold") <= 20


def test_a_dead_fleetkeepers_silence_ends_by_itself(beating: Beating) -> None:
    beating.go(2 * HOUR)
    assert beating.left <= HOUR


@pytest.mark.parametrize("replicas", [2, 5])
def test_of_many_replicas_one_prolongs_it_in_half_of_its_time(replicas: int) -> None:
    beating = Beating(replicas=replicas)
    beating.go(10 * HOUR)
    assert beating.left > timedelta()
    assert beating.silences.made("hold") <= 20
    assert beating.silences.made("find") <= 20 * replicas


def test_another_replica_goes_on_where_the_first_one_died() -> None:
    beating = Beating(replicas=2)
    beating.go(HOUR / 2)
    del beating.hearts[0]
    beating.go(5 * HOUR)
    assert beating.left > timedelta()


def test_a_restart_that_forgets_everything_loses_nothing(beating: Beating) -> None:
    for _ in range(20):
        beating.go(HOUR / 3)
        beating.hearts = Beating(beating.clock, beating.runs).hearts
        beating.hearts[0].world = replace(beating.hearts[0].world, silences=beating.silences)
        assert beating.left > timedelta()


def waits(cause: Cause) -> Task:
    return replace(Rows().task, state=TaskState.PENDING, why=Why(cause, "it waits", T0))


@pytest.mark.parametrize(
    ("task", "renews"),
    [
        pytest.param(waits(Cause.RETRY), True, id="between two attempts"),
        pytest.param(waits(Cause.UNREACHABLE), True, id="while its cloud is silent"),
        pytest.param(waits(Cause.PAUSED), False, id="paused"),
        pytest.param(waits(Cause.WINDOW), False, id="out of its window"),
        pytest.param(replace(Rows().task, state=TaskState.BLOCKED), False, id="blocked"),
        pytest.param(replace(Rows().task, state=TaskState.FAILED), False, id="failed"),
        pytest.param(replace(Rows().task, state=TaskState.ABORTING), True, id="being undone"),
    ],
)
def test_only_a_member_at_work_is_renewed(beating: Beating, task: Task, renews: bool) -> None:
    beating.runs.task = task
    beating.go(HOUR)
    assert (beating.silences.made("hold") > 0) is renews


def test_a_member_that_goes_on_after_a_long_pause_is_silenced_anew(beating: Beating) -> None:
    beating.runs.task = waits(Cause.PAUSED)
    beating.go(3 * HOUR)
    assert beating.left < timedelta()
    beating.runs.task = Rows().task
    beating.go(HOUR / 4)
    assert beating.left > timedelta()


@pytest.mark.parametrize("state", [StepState.INTENDED, StepState.WAITING, StepState.SUCCEEDED])
def test_one_that_is_being_ended_does_not_come_back(beating: Beating, state: StepState) -> None:
    beating.runs.rows.append(StepRow(KEY, 2, "loud", "end-silences", state, T0))
    beating.go(3 * HOUR)
    assert beating.silences.made("hold") == 0


def test_one_that_was_undone_does_not_come_back(beating: Beating) -> None:
    beating.runs.rows[0] = replace(beating.runs.rows[0], state=StepState.UNDONE)
    beating.go(3 * HOUR)
    assert beating.silences.calls == []


def test_a_silencer_that_is_down_is_asked_again_and_fails_nobody(beating: Beating) -> None:
    beating.silences.down = 2
    beating.go(HOUR)
    assert beating.left > timedelta()


def test_a_silencer_that_is_down_is_asked_once_in_a_beat(beating: Beating) -> None:
    """Each of a hundred members would wait for its answer."""
    other = replace(beating.runs.rows[0], token="u")
    beating.runs.rows.append(other)
    beating.go(3 * HOUR / 8, every=HOUR / 8)
    beating.silences.down = 5
    beating.go(HOUR / 8, every=HOUR / 8)
    assert beating.silences.down == 4


def test_a_run_without_silences_costs_no_read(beating: Beating) -> None:
    beating.go(3 * HOUR, frozen=Frozen(HEADER, "d", (replace(MEMBERS[0], steps=SPECS[1:2]),)))
    assert beating.runs.reads == 0


def test_the_database_is_read_eight_times_in_the_life_of_a_silence(beating: Beating) -> None:
    beating.go(HOUR)
    assert beating.runs.reads <= 9


def test_what_is_known_of_runs_that_are_over_is_dropped(beating: Beating) -> None:
    beating.go(HOUR)
    beating.hearts[0].forget(frozenset())
    before = beating.runs.reads
    beating.hearts[0].beat(RUN, FROZEN)
    assert beating.runs.reads == before + 1


def test_the_engine_itself_renews_while_a_step_waits_and_an_abort_ends_it(tmp_path: Path) -> None:
    wave = Wave(tmp_path)
    wait = StepSpec("work", "wait-for", {"addon": "no-such-addon"}, timeout=timedelta(days=1))
    wave.begin(replace(SPECS[0], params={"source": "am", "for": "10m"}), wait, SPECS[2])
    wave.later(45)
    (until,) = wave.place.silences.until.values()
    assert until > wave.now
    assert wave.place.silences.made("hold") >= 5  # ten minutes each
    wave.say(Verb.ABORT)
    wave.later(1)
    assert (wave.task.state, wave.place.silences.until) == (TaskState.ABORTED, {})
    wave.close()
