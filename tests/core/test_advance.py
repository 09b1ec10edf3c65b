"""What a run does next: order, gates, failures, pauses, aborts, and the log that it leaves."""

from dataclasses import replace

import pytest

from fleetkeeper.core import playbook
from fleetkeeper.core.playbook import OnFailure, When, Window
from fleetkeeper.core.run import (
    Cause,
    Changes,
    Control,
    Freeze,
    RunState,
    TaskState,
    UnitState,
    Verb,
    Why,
)
from tests.core.runs import MINUTE, NOON, Story, gate, member, stage, started, view

PAIR = (member("a-eu"), member("b-us"))
SATURDAY = Window((5,), 22 * 60, 4 * 60, "Europe/Berlin")


def two_stages(**more: object) -> Story:
    return started([stage("canary", **more), stage("prod")], [member("a-eu"), member("b-us"), member("c-eu", 1)])  # type: ignore[arg-type]


# ---- approval


def test_a_run_that_is_not_approved_does_not_start_and_says_who_may() -> None:
    story = Story(view([stage()], PAIR, approved=False))
    story.look()
    assert story.state == RunState.NOT_STARTED
    assert story.run.why == Why(
        Cause.APPROVAL,
        "plan p-1 changes addons of 2 clusters and is not approved",
        NOON,
        "an approver other than ana",
        "fleetkeeper run approve p-1",
    )
    assert story.run.due == NOON + MINUTE / 4
    assert story.texts() == ["the run waits: plan p-1 changes addons of 2 clusters and is not approved"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [(playbook.Changes.MINOR, "upgrades 2 clusters"), (playbook.Changes.ROLLBACK, "takes back 2 clusters")],
)
def test_who_approves_reads_what_is_done_to_how_many(changes: playbook.Changes, told: str) -> None:
    story = Story(view([stage()], PAIR, approved=False))
    story.view = replace(story.view, header=replace(story.view.header, changes=changes))
    story.look()
    assert story.texts() == [f"the run waits: plan p-1 {told} and is not approved"]


def test_the_log_begins_with_who_approved_the_plan_and_when() -> None:
    story = Story(view([stage()], PAIR))
    story.look()
    said = story.events[0]
    assert (said.kind, said.actor, said.at) == ("run.approved", "bob", NOON)
    assert said.text == "bob (oidc) approved plan p-1 at 20 Nov 10:00 UTC"


def test_a_run_that_changes_nothing_needs_no_approval() -> None:
    story = Story(view([stage()], PAIR, approved=False))
    header = replace(story.view.header, changes=playbook.Changes.NOTHING)
    story.view = replace(story.view, header=header)
    story.look()
    assert story.running() == ["a-eu", "b-us"]


def test_a_run_whose_approval_is_gone_begins_nothing_more() -> None:
    story = started([stage(at_once=1)], PAIR)
    story.view = replace(story.view, approved=None)
    story.succeed("a-eu")
    assert story.state == RunState.BLOCKED
    assert story.run.why is not None
    assert story.run.why.cause is Cause.APPROVAL
    assert story.running() == []


# ---- order and gates


def test_a_stage_begins_when_the_one_before_it_is_over() -> None:
    story = two_stages()
    assert story.running() == ["a-eu", "b-us"]
    story.succeed("a-eu")
    assert story.unit(1).state is UnitState.NOT_STARTED
    story.succeed("b-us")
    assert (story.unit(0).state, story.unit(1).state) == (UnitState.SUCCEEDED, UnitState.RUNNING)
    assert story.running() == ["c-eu"]
    story.succeed("c-eu")
    assert story.state == RunState.SUCCEEDED
    assert story.run.due is None


def test_a_gate_before_a_stage_holds_its_members_and_the_stage_says_so() -> None:
    story = started([stage(gates=(gate("ok", When.BEFORE, "approval"),))], PAIR)
    assert story.running() == ["ok"]
    assert story.task("ok").due == NOON
    assert story.unit().state is UnitState.PENDING
    assert story.state == RunState.PENDING
    story.put(
        "ok", TaskState.RUNNING, Why(Cause.APPROVAL, "2 people are asked", NOON, "the leads", "say yes"), due=NOON
    )
    story.look()
    assert story.run.why == Why(Cause.APPROVAL, "gate ok is not open: 2 people are asked", NOON, "the leads", "say yes")
    story.succeed("ok")
    assert story.running() == ["a-eu", "b-us"]


def test_a_gate_after_a_stage_lets_it_soak() -> None:
    story = started([stage(gates=(gate("soak"),)), stage("prod")], [member("a-eu"), member("b-us", 1)])
    assert story.task("soak").state is TaskState.NOT_STARTED
    story.succeed("a-eu")
    assert (story.unit().state, story.run.state) == (UnitState.SOAKING, RunState.SOAKING)
    assert story.running() == ["soak"]
    story.succeed("soak")
    assert story.running() == ["b-us"]


@pytest.mark.parametrize(
    ("on_failure", "run", "unit"),
    [
        pytest.param(
            OnFailure.PAUSE, RunState.BLOCKED, UnitState.SOAKING, id="waits for a person where failures pause"
        ),
        pytest.param(
            OnFailure.CONTINUE, RunState.BLOCKED, UnitState.SOAKING, id="waits too where failures are let pass"
        ),
        pytest.param(OnFailure.STOP, RunState.FAILED, UnitState.FAILED, id="fails the run where failures stop it"),
    ],
)
def test_a_gate_that_fails(on_failure: OnFailure, run: RunState, unit: UnitState) -> None:
    specs = [stage(gates=(gate("soak"),), on_failure=on_failure), stage("prod")]
    story = started(specs, [member("a-eu"), member("b-us", 1)])
    story.succeed("a-eu")
    story.fail("soak", step=0, text="errors rose to 4%")
    assert (story.run.state, story.unit().state) == (run, unit)
    assert "b-us" not in story.running()
    assert story.run.why is not None


def test_a_gate_that_failed_says_what_a_person_may_type() -> None:
    story = started([stage(gates=(gate("soak"),))], [member("a-eu")])
    story.succeed("a-eu")
    story.fail("soak", step=0, text="errors rose to 4%")
    why = story.run.why
    assert why is not None
    assert why.text == "gate soak failed: errors rose to 4%"
    assert why.fix == "fleetkeeper run retry p-1-1 gate:all/soak, or fleetkeeper run skip p-1-1 gate:all/soak"
    assert story.say(Verb.RETRY, "gate:soak")[0]
    assert story.running() == ["soak"]


def test_groups_go_side_by_side_each_behind_its_own_gates() -> None:
    gates = (gate("ok", When.BEFORE, each_group=True), gate("soak", each_group=True))
    story = started([stage(gates=gates)], [member("a-eu", group="eu"), member("b-us", group="us")])
    first = story.view.tasks[2]
    assert (first.name, first.group) == ("ok", "eu")
    story.put("ok", TaskState.SUCCEEDED, due=None)
    story.look()
    assert story.task("a-eu").state is TaskState.RUNNING
    assert story.task("b-us").state is TaskState.NOT_STARTED
    assert (story.unit(0, "eu").state, story.unit(0, "us").state) == (UnitState.RUNNING, UnitState.PENDING)
    story.succeed("a-eu")
    assert story.unit(0, "eu").state is UnitState.SOAKING
    assert story.unit(0).state is UnitState.RUNNING


def test_a_stage_of_which_all_members_were_dropped_asks_no_gate() -> None:
    gone = member("a-eu", state=TaskState.SKIPPED, why=Why(Cause.SKIPPED, "its version is 1.35 now", NOON))
    story = started([stage(gates=(gate("ok", When.BEFORE),)), stage("prod")], [gone, member("b-us", 1)])
    assert story.task("ok").state is TaskState.SKIPPED
    assert story.unit().state is UnitState.SKIPPED
    assert story.running() == ["b-us"]


# ---- failures


def test_one_failure_more_than_may_be_pauses_the_run_and_in_flight_members_finish() -> None:
    story = started([stage(at_once=2)], [*PAIR, member("c-eu")])
    story.fail("a-eu")
    assert (story.run.state, story.run.control) == (RunState.PAUSING, Control.PAUSE)
    assert story.task("b-us").state is TaskState.RUNNING
    story.succeed("b-us")
    assert story.state == RunState.PAUSED
    assert story.running() == []
    why = story.run.why
    assert why is not None
    assert (why.cause, why.text) == (Cause.FAILURES, "1 of 3 members of stage all failed (a-eu), 0 may fail")
    assert why.fix == "look at a-eu; then fleetkeeper run retry p-1-1 member:a-eu and fleetkeeper run resume p-1-1"


def test_a_resume_decides_on_the_failures_so_far_and_the_next_one_pauses_again() -> None:
    story = started([stage(at_once=1)], [*PAIR, member("c-eu")])
    story.fail("a-eu")
    assert story.say(Verb.RESUME) == (True, "it goes on without a-eu")
    assert story.running() == ["b-us"]
    assert story.why("a-eu").text == "bo let the run go on without it. It failed: coredns is degraded"
    story.fail("b-us")
    assert story.state == RunState.PAUSED
    story.say(Verb.RESUME)
    story.succeed("c-eu")
    assert story.state == RunState.COMPLETED_WITH_FAILURES
    assert story.run.why is not None
    assert story.run.why.text == "2 of 3 members failed or were left out: a-eu, b-us"


def test_the_resume_of_an_operators_own_pause_does_not_let_failures_pass_that_nobody_was_told_of() -> None:
    story = started([stage(at_once=2, failures=1)], [*PAIR, member("c-eu")])
    story.say(Verb.PAUSE)
    story.fail("a-eu")
    story.fail("b-us")
    assert story.run.why is not None
    assert story.run.why.cause is Cause.FAILURES


def test_failures_within_the_limit_go_on_and_are_not_hidden() -> None:
    story = two_stages(failures=1)
    story.fail("a-eu")
    story.succeed("b-us")
    assert story.unit(0).state is UnitState.COMPLETED_WITH_FAILURES
    story.succeed("c-eu")
    assert story.state == RunState.COMPLETED_WITH_FAILURES


def test_a_stage_that_continues_at_failures_ends_with_them() -> None:
    story = two_stages(on_failure=OnFailure.CONTINUE)
    story.fail("a-eu")
    story.fail("b-us")
    story.succeed("c-eu")
    assert story.state == RunState.COMPLETED_WITH_FAILURES


def test_a_stage_that_stops_at_failures_leaves_the_rest_out_and_fails_the_run_after_what_is_in_flight() -> None:
    members = [member("a-eu"), member("b-us"), member("c-eu"), member("d-us", 1)]
    story = started([stage("canary", 2, on_failure=OnFailure.STOP, gates=(gate("soak"),)), stage("prod")], members)
    story.fail("a-eu")
    assert story.task("c-eu").state is TaskState.SKIPPED
    assert story.task("b-us").state is TaskState.RUNNING
    assert story.state == RunState.RUNNING
    story.succeed("b-us")
    assert story.state == RunState.FAILED
    assert (story.unit(0).state, story.unit(1).state) == (UnitState.FAILED, UnitState.SKIPPED)
    assert story.states()["d-us"] == story.states()["soak"] == "skipped"
    assert story.why("d-us").text == "not begun, for the run failed in stage canary"


# ---- pause and resume


def test_a_pause_waits_for_the_point_where_members_can_be_held() -> None:
    story = started([stage(at_once=1)], PAIR)
    assert story.say(Verb.PAUSE, reason="odd graphs") == (True, "nothing new begins; 1 member in progress")
    assert story.state == RunState.PAUSING
    held = Why(Cause.PAUSED, "the run is paused", NOON)
    story.put("a-eu", TaskState.PENDING, held, due=None)
    story.look()
    assert story.state == RunState.PAUSED
    assert story.run.why is not None
    assert (story.run.why.text, story.run.why.owner) == ("bo paused it: odd graphs", "bo")
    assert story.run.due is None
    story.say(Verb.RESUME)
    assert (story.task("a-eu").state, story.task("a-eu").due) == (TaskState.RUNNING, NOON)
    assert story.state == RunState.RUNNING
    assert story.running() == ["a-eu"]


def test_a_member_that_is_blocked_while_its_act_is_under_way_keeps_the_run_pausing() -> None:
    story = started([stage()], [member("a-eu")])
    story.put("a-eu", TaskState.BLOCKED, Why(Cause.STEP, "no end after 1h", NOON), acted=True, due=NOON + MINUTE)
    story.say(Verb.PAUSE)
    assert story.state == RunState.PAUSING


def test_a_pause_looks_at_once_at_members_that_only_wait() -> None:
    story = started([stage()], PAIR)
    story.put("a-eu", TaskState.RUNNING, due=NOON + 10 * MINUTE)
    story.put("b-us", TaskState.RUNNING, due=NOON + 10 * MINUTE, acted=True)
    story.say(Verb.PAUSE)
    assert story.task("a-eu").due == NOON
    assert story.task("b-us").due == NOON + 10 * MINUTE


def test_a_run_that_is_paused_before_it_starts_stays_unstarted_until_it_is_resumed() -> None:
    story = Story(view([stage()], PAIR))
    story.say(Verb.PAUSE)
    assert story.state == RunState.NOT_STARTED
    story.say(Verb.RESUME)
    assert story.state == RunState.RUNNING


# ---- looking again


def test_a_run_looks_again_when_its_window_opens() -> None:
    story = started([stage(windows=(SATURDAY,))], PAIR)
    assert story.state == RunState.PENDING
    assert story.run.due == NOON + 33 * 60 * MINUTE
    assert story.run.why is not None
    assert story.run.why.text == ("a-eu, one of 2 that wait: the window is closed, it opens Sat 22:00 Europe/Berlin")
    story.look(33 * 60)
    assert story.running() == ["a-eu", "b-us"]


def test_a_frozen_run_looks_every_quarter_minute_and_keeps_a_look_that_is_planned() -> None:
    story = Story(view([stage()], PAIR))
    story.outside(freezes=(Freeze("f", "sale", "eve", NOON),))
    story.look()
    due = story.run.due
    assert due == NOON + MINUTE / 4
    assert story.look(0.1) == Changes()
    assert story.run.due == due
    story.outside()
    story.look(1)
    assert story.running() == ["a-eu", "b-us"]


def test_since_stays_while_the_cause_stays() -> None:
    story = Story(view([stage(windows=(SATURDAY,))], PAIR))
    story.look()
    story.outside(freezes=(Freeze("f", "sale", "eve", NOON),))
    story.look(10)
    assert story.why("a-eu").since == NOON + 10 * MINUTE
    story.outside(freezes=(Freeze("g", "another", "eve", NOON),))
    story.look(10)
    assert story.why("a-eu").text == "eve froze it: another"
    assert story.why("a-eu").since == NOON + 10 * MINUTE


def test_a_run_that_is_over_is_left_alone() -> None:
    story = started([stage()], PAIR)
    story.succeed("a-eu", "b-us")
    assert story.look(100) == Changes()
    accepted, text = story.say(Verb.RETRY)
    assert (accepted, text) == (False, "run p-1-1 is over (succeeded): what is left needs a new plan")


# ---- the log


def test_the_log_reads_like_a_story() -> None:
    specs = [stage("canary", 1, gates=(gate("soak"),)), stage("prod", 2)]
    members = [
        member("a-eu"),
        *(member(f"shop-{n}-eu", 1, service="shop") for n in range(5)),
        member("shop-us", 1, service="shop"),
    ]
    story = started(specs, members, {"shop": 1})
    story.succeed("a-eu")
    story.succeed("soak")
    story.fail("shop-0-eu")
    story.succeed("shop-1-eu")
    story.say(Verb.RETRY, "member:shop-0-eu", reason="coredns was pinned")
    story.say(Verb.RESUME)
    for _ in range(5):
        story.succeed(*story.running())
    resume = "when the run goes on: fleetkeeper run resume p-1-1"
    assert story.texts() == [
        "bob (oidc) approved plan p-1 at 20 Nov 10:00 UTC",
        "the run started: 7 members in 2 stages",
        "stage canary began: 1 member, at most 1 at once",
        "a-eu begins (stage canary)",
        "gate soak after stage canary is looked at",
        "stage canary succeeded",
        "stage prod began: 6 members, at most 2 at once",
        "shop-0-eu begins (stage prod)",
        "shop-1-eu begins (stage prod)",
        "shop-us waits: service shop may be out in 1 region at once: eu is worked on",
        "the run pauses: 1 of 6 members of stage prod failed (shop-0-eu), 0 may fail",
        "the run is paused: nothing is under way",
        f"bo: retry member:shop-0-eu: coredns was pinned - shop-0-eu tried again, {resume}",
        "bo: resume the run - it goes on",
        "shop-0-eu is tried again (stage prod)",
        "shop-2-eu begins (stage prod)",
        "the run is running",
        "shop-3-eu begins (stage prod)",
        "shop-4-eu begins (stage prod)",
        "shop-us begins (stage prod)",
        "stage prod succeeded",
        "the run succeeded: 7 members",
    ]
