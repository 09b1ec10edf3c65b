"""An abort of what was tampered with: no forward act, an end in any case, and a list of what it leaves."""

from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core.run import Command, TaskState, Verb
from tests.contract.conftest import postgres, settings
from tests.engine.rig import T0, begin, settle
from tests.engine.test_tampering import EDITS, HEADER, MINUTE, Attacked, attacked, forged_step

__all__ = ["attacked", "postgres", "settings"]

UNREADABLE = ("UPDATE run_task SET state = 'painted'",)
OVER = {state.value for state in (TaskState.ABORTED, TaskState.SKIPPED, TaskState.SUCCEEDED, TaskState.FAILED)}


def say(attacked: Attacked, verb: Verb, id: str = "") -> None:
    now = attacked.clock.now()
    attacked.engines[-1].runs.add_command(Command(id or verb.value, "run-1", verb, "", "ann", "local", now, "enough"))


def rows(attacked: Attacked, statement: str) -> list[Any]:
    """By plain SQL: the run may not be readable."""
    with attacked.engines[0].runs._database.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def answer(attacked: Attacked, id: str) -> tuple[bool, str]:
    found = attacked.engines[-1].runs.applied(id)
    assert found is not None
    return found.accepted, found.result


@pytest.fixture
def acting(attacked: Attacked) -> Attacked:
    """Its first operation is under way in the cloud."""
    begin(attacked.engines[0].runs, T0)
    settle(attacked.engines[0])
    assert len(attacked.cloud.started) == 1
    return attacked


@pytest.mark.parametrize("remembers", [True, False], ids=["by a replica that remembers it", "by another one"])
@pytest.mark.parametrize("name", EDITS)
def test_after_any_edit_an_abort_ends_the_run_without_another_forward_act(
    name: str, remembers: bool, acting: Attacked
) -> None:
    acting.by_hand(EDITS[name].statements)
    if not remembers:
        acting.again()
        acting.goes_on()
    say(acting, Verb.ABORT)
    acting.goes_on(3 * MINUTE)
    assert answer(acting, "abort")[0]
    assert rows(acting, "SELECT state, control, ended_at IS NOT NULL, due FROM run") in (
        [("aborted", "abort", True, None)],
        [("aborted", "abort", 1, None)],
    )
    assert {state for (state,) in rows(acting, "SELECT state FROM run_task")} <= OVER
    assert {state for (state,) in rows(acting, "SELECT state FROM run_unit")} == {"aborted"}
    assert len(acting.cloud.started) == 1
    calls = len(acting.cloud.calls)
    acting.goes_on()
    assert len(acting.cloud.calls) == calls  # and it has ended for good


def test_what_its_rows_say_is_listed_where_the_plan_cannot_be_believed(acting: Attacked) -> None:
    acting.by_hand((f"UPDATE plan SET header = '{HEADER.replace('Operate', 'Destroy')}'",))
    acting.again()
    acting.goes_on()
    ((fix,),) = rows(acting, "SELECT fix FROM run")
    assert "`fleetkeeper run abort run-1`, and make a new plan" in fix
    say(acting, Verb.ABORT)
    acting.goes_on()
    ((why,),) = rows(acting, "SELECT why FROM run")
    assert why.startswith("aborted with nothing followed and nothing undone, for the header of plan plan-1 is not")
    assert why.endswith("left behind by 1 member: shop-0: may be under way: start the operation")
    assert rows(acting, "SELECT state, why FROM run_task") == [("aborted", "may be under way: start the operation")]
    log = [each.event for each in acting.engines[-1].runs.events("run-1")]
    assert [each.text for each in log if each.kind in ("command.abort", "aborted", "run.ended")] == [
        "ann: abort the run: enough",
        "left behind: may be under way: start the operation",
        f"the run was {why}",
    ]
    assert "undo" not in {call[0] for call in acting.cloud.calls}


def test_a_replica_that_remembers_the_plan_follows_and_undoes_as_ever(acting: Attacked) -> None:
    acting.by_hand(("UPDATE plan_member SET body = replace(body, 'operate', 'destroy')",))
    say(acting, Verb.ABORT)
    acting.goes_on(5 * MINUTE)
    assert rows(acting, "SELECT state, why FROM run_task") == [("aborted", None)]
    assert rows(acting, "SELECT state FROM run_step") == [("undone",)]


def test_a_run_that_was_being_aborted_when_its_plan_was_changed_ends_too(acting: Attacked) -> None:
    say(acting, Verb.ABORT)
    acting.clock.at += timedelta(seconds=1)
    settle(acting.engines[0])
    assert rows(acting, "SELECT state FROM run_task") == [("aborting",)]
    acting.by_hand((f"UPDATE plan SET header = '{HEADER.replace('Operate', 'Destroy')}'",))
    acting.again()
    acting.goes_on(5 * MINUTE)
    assert rows(acting, "SELECT state FROM run") == [("aborted",)]


def test_what_a_forged_step_says_is_listed_and_nothing_is_done_by_its_token(attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0)
    attacked.by_hand((forged_step(0),))
    attacked.goes_on()
    say(attacked, Verb.ABORT)
    attacked.goes_on(5 * MINUTE)
    ((state, why),) = rows(attacked, "SELECT state, why FROM run_task")
    assert state == "aborted"
    assert "the stored step one was not written by the executor: it was neither followed nor undone" in why
    assert attacked.acts == 0
    say(attacked, Verb.CLEANUP)
    attacked.goes_on()
    assert attacked.acts == 0
    assert rows(attacked, "SELECT state FROM run") == [("aborted",)]


def test_a_task_that_cannot_be_read_is_ended_with_its_run(acting: Attacked) -> None:
    acting.by_hand(UNREADABLE)
    acting.goes_on()
    say(acting, Verb.ABORT)
    acting.goes_on(5 * MINUTE)
    assert rows(acting, "SELECT state, due, lease_owner, why FROM run_task") == [
        ("aborted", None, None, "its row cannot be read: look at its cluster")
    ]
    assert rows(acting, "SELECT state FROM run") == [("aborted",)]


@pytest.mark.parametrize("verb", [Verb.RESUME, Verb.RETRY, Verb.SKIP, Verb.PAUSE])
def test_no_other_verb_moves_it_and_after_the_abort_all_are_refused(verb: Verb, acting: Attacked) -> None:
    acting.by_hand((f"UPDATE plan SET header = '{HEADER.replace('Operate', 'Destroy')}'",))
    acting.again()
    acting.goes_on()
    say(acting, verb)
    acting.goes_on()
    assert acting.engines[-1].runs.applied(verb.value) is None
    assert rows(acting, "SELECT state FROM run") == [("blocked",)]
    say(acting, Verb.ABORT)
    acting.goes_on()
    assert answer(acting, verb.value)[0] is False
    say(acting, Verb.CLEANUP)
    acting.goes_on()
    accepted, text = answer(acting, "cleanup")
    assert not accepted
    assert text.startswith("nothing is done any more by a plan that was changed: the header of plan plan-1 is not")
    assert rows(acting, "SELECT state FROM run") == [("aborted",)]  # over stays over


def test_a_run_that_nothing_was_done_of_leaves_nothing(attacked: Attacked) -> None:
    begin(attacked.engines[0].runs, T0, approve=False)
    attacked.by_hand((f"UPDATE plan SET header = '{HEADER.replace('Operate', 'Destroy')}'",))
    say(attacked, Verb.ABORT)
    attacked.goes_on()
    assert rows(attacked, "SELECT state FROM run") == [("aborted",)]
    assert rows(attacked, "SELECT state FROM run_task") == [("skipped",)]
    ((why,),) = rows(attacked, "SELECT why FROM run")
    assert "left behind" not in why
