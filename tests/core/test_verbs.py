"""What operators say to a run, and what they are answered."""

from dataclasses import replace

import pytest

from fleetkeeper.core.playbook import OnFailure, When
from fleetkeeper.core.run import Cause, Changes, Command, Control, RunState, TaskState, Verb, Why
from tests.core.runs import MINUTE, NOON, RUN, Story, gate, member, stage, started, view

UNKNOWN = Why(Cause.UNKNOWN, "did the command end?", NOON, "the operator")


def fresh() -> Story:
    """Two stages; a-eu is worked on, b-eu waits for its place, c-us is of a stage that has not begun."""
    specs = [stage("canary", 1, gates=(gate("ok", When.BEFORE), gate("soak"))), stage("prod", gates=(gate("soak"),))]
    story = started(specs, [member("a-eu", group="blue"), member("b-eu", group="blue"), member("c-us", 1)])
    story.succeed("ok")
    return story


@pytest.mark.parametrize(
    ("verb", "target", "answer"),
    [
        pytest.param(Verb.START, "", "run p-1-1 has started already", id="start what runs"),
        pytest.param(Verb.RESUME, "", "run p-1-1 is not paused", id="resume what is not paused"),
        pytest.param(
            Verb.PAUSE, "stage:prod", "pause is for a whole run; skip and retry are for parts of it", id="pause a part"
        ),
        pytest.param(
            Verb.RETRY,
            "member:a-eu",
            "a-eu is running: only what failed, or what nobody can tell the end of, is tried again",
            id="retry what runs",
        ),
        pytest.param(
            Verb.RETRY,
            "",
            "nothing of the run is: only what failed, or what nobody can tell the end of, is tried again",
            id="retry a run without failures",
        ),
        pytest.param(Verb.RETRY, "member:z", "no member is named z", id="a member that is not there"),
        pytest.param(
            Verb.SKIP, "stage:z", "there is no stage z: the run has canary, prod", id="a stage that is not there"
        ),
        pytest.param(
            Verb.SKIP,
            "group:canary/z",
            "there is no group canary/z: it has canary/blue",
            id="a group that is not there",
        ),
        pytest.param(
            Verb.SKIP,
            "gate:z",
            "no gate is named z: there are gate:canary/ok, gate:canary/soak, gate:prod/soak",
            id="a gate that is not there",
        ),
        pytest.param(
            Verb.SKIP,
            "gate:soak",
            "2 gates are named soak: write one of gate:canary/soak, gate:prod/soak",
            id="a name twice",
        ),
        pytest.param(
            Verb.SKIP,
            "a-eu",
            "'a-eu' is not one of stage:NAME, group:STAGE/NAME, member:NAME-OR-ARN or gate:NAME",
            id="a target without its kind",
        ),
        pytest.param(
            Verb.SKIP,
            "",
            "skip needs a stage, a group, a member or a gate; fleetkeeper run abort p-1-1 ends the whole run",
            id="skip a run",
        ),
        pytest.param(
            Verb.SKIP,
            "member:a-eu",
            "a-eu is in progress: pause the run first, then skip it",
            id="skip what is worked on",
        ),
        pytest.param(Verb.SKIP, "gate:ok", "ok is succeeded: there is nothing to skip", id="skip what is over"),
    ],
)
def test_what_does_not_fit_is_refused_in_words_and_changes_nothing(verb: Verb, target: str, answer: str) -> None:
    story = fresh()
    before = story.view
    assert story.say(verb, target) == (False, answer)
    assert story.view.tasks == before.tasks
    assert story.events[-1].kind == "command.refused"
    assert story.events[-1].actor == "bo"


@pytest.mark.parametrize(
    ("target", "answer", "skipped"),
    [
        pytest.param("member:b-eu", "b-eu skipped", {"b-eu"}, id="a member by its name"),
        pytest.param("member:arn:b-eu", "b-eu skipped", {"b-eu"}, id="a member by its ARN"),
        pytest.param("gate:canary/soak", "soak skipped", {"soak"}, id="a gate by its path"),
        pytest.param(
            "group:canary/blue",
            "b-eu skipped; a-eu in progress, which ends first",
            {"b-eu"},
            id="a group, but what is begun",
        ),
        pytest.param("stage:prod", "c-us, soak skipped", {"c-us"}, id="a stage with its gates"),
    ],
)
def test_what_is_skipped(target: str, answer: str, skipped: set[str]) -> None:
    story = fresh()
    assert story.say(Verb.SKIP, target, reason="not today") == (True, answer)
    found = {task.name for task in story.view.tasks if task.state is TaskState.SKIPPED}
    assert skipped <= found
    assert story.why(min(skipped)).text == "bo skipped it: not today"


def test_two_members_of_one_name_need_their_arns() -> None:
    story = started([stage()], [member("a-eu", arn="arn:1"), member("a-eu", arn="arn:2")])
    assert story.say(Verb.SKIP, "member:a-eu") == (False, "2 members are named a-eu: write the ARN, arn:1, arn:2")


def test_the_gate_that_is_in_the_way_is_meant_by_a_name_that_stands_twice() -> None:
    story = fresh()
    story.succeed("a-eu")
    story.succeed("b-eu")
    assert story.say(Verb.SKIP, "gate:soak") == (True, "soak skipped")
    assert story.running() == ["c-us"]


@pytest.mark.parametrize(
    ("state", "why", "acted", "accepted"),
    [
        pytest.param(TaskState.BLOCKED, Cause.STEP, False, True, id="a member whose preflight is blocked"),
        pytest.param(TaskState.BLOCKED, Cause.STEP, True, False, id="not one whose act is followed"),
        pytest.param(TaskState.PENDING, Cause.RETRY, True, True, id="one between two attempts"),
        pytest.param(
            TaskState.PENDING, Cause.UNREACHABLE, True, False, id="not one whose cluster does not answer after an act"
        ),
        pytest.param(
            TaskState.PENDING, Cause.UNREACHABLE, False, True, id="one whose cluster did not answer before any act"
        ),
    ],
)
def test_a_begun_member_is_skipped_only_where_no_act_is_under_way(
    state: TaskState, why: Cause, acted: bool, accepted: bool
) -> None:
    story = fresh()
    story.put("a-eu", state, Why(why, "x", NOON), acted=acted, due=NOON + MINUTE)
    assert story.say(Verb.SKIP, "member:a-eu")[0] is accepted


def test_a_failed_member_that_is_skipped_stays_a_failure_of_the_run() -> None:
    story = fresh()
    story.fail("a-eu")
    assert story.say(Verb.SKIP, "stage:canary")[1] == "b-eu, soak skipped"
    assert story.say(Verb.SKIP, "member:a-eu") == (True, "a-eu skipped")
    assert story.why("a-eu").text == "bo skipped it; it had failed: coredns is degraded"
    story.say(Verb.RESUME)
    story.succeed("c-us")
    story.say(Verb.SKIP, "gate:soak")
    assert story.state == RunState.COMPLETED_WITH_FAILURES


def test_a_member_of_unknown_end_is_tried_again_at_once() -> None:
    story = fresh()
    story.put("a-eu", TaskState.BLOCKED, UNKNOWN, due=None, acted=True)
    story.look()
    assert story.run.why is not None
    assert story.run.why.text == "a-eu, one of 2 that wait: did the command end?"
    assert story.say(Verb.RETRY, "member:a-eu") == (True, "a-eu tried again")
    assert (story.task("a-eu").state, story.task("a-eu").due) == (TaskState.RUNNING, NOON)


@pytest.mark.parametrize(
    ("step", "answer", "state"),
    [
        pytest.param(0, "a-eu goes on with step 2 of 3", TaskState.RUNNING, id="goes on with the next step"),
        pytest.param(
            2, "step 3 of a-eu, its last, counts as ended", TaskState.SUCCEEDED, id="ends after the last step"
        ),
    ],
)
def test_a_member_of_unknown_end_that_is_skipped(step: int, answer: str, state: TaskState) -> None:
    story = fresh()
    story.put("a-eu", TaskState.BLOCKED, UNKNOWN, due=None, acted=True, step=step)
    assert story.say(Verb.SKIP, "member:a-eu") == (True, answer)
    assert (story.task("a-eu").state, story.task("a-eu").step) == (state, step + 1)


def test_a_retry_of_the_run_tries_all_that_failed() -> None:
    story = started([stage(on_failure=OnFailure.CONTINUE)], [member("a-eu"), member("b-eu"), member("c-eu")])
    story.fail("a-eu")
    story.fail("b-eu")
    assert story.say(Verb.RETRY) == (True, "a-eu, b-eu tried again")
    assert story.running() == ["a-eu", "b-eu", "c-eu"]


def test_a_retry_in_a_stage_that_stopped_is_refused() -> None:
    story = started([stage(at_once=2, on_failure=OnFailure.STOP)], [member("a-eu"), member("b-eu"), member("c-eu")])
    story.fail("a-eu")
    answer = "stage all stops at its failures: what is left needs a new plan"
    assert story.say(Verb.RETRY, "member:a-eu") == (False, answer)


def test_a_member_of_unknown_end_comes_to_an_end_also_in_a_stage_that_stopped() -> None:
    story = started([stage(at_once=2, on_failure=OnFailure.STOP)], [member("a-eu"), member("b-eu"), member("c-eu")])
    story.put("b-eu", TaskState.BLOCKED, UNKNOWN, due=None, acted=True)
    story.fail("a-eu")
    assert story.say(Verb.RETRY) == (True, "b-eu tried again")
    assert story.running() == ["b-eu"]


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.RESUME, Verb.ABORT, Verb.RETRY, Verb.SKIP])
def test_a_run_that_is_being_aborted_takes_no_more_verbs(verb: Verb) -> None:
    story = fresh()
    story.say(Verb.ABORT)
    assert story.say(verb) == (
        False, "run p-1-1 is being aborted: fleetkeeper run status p-1-1 shows what is left to undo"
    )  # fmt: skip


def test_pausing_twice_names_who_did_it_first() -> None:
    story = fresh()
    story.say(Verb.PAUSE, actor="ana")
    assert story.say(Verb.PAUSE) == (False, "run p-1-1 is paused already: ana paused it")


def made(approved: bool = True) -> Story:
    """A run that nobody has started."""
    found = view([stage()], [member("a-eu")], approved=approved)
    return Story(replace(found, run=replace(found.run, control=Control.START)))


def test_an_approved_run_waits_until_somebody_starts_it() -> None:
    story = made()
    story.look()
    story.look(99)
    assert (story.state, story.running()) == ("not_started", [])
    assert story.run.why is not None
    assert (story.run.why.cause, story.run.why.fix) == (Cause.START, "fleetkeeper run start p-1")
    assert story.say(Verb.START) == (True, "it starts now")
    assert story.running() == ["a-eu"]
    assert story.say(Verb.START) == (False, "run p-1-1 has started already")


def test_a_started_run_still_waits_for_its_approval() -> None:
    story = made(approved=False)
    assert story.say(Verb.START) == (True, "it starts once plan p-1 is approved")
    assert story.run.why is not None
    assert (story.state, story.run.why.cause) == ("not_started", Cause.APPROVAL)


def test_a_run_that_nobody_started_can_be_paused_and_is_then_resumed_not_started() -> None:
    story = made()
    assert story.say(Verb.PAUSE)[0]
    assert story.say(Verb.START) == (False, "run p-1-1 is paused: fleetkeeper run resume p-1-1 lets it go on")
    assert story.say(Verb.RESUME)[0]
    assert story.running() == ["a-eu"]


def test_a_run_that_nobody_started_can_be_aborted() -> None:
    story = made()
    assert story.say(Verb.ABORT)[0]
    assert (story.state, story.states()) == ("aborted", {"a-eu": "skipped"})


def test_commands_are_carried_out_in_their_order_and_each_is_answered() -> None:
    story = fresh()
    commands = tuple(
        Command(f"c-{n}", RUN, verb, "", "bo", "local", NOON)
        for n, verb in enumerate([Verb.PAUSE, Verb.RESUME, Verb.RESUME])
    )
    story.view = replace(story.view, commands=commands)
    assert [(each.id, each.accepted) for each in story.look().applied] == [("c-0", True), ("c-1", True), ("c-2", False)]


def test_decisions_on_plans_and_gates_are_left_to_those_who_verify_them() -> None:
    story = fresh()
    command = Command("c-1", RUN, Verb.APPROVE, "gate:canary/soak", "bo", "oidc", NOON)
    story.view = replace(story.view, commands=(command,))
    assert story.look() == Changes()


def test_a_member_that_is_skipped_half_way_counts_as_a_failure_of_the_run() -> None:
    story = started([stage()], [member("a-eu"), member("b-us")])
    story.put(
        "a-eu", TaskState.BLOCKED, Why(Cause.STEP, "a budget allows no eviction", NOON), step=1, due=NOON + MINUTE
    )
    assert story.say(Verb.SKIP, "member:a-eu")[0]
    assert story.why("a-eu").text == "bo skipped it, with 1 of 3 steps done"
    story.succeed("b-us")
    assert story.state == RunState.COMPLETED_WITH_FAILURES


def test_a_stage_whose_members_are_all_skipped_behind_its_gate_did_not_succeed() -> None:
    story = started([stage(gates=(gate("ok", When.BEFORE), gate("log", When.BEFORE)))], [member("a-eu")])
    story.succeed("ok")
    story.say(Verb.SKIP, "member:a-eu")
    assert story.unit().state == "skipped"
    assert story.task("log").state is TaskState.SKIPPED


def test_a_gate_that_failed_is_not_tried_again_when_its_stage_is_over() -> None:
    specs = [stage("canary", gates=(gate("ok", When.BEFORE),)), stage("prod")]
    story = started(specs, [member("a-eu"), member("b-us", 1)])
    story.fail("ok", step=0)
    story.say(Verb.SKIP, "member:a-eu")
    assert story.running() == ["b-us"]
    assert not story.say(Verb.RETRY)[0]
    assert story.running() == ["b-us"]


# ---- cleanup


def test_a_cleanup_of_a_run_that_goes_on_is_refused() -> None:
    story = started([stage()], [member("a-eu")])
    assert story.say(Verb.CLEANUP) == (
        False,
        "run p-1-1 is not over: fleetkeeper run abort p-1-1 undoes what is its own",
    )


def test_a_cleanup_looks_once_more_at_what_an_aborted_run_left() -> None:
    story = started([stage()], [member("a-eu"), member("b-us")])
    story.say(Verb.ABORT)
    story.put("a-eu", TaskState.ABORTED, Why(Cause.STEP, "the hold of pool blue", NOON), due=None)
    story.put("b-us", TaskState.ABORTED, due=None)
    story.look()
    assert story.state == RunState.ABORTED
    accepted, text = story.say(Verb.CLEANUP, reason="the API server is back")
    assert (accepted, text) == (True, "a-eu looked at once more, and undone where that can be")
    assert story.states() == {"a-eu": "aborting", "b-us": "aborted"}
    assert story.state == RunState.ABORTED
    story.put("a-eu", TaskState.ABORTED, due=None)
    story.look()
    assert story.run.why is None
    assert story.say(Verb.CLEANUP) == (False, "run p-1-1 left nothing that is known of")
