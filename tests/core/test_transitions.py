"""Which states may follow which."""

from collections.abc import Iterable

import pytest

from fleetkeeper.core import transitions
from fleetkeeper.core.run import OVER, TASK_OVER, UNIT_OVER, RunState, TaskState, UnitState


@pytest.mark.parametrize(
    ("table", "states"),
    [
        pytest.param(transitions.RUN, RunState, id="of a run"),
        pytest.param(transitions.UNIT, UnitState, id="of a stage or group"),
        pytest.param(transitions.TASK, TaskState, id="of a member or gate"),
    ],
)
def test_every_state_has_its_row(table: dict[object, object], states: Iterable[object]) -> None:
    assert set(table) == set(states)


def test_a_run_that_is_over_stays_over() -> None:
    assert all(not transitions.RUN[state] for state in OVER)


def test_only_a_failed_member_of_those_that_are_over_may_be_tried_again() -> None:
    again = {TaskState.PENDING, TaskState.RUNNING}
    assert {state for state in TASK_OVER if transitions.TASK[state] & again} == {TaskState.FAILED}
    assert {state for state in UNIT_OVER if transitions.UNIT[state]} == {UnitState.COMPLETED_WITH_FAILURES}


def test_an_abort_is_not_turned_back() -> None:
    assert transitions.RUN[RunState.ABORTING] == {RunState.ABORTED}
    assert transitions.TASK[TaskState.ABORTING] == {TaskState.ABORTED}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(RunState.SUCCEEDED, RunState.RUNNING, id="a run that succeeded does not run again"),
        pytest.param(UnitState.NOT_STARTED, UnitState.SUCCEEDED, id="a stage that never ran did not succeed"),
        pytest.param(TaskState.NOT_STARTED, TaskState.SUCCEEDED, id="a member that never ran did not succeed"),
    ],
)
def test_a_move_that_is_not_legal_is_refused(
    old: RunState | UnitState | TaskState, new: RunState | UnitState | TaskState
) -> None:
    with pytest.raises(ValueError, match="cannot go from"):
        transitions.demand("it", old, new)


@pytest.mark.parametrize("state", [*RunState, *UnitState, *TaskState])
def test_staying_is_always_legal(state: RunState | UnitState | TaskState) -> None:
    assert transitions.is_legal(state, state)
