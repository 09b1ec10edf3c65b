"""Waves by click: a verb of somebody whom Slack knows reaches the engine with a proof, and is judged like any other."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.identity import VerifiedIdentities
from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import ApprovalSettings, StoreSettings
from fleetkeeper.core.approval import heard
from fleetkeeper.core.interacting.values import Click, ClickKind
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Do
from fleetkeeper.core.playbook import GateSpec, When
from fleetkeeper.core.run import Applied, Command, Control, RunState, Verb
from fleetkeeper.engine.decisions import Decisions, SignedApprovals, Vouching
from fleetkeeper.engine.guarding import Gatekeeper
from tests.contract.conftest import postgres, settings
from tests.engine.clicking import PEOPLE, Office, told
from tests.engine.rig import KEY, T0, Cloud, Engine, SetClock, begin, engine, plan_of, settle

__all__ = ["postgres", "settings"]

SETTINGS = ApprovalSettings(people=PEOPLE.roles, alike=PEOPLE.alike)
DIGEST = plan_of()[0].digest
GATES = (GateSpec("go", "approval", When.BEFORE),)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(T0)


@pytest.fixture
def made(database: StoreSettings, clock: SetClock) -> Iterator[Engine]:
    """An engine that believes of commands only what was verified."""
    found = engine(database, Cloud(clock), clock, knows=Vouching(KEY, local=False).knows)
    yield found
    found.runs.close()


@pytest.fixture
def office(made: Engine, clock: SetClock) -> Office:
    return Office(runs=made.runs, clock=clock)


def verify(runs: SqlRuns, clock: SetClock) -> None:
    Decisions(runs, clock, VerifiedIdentities(SETTINGS, KEY), PEOPLE, KEY).settle()


def to_the_end(made: Engine, clock: SetClock) -> None:
    settle(made)
    while (due := made.runs.next_due()) is not None:
        clock.at = max(due, clock.at)
        settle(made)


def plan_button(digest: str = DIGEST) -> Button:
    return Button("w1", "plan-1", digest)


def commands(runs: SqlRuns) -> list[tuple[Command, Applied | None]]:
    stored = runs.run("run-1")
    assert stored is not None
    return list(stored.commands)


def approved(runs: SqlRuns) -> bool:
    return SignedApprovals(runs, PEOPLE, KEY).standing("plan-1", "", "")[0] is not None


def test_a_run_that_is_approved_in_slack_starts_and_ends(made: Engine, office: Office, clock: SetClock) -> None:
    begin(made.runs, T0, approve=False)
    settle(made)
    assert not made.cloud.calls
    reply = office.press(Do.APPROVE, "U0BOB", plan_button())
    assert reply.command
    verify(made.runs, clock)
    to_the_end(made, clock)
    stored = made.runs.run("run-1")
    assert stored is not None
    assert stored.run.state is RunState.SUCCEEDED
    (approval,) = stored.approvals
    assert (approval.actor, approval.identity) == ("Bob@shop.example", "slack")
    assert len(made.cloud.calls) == 2


@pytest.mark.parametrize(
    ("user", "is_listed"),
    [
        pytest.param("U0BOB", True, id="an approver"),
        pytest.param("U0ANN", False, id="not the one who asked for it"),
        pytest.param("U0ANN2", False, id="not from another account either"),
        pytest.param("U0OLGA", False, id="not an operator"),
    ],
)
def test_the_home_lists_what_waits_for(made: Engine, office: Office, user: str, is_listed: bool) -> None:
    begin(made.runs, T0, approve=False)
    settle(made)
    home = office.interactions.handle(Click("h", ClickKind.HOME, user)).home
    assert home is not None
    assert ("`run-1`" in str(home.blocks)) is is_listed


@pytest.mark.parametrize(
    ("user", "says"),
    [
        pytest.param("U0EVE", "that takes the role approver", id="a viewer"),
        pytest.param("U0OLGA", "that takes the role approver", id="an operator"),
        pytest.param("U0ANN", "ann@shop.example asked for this plan", id="the one who asked for it"),
        pytest.param(
            "U0ANN2", "ann@shop.example asked for this plan", id="the one who asked for it, from another account"
        ),
    ],
)
@pytest.mark.parametrize("action", [Do.APPROVE, Do.REJECT])
def test_a_plan_is_not_decided_by(made: Engine, office: Office, user: str, says: str, action: str) -> None:
    begin(made.runs, T0, approve=False)
    assert says in told(office.press(action, user, plan_button()))
    assert not commands(made.runs)


@pytest.mark.parametrize("actor", ["ann@shop.example", "ann.second@shop.example", "ann"])
def test_the_engine_itself_refuses_the_requester_by_any_name(made: Engine, clock: SetClock, actor: str) -> None:
    """Even with a proof that holds: what is refused at the click is refused again where it counts."""
    begin(made.runs, T0, approve=False)
    command = Command("c9", "plan-1", Verb.APPROVE, "", actor, "slack", T0)
    made.runs.add_command(heard(command, "U0ANN2", DIGEST, KEY))
    verify(made.runs, clock)
    applied = made.runs.applied("c9")
    assert applied is not None
    assert "asked for this plan, so another approver must decide" in applied.result
    assert not approved(made.runs)


class TestAStaleButton:
    def test_of_a_plan_that_is_another_now_says_so(self, made: Engine, office: Office) -> None:
        begin(made.runs, T0, approve=False)
        assert "is not the one that this message showed" in told(office.press(Do.APPROVE, "U0BOB", plan_button("d0")))
        assert not commands(made.runs)

    def test_of_a_plan_that_changed_between_click_and_judgement_counts_for_nothing(
        self, made: Engine, clock: SetClock
    ) -> None:
        begin(made.runs, T0, approve=False)
        command = Command("c9", "plan-1", Verb.APPROVE, "", "Bob@shop.example", "slack", T0)
        made.runs.add_command(heard(command, "U0BOB", "the digest of another plan", KEY))
        verify(made.runs, clock)
        applied = made.runs.applied("c9")
        assert applied is not None
        assert "not the one that was shown" in applied.result
        assert not approved(made.runs)

    def test_of_what_was_decided_already_says_by_whom(self, made: Engine, office: Office) -> None:
        begin(made.runs, T0)
        assert "bob approved it on 21 Nov 03:00 UTC" in told(office.press(Do.APPROVE, "U0BOB", plan_button()))

    @pytest.mark.parametrize("action", [Do.PAUSE, Do.RESUME, Do.ABORT])
    def test_of_a_run_that_is_over_says_so(self, made: Engine, office: Office, clock: SetClock, action: str) -> None:
        begin(made.runs, T0)
        to_the_end(made, clock)
        assert "Run run-1 has succeeded" in told(office.press(action, "U0BOB", Button("w1", "run-1", DIGEST)))

    @pytest.mark.parametrize("action", [Do.APPROVE, Do.PAUSE])
    def test_of_a_run_that_is_gone_says_so(self, office: Office, action: str) -> None:
        assert "no run or plan run-9" in told(office.press(action, "U0BOB", Button("w1", "run-9", DIGEST)))


def test_a_gate_is_approved_for_its_run(made: Engine, office: Office, clock: SetClock) -> None:
    begin(made.runs, T0, approve=False, gates=GATES)
    digest = plan_of(gates=GATES)[0].digest
    office.press(Do.APPROVE, "U0BOB", Button("w1", "run-1", digest, "all/go"))
    verify(made.runs, clock)
    assert SignedApprovals(made.runs, PEOPLE, KEY).standing("plan-1", "run-1", "all/go")[0] is not None
    assert "it is decided" in told(office.press(Do.APPROVE, "U0BOB", Button("w1", "run-1", digest, "all/go")))


@pytest.mark.parametrize("action", [Do.PAUSE, Do.ABORT])
def test_a_stop_is_anybodys_whom_slack_knows_and_says_whose(made: Engine, office: Office, action: str) -> None:
    begin(made.runs, T0)
    office.press(action, "U0EVE", Button("w1", "run-1", DIGEST))
    settle(made)
    stored = made.runs.run("run-1")
    assert stored is not None
    assert stored.run.control in (Control.PAUSE, Control.ABORT)
    log = [each.event.text for each in made.runs.events("run-1")]
    assert any(text.startswith("eve@shop.example: ") for text in log)
    assert not any("not verified" in text for text in log)


def test_a_stop_of_nobody_is_refused(made: Engine, office: Office) -> None:
    begin(made.runs, T0)
    assert "e-mail address" in told(office.press(Do.PAUSE, "U0GHOST", Button("w1", "run-1", DIGEST)))
    assert not [each for each, _ in commands(made.runs) if each.verb is Verb.PAUSE]


@pytest.mark.parametrize(("user", "goes_on"), [("U0OLGA", True), ("U0EVE", False)], ids=["an operator", "a viewer"])
def test_a_paused_run_goes_on_by(made: Engine, office: Office, clock: SetClock, user: str, goes_on: bool) -> None:
    begin(made.runs, T0)
    office.press(Do.PAUSE, "U0EVE", Button("w1", "run-1", DIGEST))
    settle(made)
    clock.at += timedelta(minutes=1)
    office.press(Do.RESUME, user, Button("w1", "run-1", DIGEST))
    verify(made.runs, clock)
    settle(made)
    stored = made.runs.run("run-1")
    assert stored is not None
    assert (stored.run.control is Control.RUN) == goes_on


def test_the_same_click_twice_is_one_command(made: Engine, office: Office) -> None:
    begin(made.runs, T0, approve=False)
    first = office.press(Do.APPROVE, "U0BOB", plan_button(), id="button U0BOB 1.2")
    second = office.press(Do.APPROVE, "U0BOB", plan_button(), id="button U0BOB 1.2")
    assert first == second
    found = made.runs.to_verify()
    assert [each.id for each in found] == [first.command]


class TestWhatBecameOfIt:
    def test_is_whispered_as_soon_as_the_engine_says_so(self, made: Engine, office: Office, clock: SetClock) -> None:
        begin(made.runs, T0, approve=False)
        click = Click("c1", ClickKind.BUTTON, "U0BOB", action=Do.APPROVE, value=str(plan_button()), channel="C0FLEET")
        reply = office.interactions.handle(click)

        def judged(_seconds: float) -> bool:
            verify(made.runs, clock)
            return False

        replace(office.interactions, pause=judged).carry_out(click, reply)
        assert office.slack.whispered == [
            ("C0FLEET", "U0BOB", "Approve: Bob@shop.example (slack) approved the plan plan-1")
        ]

    def test_is_waited_for_no_longer_than_some_seconds(self, made: Engine, office: Office) -> None:
        begin(made.runs, T0, approve=False)
        click = Click("c1", ClickKind.BUTTON, "U0BOB", action=Do.APPROVE, value=str(plan_button()), channel="C0FLEET")
        office.interactions.carry_out(click, office.interactions.handle(click))
        ((_, _, text),) = office.slack.whispered
        assert "No engine has answered yet" in text
        assert 5 < sum(office.waits) < 10


# ---- rows that nobody clicked

FORGED = {
    "without a proof": "",
    "with a proof of another key": heard(
        Command("c9", "plan-1", Verb.APPROVE, "", "Bob@shop.example", "slack", T0), "U0BOB", DIGEST, b"another key"
    ).proof,
    "with what is no proof": "U0BOB:é",
}


@pytest.fixture
def any_runs(settings: StoreSettings) -> Iterator[SqlRuns]:
    """On both databases."""
    runs = SqlRuns(settings, Gatekeeper(KEY).approves, Vouching(KEY, local=False).knows)
    yield runs
    runs.close()


@pytest.mark.parametrize("proof", FORGED.values(), ids=FORGED)
def test_a_row_by_hand_that_says_slack_approves_nothing(any_runs: SqlRuns, clock: SetClock, proof: str) -> None:
    begin(any_runs, T0, approve=False)
    row: dict[str, object] = {
        "id": "c9",
        "subject": "plan-1",
        "verb": "approve",
        "target": "",
        "actor": "Bob@shop.example",
    }
    row |= {"identity": "slack", "at": T0, "reason": "", "proof": proof}
    with any_runs._database.engine.begin() as connection:
        connection.execute(sa.insert(tables.command).values(row))
    verify(any_runs, clock)
    applied = any_runs.applied("c9")
    assert applied is not None
    assert not applied.accepted
    assert "no daemon of this fleet heard that" in applied.result
    assert not approved(any_runs)


CHANGES = {
    "to somebody else": {"actor": "ann@shop.example"},
    "to another plan": {"subject": "run-1"},
    "to another verb": {"verb": "reject"},
    "to a gate": {"target": "gate:all/go"},
    "in its reason": {"reason": "urgent"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_click_whose_row_is_changed_counts_for_nothing(
    any_runs: SqlRuns, clock: SetClock, change: dict[str, str]
) -> None:
    begin(any_runs, T0, approve=False)
    reply = Office(runs=any_runs, clock=clock).press(Do.APPROVE, "U0BOB", plan_button())
    with any_runs._database.engine.begin() as connection:
        connection.execute(sa.update(tables.command).values(change))
    verify(any_runs, clock)
    applied = any_runs.applied(reply.command)
    assert applied is not None
    assert not applied.accepted
    assert "no daemon of this fleet heard that" in applied.result
    assert not any_runs.approvals("plan-1")


def test_a_proof_is_worth_nothing_in_a_second_row(any_runs: SqlRuns, clock: SetClock) -> None:
    begin(any_runs, T0, approve=False)
    Office(runs=any_runs, clock=clock).press(Do.APPROVE, "U0BOB", plan_button())
    (command,) = any_runs.to_verify()
    any_runs.add_command(replace(command, id="c9"))
    verify(any_runs, clock)
    copied = any_runs.applied("c9")
    assert copied is not None
    assert not copied.accepted


def test_a_stop_by_hand_that_says_slack_is_taken_as_nobodys(made: Engine, clock: SetClock) -> None:
    begin(made.runs, T0)
    made.runs.add_command(Command("c9", "run-1", Verb.PAUSE, "", "Bob@shop.example", "slack", T0, "", "U0BOB::00"))
    settle(made)
    log = [each.event.text for each in made.runs.events("run-1")]
    assert any(text.startswith("Bob@shop.example (not verified): ") for text in log)


def test_where_nobody_listens_to_slack_nothing_of_it_counts(made: Engine, office: Office, clock: SetClock) -> None:
    begin(made.runs, T0, approve=False)
    reply = office.press(Do.APPROVE, "U0BOB", plan_button())
    Decisions(made.runs, clock, VerifiedIdentities(SETTINGS), PEOPLE, KEY).settle()
    applied = made.runs.applied(reply.command)
    assert applied is not None
    assert "nobody listens to Slack here" in applied.result
