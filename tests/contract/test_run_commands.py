"""What operators say of runs, what workers share, and what is forgotten, on SQLite and on a real PostgreSQL."""

import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.plan import Need
from fleetkeeper.core.run import Applied, Cause, Changes, Freeze, RunState, TaskState, Verb
from fleetkeeper.errors import StoreUnavailable
from tests.contract.observed import later
from tests.contract.running import (
    approval,
    begin,
    claim,
    command,
    event,
    moving,
    outcome,
    plan,
    run,
    step,
    tasks_of,
    view_of,
    why,
)
from tests.contract.test_store_writers import at_once
from tests.postgres import running

Open = Callable[[], SqlRuns]
FREEZE = Freeze("f1", "holidays", "ada", later(3))


def asleep(runs: SqlRuns, **other: Any) -> str:
    """A run that looks again in an hour and a half."""
    begun = begin(runs, **other)
    runs.tick_run(begun.id, lambda view: Changes(run=replace(view.run, due=later(99))))
    return begun.id


class TestCommands:
    def test_the_same_click_twice_is_one_command_and_its_run_is_due_at_once(self, runs: SqlRuns) -> None:
        id = asleep(runs)
        assert runs.due_runs(later(2)) == ()
        assert runs.add_command(command(id))
        assert not runs.add_command(command(id, reason="again"))
        assert runs.due_runs(later(2)) == (id,)
        assert view_of(runs, id).commands == (command(id),)
        assert runs.applied("click-1") is None

    def test_a_run_that_is_over_is_woken_to_answer_and_sleeps_again(self, runs: SqlRuns) -> None:
        id = asleep(runs)
        runs.tick_run(id, lambda view: Changes(run=replace(view.run, state=RunState.SUCCEEDED, due=None)))
        runs.add_command(command(id))
        assert runs.due_runs(later(2)) == (id,)
        refused = Applied("click-1", False, "the run is over")
        runs.tick_run(id, lambda view: Changes(applied=(refused,)))
        assert runs.applied("click-1") == refused
        assert runs.due_runs(later(999)) == ()

    def test_a_decision_is_settled_once_with_its_approval_and_event(self, runs: SqlRuns) -> None:
        id = asleep(runs)
        made, _, _ = plan()
        said = command(made.header.id, Verb.APPROVE)
        runs.add_command(said)
        assert runs.to_verify() == (said,)
        assert view_of(runs, id).commands == ()
        first, second = Applied(said.id, True, "approved"), Applied(said.id, False, "too late")
        runs.settle(first, approval(made), event(run(made), "approved"), later(4))
        runs.settle(second, approval(made, "approval-2"), event(run(made), "refused"), later(5))
        assert runs.to_verify() == ()
        assert runs.applied(said.id) == first
        assert runs.approvals(made.header.id) == (approval(made),)
        assert [each.event.text for each in runs.events(id)] == ["created", "approved"]
        assert runs.due_runs(later(4)) == (id,)

    def test_one_that_is_refused_leaves_no_approval(self, runs: SqlRuns) -> None:
        id = asleep(runs)
        runs.add_command(command(id, Verb.APPROVE))
        runs.settle(Applied("click-1", False, "ada asked for it"), None, event(run(plan()[0]), "refused"), later(4))
        assert runs.approvals("addons-7f3a") == ()
        assert runs.applied("click-1") == Applied("click-1", False, "ada asked for it")

    def test_a_gate_that_waits_for_the_approval_looks_at_once(self, runs: SqlRuns) -> None:
        id = asleep(runs, state=TaskState.PENDING, why=why(Cause.APPROVAL), due=later(60))
        made, _, _ = plan()
        runs.add_command(command(id, Verb.APPROVE))
        given = approval(made, run=id, gate="canary/ok")
        runs.settle(Applied("click-1", True, "approved"), given, event(run(made)), later(4))
        assert {each.due for each in tasks_of(runs, id)[:3]} == {later(4)}
        found = runs.run(id)
        assert found is not None
        assert found.approvals == (given,)

    def test_a_freeze_wakes_every_run_and_what_it_held_goes_on_when_it_is_lifted(self, runs: SqlRuns) -> None:
        id = asleep(runs, state=TaskState.PENDING, why=why(Cause.FREEZE), due=later(60))
        assert runs.add_freeze(FREEZE)
        assert not runs.add_freeze(replace(FREEZE, reason="again"))
        assert runs.freezes() == (FREEZE,)
        assert runs.due_runs(later(3)) == (id,)
        assert runs.lift_freeze("f1", "bob", later(5))
        assert not runs.lift_freeze("f1", "bob", later(6))
        assert runs.freezes() == ()
        assert {each.due for each in tasks_of(runs, id)[:3]} == {later(5)}


class TestBudgets:
    def test_what_is_taken_comes_back_with_time_and_never_above_the_burst(self, runs: SqlRuns) -> None:
        assert runs.take_budget("1", "eu", 8, rate=0.001, burst=10) == 0
        assert runs.take_budget("1", "eu", 2, rate=0.001, burst=10) == 0
        wait = runs.take_budget("1", "eu", 1, rate=0.001, burst=10)
        assert 900 < wait <= 1000
        assert runs.take_budget("1", "us", 1, rate=0.001, burst=10) == 0
        _age(runs, 2000)
        assert runs.take_budget("1", "eu", 2, rate=0.001, burst=10) == 0
        assert runs.take_budget("1", "eu", 1, rate=0.001, burst=10) > 900
        _age(runs, 9_999_999)
        assert runs.take_budget("1", "eu", 10, rate=0.001, burst=10) == 0
        assert runs.take_budget("1", "eu", 1, rate=0.001, burst=10) > 900

    def test_more_than_the_burst_is_given_by_a_full_bucket_and_paid_for_later(self, runs: SqlRuns) -> None:
        assert runs.take_budget("1", "eu", 25, rate=0.001, burst=10) == 0
        assert runs.take_budget("1", "eu", 1, rate=0.001, burst=10) > 15_000

    def test_a_clock_that_was_set_back_gives_and_takes_nothing(self, runs: SqlRuns) -> None:
        assert runs.take_budget("1", "eu", 5, rate=1000, burst=10) == 0
        _age(runs, -9999)
        assert runs.take_budget("1", "eu", 5, rate=1000, burst=10) == 0

    def test_replicas_share_it(self, open_runs: Open) -> None:
        stores = [open_runs(), open_runs()]

        def taker(number: int) -> Callable[[], object]:
            return lambda: [stores[number % 2].take_budget("1", "eu", 1, 0.0001, 20) == 0 for _ in range(5)].count(True)

        taken = at_once(*(taker(number) for number in range(8)))
        assert sum(each for each in taken if isinstance(each, int)) == 20


def _age(runs: SqlRuns, seconds: float) -> None:
    own = tables.api_budget
    with runs._database.engine.begin() as connection:
        connection.execute(own.update().values(refilled_at=own.c.refilled_at - seconds))


class TestWorkers:
    def test_a_beat_is_the_time_of_the_databases_clock(self, runs: SqlRuns) -> None:
        before = datetime.now(UTC) - timedelta(minutes=1)
        for version in ("1.0", "1.1"):
            runs.beat("left", "host-1", version)
        with runs._database.engine.begin() as connection:
            (row,) = connection.execute(sa.select(tables.worker)).all()
        assert (row.id, row.host, row.version) == ("left", "host-1", "1.1")
        assert before < row.heartbeat_at < before + timedelta(minutes=9)

    def test_those_that_said_so_lately_live(self, runs: SqlRuns) -> None:
        runs.beat("left", "host-1", "1.0")
        runs.beat("right", "host-2", "1.0")
        own = tables.worker
        with runs._database.engine.begin() as connection:
            stale = datetime.now(UTC) - timedelta(minutes=5)
            connection.execute(own.update().where(own.c.id == "left").values(heartbeat_at=stale))
        assert runs.living(timedelta(minutes=1)) == ("right",)
        assert runs.living(timedelta(hours=1)) == ("left", "right")

    @pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
    def test_on_sqlite_a_new_worker_need_not_wait_for_the_leases_of_a_dead_one(self, open_runs: Open) -> None:
        dead, living = open_runs(), open_runs()
        begin(dead)
        dead.beat("dead", "host", "1")
        (late, *_) = claim(dead, "dead")
        living.beat("living", "host", "1")
        assert len(claim(living, "living")) == 3
        living.beat("living", "host", "1")
        assert claim(living, "living") == ()
        assert dead.commit([outcome(late, state=TaskState.FAILED)]) == frozenset()

    @pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
    def test_on_postgresql_a_new_worker_leaves_the_others_their_leases(self, open_runs: Open) -> None:
        left, right = open_runs(), open_runs()
        begin(left)
        left.beat("left", "host", "1")
        (held, *_) = claim(left, "left")
        right.beat("right", "host", "1")
        assert claim(right, "right") == ()
        assert left.commit([outcome(held, step=1)]) == {held.task.key}


class TestForgetting:
    def test_a_run_that_is_over_for_so_long_is_forgotten_with_all_that_is_its(
        self, runs: SqlRuns, store: SqlStore
    ) -> None:
        needs = (Need("subnet:a", 1, 9),)
        old, young = begin(runs, id="old"), begin(runs, id="young", needs=needs)
        made, _, _ = plan("old")
        for said in (command(old.id, id="a"), command("old", Verb.APPROVE, "b"), command(young.id, id="c")):
            runs.add_command(said)
        runs.settle(Applied("b", True, "yes"), approval(made), event(old, "approved"), later(4))
        for claimed in claim(runs):
            runs.commit([outcome(claimed, step(claimed.task.key))])
        runs.tick_run(young.id, moving(0, started_at=None))
        runs.tick_run(young.id, moving(0, started_at=later(1)))
        ended: Any = {"state": RunState.SUCCEEDED, "due": None, "ended_at": later(60)}
        runs.tick_run(old.id, lambda view: Changes(run=replace(view.run, **ended)))
        before = _rows(runs)
        store.prune(later(59) + timedelta(days=30), history_days=30)
        assert _rows(runs) == before
        store.prune(later(61) + timedelta(days=45), history_days=30)
        assert runs.run(old.id) is None
        assert runs.plan("old") is None
        assert runs.events(old.id) == ()
        left = _rows(runs)
        assert left == {"approval": 0, "command": 1, "event": 1} | {
            "plan": 1, "plan_member": 3, "run": 1, "run_unit": 2, "run_task": 4, "run_step": 3, "reservation": 1
        }  # fmt: skip
        begin(runs, id="next")
        assert runs.events("next-1")[0].id > max(each.id for each in runs.events(young.id))

    def test_a_plan_that_may_still_be_started_is_kept(self, runs: SqlRuns, store: SqlStore) -> None:
        runs.save_plan(*plan("expired", expires_at=later(9)))
        runs.save_plan(*plan("standing"))
        store.prune(later(60) + timedelta(days=2), history_days=2)
        assert [each.header.id for each in runs.plans()] == ["standing"]

    def test_freezes_that_stand_are_kept(self, runs: SqlRuns, store: SqlStore) -> None:
        runs.add_freeze(FREEZE)
        store.prune(later(60) + timedelta(days=999), history_days=2)
        assert runs.freezes() == (FREEZE,)


def _rows(runs: SqlRuns) -> dict[str, int]:
    names = (
        "plan",
        "plan_member",
        "run",
        "run_unit",
        "run_task",
        "run_step",
        "reservation",
        "event",
        "approval",
        "command",
    )
    with runs._database.engine.begin() as connection:
        return {name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}


class TestFailures:
    @pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
    @pytest.mark.parametrize("what", ["commit", "command"])
    def test_an_answer_that_was_lost_after_the_commit_changes_nothing_twice(self, runs: SqlRuns, what: str) -> None:
        begun = begin(runs)
        claimed = claim(runs)
        outcomes = [outcome(each, step(each.task.key), events=(event(each.task.key),), step=1) for each in claimed]
        losing = _lose_the_answer_once(runs)
        if what == "commit":
            assert runs.commit(outcomes) == {each.task.key for each in claimed}
        else:
            runs.add_command(command(begun.id))
        assert losing == ["lost"]
        assert len(runs.events(begun.id)) == (4 if what == "commit" else 1)

    def test_a_database_that_is_gone_is_unavailable_and_serves_again_when_it_is_back(self) -> None:
        with running() as server:
            runs = SqlRuns(StoreSettings(server.migrated()))
            begin(runs)
            (held, *_) = claim(runs)
            server.stop(signal.SIGQUIT)
            with pytest.raises(StoreUnavailable, match="commit outcomes"):
                runs.commit([outcome(held, step=1)])
            server.start()
            assert runs.commit([outcome(held, step=1)]) == {held.task.key}
            runs.close()


def _lose_the_answer_once(runs: SqlRuns) -> list[str]:
    """The next commit takes place, and the connection breaks before its answer."""
    lost: list[str] = []

    def lose(connection: sa.Connection) -> None:
        if not lost:
            lost.append("lost")
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.commit()
            raw.close()
            raise sa.exc.DBAPIError(
                "COMMIT", None, Exception("server closed the connection"), connection_invalidated=True
            )

    sa.event.listen(runs._database.engine, "commit", lose)
    return lost
