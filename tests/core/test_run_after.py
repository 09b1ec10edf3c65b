"""What postflight found, as the page and the document of a run tell it."""

from dataclasses import replace

from fleetkeeper.core.run import RunState, Step, StepState, TaskKey
from fleetkeeper.core.run_after import After, after
from fleetkeeper.core.run_page import Seen, run_page
from fleetkeeper.core.run_status import run_row
from tests.core.test_run_page import ID, NOW, seen

FOUND = After(
    "minor 1.36, coredns v1",
    ('Terraform: version = "1.36" of aws_eks_cluster', "eksctl: addons[name=coredns].version: v1"),
    ("2 nodes of gpu at 1.34 (it has images of its own)",),
    ("FK302/Webhook policy",),
)


def ended(idx: int, state: StepState = StepState.SUCCEEDED) -> Step:
    return Step(TaskKey(ID, idx), 2, "after", "postflight", state, NOW, memory=FOUND.memory)


def over(steps: tuple[Step, ...]) -> Seen:
    """A run that has ended."""
    found = seen()
    return replace(found, run=replace(found.run, state=RunState.SUCCEEDED, ended_at=NOW), steps=steps)


def page(found: Seen) -> str:
    return "\n".join(line.text for line in run_page(found, NOW, 160))


def test_what_a_step_keeps_is_read_again_as_it_was() -> None:
    assert after([ended(0)]) == {0: FOUND}
    assert after([replace(ended(0), memory=After("").memory)]) == {0: After("")}


def test_one_that_did_not_end_well_tells_nothing() -> None:
    assert after([ended(0, StepState.FAILED), replace(ended(1), kind="preflight")]) == {}
    assert "After the last step" not in page(replace(seen(), steps=(ended(0, StepState.WAITING),)))


def test_the_page_and_the_document_have_the_lines_of_the_source() -> None:
    found = over((ended(0),))
    text = page(found)
    assert "After the last step" in text
    assert "is at minor 1.36, coredns v1" in text
    assert 'into the source: Terraform: version = "1.36" of aws_eks_cluster' in text
    assert "left as it was: 2 nodes of gpu at 1.34" in text
    assert "new since preflight: FK302/Webhook policy" in text
    assert run_row(found, NOW).tasks[0].after == FOUND


def test_a_large_run_shows_the_first_and_counts_the_rest() -> None:
    found = over(tuple(ended(idx) for idx in range(5)))
    assert "and 2 more members" in page(found)
    assert f"all of it: fleetkeeper run status {ID} -o wide" in page(found)
    assert "more members" not in page(replace(found, every=True))


def test_many_lines_for_the_source_are_counted_and_stand_on_the_wide_page() -> None:
    many = replace(FOUND, source=tuple(f"Terraform: line {number}" for number in range(6)))
    found = over((replace(ended(0), memory=many.memory),))
    assert "into the source: 6 lines" in page(found)
    assert "line 5" not in page(found)
    assert "into the source: Terraform: line 5" in page(replace(found, every=True))


def test_while_a_run_is_not_over_its_page_tells_what_moves_and_not_what_was_left() -> None:
    found = replace(seen(), steps=(ended(0),))
    assert "After the last step" not in page(found)
    assert "After the last step" in page(replace(found, every=True))
