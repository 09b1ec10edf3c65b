"""The change ticket over HTTP: opened once, waited for, closed once with the evidence, also by an abort."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.hooks import HttpHooks
from fleetkeeper.config import HookSettings
from fleetkeeper.core.run import Cause, StepState, TaskState, Why
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Residue, Skip, Undone, Verdict, Wait
from fleetkeeper.engine.step import Step as Code
from fleetkeeper.errors import GapReason, ReadError
from tests.contract.observed import NOON
from tests.endpoint import Answer, Endpoint, Request, endpoint
from tests.engine.gating import EU, Gating, at, gate, row, subject, task

PARAMS = {"entry": "open", "ask": "ask", "close": "close"}
CLOSING = {"close": "close"}


@dataclass
class Desk:
    """A service desk: tickets by the Idempotency-Key that opened them, their states, and what closed them."""

    tickets: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    closed: dict[str, Any] = field(default_factory=dict)
    broken: Answer | None = None

    def answer(self, request: Request) -> Answer:
        if self.broken is not None:
            return self.broken
        match request.path:
            case "/open":
                id = self.tickets.setdefault(request.headers["Idempotency-Key"], f"CHG-{len(self.tickets) + 1}")
                self.bodies[id] = request.body
                self.states.setdefault(id, "assess")
                return 201, {"ticket": {"id": id}}
            case "/ask":
                return 200, {"state": self.states[request.query["id"]], "id": request.query["id"]}
            case _:
                key = request.headers["Idempotency-Key"]
                self.closed.setdefault(key, request.body)
                self.states[request.body["id"]] = "closed"
                return 200, {}


@dataclass
class Case:
    """A gate over a real desk; memory is what its last act left."""

    desk: Desk
    server: Endpoint
    made: Gating
    memory: Memory = field(default_factory=dict)

    def moment(self, **other: Any) -> Moment:
        return replace(at(0, memory=self.memory), **other)

    def verdict(self, code: Code) -> Verdict:
        return code.decide(code.look(self.made.world, subject(), self.moment()), self.moment())

    def act(self, code: Code) -> None:
        found = self.verdict(code)
        assert isinstance(found, Act)
        self.memory = code.act(self.made.world, subject(), self.moment(), found.memory)

    def opened(self) -> Code:
        """A gate that has opened CHG-1, stored as its step."""
        code = gate("change", {**PARAMS, "id": "ticket.id"})
        self.act(code)
        self.made.runs.rows.append(row(2, "change", self.memory, StepState.SUCCEEDED, "ticket"))
        return code


@pytest.fixture
def case() -> Iterator[Case]:
    desk = Desk()
    with endpoint(desk.answer) as server:
        hooks = HttpHooks(HookSettings(name, f"{server.url}/{name}") for name in ("open", "ask", "close"))
        yield Case(desk, server, Gating(hooks=hooks))
        hooks.close()


# ---- opened, waited for


def test_a_dry_run_says_that_a_ticket_would_be_opened_and_opens_none(case: Case) -> None:
    assert case.verdict(gate("change", PARAMS)) == Act("open a change ticket for 2 clusters by open")
    assert case.server.requests == []


def test_the_ticket_tells_what_an_approver_judges_by(case: Case) -> None:
    case.opened()
    body = case.desk.bodies["CHG-1"]
    assert body["title"] == "Update addons: 2 clusters of stage canary"
    assert (body["run"], body["plan"], body["digest"], body["requester"]) == ("run-7", "plan-7", "digest-7", "ann")
    assert body["windows"] == ["Mon,Tue 09:00-17:00 Europe/Berlin"]
    assert body["members"][0] == {
        "cluster": EU,
        "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/shop-eu-1",
        "region": "eu-west-1",
        "service": "shop",
        "versions": "1.34 → 1.35",
        "steps": ["look", "coredns"],
        "notes": [],
    }


def test_the_same_attempt_opens_one_ticket_however_often_it_acts(case: Case) -> None:
    case.opened()
    case.memory = {}  # the database went back to before the act
    case.opened()
    assert list(case.desk.tickets.values()) == ["CHG-1"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(
            "assess",
            Wait("ticket CHG-1 is assess, not approved yet", timedelta(minutes=1), "who approves changes"),
            id="waits while it is judged",
        ),
        pytest.param("approved", Done("ticket CHG-1 is approved"), id="opens when it is approved"),
        pytest.param(
            "rejected",
            Failed(
                'ticket CHG-1 is rejected: {"state": "rejected", "id": "CHG-1"}',
                "plan anew, or retry the gate for another ticket",
                final=True,
            ),
            id="fails when it is rejected",
        ),
    ],
)
def test_the_change_gate(case: Case, state: str, expected: Verdict) -> None:
    code = case.opened()
    case.desk.states["CHG-1"] = state
    assert case.verdict(code) == expected


def test_an_answer_without_the_state_is_waited_on(case: Case) -> None:
    code = case.opened()
    case.desk.broken = (200, {"status": "approved"})
    found = case.verdict(code)
    assert isinstance(found, Wait)
    assert found.why == "ticket CHG-1 has no state in the answer of ask, not approved yet"


def test_a_refused_question_is_asked_again(case: Case) -> None:
    code = case.opened()
    case.desk.broken = (404, {"error": "gone"})
    found = case.verdict(code)
    assert isinstance(found, Wait)
    assert found.why == 'ask answered 404 ({"error": "gone"}) for ticket CHG-1: asked again'


def test_a_desk_that_is_down_is_a_read_that_failed(case: Case) -> None:
    code = case.opened()
    case.desk.broken = (503, {})
    with pytest.raises(ReadError) as raised:
        case.verdict(code)
    assert raised.value.reason is GapReason.SERVER_ERROR


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param((422, {"error": "no such group"}), "no ticket was opened, open answered 422", id="it was refused"),
        pytest.param((200, {"key": "CHG-1"}), "open answered 200 without id", id="it got no id"),
    ],
)
def test_the_gate_fails_when_the_ticket(case: Case, answer: Answer, says: str) -> None:
    case.desk.broken = answer
    code = gate("change", PARAMS)
    case.act(code)
    found = case.verdict(code)
    assert isinstance(found, Failed)
    assert found.why.startswith(says)


# ---- closed


def close(case: Case) -> Code:
    case.opened()
    case.memory = {}
    return gate("change-close", CLOSING)


def test_the_end_of_the_run_closes_the_ticket_with_the_evidence(case: Case) -> None:
    code = close(case)
    why = Why(Cause.FAILED, "coredns: DEGRADED", NOON)
    case.made.runs.tasks[0] = task(0, EU, TaskState.FAILED, why=why)
    assert case.verdict(code) == Act(
        "close ticket CHG-1 with: 1 failed, 1 succeeded", {"id": "CHG-1", "outcome": "1 failed, 1 succeeded"}
    )
    case.act(code)
    assert case.verdict(code) == Done("ticket CHG-1 is closed")
    (body,) = case.desk.closed.values()
    assert (body["id"], body["outcome"], body["digest"], body["minutes"]) == (
        "CHG-1",
        "1 failed, 1 succeeded",
        "digest-7",
        60,
    )
    assert body["members"][0] == {
        "cluster": EU,
        "arn": "",
        "result": "failed",
        "why": "coredns: DEGRADED",
        "began_at": "2026-11-20T11:00:00+00:00",
        "ended_at": "2026-11-20T12:00:00+00:00",
    }


def test_a_run_that_succeeded_is_told_as_such(case: Case) -> None:
    found = case.verdict(close(case))
    assert isinstance(found, Act)
    assert found.what == "close ticket CHG-1 with: succeeded"


def test_there_is_nothing_to_close_when_no_ticket_was_opened(case: Case) -> None:
    assert case.verdict(gate("change-close", CLOSING)) == Skip("no ticket was opened")


def test_which_of_two_tickets_is_meant_must_be_said(case: Case) -> None:
    code = close(case)
    case.made.runs.rows.append(row(3, "change", {"id": "CHG-9"}, name="second"))
    found = case.verdict(code)
    assert isinstance(found, Failed)
    assert found.why == "which ticket is to be closed? Open are CHG-1 of ticket, CHG-9 of second"
    named = case.verdict(gate("change-close", {**CLOSING, "gate": "second"}))
    assert isinstance(named, Act)
    assert named.memory["id"] == "CHG-9"


def test_a_desk_that_refuses_to_close_fails_the_gate(case: Case) -> None:
    code = close(case)
    case.desk.broken = (409, {"error": "locked"})
    case.act(code)
    assert case.verdict(code) == Failed(
        'close answered 409 for ticket CHG-1: {"error": "locked"}', "close it by hand and skip the gate, or retry it"
    )


# ---- aborted


def test_an_abort_closes_the_ticket_once(case: Case) -> None:
    code = case.opened()
    for _ in range(2):
        found = code.undo(case.made.world, subject(), case.moment())
        assert found == Undone("ticket CHG-1 is closed")
    (body,) = case.desk.closed.values()
    assert (body["id"], body["outcome"]) == ("CHG-1", "aborted: succeeded")


def test_an_abort_leaves_a_ticket_that_the_run_closed_before(case: Case) -> None:
    code = case.opened()
    case.made.runs.rows.append(row(3, "change-close", {"id": "CHG-1"}))
    assert code.undo(case.made.world, subject(), case.moment()) == Undone("ticket CHG-1 was closed before")
    assert case.desk.closed == {}


def test_an_abort_tells_of_a_ticket_that_it_cannot_close(case: Case) -> None:
    code = case.opened()
    case.desk.broken = (409, {"error": "locked"})
    assert code.undo(case.made.world, subject(), case.moment()) == Residue(
        'ticket CHG-1 is open, close answered 409 ({"error": "locked"}): close it by hand'
    )


def test_an_abort_before_the_ticket_was_seen_to_be_opened_says_so(case: Case) -> None:
    found = gate("change", PARAMS).undo(case.made.world, subject(), case.moment())
    assert found == Residue("open may have opened a ticket, its id is unknown")
