"""What is read of runs: for people, and for the engine before an act."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import is_sqlite, mark, marks, rows_of, select_keys
from fleetkeeper.adapters.store.plans import find_plan, texts_of
from fleetkeeper.adapters.store.run_rows import (
    STEP,
    TASK,
    Codec,
    applied_of,
    approvals_of,
    command_of,
    event_of,
    run_of,
    runs_of,
    runs_where,
    standing_freezes,
    unit_of,
)
from fleetkeeper.adapters.store.tampered import known
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.run import OVER, Applied, Command, Role, Rows, Run, Step, StepState, Task, TaskKey, Unit
from fleetkeeper.core.run_way_back import ROLLBACK, TakenBack
from fleetkeeper.engine.run_ports import Guard, StoredEvent, StoredRun
from fleetkeeper.errors import Tampered

_DURATIONS = 200


def stored_run(connection: sa.Connection, id: str) -> StoredRun | None:
    """Raises Tampered when its plan is not what was approved."""
    own = tables.run
    row = connection.execute(sa.select(own).where(own.c.id == id)).first()
    if row is None:
        return None
    approvals = approvals_of(connection, [row.plan_id])[row.plan_id]
    return StoredRun(
        run=run_of(row),
        plan=_plan_of(connection, row),
        units=_units(connection, id),
        tasks=_tasks(connection, id),
        steps=_steps(connection, id),
        approvals=tuple(each for each in approvals if each.run in {"", id}),
        commands=_commands(connection, (id, row.plan_id)),
        taken=_taken(connection, id),
    )


def _taken(connection: sa.Connection, run: str) -> tuple[TakenBack, ...]:
    return tuple(TakenBack(*row) for row in connection.execute(_taken_by_others(), {"run": run}))


@cache
def _taken_by_others() -> sa.Select[Any]:
    """Rollbacks by other runs of the clusters of one, by the index of steps of one kind and state.

    Made once: to make it takes longer than to ask.
    """
    step, other, own = tables.run_step, tables.run_task, tables.run_task.alias()
    run: sa.BindParameter[str] = sa.bindparam("run")
    return (
        sa.select(own.c.idx, step.c.run_id, step.c.ended_at)
        .join(other, sa.and_(other.c.run_id == step.c.run_id, other.c.idx == step.c.task))
        .join(own, sa.and_(own.c.arn == other.c.arn, own.c.role == Role.MEMBER.value, own.c.arn != ""))
        .where(step.c.kind == ROLLBACK, step.c.state == StepState.SUCCEEDED.value, step.c.ended_at.is_not(None))
        .where(own.c.run_id == run, step.c.run_id != run)
        .order_by(step.c.ended_at, step.c.run_id)
    )


def run_rows(connection: sa.Connection, id: str) -> Rows | None:
    """Without the plan, and without the tasks that cannot be read: those are counted."""
    own = tables.run
    row = connection.execute(sa.select(own).where(own.c.id == id)).first()
    if row is None:
        return None
    found = known(connection, id)
    tasks = tuple(sorted(found.tasks, key=lambda each: each.key.idx))
    read = {each.key for each in tasks}
    steps = tuple(each for each in _steps(connection, id) if each.key in read)
    return Rows(run_of(row), tasks, steps, len(found.unreadable))


def _plan_of(connection: sa.Connection, row: Any) -> Plan:
    plan = find_plan(connection, row.plan_id)
    if plan is None or plan.digest != row.digest:
        raise Tampered(f"the plan {row.plan_id} is not the one that run {row.id} was made of: its digest differs")
    return plan


def _units(connection: sa.Connection, run: str) -> tuple[Unit, ...]:
    own = tables.run_unit
    query = sa.select(own).where(own.c.run_id == run).order_by(own.c.stage, own.c.group_name)
    return tuple(unit_of(row) for row in connection.execute(query))


def _tasks(connection: sa.Connection, run: str) -> tuple[Task, ...]:
    codec = Codec(connection)
    statement = f"SELECT {', '.join(TASK)} FROM run_task WHERE run_id = {mark(connection)} ORDER BY idx"
    return tuple(codec.task(row) for row in rows_of(connection, statement, (run,)))


def _steps(connection: sa.Connection, run: str) -> tuple[Step, ...]:
    codec = Codec(connection)
    statement = f"SELECT {', '.join(STEP)} FROM run_step WHERE run_id = {mark(connection)} ORDER BY task, idx"
    return tuple(codec.step(row) for row in rows_of(connection, statement, (run,)))


def task_steps(connection: sa.Connection, key: TaskKey) -> tuple[Step, ...]:
    codec, sign = Codec(connection), mark(connection)
    statement = f"SELECT {', '.join(STEP)} FROM run_step WHERE run_id = {sign} AND task = {sign} ORDER BY idx"
    return tuple(codec.step(row) for row in rows_of(connection, statement, (key.run, key.idx)))


def _commands(connection: sa.Connection, subjects: Sequence[str]) -> tuple[tuple[Command, Applied | None], ...]:
    own = tables.command
    query = sa.select(own).where(own.c.subject.in_(subjects)).order_by(own.c.at, own.c.id)
    return tuple((command_of(row), applied_of(row)) for row in connection.execute(query))


def all_runs(connection: sa.Connection, over: bool) -> tuple[Run, ...]:
    newest = "ORDER BY created_at DESC, id DESC"
    if over:
        return runs_where(connection, newest)
    states = tuple(state.value for state in OVER)
    return runs_where(connection, f"WHERE state NOT IN ({marks(connection, states)}) {newest}", states)


def events_after(connection: sa.Connection, run: str, after: int, limit: int) -> tuple[StoredEvent, ...]:
    own = tables.event
    query = sa.select(own).where(own.c.id > after).order_by(own.c.id).limit(limit)
    rows = connection.execute(query.where(own.c.run_id == run) if run else query)
    return tuple(StoredEvent(row.id, event_of(row)) for row in rows)


def due_runs(connection: sa.Connection, now: datetime) -> tuple[str, ...]:
    """Asked with every turn of the engine, so in the driver's own words, as next_due is."""
    statement = f"SELECT id FROM run WHERE due <= {mark(connection)} ORDER BY due, id"
    return tuple(row[0] for row in rows_of(connection, statement, (Codec(connection).stamp(now),)))


def next_due(connection: sa.Connection) -> datetime | None:
    codec, sqlite = Codec(connection), is_sqlite(connection)
    free = f"lease_until IS NULL OR lease_until < {'?' if sqlite else 'statement_timestamp()'}"
    runs = "SELECT min(due) FROM run WHERE due IS NOT NULL"
    tasks = f"SELECT due FROM run_task WHERE due IS NOT NULL AND ({free}) ORDER BY due LIMIT 1"
    parameters = (codec.stamp(datetime.now(UTC)),) if sqlite else ()
    (found,) = rows_of(connection, f"SELECT ({runs}), ({tasks})", parameters)
    return min((codec.moment(due) for due in found if due is not None), default=None)


def guards(connection: sa.Connection, keys: Sequence[TaskKey]) -> dict[TaskKey, Guard]:
    """Everything at one moment, in as many statements for many keys as for one; a task that is gone is left out."""
    plain = [(key.run, key.idx) for key in keys]
    tasks = select_keys(connection, tables.run_task, ("run_id", "idx", "role", "epoch", "step"), plain)
    runs = runs_of(connection, {row[0] for row in tasks})
    plans = sorted({run.plan for run in runs.values()})
    headers, approvals = texts_of(connection, plans), approvals_of(connection, plans)
    members = [(runs[run].plan, idx) for run, idx, role, _, _ in tasks if role == Role.MEMBER.value]
    bodies = _bodies(connection, members)
    current = select_keys(connection, tables.run_step, STEP, [(run, idx, step) for run, idx, _, _, step in tasks])
    codec = Codec(connection)
    steps = {(row[0], row[1]): codec.step(row) for row in current}
    own = {run.id: tuple(each for each in approvals[run.plan] if each.run in {"", run.id}) for run in runs.values()}
    freezes = standing_freezes(connection)
    return {
        TaskKey(id, idx): Guard(
            run=run,
            header=headers[run.plan],
            member=bodies.get((run.plan, idx), ""),
            approvals=own[id],
            freezes=freezes,
            epoch=epoch,
            step=steps.get((id, idx)),
        )
        for id, idx, _, epoch, _ in tasks
        for run in (runs[id],)
    }


def _bodies(connection: sa.Connection, keys: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], str]:
    rows = select_keys(connection, tables.plan_member, ("plan_id", "idx", "body"), sorted(set(keys)))
    return {(plan, idx): body for plan, idx, body in rows}


def durations(connection: sa.Connection, kind: str) -> tuple[timedelta, ...]:
    own = tables.run_step
    succeeded = sa.and_(own.c.kind == kind, own.c.state == StepState.SUCCEEDED.value, own.c.started_at.is_not(None))
    query = sa.select(own.c.started_at, own.c.ended_at).where(succeeded, own.c.ended_at.is_not(None))
    rows = connection.execute(query.order_by(own.c.ended_at.desc()).limit(_DURATIONS))
    return tuple(ended - started for started, ended in rows)
