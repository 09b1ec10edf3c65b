"""The approval gate opens for an approver's word, waits in words that can be acted on, and fails for a rejection."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.approval import Approval
from fleetkeeper.core.verdict import Done, Failed, Wait
from tests.contract.observed import NOON
from tests.engine.gating import HEADER, RUN, FakeApprovals, Gating, at, gate, subject

APPROVED = Approval(
    "a1", HEADER.id, RUN.id, "canary/look", RUN.digest, True, "bob", "slack", "ann", NOON, NOON + timedelta(days=7)
)
REJECTED = replace(APPROVED, approved=False, note="the canary pages")
COMMAND = "`fleetkeeper run approve run-7 --gate canary/look`"


def waits(text: str, owner: str) -> Wait:
    return Wait(text, timedelta(seconds=15), owner)


@pytest.mark.parametrize(
    ("approvals", "verdict"),
    [
        pytest.param(FakeApprovals(APPROVED), Done("approved by bob (slack)"), id="opens for an approver's word"),
        pytest.param(
            FakeApprovals(replace(APPROVED, note="looks good")),
            Done("approved by bob (slack): looks good"),
            id="tells what the approver noted",
        ),
        pytest.param(
            FakeApprovals(),
            waits(f"waits for an approval by bob, eve: {COMMAND}", "bob, eve"),
            id="waits while nobody decided, and does not ask the requester",
        ),
        pytest.param(
            FakeApprovals(people=("ann",)),
            waits(
                f"waits for an approval by an approver other than ann; `approvals.people` names none: {COMMAND}",
                "",
            ),
            id="says so when nobody else may approve",
        ),
        pytest.param(
            FakeApprovals(reason="the approval a1 is for another plan than the one that is stored now"),
            waits(
                f"waits for an approval by bob, eve: {COMMAND}; the approval a1 is for another plan than the one that "
                "is stored now",
                "bob, eve",
            ),
            id="tells why an approval that is there does not count",
        ),
        pytest.param(
            FakeApprovals(rejected=REJECTED),
            Failed(
                "bob (slack) rejected it at 2026-11-20 12:00 UTC: the canary pages",
                f"an approval overrules it: {COMMAND}, then retry the gate",
                final=True,
            ),
            id="fails for a rejection, with its reason",
        ),
    ],
)
def test_the_approval_gate(approvals: FakeApprovals, verdict: object) -> None:
    assert Gating(approvals=approvals).verdict("approval", {}) == verdict


def test_the_question_to_the_approver_is_told() -> None:
    found = Gating().verdict("approval", {"question": "is the canary's error budget whole?"})
    assert isinstance(found, Wait)
    assert "(is the canary's error budget whole?)" in found.why


def test_a_dry_run_asks_for_no_stored_decision() -> None:
    code = gate("approval", {})
    world = Gating(approvals=FakeApprovals(APPROVED, REJECTED)).world
    found = code.decide(code.look(world, subject(run=None), at(0)), at(0))
    assert isinstance(found, Wait)
    assert "`fleetkeeper run approve RUN --gate canary/look`" in found.why
