"""Only what the executor signed counts: every field of an approval and of a step is covered."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core import approval
from fleetkeeper.core.approval import Approval, is_sealed, refusal, rejection, seal, sign, standing
from fleetkeeper.core.run import Step, StepState, TaskKey

KEY = b"the executor's own key, 32 bytes!"
NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
UNSIGNED = Approval("a1", "plan-1", "", "", "d1", True, "bob", "slack", "ann", NOW, NOW + timedelta(days=7))


def signed(**changes: object) -> Approval:
    unsigned = replace(UNSIGNED, **changes)  # type: ignore[arg-type]
    return replace(unsigned, signature=sign(unsigned, KEY))


OTHER: dict[str, object] = {
    "id": "a2",
    "plan": "plan-2",
    "run": "run-1",
    "gate": "canary/look",
    "digest": "d2",
    "approved": False,
    "actor": "eve",
    "identity": "local",
    "requester": "eve",
    "at": NOW + timedelta(seconds=1),
    "expires_at": NOW,
    "note": "fine",
    "signature": "0" * 64,
}


def test_an_approval_of_another_person_for_this_plan_counts() -> None:
    assert refusal(signed(), "d1", KEY) == ""


@pytest.mark.parametrize("field", [each.name for each in fields(Approval)])
def test_an_approval_whose_row_was_changed_does_not_count(field: str) -> None:
    changed = replace(signed(), **{field: OTHER[field]})  # type: ignore[arg-type]
    assert "was not signed" in refusal(changed, "d1", KEY)


@pytest.mark.parametrize(
    ("approval", "reason"),
    [
        pytest.param(signed(digest="d0"), "another plan", id="it was for another plan"),
        pytest.param(signed(actor="ann"), "may not approve", id="the requester signed it"),
        pytest.param(signed(approved=False, note="too soon"), "too soon", id="it was a rejection"),
        pytest.param(replace(UNSIGNED, signature=sign(UNSIGNED, b"x")), "not signed", id="another key signed it"),
    ],
)
def test_an_approval_does_not_count_when(approval: Approval, reason: str) -> None:
    assert reason in refusal(approval, "d1", KEY)


def test_a_rejection_stands_until_a_later_approval() -> None:
    no = signed(id="a2", approved=False, at=NOW + timedelta(hours=1), note="not on a Friday")
    found, reason = standing([signed(), no], "d1", KEY)
    assert found is None
    assert "not on a Friday" in reason
    later = signed(id="a3", at=NOW + timedelta(hours=2))
    assert standing([no, later, signed()], "d1", KEY) == (later, "")


def test_a_forged_rejection_stops_nobody() -> None:
    forged = replace(signed(), id="a2", approved=False, at=NOW + timedelta(hours=1))
    assert standing([forged, signed()], "d1", KEY) == (signed(), "")


def test_without_any_approval_there_is_none() -> None:
    assert standing([], "d1", KEY) == (None, "")


STEP = Step(TaskKey("run-1", 0), 0, "backup", "backup", StepState.INTENDED, NOW, token="t1", memory={"name": "b1"})
CHANGED: dict[str, object] = {
    "key": TaskKey("run-1", 1),
    "idx": 1,
    "name": "other",
    "kind": "run-command",
    "state": StepState.READY,
    "token": "t2",
    "memory": {"name": "b2"},
    "attempt": 1,
}


def test_a_row_that_the_executor_wrote_is_known_as_its_own() -> None:
    assert is_sealed(replace(STEP, seal=seal(STEP, "{}", "d1", KEY)), "{}", "d1", KEY)


@pytest.mark.parametrize("field", CHANGED)
def test_a_step_whose_row_was_changed_is_not_the_executors_own(field: str) -> None:
    row = replace(STEP, seal=seal(STEP, "{}", "d1", KEY))
    assert not is_sealed(replace(row, **{field: CHANGED[field]}), "{}", "d1", KEY)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["ä" * 64, "\ud800", ""], ids=["no ASCII", "a lone surrogate", "nothing"])
def test_what_somebody_wrote_as_a_proof_is_refused_and_breaks_nothing(text: str) -> None:
    assert not is_sealed(replace(STEP, seal=text), "{}", "d1", KEY)
    assert "was not signed" in refusal(replace(signed(), signature=text), "d1", KEY)
    assert rejection([replace(REJECTED, signature=text)], "d1", KEY) is None


def test_a_step_is_sealed_for_its_parameters_and_its_plan() -> None:
    row = replace(STEP, seal=seal(STEP, "{}", "d1", KEY))
    assert not is_sealed(row, '{"addon":"coredns"}', "d1", KEY)
    assert not is_sealed(row, "{}", "d2", KEY)


REJECTED = signed(approved=False, note="too soon")


@pytest.mark.parametrize(
    ("decisions", "stands"),
    [
        pytest.param([], False, id="nobody decided"),
        pytest.param([signed()], False, id="somebody approved"),
        pytest.param([REJECTED], True, id="somebody rejected"),
        pytest.param([REJECTED, signed(at=NOW + timedelta(1))], False, id="it was approved later"),
        pytest.param([signed(), signed(approved=False, at=NOW + timedelta(1))], True, id="it was rejected later"),
        pytest.param(
            [REJECTED, signed(actor="ann", at=NOW + timedelta(1))], True, id="the requester approved it later"
        ),
        pytest.param([replace(REJECTED, note="other")], False, id="the row of the rejection was changed"),
        pytest.param([signed(approved=False, digest="d0")], False, id="the rejection was of another plan"),
    ],
)
def test_whether_a_rejection_stands(decisions: list[Approval], stands: bool) -> None:
    found = rejection(decisions, "d1", KEY)
    assert (found is not None) is stands
    assert found is None or not found.approved


COVERED = st.recursive(
    st.text(st.characters()) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none(), st.lists
)


@given(covered=COVERED)
def test_the_fast_text_of_what_is_signed_is_that_of_json(covered: object) -> None:
    """So that what an older release signed or sealed still counts."""
    text = json.dumps(covered, separators=(",", ":"), ensure_ascii=True)
    assert approval._encoded(covered) == text.encode()
