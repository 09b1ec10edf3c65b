"""A run whose plan or rows are not what was approved: it says so and waits, or ends where somebody aborts it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import mark, update_keys
from fleetkeeper.adapters.store.run_rows import STEP, TASK, Codec, unit_of
from fleetkeeper.core.giving_up import Remains, give_up
from fleetkeeper.core.run import Cause, Changes, Command, Event, Run, RunState, Task, TaskState, Why
from fleetkeeper.errors import Tampered

_AGAIN = timedelta(minutes=1)  # it is looked at again, for someone may restore it


@dataclass(frozen=True, slots=True)
class Known:
    """The tasks of a run that can be read, their epochs by idx, and the keys of the others."""

    tasks: tuple[Task, ...]
    epochs: Mapping[int, int]
    unreadable: tuple[tuple[str, int], ...]


def known(connection: sa.Connection, run: str) -> Known:
    codec, tasks, unreadable, epochs = Codec(connection), [], [], {}
    for row in _rows(connection, "run_task", (*TASK, "epoch"), run):
        try:
            tasks.append(codec.task(row))
            epochs[row[1]] = row[-1]
        except Tampered:
            unreadable.append((row[0], row[1]))
    return Known(tuple(tasks), epochs, tuple(unreadable))


def decided(connection: sa.Connection, run: Run, wrong: str, known: Known, commands: tuple[Command, ...]) -> Changes:
    """What becomes of the run; tasks that cannot be read any more are ended right here, when the run ends."""
    at = max((run.due or run.since, *(each.at for each in commands)))
    codec, own = Codec(connection), tables.run_unit
    steps = [codec.step(row) for row in _rows(connection, "run_step", STEP, run.id)]
    units = [unit_of(row) for row in connection.execute(sa.select(own).where(own.c.run_id == run.id))]
    changes = give_up(Remains(run, wrong, units, known.tasks, steps, commands), at)
    if changes is None:
        return _waits(run, wrong, at)
    if changes.run is not None:
        _end_unreadable(connection, known.unreadable, at)
    return changes


def _rows(connection: sa.Connection, table: str, columns: Iterable[str], run: str) -> Iterator[Any]:
    statement = f"SELECT {', '.join(columns)} FROM {table} WHERE run_id = {mark(connection)}"
    yield from connection.exec_driver_sql(statement, (run,)).fetchall()


def _end_unreadable(connection: sa.Connection, keys: Sequence[tuple[str, int]], at: datetime) -> None:
    stamp = Codec(connection).stamp(at)
    text = "its row cannot be read: look at its cluster"
    columns = ("state", "since", "ended_at", "due", "cause", "why", "why_since", "owner", "fix")
    row = (TaskState.ABORTED.value, stamp, stamp, None, Cause.TAMPERED.value, text, stamp, "", "")
    free = "lease_owner = NULL, lease_until = NULL, lease_epoch = NULL, epoch = epoch + 1"
    update_keys(connection, tables.run_task, columns, [(*row, *key) for key in keys], free)


def _waits(run: Run, wrong: str, at: datetime) -> Changes:
    """Nothing is decided by a plan that is not what was approved: the run says so, once, and looks again later."""
    said = run.why if run.why is not None and run.why.cause is Cause.TAMPERED else None
    fix = f"find out who changed the database; `fleetkeeper run abort {run.id}`, and make a new plan"
    why = said or Why(Cause.TAMPERED, wrong, at, "the operator of this fleet", fix)
    blocked = replace(run, state=RunState.BLOCKED, since=run.since if said else at, why=why, due=at + _AGAIN)
    return Changes(run=blocked, events=() if said else (Event(at, run.id, "tampered", wrong),))
