"""What holds an act that is about to begin: windows by what the step is expected to take, freezes, calendars."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from fleetkeeper.core.plan import Header
from fleetkeeper.core.playbook import GateSpec, When, Window
from fleetkeeper.core.run import Cause, Control, Freeze, Hold, Role, Run, RunState, Task, TaskKey, TaskState
from fleetkeeper.engine.guarding import Frozen
from fleetkeeper.engine.holding import Brakes
from fleetkeeper.engine.run_ports import Claim
from tests.engine.rig import plan_of

NOW = datetime(2026, 11, 21, 3, 30, tzinfo=UTC)


class Rows:
    """Freezes and durations as a database has them, and how often they were read."""

    def __init__(self, freezes: tuple[Freeze, ...] = (), took: timedelta = timedelta(minutes=5)) -> None:
        self.standing, self.took, self.reads = freezes, took, 0

    def freezes(self) -> tuple[Freeze, ...]:
        self.reads += 1
        return self.standing

    def durations(self, kind: str) -> tuple[timedelta, ...]:
        assert kind == "operate"
        return (self.took,) * 10


class Around:
    """What calendars and incidents hold."""

    def __init__(self, *holds: Hold) -> None:
        self._holds = holds

    def holds(self, run: str, now: datetime) -> tuple[Hold, ...]:
        assert (run, now) == ("run-1", NOW)
        return self._holds


def frozen(*windows: Window) -> Frozen:
    plan, _, _ = plan_of(2)
    header: Header = replace(plan.header, stages=(replace(plan.header.stages[0], windows=windows),))
    return Frozen(header, plan.digest, plan.members, {2: (0, "", GateSpec("soak", "operate", When.AFTER))})


def claim(idx: int = 0, role: Role = Role.MEMBER) -> Claim:
    run = Run("run-1", "plan-1", "d", RunState.RUNNING, NOW, Control.RUN, NOW, "ann")
    task = Task(TaskKey("run-1", idx), role, f"shop-{idx}", 0, "", TaskState.RUNNING, NOW, 2)
    return Claim(task, None, 0, run)


def brakes(rows: Rows, *holds: Hold) -> Brakes:
    return Brakes(cast("Any", rows), cast("Any", Around(*holds)))


def freeze(selector: str = "") -> Freeze:
    return Freeze("f", "Black Friday", "ann", NOW, selector)


NIGHT = Window(tuple(range(7)), 3 * 60, 4 * 60, "UTC")


def test_nothing_holds_a_free_fleet() -> None:
    assert brakes(Rows()).hold(claim(), frozen(), NOW) is None


@pytest.mark.parametrize(
    ("took", "held"),
    [
        pytest.param(timedelta(minutes=20), False, id="it ends before the window does"),
        pytest.param(timedelta(minutes=45), True, id="the window is too short by now"),
    ],
)
def test_a_step_begins_only_where_95_of_100_end_within_the_window(took: timedelta, held: bool) -> None:
    found = brakes(Rows(took=took)).hold(claim(), frozen(NIGHT), NOW)
    assert (found is not None) is held
    assert found is None or (found.cause is Cause.WINDOW and "the window closes at" in found.text)


def test_a_freeze_holds_what_its_selector_accepts() -> None:
    rows = Rows((freeze("name=shop-0"),))
    found = brakes(rows).hold(claim(0), frozen(), NOW)
    assert found is not None
    assert found.cause is Cause.FREEZE
    assert brakes(rows).hold(claim(1), frozen(), NOW) is None


def test_a_calendar_holds_what_its_selector_accepts() -> None:
    hold = Hold(Cause.FREEZE, "Black Friday", selector="name=shop-0")
    assert brakes(Rows(), hold).hold(claim(0), frozen(), NOW) == hold
    assert brakes(Rows(), hold).hold(claim(1), frozen(), NOW) is None


def test_a_gate_is_never_held() -> None:
    assert brakes(Rows((freeze(),))).hold(claim(2, Role.GATE), frozen(NIGHT), NOW) is None


def test_freezes_are_read_once_for_many_asks_and_again_after_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: at)
    rows = Rows()
    own = brakes(rows)
    for idx in (0, 1):
        own.hold(claim(idx), frozen(), NOW)
    assert rows.reads == 1
    rows.standing = (freeze(),)
    at += 0.6
    assert own.hold(claim(), frozen(), NOW) is not None
    assert rows.reads == 2
