"""Replicas that work on the same runs at one moment, each with connections of its own."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from fleetkeeper.adapters.store import bulk, claims, run_tick
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.plan import Need
from fleetkeeper.core.run import Changes, RunView, StepState, TaskKey, TaskState
from tests.contract.observed import later
from tests.contract.running import (
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
    why,
)
from tests.contract.test_store_writers import at_once

Open = Callable[[], SqlRuns]
postgresql = pytest.mark.parametrize("settings", ["postgresql"], indirect=True)


def test_no_task_is_given_twice_to_eight_claimers(open_runs: Open) -> None:
    stores = [open_runs(), open_runs()]
    begin(stores[0], members=200)
    given: list[TaskKey] = []

    def claimer(number: int) -> Callable[[], object]:
        def work() -> int:
            before = 0
            while got := claim(stores[number % 2], f"worker {number}", limit=7):
                given.extend(each.task.key for each in got)
                before += len(got)
            return before

        return work

    at_once(*(claimer(number) for number in range(8)))
    rest = claim(stores[0], "last", limit=500)  # those that were locked just when somebody looked
    assert Counter([*given, *(each.task.key for each in rest)]).most_common(1)[0][1] == 1
    assert len(given) + len(rest) == 200


def test_every_tick_of_every_task_counts_once_under_ticks_and_commands(open_runs: Open) -> None:
    """Workers poll each task, ticks write whys into the same rows, operators wake the run: nothing is lost."""
    stores = [open_runs() for _ in range(3)]
    begun = begin(stores[0], members=30)
    steps: Counter[TaskKey] = Counter()

    def worker(number: int) -> Callable[[], object]:
        runs = stores[number]

        def work() -> None:
            for turn in range(12):
                got = claim(runs, f"worker {number}", limit=10)
                outcomes = [
                    outcome(each, step(each.task.key, polls=_polls(each.step) + 1), wakes=turn % 3 == 0) for each in got
                ]
                steps.update(runs.commit(outcomes))

        return work

    def ticker(runs: SqlRuns) -> Callable[[], object]:
        def work() -> None:
            for turn in range(12):
                held = why(text=f"turn {turn}")
                runs.tick_run(begun.id, moving(*range(0, 30, 2), why=held))
                runs.add_command(command(begun.id, id=f"click {turn}"))

        return work

    at_once(*(worker(number) for number in range(3)), ticker(stores[0]), ticker(stores[1]))
    stored = stores[2].run(begun.id)
    assert stored is not None
    assert {each.key: each.polls for each in stored.steps} == dict(steps)
    assert sum(steps.values()) > 30
    assert len(claim(stores[0], limit=100)) == 30


def _polls(of: Any) -> int:
    return of.polls if of else 0


@postgresql
def test_what_others_have_locked_is_passed_over_and_still_due(open_runs: Open) -> None:
    runs, other = open_runs(), open_runs()
    begin(runs, members=3, due=later(-1))
    with other._database.engine.begin() as locking:
        locking.execute(sa.text("SELECT 1 FROM run_task WHERE idx < 2 FOR UPDATE"))
        assert [each.task.key.idx for each in claim(runs)] == [2]
        assert claim(runs) == ()
        assert runs.next_due() == later(-1)
    assert [each.task.key.idx for each in claim(runs)] == [0, 1]


class Interrupted:
    """A decision during which others do some work, once: what it was shown is then of a moment before."""

    def __init__(self, decide: Callable[[RunView], Changes], work: Callable[[], object]) -> None:
        self._decide, self._work = decide, work
        self.calls = 0

    def __call__(self, view: RunView) -> Changes:
        self.calls += 1
        if self.calls == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(self._work).result(timeout=30)
        return self._decide(view)


def nothing(view: RunView) -> Changes:
    return Changes()


@postgresql
def test_one_run_is_decided_by_one_replica(open_runs: Open) -> None:
    runs, other = open_runs(), open_runs()
    begun, second = begin(runs, id="first"), begin(runs, id="second")
    answers: list[Changes | None] = []

    def work() -> None:
        answers.extend(other.tick_run(id, nothing) for id in (begun.id, second.id))

    assert runs.tick_run(begun.id, Interrupted(nothing, work)) == Changes()
    assert answers == [None, Changes()]
    assert other.tick_run(begun.id, nothing) == Changes()


@postgresql
def test_a_task_that_moved_while_a_run_was_decided_is_decided_anew(open_runs: Open) -> None:
    runs, other = open_runs(), open_runs()
    begun = begin(runs)
    held, *_ = claim(other)
    failed = outcome(held, state=TaskState.FAILED, due=None, since=later(1))

    def decide(view: RunView) -> Changes:
        if view.tasks[0].state is TaskState.FAILED:
            return Changes(events=(event(begun, "it failed"),))
        return moving(0, state=TaskState.ABORTING)(view)

    interrupted = Interrupted(decide, lambda: other.commit([failed]))
    assert runs.tick_run(begun.id, interrupted) == Changes(events=(event(begun, "it failed"),))
    assert interrupted.calls == 2
    assert tasks_of(runs, begun.id)[0].state is TaskState.FAILED


@postgresql
@pytest.mark.parametrize("how", ["outcome", "decision"])
def test_between_the_look_at_an_epoch_and_the_write_nobody_can_claim_the_task(
    open_runs: Open, how: str, monkeypatch: Any
) -> None:
    runs, other = open_runs(), open_runs()
    begun = begin(runs, members=1)
    (held,) = claim(runs, lease=timedelta(0))
    claimed: list[Any] = []

    def rival(connection: Any, table: Any, columns: Any, *rest: Any, **more: Any) -> Any:
        found = bulk.select_keys(connection, table, columns, *rest, **more)
        if "epoch" in columns:
            claimed.append(claim(other, "rival"))
        return found

    monkeypatch.setattr(claims if how == "outcome" else run_tick, "select_keys", rival)
    if how == "outcome":
        assert runs.commit([outcome(held, step=1)]) == {held.task.key}
    else:
        runs.tick_run(begun.id, moving(0, step=1))
    assert claimed == [()]
    assert [each.task.step for each in claim(other)] == [1]


@postgresql
@pytest.mark.parametrize("how", ["outcome", "command"])
def test_a_wake_during_a_tick_is_not_lost(open_runs: Open, how: str) -> None:
    runs, other = open_runs(), open_runs()
    begun = begin(runs)
    held, *_ = claim(other)

    def wake() -> None:
        if how == "outcome":
            other.commit([outcome(held, wakes=True)])
        else:
            other.add_command(command(begun.id))

    def sleep(view: RunView) -> Changes:
        return Changes(run=replace(begun, due=later(99)))

    runs.tick_run(begun.id, Interrupted(sleep, wake))
    assert runs.due_runs(later(2)) == (begun.id,)
    runs.tick_run(begun.id, sleep)
    assert runs.due_runs(later(2)) == ()


def admit(view: RunView) -> Changes:
    """Admit the first member when nobody else holds the addresses that it needs."""
    if dict(view.reserved).get("subnet:a", 0) + 5 > 9:
        return Changes()
    return moving(0, state=TaskState.RUNNING, started_at=later(1))(view)


WAITS: Any = {"needs": (Need("subnet:a", 5, 9),), "state": TaskState.NOT_STARTED, "started_at": None, "due": None}


@postgresql
def test_addresses_that_another_run_took_while_one_decided_are_seen(open_runs: Open) -> None:
    runs, other = open_runs(), open_runs()
    first, second = begin(runs, 1, "first", **WAITS), begin(runs, 1, "second", **WAITS)
    interrupted = Interrupted(admit, lambda: other.tick_run(second.id, admit))
    assert runs.tick_run(first.id, interrupted) == Changes()
    assert interrupted.calls == 2
    assert [tasks_of(runs, each.id)[0].state for each in (first, second)] == [TaskState.NOT_STARTED, TaskState.RUNNING]


@postgresql
def test_two_runs_that_decide_at_one_moment_do_not_both_take_the_last_addresses(open_runs: Open) -> None:
    runs, other = open_runs(), open_runs()
    first, second = begin(runs, 1, "first", **WAITS), begin(runs, 1, "second", **WAITS)
    decisions: list[Changes] = []

    with ThreadPoolExecutor(1) as pool:

        def decide(view: RunView) -> Changes:
            decisions.append(admit(view))
            if len(decisions) == 2:  # the last word, and not written yet
                rival = pool.submit(other.tick_run, second.id, admit)
                while not (rival.done() or _somebody_waits(runs)):
                    pass
            return decisions[-1]

        assert runs.tick_run(first.id, decide) == decisions[-1]
    assert [tasks_of(runs, each.id)[0].state for each in (first, second)] == [TaskState.RUNNING, TaskState.NOT_STARTED]


def _somebody_waits(runs: SqlRuns) -> bool:
    with runs._database.engine.begin() as connection:
        return bool(
            connection.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        )


def test_many_runs_ticked_woken_and_worked_on_at_once_end_without_a_deadlock(open_runs: Open) -> None:
    stores = [open_runs() for _ in range(4)]
    ids = [begin(stores[0], members=6, id=f"plan-{n}", needs=(Need("subnet:a", 1, 99),)).id for n in range(4)]

    def work(number: int) -> Callable[[], object]:
        runs = stores[number]

        def turns() -> None:
            for turn in range(8):
                got = claim(runs, f"worker {number}", limit=9)
                for id in ids[number:] + ids[:number]:
                    admitted = None if turn % 2 else later(1)
                    runs.tick_run(id, moving(*range(6), started_at=admitted, why=why(text=f"{turn}")))
                done = [
                    outcome(each, step(each.task.key, 0, StepState.WAITING), wakes=True, events=(event(each.task.key),))
                    for each in reversed(got)
                ]
                runs.commit(done)

        return turns

    at_once(*(work(number) for number in range(4)))
    events = stores[0].events("", limit=10_000)
    assert [each.id for each in events] == sorted({each.id for each in events})
    assert len(claim(stores[0], limit=100)) == 24


@postgresql
def test_a_reader_that_follows_the_log_misses_nothing(open_runs: Open) -> None:
    """Ids are given in the order of commits: an id is never seen before a smaller one."""
    stores = [open_runs() for _ in range(4)]
    begun = begin(stores[0], members=40)
    writing = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        after = 0
        while True:
            last = writing.is_set()
            for each in stores[3].events("", after):
                seen.append(each.id)
                after = each.id
            if last:
                return

    follower = threading.Thread(target=follow)
    follower.start()

    def writer(number: int) -> Callable[[], object]:
        def work() -> None:
            for _ in range(15):
                for each in claim(stores[number], f"worker {number}", limit=5, lease=timedelta(seconds=60)):
                    stores[number].commit([outcome(each, events=(event(each.task.key),) * 3)])

        return work

    at_once(*(writer(number) for number in range(3)))
    writing.set()
    follower.join(60)
    everything = [each.id for each in stores[0].events("", limit=10_000)]
    assert len(everything) > 100
    assert seen == everything
    assert tasks_of(stores[0], begun.id)


_CLAIMER = """
import sys
from fleetkeeper.adapters.store import bulk, claims, run_tick
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from tests.contract.running import claim, outcome
name, url = sys.argv[1:]
runs = SqlRuns(StoreSettings(url))
print("ready", flush=True)
sys.stdin.readline()
written = set()
while got := claim(runs, name, limit=5):
    written |= {key.idx for key in runs.commit([outcome(each, due=None) for each in got])}
print(*written)
"""


def test_two_processes_share_the_work_and_do_none_of_it_twice(settings: StoreSettings, runs: SqlRuns) -> None:
    begun = begin(runs, members=200)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _CLAIMER, name, settings.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("left", "right")
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    done = [[int(idx) for idx in worker.communicate(timeout=120)[0].split()] for worker in workers]
    for each in claim(runs, "last", limit=200):  # what was locked when a worker looked for the last time
        done[0] += [key.idx for key in runs.commit([outcome(each, due=None)])]
    assert sorted(done[0] + done[1]) == list(range(200))
    assert {each.due for each in tasks_of(runs, begun.id)} == {None}


def test_two_starters_create_one_run(open_runs: Open) -> None:
    stores = [open_runs(), open_runs()]
    made, header, bodies = plan()
    begun = run(made)

    def start(runs: SqlRuns) -> Callable[[], object]:
        def work() -> bool:
            runs.save_plan(made, header, bodies)
            return runs.create_run(begun, (), (), [event(begun, "created")])

        return work

    assert at_once(*(start(stores[number % 2]) for number in range(6))).count(True) == 1
    assert len(stores[0].events(begun.id)) == 1
