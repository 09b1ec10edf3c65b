"""docs/state.md: each of its queries runs on both databases and finds something; no state and no cause is left out."""

import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_tables as tables
from fleetkeeper.adapters.store.notices import SqlNotices
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.core.notices.values import AnswerKind, Delivery
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.core.plan import Need
from fleetkeeper.core.run import (
    Applied,
    Cause,
    Changes,
    Freeze,
    Run,
    RunState,
    RunView,
    StepState,
    TaskState,
    UnitState,
    Verb,
)
from fleetkeeper.engine.notice_ports import Recheck, WaveThread
from tests.contract import telling as tell
from tests.contract.observed import later
from tests.contract.running import approval, begin, claim, command, event, outcome, plan, step, why

PAGE = (Path(__file__).parents[2] / "docs" / "state.md").read_text("utf-8")
QUERIES = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
OURS = ("plan", "plan_member", "run", "run_unit", "run_task", "run_step", "reservation", "event", "command")
SHARED = ("approval", "change_freeze", "api_budget", "worker")
TOLD = ("notice", "outbox", "outbox_queue", "chat_pace", "told", "answer", "answer_item")
ASKED = ("contact", "recheck", "wave_thread")


def ask(runs: SqlRuns, query: str) -> list[dict[str, Any]]:
    with runs._database.engine.begin() as connection:
        return [dict(row) for row in connection.execute(sa.text(query.strip().rstrip(";"))).mappings()]


@pytest.fixture
def busy(runs: SqlRuns, notices: SqlNotices) -> SqlRuns:
    """A run in which everything happens at once, and notices of each state."""
    telling(notices)
    begun = begin(runs, members=7)
    made, _, _ = plan()
    runs.beat("left", "host-1", "1.0")
    runs.take_budget("123456789012", "eu-west-1", 1, 1, 20)
    runs.add_freeze(Freeze("f1", "holidays", "ada", later(1)))
    runs.add_command(command(made.header.id, Verb.APPROVE, "approve"))
    runs.settle(Applied("approve", True, "approved"), approval(made), event(begun, "approved"), later(2))
    runs.add_command(command(begun.id))
    claimed = claim(runs)
    keys = [each.task.key for each in claimed]
    acted = step(keys[1], 0, StepState.WAITING, token="t", intent="update coredns", started_at=later(1))
    lost = step(keys[2], 0, StepState.UNKNOWN, error="the answer was lost", intent="call restart")
    kept = step(keys[5], 0, StepState.LEFT, error="the hold of node group a")
    asks = why(Cause.UNKNOWN, "did the restart happen?", since=later(2), owner="the on-call")
    runs.commit(
        [
            outcome(claimed[0], state=TaskState.PENDING, why=why(Cause.SERVICE)),
            outcome(claimed[1], acted, events=(event(keys[1], "update coredns"),)),
            outcome(claimed[2], lost, state=TaskState.BLOCKED, due=None, why=asks),
            outcome(claimed[3], state=TaskState.FAILED, due=None, why=why(Cause.FAILED)),
            outcome(claimed[4], state=TaskState.ABORTED, due=None),
            outcome(claimed[5], kept, state=TaskState.ABORTED, due=None, why=why(Cause.STEP, "a hold is left")),
        ]
    )
    needing(runs, begun)
    return runs


def needing(runs: SqlRuns, begun: Run) -> None:
    """A second run, whose member holds addresses."""
    waiting: Any = {"state": TaskState.NOT_STARTED, "started_at": None, "due": None}
    other = begin(runs, 1, "other", needs=(Need("subnet:a", 5, 9),), **waiting)

    def admit(view: RunView) -> Changes:
        return Changes(tasks=(replace(view.tasks[0], state=TaskState.RUNNING, started_at=later(1)),))

    runs.tick_run(other.id, admit)


def telling(notices: SqlNotices) -> None:
    tell.save(
        notices,
        *(tell.writing(id, id) for id in ("sent", "failed", "doubtful")),
        tell.writing("reply", "sent", thread="sent"),
    )
    for each in tell.claim(notices):
        ends = {"sent": Delivery.SENT, "failed": Delivery.FAILED, "doubtful": Delivery.AMBIGUOUS}
        how = ends[each.key]
        found = tell.posted() if how is Delivery.SENT else None
        notices.settle([tell.out(each, state=how, posted=found, error="" if found else "is_archived")], later(1))
    tell.save(notices, edits={"sent": "mended"})
    notices.save_turn([], [tell.told()], {}, later(1))
    notices.add_answer(tell.answer())
    notices.add_answer(tell.answer("click-2", AnswerKind.EXTEND))
    notices.add_answer(tell.answer("click-3", AnswerKind.NOT_MINE))
    notices.save_contacts([Contact("bob@example.com", Reach.GONE)], later(1))
    notices.add_recheck(Recheck("r1", ("shop",), "ada@example.com", "n1", later(1)))
    notices.save_wave(WaveThread("addons-7f3a-1", "wave", 3, "abc"), [tell.writing("wave", "oncall")], {}, later(1))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(query.split())[:70])
def test_a_query_of_the_page_finds_what_is_there(busy: SqlRuns, query: str) -> None:
    assert ask(busy, query)


def test_what_waits_is_told_with_its_cause_and_since_when(busy: SqlRuns) -> None:
    waiting = ask(busy, QUERIES[0])
    assert [(row["name"], row["state"], row["cause"], row["owner"]) for row in waiting] == [
        ("shop-0", "pending", "service", "ada"),
        ("shop-2", "blocked", "unknown", "the on-call"),
    ]
    assert str(waiting[1]["why_since"]).startswith("2026-11-20 12:02:00")
    (asked,) = ask(busy, QUERIES[2])
    assert (asked["name"], asked["why"]) == ("shop-2", "did the restart happen?")


def test_every_table_is_in_a_query_and_on_the_page() -> None:
    for name in (*OURS, *SHARED, *TOLD, *ASKED):
        assert name in tables.all_tables.tables
        assert f"`{name}`" in PAGE
        assert any(re.search(rf"(?:FROM|JOIN) {name}\b", query) for query in QUERIES), name


@pytest.mark.parametrize(
    ("row", "states"),
    [("a run", RunState), ("a stage or group", UnitState), ("a member or gate", TaskState), ("a step", StepState)],
)
def test_every_state_is_on_the_page(row: str, states: type[StrEnum]) -> None:
    (line,) = re.findall(rf"^\| {row} \|(.*)$", PAGE, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", line)) == sorted(states)


def test_every_state_of_a_message_is_on_the_page() -> None:
    lines = PAGE.partition("| `outbox.state` |")[2].partition("\n\n")[0].splitlines()[2:]
    named = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in lines]
    assert sorted(name for (name,) in named) == sorted(Delivery)


def test_what_waits_to_go_out_is_told_with_what_it_waits_for(busy: SqlRuns) -> None:
    (query,) = [query for query in QUERIES if "waits_for" in query]
    waiting = {row["key"]: (row["state"], row["error"]) for row in ask(busy, query)}
    assert waiting == {
        "doubtful": ("ambiguous", "is_archived"),
        "reply": ("pending", ""),
        "sent/edit": ("pending", ""),
        "wave": ("pending", ""),
    }


def test_every_cause_is_on_the_page() -> None:
    lines = PAGE.partition("| `cause` |")[2].partition("\n\n")[0].splitlines()[2:]
    named = [name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted(Cause)


def test_the_engine_s_own_rows_say_who_holds_a_task(busy: SqlRuns) -> None:
    (query,) = [query for query in QUERIES if "lease_owner" in query]
    assert [(row["name"], row["host"]) for row in ask(busy, query)] == [("shop-6", "host-1")]
