"""Who may approve what: every decision is verified, judged and signed, or refused in words."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.core.approval import Approval
from fleetkeeper.core.people import People, Role
from fleetkeeper.core.playbook import GateSpec, When
from fleetkeeper.core.run import Applied, Command, Verb
from fleetkeeper.engine.decisions import Decisions, SignedApprovals
from fleetkeeper.errors import Refused
from tests.engine.rig import KEY, T0, SetClock, begin, migrated

PEOPLE = People(
    {"ann": Role.APPROVER, "bob": Role.APPROVER, "olga": Role.OPERATOR}, alike={"U42": "ann", "bob@slack": "bob"}
)
GATES = (GateSpec("go", "approval", When.BEFORE), GateSpec("soak", "soak", When.AFTER))


class Known:
    """Believes whoever it is told of, but for one."""

    can_verify = True

    def verify(self, command: Command) -> str:
        if command.proof == "forged":
            raise Refused("the ID token is not valid")
        return command.actor


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[SqlRuns]:
    found = SqlRuns(migrated(tmp_path))
    yield found
    found.close()


def decide(
    runs: SqlRuns,
    verb: Verb = Verb.APPROVE,
    actor: str = "bob",
    subject: str = "plan-1",
    target: str = "",
    proof: str = "",
    after: timedelta = timedelta(),
) -> Applied:
    clock = SetClock(T0 + after)
    command = Command(f"c-{verb}-{actor}-{target}", subject, verb, target, actor, "oidc", clock.at, "fine", proof)
    runs.add_command(command)
    Decisions(runs, clock, Known(), PEOPLE, KEY).settle()
    found = runs.applied(command.id)
    assert found is not None
    return found


def standing(runs: SqlRuns, run: str = "", gate: str = "") -> tuple[Approval | None, str]:
    return SignedApprovals(runs, PEOPLE, KEY).standing("plan-1", run, gate)


def test_an_approver_who_did_not_ask_for_the_plan_approves_it(runs: SqlRuns) -> None:
    begin(runs, T0, approve=False)
    assert standing(runs) == (None, "")
    assert decide(runs).accepted
    found, _ = standing(runs)
    assert found is not None
    assert (found.actor, found.identity, found.note) == ("bob", "oidc", "fine")
    assert "bob (oidc) approved the plan plan-1" in [each.event.text.split(":")[0] for each in runs.events("")]


def test_a_plan_is_approved_by_the_name_of_its_run_as_well(runs: SqlRuns) -> None:
    begin(runs, T0, approve=False)
    assert decide(runs, subject="run-1").accepted
    assert standing(runs)[0] is not None


@pytest.mark.parametrize(
    ("actor", "proof", "says"),
    [
        pytest.param("olga", "", "olga has no right to approve; these have: ann, bob", id="an operator"),
        pytest.param("eve", "", "eve has no right to approve", id="a stranger"),
        pytest.param("ann", "", "ann asked for this plan", id="the one who asked for it"),
        pytest.param("U42", "", "U42 asked for this plan", id="the one who asked for it, by another name"),
        pytest.param("bob", "forged", "the ID token is not valid", id="somebody whose identity is not shown"),
    ],
)
def test_a_plan_is_not_approved_by(runs: SqlRuns, actor: str, proof: str, says: str) -> None:
    begin(runs, T0, approve=False)
    applied = decide(runs, actor=actor, proof=proof)
    assert not applied.accepted
    assert says in applied.result
    assert standing(runs)[0] is None


def test_an_expired_plan_is_not_approved_any_more(runs: SqlRuns) -> None:
    begin(runs, T0, approve=False)
    assert "the plan expired" in decide(runs, after=timedelta(days=5000)).result


def test_a_rejection_is_signed_and_stands(runs: SqlRuns) -> None:
    begin(runs, T0, approve=False)
    assert decide(runs, Verb.REJECT).accepted
    assert standing(runs) == (None, "bob rejected it: fine")


def test_what_is_not_there_cannot_be_approved(runs: SqlRuns) -> None:
    begin(runs, T0, approve=False)
    assert decide(runs, subject="plan-9").result == "there is neither a run nor a plan plan-9"


class TestAGate:
    def test_is_approved_for_its_run_alone(self, runs: SqlRuns) -> None:
        begin(runs, T0, approve=False, gates=GATES)
        assert decide(runs, subject="run-1", target="gate:go").accepted
        assert standing(runs, "run-1", "all/go")[0] is not None
        assert standing(runs, "run-2", "all/go")[0] is None
        assert standing(runs)[0] is None

    def test_is_named_with_its_stage_too(self, runs: SqlRuns) -> None:
        begin(runs, T0, approve=False, gates=GATES)
        assert decide(runs, subject="run-1", target="gate:all/go").accepted

    @pytest.mark.parametrize(
        ("subject", "target", "says"),
        [
            pytest.param(
                "run-1", "gate:nope", "nope is no gate of this run; its gates: all/go, all/soak", id="unknown"
            ),
            pytest.param("plan-1", "gate:go", "name the run, not the plan", id="of a plan"),
        ],
    )
    def test_is_refused_in_words_when_it_is(self, runs: SqlRuns, subject: str, target: str, says: str) -> None:
        begin(runs, T0, approve=False, gates=GATES)
        assert says in decide(runs, subject=subject, target=target).result


def test_the_same_decision_twice_is_settled_once(runs: SqlRuns) -> None:
    begin(runs, T0, approve=False)
    decide(runs)
    decide(runs)
    assert len(runs.approvals("plan-1")) == 1
