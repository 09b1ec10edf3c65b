"""What is shown of a run whose plan is not what was approved: its own rows, and first of all that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleetkeeper.core.run import Cause, Control, Event, Role, Rows, Run, RunState, Task, TaskKey, TaskState, Why
from fleetkeeper.core.run_unplanned import unplanned_page, unplanned_row

NOW = datetime(2026, 11, 21, 3, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=1)
WRONG = "the header of plan p is not the one that was made"
WHY = Why(Cause.TAMPERED, WRONG, NOW - timedelta(minutes=5), "the operator of this fleet", "`fleetkeeper run abort r`")
RUN = Run("r", "p", "d", RunState.BLOCKED, NOW - timedelta(minutes=5), Control.RUN, BEGAN, "ann", why=WHY)


def task(idx: int, name: str, state: TaskState, role: Role = Role.MEMBER, **other: object) -> Task:
    made = Task(TaskKey("r", idx), role, name, 0, "", state, NOW, 5, step=2, account="1", region="eu-west-1")
    return replace(made, **other)  # type: ignore[arg-type]


ROWS = Rows(
    RUN,
    (
        task(0, "shop", TaskState.RUNNING, started_at=BEGAN),
        task(1, "till", TaskState.SUCCEEDED, stage=1),
        task(2, "soak", TaskState.PENDING, Role.GATE, why=Why(Cause.GATE, "soaks until 04:00 UTC", NOW)),
    ),
    (),
    unreadable=1,
)
EVENTS = (Event(NOW, "r", "tampered", WRONG),)


def test_the_page_says_first_that_the_plan_is_not_what_was_approved() -> None:
    lines = list(unplanned_page(ROWS, WRONG, EVENTS, NOW))
    assert lines == [
        f"THE PLAN IS NOT WHAT WAS APPROVED: {WRONG}",
        "What follows is what the rows of the run say; nothing of the plan is shown, and nothing is done by it.",
        "",
        "Run r of plan p, started by ann 21 Nov 02:12 UTC",
        "  BLOCKED for 5m; 1 running, 1 succeeded, 1 task that cannot be read",
        f"  {WRONG} (5m); who: the operator of this fleet; do: `fleetkeeper run abort r`",
        "  stage 1 shop: RUNNING, 2 of 5 steps behind it",
        "  stage 2 till: SUCCEEDED, 2 of 5 steps behind it",
        "  stage 1 gate soak: PENDING",
        "    soaks until 04:00 UTC (0s)",
        "",
        "Last events",
        f"  03:12:00 {WRONG}",
    ]


def test_the_document_has_the_rows_and_what_is_wrong() -> None:
    found = unplanned_row(ROWS, WRONG)
    assert (found.id, found.state, found.wrong, found.unreadable) == ("r", "blocked", WRONG, 1)
    assert [(each.name, each.role, each.stage, each.state) for each in found.tasks] == [
        ("shop", "member", 1, "running"),
        ("till", "member", 2, "succeeded"),
        ("soak", "gate", 1, "pending"),
    ]


def test_a_run_without_readable_tasks_says_so() -> None:
    lines = list(unplanned_page(Rows(RUN, (), (), 0), WRONG, (), NOW))
    assert lines[4] == "  BLOCKED for 5m; no member"
