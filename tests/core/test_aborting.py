"""The abort of a run: nothing new, what is ours undone or named, tickets closed."""

from fleetkeeper.core.playbook import OnFailure, When, Window
from fleetkeeper.core.run import (
    Cause,
    RunState,
    TaskState,
    UnitState,
    Verb,
    Why,
)
from tests.core.runs import NOON, Story, gate, member, stage, started, view

PAIR = (member("a-eu"), member("b-us"))
SATURDAY = Window((5,), 22 * 60, 4 * 60, "Europe/Berlin")


def two_stages(**more: object) -> Story:
    return started([stage("canary", **more), stage("prod")], [member("a-eu"), member("b-us"), member("c-eu", 1)])  # type: ignore[arg-type]


def test_an_abort_leaves_out_what_has_not_begun_and_undoes_what_has() -> None:
    gates = (gate("ticket", When.BEFORE, "change"), gate("soak"))
    story = started([stage(at_once=1, gates=gates)], PAIR)
    story.succeed("ticket")
    assert story.say(Verb.ABORT, reason="wrong version") == (True, "nothing new begins, 1 member followed and undone")
    assert story.states() == {"a-eu": "aborting", "b-us": "skipped", "ticket": "aborting", "soak": "skipped"}
    assert story.why("b-us").text == "not begun: bo aborted the run: wrong version"
    assert story.task("a-eu").due == NOON
    assert story.state == RunState.ABORTING
    story.put("a-eu", TaskState.ABORTED, due=None)
    story.put("ticket", TaskState.ABORTED, due=None)
    story.look()
    assert story.state == RunState.ABORTED
    assert story.run.why is None
    assert story.texts()[-1] == "the run was aborted, nothing is left of it"


def test_an_aborted_run_lists_what_it_leaves_behind() -> None:
    story = started([stage()], PAIR)
    story.say(Verb.ABORT)
    story.put("a-eu", TaskState.ABORTED, Why(Cause.STEP, "the hold of pool blue", NOON), due=None)
    story.put("b-us", TaskState.ABORTED, due=None)
    story.look()
    assert story.run.why is not None
    assert story.run.why.text == "left behind by 1 member: a-eu: the hold of pool blue"
    assert story.run.why.fix == "fleetkeeper cleanup p-1-1"


def test_an_abort_tells_an_open_ticket_gate_to_close_it() -> None:
    story = started([stage(gates=(gate("ticket", When.BEFORE, "change"),))], PAIR)
    story.say(Verb.ABORT)
    assert story.task("ticket").state is TaskState.ABORTING
    assert story.state == RunState.ABORTING


def test_a_run_that_fails_closes_its_ticket_before_it_ends() -> None:
    gates = (gate("ticket", When.BEFORE, "change"),)
    story = started([stage(gates=gates, on_failure=OnFailure.STOP)], PAIR)
    story.succeed("ticket")
    story.fail("a-eu")
    story.fail("b-us")
    story.look()
    assert story.task("ticket").state is TaskState.ABORTING
    assert story.state == RunState.RUNNING
    story.put("ticket", TaskState.ABORTED, due=None)
    story.look()
    assert story.state == RunState.FAILED


def test_an_abort_takes_back_what_a_failed_member_left_half_done() -> None:
    story = started([stage()], PAIR)
    story.fail("a-eu", step=1)
    story.fail("b-us", step=0)
    story.look()
    story.say(Verb.ABORT)
    assert story.task("a-eu").state is TaskState.ABORTING
    assert story.task("b-us").state is TaskState.FAILED


def test_an_abort_catches_a_member_that_was_committed_after_it() -> None:
    story = started([stage()], PAIR)
    story.say(Verb.ABORT)
    story.put("a-eu", TaskState.RUNNING, due=NOON)
    story.look()
    assert story.task("a-eu").state is TaskState.ABORTING


def test_a_run_that_has_not_started_is_aborted_at_once() -> None:
    story = Story(view([stage()], PAIR, approved=False))
    story.say(Verb.ABORT)
    assert story.state == RunState.ABORTED
    assert story.unit().state is UnitState.SKIPPED
