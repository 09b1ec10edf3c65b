"""One tick of a run: everything it decides by is read, the decision is made, and what changed is written, all at once.

Between reading and writing, others commit outcomes of its tasks. So what is written is fenced by the epochs that were
read: when a task moved meanwhile, its tasks are locked, read anew and decided anew. A task that a worker holds just now
is not written, for the worker's outcome is nearer to the world; the run is woken when the worker gives it back, and
decides anew. But an abort or a skip is written at once and overrules the worker: see claims.

Admissions are the other race: two runs that decide at one moment would both take the last address, or one cluster. So
a decision that admits somebody is made once more behind a lock that all runs share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import commands, tampered
from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import insert_rows, is_sqlite, mark, rows_of, select_keys, update_keys
from fleetkeeper.adapters.store.claims import is_free
from fleetkeeper.adapters.store.plans import header_of
from fleetkeeper.adapters.store.run_rows import (
    MOVING,
    TASK,
    Codec,
    approvals_of,
    run_of,
    run_row,
    standing_freezes,
    unit_of,
    unit_row,
)
from fleetkeeper.adapters.store.run_wakes import append_events, drop_reservations, lock_admissions, lock_tick
from fleetkeeper.core.approval import PLAN, Approval
from fleetkeeper.core.frozen import replace
from fleetkeeper.core.run import (
    OVER,
    TASK_OVER,
    Busy,
    Changes,
    Command,
    Consent,
    Role,
    Run,
    RunView,
    Task,
    TaskState,
)
from fleetkeeper.errors import Tampered

Approves = Callable[[Sequence[Approval], str], Consent | None]
"""Which of these approvals of a plan counts for the header's digest."""

_OVERRULING = frozenset({TaskState.ABORTING, TaskState.ABORTED, TaskState.SKIPPED})


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a view is made of, and what fences its writes: the epochs by the tasks' idx, the count of wakes.

    wrong: why the tasks cannot be read; then there are none.
    """

    run: Run
    wakes: int
    header: str
    tasks: tuple[Task, ...]
    epochs: dict[int, int]
    wrong: str = ""


class _Alone(Exception):
    """The decision has to be made once more, behind the locks that nobody can pass."""


def tick(
    connection: sa.Connection, id: str, decide: Callable[[RunView], Changes], approves: Approves, knows: commands.Knows
) -> Changes | None:
    """None when there is no such run, or another worker decides for it."""
    if not lock_tick(connection, id):
        return None
    try:
        with connection.begin_nested():
            return _decide(connection, id, decide, approves, knows, alone=is_sqlite(connection))
    except _Alone:  # and the savepoint's end gave all row locks back, so these are taken in their order
        lock_admissions(connection)
        _lock_tasks(connection, id)
        return _decide(connection, id, decide, approves, knows, alone=True)


def _decide(
    connection: sa.Connection,
    id: str,
    decide: Callable[[RunView], Changes],
    approves: Approves,
    knows: commands.Knows,
    *,
    alone: bool,
) -> Changes | None:
    seen = _look(connection, id)
    if seen is None:
        return None
    try:
        changes = decide(_view(connection, seen, approves, knows))
    except Tampered as error:
        return _not_believed(connection, seen, str(error), commands.for_tick(connection, id, knows))
    if not alone and _admits(seen, changes):
        raise _Alone
    leased = _leased(connection, seen, changes)
    if leased is None:
        raise _Alone
    _write(connection, seen, changes, leased)
    return changes


def _not_believed(connection: sa.Connection, seen: _Seen, wrong: str, said: tuple[Command, ...]) -> Changes:
    _lock_tasks(connection, seen.run.id)
    known = tampered.known(connection, seen.run.id)
    seen = replace(seen, tasks=known.tasks, epochs=dict(known.epochs))
    changes = tampered.decided(connection, seen.run, wrong, known, said)
    _write(connection, seen, changes, _leased(connection, seen, changes) or frozenset())
    return changes


# ---- reading


def _look(connection: sa.Connection, id: str) -> _Seen | None:
    """The run first: a wake that comes after it is seen by the count, one before it by the tasks."""
    row = connection.execute(_RUN_AND_HEADER, {"id": id}).first()
    if row is None:
        return None
    codec = Codec(connection)
    statement = f"SELECT {', '.join(TASK)}, epoch FROM run_task WHERE run_id = {mark(connection)} ORDER BY idx"
    rows = rows_of(connection, statement, (id,))
    try:
        tasks = tuple(codec.task(each) for each in rows)
    except Tampered as error:
        return _Seen(run_of(row), row.wakes, row.header, (), {}, str(error))
    return _Seen(run_of(row), row.wakes, row.header, tasks, {each[1]: each[-1] for each in rows})


def _view(connection: sa.Connection, seen: _Seen, approves: Approves, knows: commands.Knows) -> RunView:
    """Raises Tampered when the plan is not the one that the run was made of, and when a task cannot be read."""
    if seen.wrong:
        raise Tampered(seen.wrong)
    run = seen.run
    of_plan = tuple(each for each in approvals_of(connection, [run.plan])[run.plan] if each.gate == PLAN)
    return RunView(
        header=header_of(run.plan, seen.header, run.digest),
        run=run,
        units=tuple(unit_of(row) for row in connection.execute(_UNITS, {"id": run.id})),
        tasks=seen.tasks,
        commands=commands.for_tick(connection, run.id, knows),
        elsewhere=tuple(Busy(*row) for row in connection.execute(_ELSEWHERE, {"id": run.id})),
        reserved=tuple((name, int(amount)) for name, amount in connection.execute(_RESERVED, {"id": run.id})),
        freezes=standing_freezes(connection),
        approved=approves(of_plan, run.digest),
    )


def _elsewhere() -> sa.Select[Any]:
    """Members of other runs that are not over: those in work, and those that failed or were aborted half-way."""
    task, run, step = tables.run_task, tables.run, tables.run_step
    acted = sa.exists().where(step.c.run_id == task.c.run_id, step.c.task == task.c.idx, step.c.intent != "")
    half_done = sa.and_(
        task.c.state.in_([TaskState.FAILED.value, TaskState.ABORTED.value]), sa.or_(task.c.step > 0, acted)
    )
    in_work = sa.and_(task.c.started_at.is_not(None), task.c.state.not_in([state.value for state in TASK_OVER]))
    return (
        sa.select(task.c.run_id, task.c.name, task.c.arn, task.c.service, task.c.region)
        .join(run, run.c.id == task.c.run_id)
        .where(run.c.id != sa.bindparam("id"), run.c.state.not_in([state.value for state in OVER]))
        .where(task.c.role == Role.MEMBER.value, sa.or_(in_work, half_done))
        .order_by(task.c.run_id, task.c.idx)
    )


def _run_and_header() -> sa.Select[Any]:
    run, plan = tables.run, tables.plan
    return sa.select(run, plan.c.header).join(plan, plan.c.id == run.c.plan_id).where(run.c.id == sa.bindparam("id"))


def _units() -> sa.Select[Any]:
    own = tables.run_unit
    return sa.select(own).where(own.c.run_id == sa.bindparam("id")).order_by(own.c.stage, own.c.group_name)


def _reserved() -> sa.Select[Any]:
    """Resource, and the sum of what other runs hold of it."""
    own = tables.reservation
    query = sa.select(own.c.resource, sa.func.sum(own.c.amount)).where(own.c.run_id != sa.bindparam("id"))
    return query.group_by(own.c.resource).order_by(own.c.resource)


# Made once: to put such a query together takes SQLAlchemy longer than the database to answer it.
_RUN_AND_HEADER, _UNITS, _ELSEWHERE, _RESERVED = _run_and_header(), _units(), _elsewhere(), _reserved()


# ---- writing


def _admits(seen: _Seen, changes: Changes) -> bool:
    before = {task.key.idx: task for task in seen.tasks}
    return any(_holds(task) and not _holds(before[task.key.idx]) for task in changes.tasks)


def _holds(task: Task) -> bool:
    """Whether it is in work: from its admission until it is over it holds what it needs."""
    return task.started_at is not None and task.state not in TASK_OVER


def _lock_tasks(connection: sa.Connection, id: str) -> None:
    own = tables.run_task
    standing = own.c.state.not_in([state.value for state in TASK_OVER])
    query = sa.select(own.c.idx).where(own.c.run_id == id, standing).order_by(own.c.idx)
    connection.execute(query.with_for_update()).all()


def _leased(connection: sa.Connection, seen: _Seen, changes: Changes) -> frozenset[int] | None:
    """Lock the tasks that change: the idx of those that a worker holds. None when one of them moved since the look."""
    keys = sorted((task.key.run, task.key.idx) for task in changes.tasks)
    rows = select_keys(connection, tables.run_task, ("idx", "epoch", "lease_owner"), keys, lock=True)
    if any(epoch != seen.epochs[idx] for idx, epoch, _ in rows):
        return None
    if all(owner is None for _, _, owner in rows):
        return frozenset()
    own = tables.run_task
    held = sa.select(own.c.idx).where(own.c.run_id == seen.run.id, own.c.lease_owner.is_not(None))
    living = set(connection.scalars(held.where(sa.not_(is_free(connection)))))
    return frozenset(idx for idx, _, _ in rows if idx in living)


def _write(connection: sa.Connection, seen: _Seen, changes: Changes, leased: frozenset[int]) -> None:
    run = seen.run.id
    _write_tasks(connection, changes.tasks, leased)
    _write_reservations(connection, seen, [task for task in changes.tasks if _stands(task, leased)])
    units = tables.run_unit
    for unit in changes.units:
        row = unit_row(run, unit)
        same = sa.and_(*(units.c[key] == row[key] for key in ("run_id", "stage", "group_name")))
        connection.execute(units.update().where(same).values(row))
    for applied in changes.applied:
        commands.answer(connection, applied, _moment(changes))
    if changes.run is not None:
        _write_run(connection, changes.run, seen.wakes)
    elif seen.run.state in OVER:  # it was woken for an answer, and sleeps again
        _write_run(connection, replace(seen.run, due=None), seen.wakes)
    append_events(connection, changes.events)


def _stands(task: Task, leased: frozenset[int]) -> bool:
    return task.key.idx not in leased or task.state in _OVERRULING


def _write_tasks(connection: sa.Connection, tasks: Sequence[Task], leased: frozenset[int]) -> None:
    """Every write gives a new epoch: what a worker whose lease ended still says is dropped."""
    codec, own = Codec(connection), tables.run_task
    rows = [(*codec.moving(task), task.key.run, task.key.idx) for task in tasks if _stands(task, leased)]
    freed = "lease_owner = NULL, lease_until = NULL, lease_epoch = NULL, epoch = epoch + 1"
    update_keys(connection, own, MOVING, [row for row in rows if row[-1] not in leased], freed)
    update_keys(connection, own, MOVING, [row for row in rows if row[-1] in leased], "epoch = epoch + 1")
    later = [(task.key.run, task.key.idx) for task in tasks if not _stands(task, leased)]
    update_keys(connection, own, (), later, "wake = TRUE")


def _write_reservations(connection: sa.Connection, seen: _Seen, tasks: Sequence[Task]) -> None:
    before = {task.key.idx: _holds(task) for task in seen.tasks}
    moved = [task for task in tasks if task.needs and _holds(task) != before[task.key.idx]]
    drop_reservations(connection, [task.key for task in moved])
    amounts: dict[tuple[str, int, str], int] = {}
    for task in moved:
        for need in task.needs if _holds(task) else ():
            key = (task.key.run, task.key.idx, need.resource)
            amounts[key] = amounts.get(key, 0) + need.amount
    columns = ("run_id", "task", "resource", "amount")
    insert_rows(connection, tables.reservation, columns, [(*key, amount) for key, amount in amounts.items()])


def _write_run(connection: sa.Connection, run: Run, wakes: int) -> None:
    """due is the decision's, unless somebody woke the run while it decided: then it is due as they said."""
    own = tables.run
    due = sa.case((own.c.wakes == wakes, sa.literal(run.due, own.c.due.type)), else_=own.c.due)
    connection.execute(own.update().where(own.c.id == run.id).values({**run_row(run), "due": due}))


def _moment(changes: Changes) -> datetime:
    """The keeper's time of the decision, as its events have it; the wall's when it has none."""
    return max((event.at for event in changes.events), default=None) or datetime.now(UTC)
