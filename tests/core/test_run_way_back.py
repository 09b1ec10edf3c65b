"""Until when the members of a run can be taken back, as its page, its document and its end tell it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.run import Step, StepState, TaskKey
from fleetkeeper.core.run_page import Seen, run_page
from fleetkeeper.core.run_status import run_row
from fleetkeeper.core.run_way_back import TakenBack, end_note, ways_back
from fleetkeeper.core.verdict import Memory
from fleetkeeper.core.versions import Minor
from tests.core.test_run_page import ID, NOW, seen


def memory(source: str = "1.34", hours: float = 1) -> Memory:
    at = (NOW - timedelta(hours=hours)).isoformat()
    return {"from": source, "update": "u-1", "created": at, "ended": at}


def moved(idx: int, kind: str = "upgrade-control-plane", at: int = 2, **other: object) -> Step:
    usual = Step(TaskKey(ID, idx), at, kind, kind, StepState.SUCCEEDED, NOW - timedelta(hours=1), memory=memory())
    return replace(usual, **other)  # type: ignore[arg-type]


def of(*steps: Step) -> Seen:
    return replace(seen(), steps=steps)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((moved(0, state=StepState.WAITING),), id="an upgrade under way"),
        pytest.param((moved(0, state=StepState.FAILED),), id="an upgrade that failed"),
        pytest.param((moved(0, memory={"from": "1.34"}),), id="an upgrade that was skipped over"),
        pytest.param((moved(0, memory=memory(hours=169)),), id="an upgrade of more than 7 days ago"),
        pytest.param((moved(0), moved(0, "rollback-control-plane", 3)), id="an upgrade that was taken back"),
        pytest.param((moved(0, "update-addon"),), id="another step"),
    ],
)
def test_there_is_no_way_back_of(steps: tuple[Step, ...]) -> None:
    found = of(*steps)
    assert ways_back(found.steps, NOW) == {}
    assert end_note(found.steps, found.tasks, NOW) == ""
    assert "Ways back" not in "\n".join(line.text for line in run_page(found, NOW, 100))


def test_of_two_hops_only_the_last_can_be_taken_back() -> None:
    ways = ways_back((moved(0, at=9, memory=memory("1.35")), moved(0)), NOW)
    assert ways[0].to == Minor(1, 35)


def test_an_upgrade_that_an_abort_has_followed_to_its_end_can_be_taken_back() -> None:
    assert 0 in ways_back((moved(0, state=StepState.UNDONE),), NOW)


def test_the_page_counts_down_and_names_those_first_whose_time_ends_first() -> None:
    found = of(*(moved(idx, memory=memory(hours=idx + 1)) for idx in range(5)))
    text = [line.text for line in run_page(found, NOW, 100)]
    start = text.index("Ways back")
    assert "rollback to 1.34 possible for 6 d 19 h, until" in text[start + 1]
    assert text[start + 4] == "  and 2 more, later"
    every = [line.text for line in run_page(replace(found, every=True), NOW, 100)]
    assert sum("rollback to 1.34 possible" in line for line in every) == 5


def test_the_document_has_it_for_each_member() -> None:
    rows = run_row(of(moved(0)), NOW).tasks
    assert rows[0].rollback is not None
    assert (rows[0].rollback.to, rows[0].rollback.until) == (Minor(1, 34), NOW + timedelta(days=6, hours=23))
    assert rows[1].rollback is None


def test_the_end_of_a_run_says_how_many_can_be_taken_back() -> None:
    found = of(moved(0), moved(1, memory=memory(hours=2)))
    until = NOW + timedelta(days=6, hours=22)
    name = found.tasks[1].name
    assert end_note(found.steps, found.tasks, NOW) == (
        f"2 members can be taken back by `fleetkeeper run rollback {found.run.id}` for 6 d 22 h, until {until.day}"
        f" {until:%b %H:%M} UTC, {name} first"
    )


BACK = TakenBack(0, "rollback-7c1d-1", NOW - timedelta(minutes=1))


def test_a_way_back_that_a_later_run_has_taken_is_told_with_that_run_and_no_more_promised() -> None:
    found = replace(of(moved(0), moved(1)), taken=(BACK,))
    assert list(ways_back(found.steps, NOW, found.taken)) == [1]
    text = [line.text for line in run_page(found, NOW, 100)]
    start = text.index("Ways back")
    assert "rollback to 1.34 possible" in text[start + 1]
    assert text[start + 2].endswith(": was taken back by run rollback-7c1d-1, 21 Nov 03:11 UTC")
    assert end_note(found.steps, found.tasks, NOW, found.taken).startswith("1 member can be taken back")
    rows = run_row(found, NOW).tasks
    assert [(each.rollback is None, each.rolled_back_by) for each in rows[:2]] == [(True, BACK.run), (False, "")]


def test_where_all_ways_back_were_taken_none_is_promised_at_the_end() -> None:
    found = replace(of(moved(0)), taken=(BACK,))
    assert end_note(found.steps, found.tasks, NOW, found.taken) == ""
    assert any(BACK.run in line.text for line in run_page(found, NOW, 100))


def test_a_rollback_from_before_the_upgrade_took_nothing_of_it() -> None:
    before = replace(BACK, at=NOW - timedelta(days=1))
    assert 0 in ways_back((moved(0),), NOW, (before,))
