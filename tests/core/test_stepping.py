"""What each verdict does to a task and its step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Role, Step, StepState, Task, TaskKey, TaskState, Why
from fleetkeeper.core.stepping import BLOCKED_AGAIN, Tick, first_look
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Skip, Unknown, Verdict, Wait

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
POLL = timedelta(seconds=15)
SPEC = StepSpec("backup", "backup", timeout=timedelta(minutes=30), retries=1, backoff=timedelta(minutes=2))
TASK = Task(TaskKey("run-1", 0), Role.MEMBER, "shop-eu", 0, "", TaskState.RUNNING, NOW, steps=2)


def tick(state: StepState = StepState.READY, task: Task = TASK, **step: object) -> Tick:
    row = replace(first_look(task, SPEC, NOW), state=state, **step)  # type: ignore[arg-type]
    return Tick(task, row, SPEC, NOW, POLL)


def test_a_step_that_is_done_makes_room_for_the_next_one_at_once() -> None:
    ticked = tick(StepState.WAITING, replace(TASK, acted=True)).decided(Done("it is there"))
    assert ticked.step
    assert ticked.step.state is StepState.SUCCEEDED
    assert (ticked.task.step, ticked.task.state, ticked.task.due) == (1, TaskState.RUNNING, NOW)
    assert not ticked.task.acted
    assert not ticked.wakes


def test_the_last_step_ends_the_task_and_wakes_the_run() -> None:
    ticked = tick(task=replace(TASK, step=1)).decided(Skip("nothing to do"))
    assert ticked.step
    assert ticked.step.state is StepState.SKIPPED
    assert (ticked.task.state, ticked.task.due, ticked.task.ended_at) == (TaskState.SUCCEEDED, None, NOW)
    assert ticked.wakes


def test_an_intent_is_stored_before_the_act_with_its_deadline() -> None:
    ticked = tick().intended("create backup b1", {"name": "b1"})
    assert ticked.step
    assert ticked.step.state is StepState.INTENDED
    assert ticked.step.deadline == NOW + SPEC.timeout
    assert ticked.task.due == NOW
    assert ticked.task.acted
    assert [event.text for event in ticked.events] == ["create backup b1"]


def test_an_intent_that_is_stored_again_after_a_crash_is_told_once() -> None:
    assert tick(StepState.WAITING, intent="create backup b1").intended("create backup b1", {}).events == ()


def test_what_was_acted_is_looked_at_after_the_usual_pause() -> None:
    ticked = tick(StepState.INTENDED, intent="create backup b1").acted({"name": "b1"})
    assert ticked.step
    assert ticked.step.state is StepState.WAITING
    assert ticked.step.memory == {"name": "b1"}
    assert ticked.task.due == NOW + POLL


def test_an_act_that_asks_for_a_look_soon_gets_it() -> None:
    ticked = tick(StepState.INTENDED, intent="evict 3 pods").acted({}, timedelta(seconds=1))
    assert ticked.task.due == NOW + timedelta(seconds=1)


def test_a_wait_says_why_since_when_and_when_it_is_looked_at_again() -> None:
    first = tick(StepState.WAITING).decided(Wait("phase InProgress", timedelta(seconds=40)))
    assert first.task.why == Why(Cause.STEP, "phase InProgress", NOW, next_attempt=NOW + timedelta(seconds=40))
    later = NOW + timedelta(seconds=40)
    again = Tick(first.task, first.step or tick().step, SPEC, later, POLL).decided(Wait("phase InProgress"))
    assert again.task.why
    assert again.task.why.since == NOW
    assert again.events == ()


@pytest.mark.parametrize(("keep", "known"), [(None, "old"), ({"seen": "new"}, "new")], ids=["as it is", "new"])
def test_what_a_wait_keeps_is_there_at_the_next_look(keep: dict[str, str] | None, known: str) -> None:
    ticked = tick(StepState.WAITING, memory={"seen": "old"}).decided(Wait("it rolls", keep=keep))
    assert ticked.step
    assert ticked.step.memory == {"seen": known}


def test_the_wait_of_a_gate_that_changes_wakes_its_run_for_the_run_shows_it() -> None:
    gate = replace(TASK, role=Role.GATE, steps=1)
    assert tick(task=gate).decided(Wait("until 04:00")).wakes


def test_an_attempt_that_takes_too_long_fails_with_what_it_waited_for() -> None:
    late = tick(StepState.WAITING, deadline=NOW, started_at=NOW - timedelta(minutes=30), attempt=1)
    ticked = late.decided(Wait("phase InProgress"))
    assert ticked.task.state is TaskState.FAILED
    assert ticked.task.why
    assert ticked.task.why.text == "backup: no end after 30 minutes: phase InProgress"


def test_a_wait_without_an_act_has_a_deadline_too() -> None:
    ticked = tick().decided(Wait("not there yet"))
    assert ticked.step
    assert ticked.step.deadline == NOW + SPEC.timeout


def test_another_attempt_has_its_whole_time() -> None:
    again = tick(StepState.FAILED, started_at=NOW - timedelta(hours=2), deadline=NOW).next_attempt()
    assert (again.attempt, again.started_at, again.deadline) == (1, None, None)


def test_a_failed_attempt_is_tried_again_later_with_a_token_of_its_own() -> None:
    ticked = tick(StepState.WAITING, token="t1", memory={"name": "b1"}).decided(Failed("no space", "make room"))
    assert ticked.step
    assert ticked.step.state is StepState.READY
    assert (ticked.step.attempt, ticked.step.token, ticked.step.memory) == (1, "", {})
    assert (ticked.task.state, ticked.task.due) == (TaskState.PENDING, NOW + SPEC.backoff)
    assert ticked.task.why
    assert ticked.task.why.cause is Cause.RETRY
    assert "1 left" in ticked.events[0].text


@pytest.mark.parametrize(
    ("attempt", "final"),
    [pytest.param(1, False, id="no retry is left"), pytest.param(0, True, id="another attempt cannot help")],
)
def test_a_member_fails_with_the_reason_and_the_fix_when(attempt: int, final: bool) -> None:
    ticked = tick(StepState.WAITING, attempt=attempt).decided(Failed("no space", "make room", final))
    assert ticked.step
    assert ticked.step.state is StepState.FAILED
    assert (ticked.task.state, ticked.task.due) == (TaskState.FAILED, None)
    assert ticked.task.why
    assert (ticked.task.why.text, ticked.task.why.fix) == ("backup: no space", "make room")
    assert ticked.wakes


def test_a_block_names_who_must_act_and_is_looked_at_again() -> None:
    ticked = tick().decided(Blocked("web-pdb allows no disruption", "team-web", "scale web to 3"))
    assert ticked.task.state is TaskState.BLOCKED
    assert ticked.task.due == NOW + BLOCKED_AGAIN
    assert ticked.task.why
    assert (ticked.task.why.owner, ticked.task.why.fix) == ("team-web", "scale web to 3")
    again = Tick(ticked.task, ticked.step or tick().step, SPEC, NOW, POLL).decided(
        Blocked("web-pdb allows no disruption", "team-web", "scale web to 3")
    )
    assert again.events == ()


def test_an_effect_that_cannot_be_seen_is_a_question_to_a_person_and_is_not_looked_at_again() -> None:
    ticked = tick(StepState.ACTING).decided(Unknown("was the page sent?"))
    assert ticked.step
    assert ticked.step.state is StepState.UNKNOWN
    assert (ticked.task.state, ticked.task.due) == (TaskState.BLOCKED, None)
    assert ticked.task.why
    assert "run retry run-1 member:shop-eu" in ticked.task.why.fix


def test_what_is_held_keeps_its_step_as_it_was() -> None:
    before = tick()
    why = Why(Cause.FREEZE, "frozen by ann: Black Friday", NOW)
    ticked = before.held(why, NOW + POLL)
    assert ticked.step == before.step
    assert (ticked.task.state, ticked.task.why, ticked.task.due) == (TaskState.PENDING, why, NOW + POLL)
    again = Tick(ticked.task, before.step, SPEC, NOW, POLL).held(replace(why, since=NOW + POLL), NOW + POLL)
    assert again.events == ()
    assert again.task.why
    assert again.task.why.since == NOW


def test_what_is_held_after_its_intent_has_its_whole_time_once_it_goes_on() -> None:
    late = NOW + timedelta(hours=6)
    ready = tick(StepState.INTENDED, started_at=NOW, deadline=NOW + SPEC.timeout)
    held = ready.held(Why(Cause.WINDOW, "the window is closed", NOW), late)
    assert held.step is not None
    acted = Tick(held.task, held.step, SPEC, late, POLL).acted({})
    assert acted.step is not None
    assert (acted.step.started_at, acted.step.deadline) == (late, late + SPEC.timeout)


def test_an_abort_stays_one_while_a_dependency_is_gone() -> None:
    ticked = tick(StepState.WAITING, replace(TASK, state=TaskState.ABORTING)).unreachable("timeout", POLL)
    assert ticked.task.why
    assert (ticked.task.state, ticked.task.why.cause) == (TaskState.ABORTING, Cause.UNREACHABLE)


def test_an_abort_that_meets_a_fault_says_so_and_is_tried_again() -> None:
    task = replace(TASK, state=TaskState.ABORTING)
    ticked = tick(StepState.WAITING, task).failed(Failed("by a fault of fleetkeeper's own", "report it"))
    assert ticked.task.why
    assert (ticked.task.state, ticked.task.due) == (TaskState.ABORTING, NOW + BLOCKED_AGAIN)
    assert (ticked.task.why.cause, ticked.task.why.fix) == (Cause.FAILED, "report it")
    assert [event.kind for event in ticked.events] == ["attempt_failed"]
    again = tick(StepState.WAITING, ticked.task).failed(Failed("by a fault of fleetkeeper's own", "report it"))
    assert again.events == ()


def test_a_dependency_that_is_gone_uses_up_no_attempt() -> None:
    ticked = tick(StepState.WAITING).unreachable("timeout: describe addon", timedelta(seconds=5))
    assert ticked.step
    assert (ticked.step.attempt, ticked.step.state) == (0, StepState.WAITING)
    assert ticked.task.why
    assert ticked.task.why.cause is Cause.UNREACHABLE


def test_nothing_is_done_by_what_was_tampered_with() -> None:
    ticked = tick(StepState.INTENDED).tampered("the plan was changed")
    assert ticked.step is None
    assert ticked.task.state is TaskState.BLOCKED
    assert ticked.task.why
    assert ticked.task.why.cause is Cause.TAMPERED


def test_an_act_is_carried_out_not_decided() -> None:
    act: Verdict = Act("update coredns")
    with pytest.raises(TypeError):
        tick().decided(act)


def test_a_new_attempt_forgets_what_the_old_one_knew() -> None:
    row: Step = tick(StepState.UNKNOWN, token="t1", memory={"a": "b"}, intent="x", deadline=NOW).next_attempt()
    assert (row.token, row.memory, row.intent, row.deadline) == ("", {}, "", None)
