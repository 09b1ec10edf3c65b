"""Random verbs, faults and clocks through whole runs: only legal moves, and every run ends or says why it waits."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetkeeper.config import StoreSettings
from fleetkeeper.core.playbook import OnFailure, StepSpec
from fleetkeeper.core.run import (
    OVER,
    STEP_OVER,
    TASK_OVER,
    UNIT_OVER,
    Command,
    Control,
    Freeze,
    RunState,
    StepState,
    TaskState,
    UnitState,
    Verb,
)
from fleetkeeper.core.transitions import is_legal
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.task_tick import Pace
from fleetkeeper.errors import ReadError, Refused, Unreachable
from tests.engine.rig import T0, Cloud, Engine, SetClock, begin, engine, migrated

State = RunState | UnitState | TaskState
Key = tuple[str, int, str]

MEMBERS = 3
targets = st.sampled_from(["", "stage:all", *(f"member:shop-{idx}" for idx in range(MEMBERS)), "member:nobody"])
verbs = st.sampled_from([Verb.PAUSE, Verb.RESUME, Verb.ABORT, Verb.RETRY, Verb.SKIP, Verb.RESUME, Verb.RETRY])


@dataclass(frozen=True)
class Say:
    verb: Verb
    target: str


@dataclass(frozen=True)
class Break:
    """The next calls of the cloud meet this; lost: after their effect."""

    error: type[ReadError | Refused]
    times: int
    lost: bool


@dataclass(frozen=True)
class Turn:
    """What comes of the operations from now on."""

    outcome: str


@dataclass(frozen=True)
class FreezeAll:
    on: bool


@dataclass(frozen=True)
class Pass:
    """Time goes by, at once. It may go back: a machine's clock was set."""

    seconds: int


@dataclass(frozen=True)
class Restart:
    """The engine ends and another one begins, which remembers nothing."""


Happening = Say | Break | Turn | FreezeAll | Pass | Restart

happenings = st.one_of(
    st.builds(Say, verbs, targets),
    st.builds(Break, st.sampled_from([Unreachable, Refused]), st.integers(1, 3), st.booleans()),
    st.builds(Turn, st.sampled_from(["done", "done", "failed", "running"])),
    st.builds(FreezeAll, st.booleans()),
    st.builds(Pass, st.one_of(st.integers(1, 120), st.sampled_from([-30, 600, 7200]))),
    st.builds(Restart),
)
steps = st.lists(
    st.builds(
        lambda repeatable, cancellable, retries: (repeatable, cancellable, retries),
        st.booleans(),
        st.booleans(),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=2,
)


@dataclass
class Watched:
    """A run whose every stored state is held to what it was before."""

    made: Engine
    database: StoreSettings
    seen: dict[Key, State] = field(default_factory=dict)
    said: int = 0

    @property
    def clock(self) -> SetClock:
        found: SetClock = self.made.clock
        return found

    def stored(self) -> StoredRun:
        found = self.made.runs.run("run-1")
        assert found is not None
        return found

    def settle(self, turns: int = 300) -> None:
        """Turn by turn, until nothing is due; after each of them, all is looked at."""
        with ThreadPoolExecutor(4) as pool:
            for _ in range(turns):
                following = self.made.runs.next_due()
                if not self.made.executor.in_flight and (following is None or following > self.clock.at):
                    return
                self.made.executor.turn(pool)
                self.look()
        raise AssertionError(f"there is always something due: {self.stored()}")

    def look(self) -> None:
        """In a turn a run decides once, and a task may move by that and by its own outcome."""
        stored = self.stored()
        now: dict[Key, State] = {
            ("run", 0, ""): stored.run.state,
            **{("unit", each.stage, each.group): each.state for each in stored.units},
            **{("task", each.key.idx, ""): each.state for each in stored.tasks},
        }
        for key, state in now.items():
            before = self.seen.get(key, state)
            between = (other for other in TaskState if isinstance(before, TaskState))
            twice = any(is_legal(before, other) and is_legal(other, state) for other in between)
            assert is_legal(before, state) or twice, f"{key} went from {before} to {state}"
        self.seen = now
        self.assert_consistent(stored)

    def assert_consistent(self, stored: StoredRun) -> None:
        """What must be true of the rows at every moment."""
        for task in stored.tasks:
            assert (task.ended_at is not None) == (task.state in TASK_OVER), task
            assert 0 <= task.step < task.steps
            if task.state in {TaskState.PENDING, TaskState.BLOCKED, TaskState.FAILED, TaskState.SKIPPED}:
                assert task.why is not None, f"{task} says no reason"
            assert task.due is None or task.state not in TASK_OVER, task
        for step in stored.steps:
            assert step.idx <= stored.tasks[step.key.idx].step
            if step.idx < stored.tasks[step.key.idx].step:
                assert step.state in STEP_OVER | {StepState.UNKNOWN, StepState.UNDOING}, step
        if stored.run.state in OVER:
            assert all(task.state in TASK_OVER for task in stored.tasks)
            assert all(unit.state in UNIT_OVER for unit in stored.units)

    def happens(self, what: Happening) -> None:
        cloud, now = self.made.cloud, self.clock.at
        match what:
            case Say(verb, target):
                self.said += 1
                self.made.runs.add_command(Command(f"c-{self.said}", "run-1", verb, target, "cy", "local", now))
            case Break(error, times, lost):
                (cloud.lose if lost else cloud.refuse).extend([error("bad luck")] * times)
            case Turn(outcome):
                cloud.outcome = outcome
            case FreezeAll(on=True):
                self.made.runs.add_freeze(Freeze("f1", "Black Friday", "dora", now))
            case FreezeAll():
                self.made.runs.lift_freeze("f1", "dora", now)
            case Pass(seconds):
                self.clock.at += timedelta(seconds=seconds)
            case Restart():
                self.made.runs.close()
                self.made = engine(self.database, cloud, self.clock, pace=PACE)

    def passes(self, step: timedelta, times: int) -> None:
        for _ in range(times):
            self.clock.at += step
            self.settle()


PACE = Pace(timedelta(seconds=20), timedelta(seconds=20), timedelta(minutes=2))


@contextmanager
def watched(shape: list[tuple[bool, bool, int]], on_failure: OnFailure, at_once: int) -> Iterator[Watched]:
    specs = tuple(
        StepSpec(f"s{at}", "operate", {"repeatable": repeatable, "cancellable": cancellable}, retries=retries)
        for at, (repeatable, cancellable, retries) in enumerate(shape)
    )
    clock = SetClock()
    with tempfile.TemporaryDirectory() as folder:
        database = migrated(Path(folder))
        found = Watched(engine(database, Cloud(clock, timedelta(seconds=50)), clock, pace=PACE), database)
        begin(found.made.runs, T0, members=MEMBERS, steps=specs, on_failure=on_failure, at_once=at_once)
        try:
            yield found
        finally:
            found.made.runs.close()


def assert_ended_or_says_why(stored: StoredRun) -> None:
    if stored.run.state in OVER:
        return
    going = [task for task in stored.tasks if task.state not in TASK_OVER]
    told = [stored.run.why, *(task.why for task in going)]
    assert any(told) or stored.run.control is not Control.RUN, f"nobody knows why it waits: {stored}"
    for task in going:
        waits = task.state in {TaskState.PENDING, TaskState.BLOCKED}
        assert not waits or task.why, f"{task} does not say why"


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps, st.sampled_from(OnFailure), st.integers(1, MEMBERS), st.lists(happenings, min_size=3, max_size=12))
def test_any_run_makes_only_legal_moves_and_ends_or_says_why_it_waits(
    shape: list[tuple[bool, bool, int]], on_failure: OnFailure, at_once: int, story: list[Happening]
) -> None:
    with watched(shape, on_failure, at_once) as run:
        run.settle()
        for what in story:
            run.happens(what)
            run.settle()
        run.made.cloud.refuse.clear()
        run.made.cloud.lose.clear()
        run.made.cloud.outcome = "done"
        run.passes(timedelta(minutes=1), 4)
        run.passes(timedelta(minutes=10), 4)
        assert_ended_or_says_why(run.stored())
        run.happens(FreezeAll(on=False))
        run.happens(Say(Verb.ABORT, ""))
        run.settle()
        run.passes(timedelta(minutes=10), 8)
        assert run.stored().run.state in OVER, f"an abort ends everything: {run.stored()}"
