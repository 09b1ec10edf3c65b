"""The screen of a run: golden at 80 and 120 columns, and what it leaves out of a large run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetkeeper.core.approval import Approval
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.plan import Header, Member, Plan, Range, Stage
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, StepSpec, When
from fleetkeeper.core.run import (
    OVER,
    Cause,
    Control,
    Event,
    Freeze,
    Role,
    Run,
    RunState,
    Step,
    StepState,
    Task,
    TaskKey,
    TaskState,
    Unit,
    UnitState,
    Why,
)
from fleetkeeper.core.run_eta import remaining
from fleetkeeper.core.run_page import Seen, run_page
from fleetkeeper.core.run_status import residue, run_row, waits_for_approval
from fleetkeeper.core.run_texts import ends_text, event_text, names_of, state_text, why_text
from tests.core.fleets import assert_golden

NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)
ID = "addons-only-3f2a91bc-1"
STEPS = (StepSpec("preflight", "preflight"), StepSpec("update-coredns", "update-addon"))
HALF = Range(timedelta(minutes=10), timedelta(minutes=40))
SOAK = GateSpec("soak", "soak", When.AFTER, {"for": "2h"})
ASK = GateSpec("go-ahead", "approval", When.BEFORE)
NAMES = ("canary", "shop", "shop", "data", "edge", "search", "ledger", "tools")


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def member(idx: int) -> Member:
    region = "eu-west-1" if idx % 2 == 0 else "us-east-1"
    arn = f"arn:aws:eks:{region}:111122223333:cluster/{NAMES[idx]}"
    scope = Scope("111122223333", region)
    return Member(
        idx, ClusterId(arn, NOW), NAMES[idx], scope, {"region": region}, min(idx, 1), "", STEPS, expected=HALF
    )


def plan() -> Plan:
    stages = (
        Stage("canary", 1, 0, OnFailure.PAUSE, {}, (SOAK,), ()),
        Stage("rest", 3, 1, OnFailure.PAUSE, {}, (ASK,), ()),
    )
    header = Header(
        id="addons-only-3f2a91bc",
        playbook="addons-only",
        playbook_title="Update EKS addons, the canary ring first",
        playbook_origin="shipped addons-only.toml",
        playbook_digest="d",
        changes=Changes.ADDONS,
        selector="",
        created_at=ago(90),
        created_by="ann",
        expires_at=NOW + timedelta(days=7),
        stages=stages,
        members=(),
        left=(),
    )
    return Plan(header, tuple(map(member, range(len(NAMES)))), "digest")


def task(idx: int, state: TaskState, why: Why | None = None, step: int = 0) -> Task:
    of = member(idx)
    began = None if state in (TaskState.NOT_STARTED, TaskState.PENDING) and not step else ago(6)
    ended = ago(2) if state in (TaskState.SUCCEEDED, TaskState.FAILED) else None
    return Task(
        TaskKey(ID, idx),
        Role.MEMBER,
        of.name,
        of.stage,
        "",
        state,
        ago(4),
        len(STEPS),
        step,
        why,
        arn=of.cluster.arn,
        account="111122223333",
        region=of.region,
        rank=idx,
        started_at=began,
        ended_at=ended,
    )


def waiting(text: str) -> Why:
    return Why(Cause.LIMIT, text, ago(4))


def seen() -> Seen:
    """A run in trouble: one done, one at work, one failed, one blocked, four that wait for different things."""
    limit = "stage rest works on 3 at once: it begins when one of them ends"
    failed = Why(
        Cause.FAILED,
        "update-coredns: update 3c1f of coredns to v1.14.3 ended as Failed: ConfigurationConflict:\n.spec.replicas",
        ago(2),
        fix=f"fleetkeeper run retry {ID} member:data, once the owner has taken the change back",
    )
    frozen = Why(Cause.FREEZE, "ann froze it: Black Friday, until 01 Dec 09:00 UTC", ago(3), "ann")
    away = Why(
        Cause.UNREACHABLE,
        "https://eks.us-east-1.amazonaws.com did not answer",
        ago(1),
        next_attempt=NOW + timedelta(seconds=30),
    )
    unknown = Why(Cause.UNKNOWN, "fleetkeeper ended in the middle of: run smoke. Was it done?", ago(5), "an operator")
    tasks = (
        task(0, TaskState.SUCCEEDED, step=1),
        task(1, TaskState.RUNNING, away, step=1),
        task(2, TaskState.BLOCKED, unknown, step=1),
        task(3, TaskState.FAILED, failed, step=1),
        task(4, TaskState.PENDING, frozen),
        *(task(idx, TaskState.PENDING, waiting(limit)) for idx in (5, 6, 7)),
        Task(TaskKey(ID, 8), Role.GATE, "soak", 0, "", TaskState.SUCCEEDED, ago(20), 1, when="after"),
        Task(TaskKey(ID, 9), Role.GATE, "go-ahead", 1, "", TaskState.SUCCEEDED, ago(10), 1, when="before"),
    )
    steps = (
        Step(
            TaskKey(ID, 1),
            1,
            "update-coredns",
            "update-addon",
            StepState.WAITING,
            ago(3),
            intent="update coredns to v1.14.3",
            attempt=1,
        ),
        Step(TaskKey(ID, 2), 1, "update-coredns", "update-addon", StepState.UNKNOWN, ago(3), error="was smoke run?"),
    )
    approval = Approval("a", "p", "", "", "d", True, "bob", "oidc", "ann", ago(60), NOW)
    events = (
        Event(ago(4), ID, "act", "update coredns to v1.14.3", task=1),
        Event(ago(2), ID, "run.ended", "1 of 7 members of stage rest failed", "fleetkeeper"),
    )
    return Seen(
        Run(
            ID, "addons-only-3f2a91bc", "d", RunState.RUNNING, ago(12), Control.RUN, ago(70), "ann", started_at=ago(60)
        ),
        plan(),
        (Unit(0, "", UnitState.SUCCEEDED, ago(20)), Unit(1, "", UnitState.RUNNING, ago(10))),
        tasks,
        steps,
        (approval,),
        (Freeze("freeze-1a2b3c", "Black Friday", "ann", ago(3), "name=edge"),),
        events,
    )


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_fits_its_width_and_says_what_moves_and_what_waits(width: int) -> None:
    lines = [line.text for line in run_page(seen(), NOW, width)]
    assert max(map(len, lines)) <= width
    assert_golden(f"run_page_{width}.txt", "\n".join(lines) + "\n")


def test_a_command_is_never_broken_over_lines() -> None:
    text = "\n".join(line.text for line in run_page(seen(), NOW, 72))
    assert f"fleetkeeper run retry {ID} member:data" in text


def test_many_that_wait_for_the_same_are_one_entry() -> None:
    found = seen()
    many = tuple(replace(found.tasks[7], key=TaskKey(ID, 100 + n), name=f"m-{n}", rank=100 + n) for n in range(1000))
    lone = replace(found, run=replace(found.run, state=RunState.FAILED))  # no time left to be reckoned
    lines = [line.text for line in run_page(replace(lone, tasks=found.tasks + many), NOW, 100)]
    assert len(lines) < 40
    assert "  search, ledger, tools and 1000 more: PENDING" in lines


def test_many_reasons_of_one_cause_are_counted() -> None:
    found = seen()
    many = tuple(
        replace(found.tasks[7], key=TaskKey(ID, 100 + n), name=f"m-{n}", why=waiting(f"needs {n}")) for n in range(50)
    )
    lone = replace(found, run=replace(found.run, state=RunState.FAILED))
    lines = [line.text for line in run_page(replace(lone, tasks=found.tasks + many), NOW, 100)]
    assert "  and 48 more wait for another limit" in lines


def test_everything_is_shown_when_asked() -> None:
    text = "\n".join(line.text for line in run_page(replace(seen(), every=True), NOW, 100))
    assert "canary: SUCCEEDED" in text.replace("Stage 1/2 canary", "")
    assert "gate soak (after the stage): SUCCEEDED" in text


def test_text_of_a_cluster_cannot_command_the_terminal() -> None:
    found = seen()
    hostile = replace(found.tasks[1], name="shop\x1b[2J", why=waiting("\x1b]0;x\x07 waits"))
    text = "".join(line.text for line in run_page(replace(found, tasks=(hostile, *found.tasks[2:])), NOW, 100))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_reason_in_one_line_has_its_age_its_next_try_and_what_to_do() -> None:
    why = Why(Cause.STEP, "it runs\nstill", ago(3), "bob", "wait", NOW + timedelta(seconds=12))
    assert why_text(why, NOW) == "it runs still (3m); next try in 12s; who: bob; do: wait"


def test_members_of_one_name_are_told_apart() -> None:
    names = names_of(seen().tasks)
    assert (names[1], names[2]) == ("shop (111122223333/us-east-1)", "shop (111122223333/eu-west-1)")
    assert names[3] == "data"
    event = Event(ago(4), ID, "act", "update it", task=1)
    assert event_text(event, names) == "03:08:00 shop (111122223333/us-east-1): act: update it"


# ---- what is left to do, and what is left in the world


def test_the_time_left_counts_steps_that_are_done_and_the_soak_that_passed() -> None:
    found = seen()
    units = (Unit(0, "", UnitState.SOAKING, NOW), Unit(1, "", UnitState.SUCCEEDED, NOW))
    soak = replace(found.tasks[8], state=TaskState.RUNNING, started_at=NOW - timedelta(minutes=30))
    assert remaining(found.plan, units, (found.tasks[0], soak), NOW).p95 == timedelta(minutes=90)
    half = (found.tasks[1],)
    rest = remaining(found.plan, (Unit(0, "", UnitState.SUCCEEDED, NOW),), half, NOW)
    assert (rest.p50, rest.p95) == (timedelta(minutes=5), timedelta(minutes=20))


def test_a_run_that_is_over_takes_no_more_time() -> None:
    over = replace(seen().run, state=RunState.FAILED, ended_at=NOW, why=waiting("1 of 8 members failed"))
    assert run_row(replace(seen(), run=over), NOW).seconds_left == (0, 0)
    assert ends_text(over) == f"Run {ID} failed after 1h10m: 1 of 8 members failed"


def test_what_is_left_names_the_member_and_what_a_person_does() -> None:
    found = seen()
    left = {(each.member, each.step): each for each in residue(found.run, found.tasks, found.steps)}
    assert left["shop", "update-coredns"].what == "was smoke run?"
    assert "run retry" in left["shop", "update-coredns"].do
    assert left["data", ""].what.startswith("half done: update-coredns")
    assert len(left) == 2


def test_an_abort_that_was_not_clean_is_left() -> None:
    found = seen()
    aborted = replace(found.tasks[4], state=TaskState.ABORTED, why=waiting("the cordon of node-1 stays"))
    clean = replace(found.tasks[5], state=TaskState.ABORTED, why=None)
    run = replace(found.run, state=RunState.ABORTED, ended_at=NOW)
    (left,) = residue(run, (aborted, clean), ())
    assert (left.member, left.what) == ("edge", "the cordon of node-1 stays")


@pytest.mark.parametrize(
    ("causes", "waits"),
    [
        pytest.param((Cause.APPROVAL,), True, id="a gate that asks, and nothing else moves"),
        pytest.param((Cause.APPROVAL, Cause.STEP), False, id="a member works beside it"),
        pytest.param((), False, id="nothing is begun"),
    ],
)
def test_a_run_waits_for_an_approval_when_nothing_else_moves(causes: tuple[Cause, ...], waits: bool) -> None:
    found = seen()
    tasks = tuple(
        replace(found.tasks[1], key=TaskKey(ID, place), why=Why(cause, "", NOW)) for place, cause in enumerate(causes)
    )
    assert waits_for_approval(found.run, tasks) is waits


@pytest.mark.parametrize("state", RunState)
def test_what_is_said_of_a_run_is_a_sentence(state: RunState) -> None:
    is_over = state in OVER
    assert state_text(state).partition(" ")[0] in ({"has", "was"} if is_over else {"is", "has", "soaks"})
    assert "_" not in state_text(state)
    assert state_text(state) not in {f"is {each}" for each in (*OVER, RunState.NOT_STARTED, RunState.ABORTING)}
