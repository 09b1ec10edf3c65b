"""What every Runs does with plans, runs and tasks, on SQLite and on a real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.core.approval import seal
from fleetkeeper.core.plan import Need
from fleetkeeper.core.run import Cause, Changes, RunView, StepState, TaskKey, TaskState, Unit, UnitState
from fleetkeeper.core.run_way_back import TakenBack
from fleetkeeper.engine.run_ports import Runs, StoredEvent, StoredRun
from fleetkeeper.errors import Tampered
from tests.contract.observed import NOON, later
from tests.contract.running import (
    LEASE,
    begin,
    claim,
    event,
    gate,
    outcome,
    plan,
    run,
    step,
    steps_of,
    task,
    tasks_of,
    why,
)


def execute(runs: SqlRuns, statement: str) -> None:
    with runs._database.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_it_is_what_the_engine_asks_for(runs: SqlRuns) -> None:
    port: Runs = runs
    assert port.next_due() is None


class TestPlans:
    def test_a_plan_comes_back_whole_by_its_id_or_by_a_beginning_that_only_it_has(self, runs: SqlRuns) -> None:
        made, header, bodies = plan("addons-7f3a")
        other = plan("addons-9c11")
        runs.save_plan(made, header, bodies)
        runs.save_plan(*other)
        assert runs.plan("addons-7f3a") == made
        assert runs.plan("addons-7") == made
        assert runs.plan("addons-") is None
        assert runs.plan("addons_7") is None
        assert runs.plan("") is None
        assert sorted(each.header.id for each in runs.plans()) == ["addons-7f3a", "addons-9c11"]

    def test_a_plan_is_never_changed(self, runs: SqlRuns) -> None:
        made, header, bodies = plan()
        runs.save_plan(made, header, bodies)
        runs.save_plan(*plan(selector="service=pay"))
        assert runs.plan(made.header.id) == made

    @pytest.mark.parametrize(
        ("statement", "named"),
        [
            pytest.param("UPDATE plan SET header = replace(header, 'service=shop', 'ring=all')", "header", id="header"),
            pytest.param("UPDATE plan SET digest = 'abc'", "header", id="digest"),
            pytest.param(
                "UPDATE plan_member SET body = replace(body, '1.12.0', '1.13.0') WHERE idx = 1", "member 1", id="member"
            ),
            pytest.param("DELETE FROM plan_member WHERE idx = 2", "member 2", id="a member is gone"),
            pytest.param(
                "INSERT INTO plan_member SELECT plan_id, 3, body FROM plan_member WHERE idx = 2",
                "member 3",
                id="one more",
            ),
        ],
    )
    def test_what_is_edited_by_hand_is_named(self, runs: SqlRuns, statement: str, named: str) -> None:
        begun = begin(runs)
        untouched = plan("untouched")
        execute(runs, statement)
        runs.save_plan(*untouched)
        with pytest.raises(Tampered, match=rf"{named} of plan addons-7f3a"):
            runs.plan("addons-7f3a")
        with pytest.raises(Tampered):
            runs.run(begun.id)
        assert runs.plans() == (untouched[0],)


class TestRuns:
    def test_a_run_comes_back_whole(self, runs: SqlRuns) -> None:
        made, header, bodies = plan()
        runs.save_plan(made, header, bodies)
        begun = run(made, why=why(), ended_at=later(9))
        units = (Unit(0, "", UnitState.RUNNING, NOON, why(Cause.GATE)), Unit(0, "eu ☃", UnitState.PENDING, NOON))
        odd = task(begun, 0, name="Zürich \ud800", why=why(owner=""), needs=(Need("subnet:a", 5, 9),), ended_at=NOON)
        plain = task(begun, 1, due=None, started_at=None, state=TaskState.NOT_STARTED)
        assert runs.create_run(begun, units, [odd, plain, gate(begun, 2)], [event(begun, "created")])
        assert runs.run(begun.id) == StoredRun(
            begun, made, units, (replace(odd, name="Zürich \ufffd"), plain, gate(begun, 2)), (), (), ()
        )
        assert [each.event for each in runs.events(begun.id)] == [event(begun, "created")]
        assert runs.run("nobody") is None

    def test_it_tells_which_other_run_took_control_planes_of_it_back(self, runs: SqlRuns) -> None:
        first = begin(runs, members=2)
        begin(runs, members=2, id="rollback-1")
        (taking, *_) = [each for each in claim(runs) if each.task.key.run == "rollback-1-1"]
        done = step(taking.task.key, 0, StepState.SUCCEEDED, kind="rollback-control-plane", ended_at=later(3))
        runs.commit([outcome(taking, done)])
        found = runs.run(first.id)
        assert found is not None
        assert found.taken == (TakenBack(taking.task.key.idx, "rollback-1-1", later(3)),)
        itself = runs.run("rollback-1-1")
        assert itself is not None
        assert itself.taken == ()

    def test_starting_twice_is_starting_once(self, runs: SqlRuns) -> None:
        begun = begin(runs)
        assert not runs.create_run(begun, (), [task(begun, 7)], [event(begun)])
        assert len(tasks_of(runs, begun.id)) == 4
        assert len(runs.events(begun.id)) == 1

    def test_runs_are_listed_newest_first_and_without_those_that_are_over_when_asked(self, runs: SqlRuns) -> None:
        begin(runs, id="first")
        made, header, bodies = plan("second")
        runs.save_plan(made, header, bodies)
        over = run(made, state=run(made).state.SUCCEEDED, created_at=later(1), due=None)
        assert runs.create_run(over, (), (), ())
        assert [each.id for each in runs.runs()] == ["second-1", "first-1"]
        assert [each.id for each in runs.runs(over=False)] == ["first-1"]

    def test_events_are_paged_in_their_order_and_never_lose_their_place(self, runs: SqlRuns) -> None:
        left, right = begin(runs, id="left"), begin(runs, id="right")
        for claimed in claim(runs):
            runs.commit([outcome(claimed, events=(event(claimed.task.key, "one"), event(claimed.task.key, "two")))])
        everything = runs.events("")
        assert [each.id for each in everything] == sorted(each.id for each in everything)
        assert {each.event.run for each in everything} == {left.id, right.id}
        pages: list[StoredEvent] = []
        after = 0
        while page := runs.events(left.id, after, limit=2):
            pages += page
            after = page[-1].id
        assert pages == list(runs.events(left.id))
        assert [each.event.text for each in pages] == ["created", *["one", "two"] * 3]

    @pytest.mark.parametrize("statement", ["UPDATE event SET text = 'nothing'", "DELETE FROM event"])
    def test_the_log_cannot_be_rewritten(self, runs: SqlRuns, statement: str) -> None:
        begun = begin(runs)
        with pytest.raises(Exception, match="events are only ever added"):
            execute(runs, statement)
        assert [each.event.text for each in runs.events(begun.id)] == ["created"]

    @pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
    def test_the_log_cannot_be_emptied(self, runs: SqlRuns) -> None:
        begun = begin(runs)
        with pytest.raises(Exception, match="events are only ever added"):
            execute(runs, "TRUNCATE event")
        assert len(runs.events(begun.id)) == 1


class TestClaims:
    def test_what_is_due_is_claimed_longest_due_first_and_once(self, runs: SqlRuns) -> None:
        begun = begin(runs)
        first, *_ = claim(runs, limit=1)
        runs.commit([outcome(first, due=NOON - timedelta(minutes=1))])
        assert [each.task.key.idx for each in claim(runs)] == [0, 1, 2]
        assert claim(runs, "right") == ()
        assert first.run.plan == begun.plan
        assert first.task == task(begun, 0)
        assert first.step is None

    def test_what_is_due_later_or_never_is_not_claimed(self, runs: SqlRuns) -> None:
        begin(runs, due=later(2))
        assert claim(runs) == ()
        assert runs.next_due() == NOON  # the run
        assert [each.task.key.idx for each in runs.claim("left", later(2), 100, LEASE)] == [0, 1, 2]

    def test_a_claim_has_the_current_step(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (claimed,) = claim(runs)
        key = claimed.task.key
        done = step(key, 0, StepState.SUCCEEDED, memory={"update": "1"}, started_at=NOON, ended_at=later(1))
        acting = step(key, 1, StepState.WAITING, token="t", intent="update coredns", deadline=later(40), error="Zü")
        assert runs.commit([outcome(claimed, done, acting, step=1)]) == {key}
        (again,) = claim(runs)
        assert again.step == acting
        assert steps_of(runs, begun.id) == (done, acting)

    def test_an_outcome_is_written_whole_and_gives_the_lease_back(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (claimed,) = claim(runs)
        held = why(Cause.STEP, "waits for 3 pods", next_attempt=None)
        moved: Any = {"state": TaskState.PENDING, "since": later(1), "why": held, "due": later(1), "step": 2}
        assert runs.commit([outcome(claimed, events=(event(claimed.task.key),), **moved)]) == {claimed.task.key}
        assert tasks_of(runs, begun.id)[0] == replace(claimed.task, **moved)
        assert [each.event.kind for each in runs.events(begun.id)] == ["run", "task"]
        (again,) = claim(runs, "right")
        assert again.task == replace(claimed.task, **moved)
        assert again.epoch > claimed.epoch

    def test_a_poll_moves_only_the_due_time_and_the_count(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (claimed,) = claim(runs)
        polled = step(claimed.task.key, 0, StepState.WAITING)
        runs.commit([outcome(claimed, polled)])
        (again,) = claim(runs)
        runs.commit([outcome(again, replace(polled, polls=1), due=later(3))])
        assert tasks_of(runs, begun.id)[0] == replace(claimed.task, due=later(3))
        assert steps_of(runs, begun.id) == (replace(polled, polls=1),)

    def test_a_poll_does_not_cover_up_what_was_edited_by_hand_meanwhile(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (claimed,) = claim(runs)
        polled = step(claimed.task.key, 0, StepState.WAITING)
        runs.commit([outcome(claimed, polled)])
        (again,) = claim(runs)
        with runs._database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE run_step SET intent = 'what nobody decided'")
        runs.commit([outcome(again, replace(polled, polls=1), due=later(3))])
        assert [each.intent for each in steps_of(runs, begun.id)] == ["what nobody decided"]

    def test_an_outcome_that_does_not_say_what_was_claimed_is_written_in_full(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (claimed,) = claim(runs)
        polled = step(claimed.task.key, 0, StepState.WAITING, polls=1)
        runs.commit([replace(outcome(claimed, polled, due=later(3)), before=None)])
        assert tasks_of(runs, begun.id)[0] == replace(claimed.task, due=later(3))
        assert steps_of(runs, begun.id) == (polled,)

    def test_a_zombie_writes_nothing(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (zombie,) = claim(runs, "zombie", lease=timedelta(0))
        (living,) = claim(runs, "living")
        late = outcome(zombie, step(zombie.task.key), wakes=True, events=(event(begun),), state=TaskState.FAILED)
        assert runs.commit([late]) == frozenset()
        assert runs.commit([outcome(living, due=later(1))]) == {living.task.key}
        assert runs.commit([late]) == frozenset()
        assert tasks_of(runs, begun.id)[0] == replace(living.task, due=later(1))
        assert steps_of(runs, begun.id) == ()
        assert len(runs.events(begun.id)) == 1

    def test_a_zombie_in_a_batch_does_not_hold_up_the_others(self, runs: SqlRuns) -> None:
        begin(runs)
        zombie, *_ = claim(runs, lease=timedelta(0))
        living = claim(runs, "living")
        outcomes = [outcome(zombie, step=1), *(outcome(each, step=2) for each in living[1:])]
        assert {key.idx for key in runs.commit(outcomes)} == {1, 2}

    def test_a_commit_whose_answer_was_lost_is_repeated_without_effect_and_told_truly(self, runs: SqlRuns) -> None:
        begun = begin(runs)
        claimed = claim(runs)
        outcomes = [outcome(each, step(each.task.key), events=(event(each.task.key),), step=1) for each in claimed]
        written = runs.commit(outcomes)
        (again, *_) = claim(runs, "right", limit=1)
        assert runs.commit(outcomes) == written == {each.task.key for each in claimed}
        assert len(runs.events(begun.id)) == 4
        assert runs.commit([outcome(again, step=2)]) == {again.task.key}

    def test_a_lease_that_is_over_is_anybodys(self, runs: SqlRuns) -> None:
        begin(runs, members=1)
        claim(runs, "left", lease=timedelta(0))
        assert [each.task.key.idx for each in claim(runs, "right")] == [0]

    def test_a_renewed_lease_lasts_and_one_that_was_lost_is_not_renewed(self, runs: SqlRuns) -> None:
        begin(runs, members=2)
        kept, lost = claim(runs, "left", lease=timedelta(0))
        runs.renew("left", [kept.task.key], LEASE)
        assert [each.task.key for each in claim(runs, "right", lease=timedelta(0))] == [lost.task.key]
        runs.renew("left", [lost.task.key], LEASE)
        assert [each.task.key for each in claim(runs, "third")] == [lost.task.key]

    def test_a_worker_that_ends_gives_everything_back_and_says_no_more(self, runs: SqlRuns) -> None:
        begin(runs)
        left, *_ = claim(runs, "left", limit=2)
        claim(runs, "right", limit=1)
        runs.release("left")
        assert runs.commit([outcome(left, state=TaskState.FAILED)]) == frozenset()
        assert [each.task.key.idx for each in claim(runs, "third")] == [0, 1]

    def test_next_due_is_the_earliest_of_runs_and_free_tasks(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=2, due=later(-5))
        assert runs.next_due() == later(-5)
        claimed = claim(runs)
        assert runs.next_due() == NOON
        runs.commit([outcome(claimed[0], due=later(-2))])
        assert runs.next_due() == later(-2)
        assert runs.due_runs(NOON) == (begun.id,)
        assert runs.due_runs(later(-1)) == ()

    def test_an_outcome_wakes_its_run_at_once(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=2)
        runs.tick_run(begun.id, lambda view: replace_run(view, due=later(30)))
        quiet, loud = claim(runs)
        runs.commit([outcome(quiet, since=later(1))])
        assert runs.due_runs(later(1)) == ()
        runs.commit([outcome(loud, wakes=True, since=later(1), state=TaskState.SUCCEEDED, due=None)])
        assert runs.due_runs(later(1)) == (begun.id,)

    def test_a_row_that_cannot_be_read_stops_nobody_else(self, runs: SqlRuns) -> None:
        begin(runs)
        execute(runs, "UPDATE run_task SET state = 'dreaming' WHERE idx = 1")
        assert [each.task.key.idx for each in claim(runs)] == [0, 2]

    @pytest.mark.parametrize("edit", ["state = 'dreaming'", "memory = 'no JSON'"])
    def test_a_step_that_nobody_wrote_is_shown_as_one_that_no_seal_fits(self, runs: SqlRuns, edit: str) -> None:
        begin(runs, members=1)
        (claimed,) = claim(runs)
        written = step(claimed.task.key, memory={"update": "7"})
        runs.commit([outcome(claimed, written)])
        execute(runs, f"UPDATE run_step SET {edit}")
        (again,) = claim(runs)
        assert again.step is not None
        assert seal(again.step, "", "", b"key") != seal(written, "", "", b"key")

    def test_a_mark_before_an_act_keeps_the_lease(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (held,) = claim(runs)
        acting, waiting = (step(held.task.key, 0, state) for state in (StepState.ACTING, StepState.WAITING))
        mark = replace(outcome(held, acting, events=(event(begun, "acts"),)), keeps=True)
        assert runs.commit([mark]) == runs.commit([mark]) == {held.task.key}
        assert claim(runs, "right") == ()
        guard = runs.guards([held.task.key])[held.task.key]
        assert (guard.step, guard.epoch) == (acting, held.epoch + 1)
        assert runs.commit([replace(outcome(held, waiting), epoch=held.epoch + 1)]) == {held.task.key}
        assert steps_of(runs, begun.id) == (waiting,)
        assert [each.event.text for each in runs.events(begun.id)] == ["created", "acts"]
        assert len(claim(runs, "right")) == 1

    def test_an_epoch_is_not_given_again_after_a_restore(self, runs: SqlRuns) -> None:
        begin(runs, members=1)
        (before,) = claim(runs)
        execute(runs, "UPDATE run_task SET epoch = 0, lease_owner = NULL, lease_until = NULL, lease_epoch = NULL")
        (after,) = claim(runs)
        assert after.epoch > before.epoch
        assert runs.commit([outcome(before, state=TaskState.FAILED)]) == frozenset()


def replace_run(view: RunView, **moved: Any) -> Changes:
    return Changes(run=replace(view.run, **moved))


def test_guards_are_fresh_and_many_at_once(runs: SqlRuns, open_runs: Callable[[], SqlRuns]) -> None:
    begun = begin(runs)
    _, header, bodies = plan()
    claimed = claim(runs)
    current = step(claimed[0].task.key, token="t")
    found = runs.guards([*(each.task.key for each in claimed), TaskKey(begun.id, 3), TaskKey("nobody", 0)])
    assert [(found[each.task.key].member, found[each.task.key].epoch) for each in claimed] == [
        (body, each.epoch) for body, each in zip(bodies, claimed, strict=True)
    ]
    assert {each.header for each in found.values()} == {header}
    assert found[TaskKey(begun.id, 3)].member == ""
    assert len(found) == 4
    assert found[claimed[0].task.key].run == begun
    open_runs().commit([outcome(claimed[0], current)])
    fresh = runs.guards([claimed[0].task.key])[claimed[0].task.key]
    assert fresh.step == current
    assert fresh.epoch != claimed[0].epoch
    assert runs.guards([]) == {}


def test_durations_are_of_finished_steps_of_the_kind_newest_first(runs: SqlRuns) -> None:
    begin(runs, members=3)
    ends = [10, 30, 20]
    for claimed, minutes in zip(claim(runs), ends, strict=True):
        key = claimed.task.key
        done = step(key, 1, StepState.SUCCEEDED, started_at=NOON, ended_at=later(minutes))
        other = step(key, 0, StepState.SUCCEEDED, started_at=NOON, ended_at=later(99))
        failed = step(key, 2, StepState.FAILED, kind="update-addon", started_at=NOON, ended_at=later(99))
        runs.commit([outcome(claimed, other, done, failed)])
    assert runs.durations("update-addon") == tuple(timedelta(minutes=each) for each in (30, 20, 10))
    assert runs.durations("nothing") == ()


class TestRowsWithoutAPlan:
    """What people may still read of a run whose plan is not what was approved."""

    def test_the_rows_of_a_run_are_those_that_it_has(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=2)
        whole = runs.run(begun.id)
        found = runs.rows(begun.id)
        assert whole is not None
        assert found is not None
        assert (found.run, found.tasks, found.steps, found.unreadable) == (whole.run, whole.tasks, whole.steps, 0)
        assert runs.rows("no-such-run") is None

    def test_they_are_read_whatever_became_of_the_plan(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=2)
        before = runs.rows(begun.id)
        execute(runs, "UPDATE plan SET digest = 'other'")
        with pytest.raises(Tampered):
            runs.run(begun.id)
        assert runs.rows(begun.id) == before

    def test_a_task_that_nobody_could_have_written_is_counted_and_the_others_are_shown(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=3)
        execute(runs, "UPDATE run_task SET state = 'nonsense' WHERE idx = 1")
        found = runs.rows(begun.id)
        assert found is not None
        assert (1 not in [each.key.idx for each in found.tasks], found.unreadable) == (True, 1)
        assert len(found.tasks) >= 2
