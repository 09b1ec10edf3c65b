"""What every writer of runs shares: the log, waking a run, and the locks that keep PostgreSQL's writers in order.

All take what they need in one order, so that no two wait for each other in a ring: a run's tick, admissions, tasks by
their keys, runs by their ids, the log.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import delete_keys, insert_rows, is_sqlite, mark, run, update_keys
from fleetkeeper.adapters.store.run_rows import EVENT, Codec
from fleetkeeper.core.run import OVER, Event, TaskKey

_LOG, _ADMISSIONS = "log of events", "admissions"


def append_events(connection: sa.Connection, events: Sequence[Event]) -> None:
    """Add to the log. One writer at a time: else a reader could see id 7 before 6, and never 6."""
    if events:
        wait_for(connection, _LOG)
        codec = Codec(connection)
        insert_rows(connection, tables.event, EVENT, [codec.event_row(event) for event in events])


def wake(connection: sa.Connection, runs: Mapping[str, datetime]) -> None:
    """Make runs due at these times, or earlier when they are already; one that is over too: it owes an answer."""
    if not runs:
        return
    stamp, sign = Codec(connection).stamp, mark(connection)
    statement = f"""
        UPDATE run SET due = CASE WHEN due < {sign} THEN due ELSE {sign} END, wakes = wakes + 1 WHERE id = {sign}
    """
    for id in sorted(runs):
        due = stamp(runs[id])
        run(connection, statement, (due, due, id))


def active_runs(connection: sa.Connection, plan: str = "") -> list[str]:
    """The ids of the runs that are not over; of one plan, or of all."""
    own = tables.run
    query = sa.select(own.c.id).where(own.c.state.not_in([state.value for state in OVER]))
    return list(connection.scalars(query.where(own.c.plan_id == plan) if plan else query))


def look_again(connection: sa.Connection, which: sa.ColumnElement[bool], at: datetime) -> None:
    """Make waiting tasks due that nobody holds and that had to be looked at later anyway."""
    own = tables.run_task
    query = sa.select(own.c.run_id, own.c.idx).where(which, own.c.due > at, own.c.lease_owner.is_(None))
    found = connection.execute(query.with_for_update(skip_locked=True)).all()
    due = Codec(connection).stamp(at)
    update_keys(connection, own, ("due",), [(due, run, idx) for run, idx in found])


def lock_tick(connection: sa.Connection, run: str) -> bool:
    """Become the one who decides for a run until the end of the transaction; False when another is.

    Not the run's row: those who wake a run must not wait for its tick.
    """
    if is_sqlite(connection):
        return True
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_number(f"tick of {run}")))))


def lock_admissions(connection: sa.Connection) -> None:
    """Be alone in admitting members: two runs that look at one moment would both find the last address free."""
    wait_for(connection, _ADMISSIONS)


def wait_for(connection: sa.Connection, name: str) -> None:
    if not is_sqlite(connection):  # a writer of SQLite is alone
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_number(name))))


def drop_reservations(connection: sa.Connection, keys: Iterable[TaskKey]) -> None:
    delete_keys(connection, tables.reservation, ("run_id", "task"), [(key.run, key.idx) for key in keys])


def _number(name: str) -> int:
    digest = hashlib.sha256(f"fleetkeeper: {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
