"""How a run's decision is read and written while workers hold its tasks, on SQLite and on a real PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.plan import Need
from fleetkeeper.core.run import (
    Applied,
    Busy,
    Cause,
    Changes,
    Control,
    Freeze,
    RunState,
    RunView,
    StepState,
    TaskState,
    Unit,
    UnitState,
    Verb,
)
from tests.contract.observed import NOON, later
from tests.contract.running import (
    approval,
    begin,
    claim,
    command,
    event,
    gate,
    moving,
    outcome,
    plan,
    step,
    steps_of,
    task,
    tasks_of,
    view_of,
    why,
)

Open = Callable[[], SqlRuns]
WAITS = {"state": TaskState.NOT_STARTED, "started_at": None, "due": None}
ADMITTED = {"state": TaskState.RUNNING, "started_at": later(1), "due": later(1)}
FIVE = (Need("subnet:a", 5, 9),)


class TestViews:
    def test_a_decision_rests_on_everything(self, runs: SqlRuns) -> None:
        begun = begin(runs)
        made, _, _ = plan()
        said, freeze = command(begun.id), Freeze("f1", "holidays", "ada", NOON, "ring=late", later(9))
        runs.add_command(said)
        runs.add_freeze(freeze)
        view = view_of(runs, begun.id)
        assert (view.header, view.run) == (made.header, begun)
        assert view.units == (Unit(0, "", UnitState.RUNNING, NOON), Unit(0, "eu", UnitState.RUNNING, NOON))
        assert view.tasks == (*(task(begun, idx) for idx in range(3)), gate(begun, 3))
        assert (view.commands, view.freezes) == ((said,), (freeze,))
        assert (view.elsewhere, view.reserved, view.holds, view.approved) == ((), (), (), None)

    def test_it_is_approved_by_an_approval_of_this_plan_alone(self, runs: SqlRuns) -> None:
        begun = begin(runs)
        made, _, _ = plan()
        for number, other in enumerate(({"gate": "canary/ok", "run": begun.id}, {"digest": "of another plan"}, {})):
            assert not view_of(runs, begun.id).approved
            said = command(made.header.id, Verb.APPROVE, f"click-{number}")
            runs.add_command(said)
            given = approval(made, f"approval-{number}", **other)
            runs.settle(Applied(said.id, True, "approved"), given, event(begun, "approved"), later(3))
        assert view_of(runs, begun.id).approved

    def test_what_is_in_work_or_half_done_in_other_active_runs_is_elsewhere(self, runs: SqlRuns) -> None:
        mine, other = begin(runs, id="mine"), begin(runs, members=5, id="other")
        claimed = {each.task.key.idx: each for each in claim(runs) if each.task.key.run == other.id}
        acted = step(claimed[2].task.key, 0, StepState.FAILED, intent="update coredns")
        runs.commit(
            [
                outcome(claimed[1], state=TaskState.FAILED, due=None),
                outcome(claimed[2], acted, state=TaskState.FAILED, due=None),
                outcome(claimed[3], state=TaskState.ABORTED, step=1, due=None),
                outcome(claimed[4], state=TaskState.SUCCEEDED, step=3, due=None),
            ]
        )
        expected = [Busy(other.id, t.name, t.arn, "shop", t.region) for t in tasks_of(runs, other.id)[:4]]
        assert view_of(runs, mine.id).elsewhere == (expected[0], expected[2], expected[3])
        over = replace(other, state=RunState.FAILED, ended_at=later(5), due=None)
        runs.tick_run(other.id, lambda view: Changes(run=over))
        assert view_of(runs, mine.id).elsewhere == ()

    def test_a_run_that_is_not_there_is_not_decided(self, runs: SqlRuns) -> None:
        assert runs.tick_run("nobody", moving(0)) is None


class TestWrites:
    def test_only_what_changed_is_written(self, runs: SqlRuns, settings: StoreSettings) -> None:
        begun = begin(runs)
        moved = replace(begun, state=RunState.PAUSED, control=Control.PAUSE, why=why(Cause.PAUSED), due=later(15))
        unit = Unit(0, "eu", UnitState.PENDING, later(1), why(Cause.GATE))
        said = command(begun.id)
        runs.add_command(said)
        held = why(Cause.SERVICE)

        def decide(view: RunView) -> Changes:
            member = replace(view.tasks[1], why=held, state=TaskState.PENDING)
            return Changes(moved, (unit,), (member,), (event(begun, "paused"),), (Applied(said.id, True, "paused"),))

        changes = runs.tick_run(begun.id, decide)
        found = runs.run(begun.id)
        assert changes is not None
        assert found is not None
        assert found.run == moved
        assert found.units == (Unit(0, "", UnitState.RUNNING, NOON), unit)
        assert [each.why for each in found.tasks] == [None, held, None, None]
        assert found.commands == ((said, Applied(said.id, True, "paused")),)
        assert runs.applied(said.id) == Applied(said.id, True, "paused")
        assert [each.event.text for each in runs.events(begun.id)] == ["created", "paused"]
        assert runs.next_due() == NOON  # the tasks

    def test_a_decision_that_fails_writes_nothing(self, runs: SqlRuns) -> None:
        begun = begin(runs)

        def decide(view: RunView) -> Changes:
            raise LookupError("a mistake")

        with pytest.raises(LookupError):
            runs.tick_run(begun.id, decide)
        assert runs.due_runs(NOON) == (begun.id,)

    def test_a_task_that_nobody_holds_is_written_and_what_a_zombie_says_is_dropped(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        (zombie,) = claim(runs, lease=timedelta(0))
        runs.tick_run(begun.id, moving(0, why=why()))
        assert runs.commit([outcome(zombie, state=TaskState.FAILED)]) == frozenset()
        assert tasks_of(runs, begun.id)[0].why == why()

    def test_a_task_that_a_worker_holds_is_left_alone_and_its_run_woken_when_it_comes_back(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=2)
        held, other = claim(runs)
        runs.tick_run(
            begun.id, lambda view: Changes(run=replace(begun, due=None), tasks=moving(0, why=why())(view).tasks)
        )
        runs.commit([outcome(other, due=later(9))])
        assert tasks_of(runs, begun.id)[0] == held.task
        assert runs.due_runs(later(1)) == ()
        assert runs.commit([outcome(held, due=later(9))]) == {held.task.key}
        assert runs.due_runs(later(1)) == (begun.id,)
        runs.tick_run(begun.id, moving(0, why=why()))
        assert tasks_of(runs, begun.id)[0].why == why()

    @pytest.mark.parametrize("state", [TaskState.ABORTING, TaskState.SKIPPED])
    def test_an_abort_overrules_the_worker_but_what_its_act_came_to_is_kept(
        self, runs: SqlRuns, state: TaskState
    ) -> None:
        begun = begin(runs, members=1)
        (held,) = claim(runs)
        runs.tick_run(begun.id, moving(0, state=state, since=later(1), due=later(1)))
        assert runs.guards([held.task.key])[held.task.key].epoch != held.epoch
        assert claim(runs, "right") == ()  # the call may still be under way
        waiting = step(held.task.key, 0, StepState.WAITING, memory={"update": "7"}, intent="update coredns")
        late = outcome(held, waiting, events=(event(held.task.key, "acted"),), step=1, due=later(9))
        assert runs.commit([late]) == frozenset()
        assert tasks_of(runs, begun.id)[0] == replace(held.task, state=state, since=later(1), due=later(1))
        assert steps_of(runs, begun.id) == (waiting,)
        assert [each.event.text for each in runs.events(begun.id)] == ["created", "acted"]
        (again,) = claim(runs, "right")
        assert (again.task.state, again.step) == (state, waiting)
        assert runs.commit([late]) == frozenset()
        assert len(runs.events(begun.id)) == 2

    @pytest.mark.parametrize("state", [StepState.READY, StepState.INTENDED, StepState.ACTING])
    def test_an_overruled_worker_that_has_not_acted_leaves_no_intent(self, runs: SqlRuns, state: StepState) -> None:
        begun = begin(runs, members=1)
        (held,) = claim(runs)
        runs.tick_run(begun.id, moving(0, state=TaskState.ABORTING))
        assert runs.commit([outcome(held, step(held.task.key, 0, state))]) == frozenset()
        assert steps_of(runs, begun.id) == ()
        assert len(claim(runs, "right")) == 1

    def test_an_overruled_worker_that_died_holds_nobody_up_for_longer_than_its_lease(self, runs: SqlRuns) -> None:
        begun = begin(runs, members=1)
        runs.tick_run(begun.id, moving(0, state=TaskState.RUNNING))
        claim(runs, lease=timedelta(milliseconds=1))
        runs.tick_run(begun.id, moving(0, state=TaskState.ABORTING))
        assert [each.task.state for each in claim(runs, "right")] == [TaskState.ABORTING]


class TestReservations:
    def test_they_are_held_from_the_admission_until_the_task_is_over(self, runs: SqlRuns) -> None:
        mine, other = begin(runs, id="mine"), begin(runs, members=2, id="other", needs=FIVE, **WAITS)
        assert view_of(runs, mine.id).reserved == ()
        runs.tick_run(other.id, moving(0, 1, state=TaskState.PENDING, why=why(Cause.RESERVATION)))
        assert view_of(runs, mine.id).reserved == ()
        runs.tick_run(other.id, moving(0, 1, **ADMITTED))
        assert view_of(runs, mine.id).reserved == (("subnet:a", 10),)
        assert view_of(runs, other.id).reserved == ()
        held, *_ = [each for each in claim(runs) if each.task.key.run == other.id]
        runs.commit([outcome(held, state=TaskState.SUCCEEDED, due=None)])
        assert view_of(runs, mine.id).reserved == (("subnet:a", 5),)
        runs.tick_run(other.id, moving(1, state=TaskState.SKIPPED, due=None))
        assert view_of(runs, mine.id).reserved == ()

    def test_a_failed_task_that_is_tried_again_holds_them_again(self, runs: SqlRuns) -> None:
        mine, other = begin(runs, id="mine"), begin(runs, members=1, id="other", needs=FIVE, **WAITS)
        runs.tick_run(other.id, moving(0, **ADMITTED))
        runs.tick_run(other.id, moving(0, state=TaskState.FAILED, due=None))
        assert view_of(runs, mine.id).reserved == ()
        runs.tick_run(other.id, moving(0, state=TaskState.RUNNING, due=later(2)))
        assert view_of(runs, mine.id).reserved == (("subnet:a", 5),)

    def test_needs_of_one_resource_add_up(self, runs: SqlRuns) -> None:
        mine = begin(runs, id="mine")
        other = begin(
            runs, members=1, id="other", needs=(*FIVE, Need("subnet:a", 2, 9), Need("quota:x", 1, 3)), **WAITS
        )
        runs.tick_run(other.id, moving(0, **ADMITTED))
        assert view_of(runs, mine.id).reserved == (("quota:x", 1), ("subnet:a", 7))


class TestTampering:
    @pytest.mark.parametrize(
        "statement",
        [
            pytest.param("UPDATE plan SET header = replace(header, 'service=shop', 'ring=all')", id="header"),
            pytest.param("UPDATE run SET digest = 'abc'", id="digest of the run"),
            pytest.param("UPDATE run_task SET state = 'dreaming' WHERE idx = 1", id="task"),
            pytest.param("UPDATE run_task SET needs = '{' WHERE idx = 1", id="needs"),
        ],
    )
    def test_a_run_that_was_edited_by_hand_stops_and_says_so_once(self, runs: SqlRuns, statement: str) -> None:
        begun = begin(runs)
        with runs._database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        for _ in range(2):
            assert runs.tick_run(begun.id, _never) is not None
        (stored,) = runs.runs()
        assert (stored.state, stored.since) == (RunState.BLOCKED, NOON)
        assert stored.why is not None
        assert (stored.why.cause, stored.why.since) == (Cause.TAMPERED, NOON)
        named = "task 1 of run addons-7f3a-1" if "run_task" in statement else "header of plan addons-7f3a"
        assert named in stored.why.text
        assert stored.due == later(2)
        assert [each.event.kind for each in runs.events(begun.id)] == ["run", "tampered"]


def _never(view: RunView) -> Changes:
    raise AssertionError("a decision by a plan that nobody approved")
