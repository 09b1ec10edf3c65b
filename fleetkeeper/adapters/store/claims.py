"""Leases of tasks and the outcomes of their ticks: the hot path.

Epochs. A claim gives a task a new epoch, a commit under it writes once and ends it. It grows with the clock's
microseconds, so that a database restored from a backup never gives one a second time to other work. `committed` keeps
the epoch of the last outcome that was written: a commit that is repeated since its answer was lost finds its own there.

A run's tick may overrule a leased task: an abort or a skip is written at once under a newer epoch, so guards fail and
the worker's outcome does not stand. The lease stays until the worker comes back, for its call may be under way and
nobody else may look meanwhile. What it then says an act came to is kept, though: the world did change.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
import structlog

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import Times, Values, insert_rows, is_sqlite, rows_of, select_keys, update_keys
from fleetkeeper.adapters.store.run_rows import MOVING, STEP, TASK, Codec, runs_of
from fleetkeeper.adapters.store.run_wakes import append_events, drop_reservations, wake
from fleetkeeper.core.frozen import equal_but, maker
from fleetkeeper.core.run import TASK_OVER, Step, StepState, Task, TaskKey
from fleetkeeper.engine.run_ports import Claim, Outcome
from fleetkeeper.errors import Tampered

_log = structlog.get_logger("store")
_FREE = "lease_owner = NULL, lease_until = NULL, lease_epoch = NULL"
_GIVEN_BACK = f"{_FREE}, wake = FALSE, epoch = epoch + 1"
_KEPT = "lease_epoch = epoch + 1, epoch = epoch + 1"
_UNTRIED = frozenset({StepState.READY, StepState.INTENDED, StepState.ACTING})
"""States of a step that say nothing of what an act came to."""


_DUE = TASK.index("due")


def claim(
    connection: sa.Connection, worker: str, now: datetime, limit: int, lease: timedelta
) -> tuple[tuple[Any, ...], ...]:
    """Rows of (TASK..., epoch), the longest due first. () means that there is nothing for us, not that nothing is due.

    Those whose row another transaction has locked just now are passed over.
    """
    sqlite = is_sqlite(connection)
    parameters: dict[str, Any] = {"worker": worker, "most": limit, "due": Codec(connection).stamp(now)}
    if sqlite:
        wall = datetime.now(UTC)
        stamps = {"wall": Times.to_sqlite(wall), "until": Times.to_sqlite(wall + lease)}
        parameters |= {**stamps, "micros": int(wall.timestamp() * 1_000_000)}
    else:
        parameters["lease"] = lease
    return tuple(sorted(rows_of(connection, _claiming(sqlite), parameters), key=itemgetter(_DUE)))


@cache
def _claiming(sqlite: bool) -> str:
    """The wall is PostgreSQL's own clock there, ours on SQLite; micros is it in microseconds since 1970."""
    if sqlite:
        due, most, worker, ends, wall, micros = ":due", ":most", ":worker", ":until", ":wall", ":micros"
        greatest, skip = "max", ""
    else:
        due, most, worker = "%(due)s", "%(most)s", "%(worker)s"
        wall, ends = "statement_timestamp()", "statement_timestamp() + %(lease)s"
        micros = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
        greatest, skip = "greatest", "FOR UPDATE SKIP LOCKED"
    epoch = f"{greatest}(epoch + 1, {micros})"
    return f"""
        WITH picked AS (
            SELECT run_id, idx FROM run_task
            WHERE due <= {due} AND (lease_until IS NULL OR lease_until < {wall}) ORDER BY due LIMIT {most} {skip}
        )
        UPDATE run_task SET lease_owner = {worker}, lease_until = {ends}, epoch = {epoch}, lease_epoch = {epoch}
        WHERE (run_id, idx) IN (SELECT run_id, idx FROM picked) RETURNING {", ".join(TASK)}, epoch
    """


def claims_of(connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> Iterator[Claim]:
    """The claimed rows with their current steps, read after the lock: before it, another's commit could be missed."""
    at = TASK.index("step")
    keys = [(row[0], row[1], row[at]) for row in rows]
    codec, steps = Codec(connection), {}
    for row in select_keys(connection, tables.run_step, STEP, keys):
        steps[row[0], row[1], row[2]] = row
    runs = runs_of(connection, {row[0] for row in rows})
    for row, key in zip(rows, keys, strict=True):
        try:
            step = codec.step(steps[key]) if key in steps else None
            yield _make_claim(codec.task(row), step, row[-1], runs[row[0]])
        except Tampered as error:  # one row must not stop all; its run says so, for its tick finds the same
            _log.warning("task_unreadable", run=row[0], task=row[1], reason=str(error))


_make_claim = maker(Claim)
_is_same_task, _is_same_step = equal_but(Task, "due"), equal_but(Step, "polls")
_HEAD = ("run_id", "idx", "epoch", "lease_epoch", "committed", "wake")


def commit(connection: sa.Connection, outcomes: Sequence[Outcome]) -> frozenset[TaskKey]:
    """Write outcomes; the keys of those that stand. See the module for what happens to the others."""
    codec = Codec(connection)
    keys = sorted({(outcome.task.key.run, outcome.task.key.idx) for outcome in outcomes})
    stored = {
        (run, idx): found for run, idx, *found in select_keys(connection, tables.run_task, _HEAD, keys, lock=True)
    }
    written: list[Outcome] = []
    overruled: list[Outcome] = []
    known: set[TaskKey] = set()
    for outcome in outcomes:
        row = stored.get((outcome.task.key.run, outcome.task.key.idx))
        if row is None:
            continue
        epoch, lease_epoch, committed, _ = row
        if epoch == outcome.epoch:
            written.append(outcome)
        elif lease_epoch == outcome.epoch:
            overruled.append(outcome)
        elif committed == outcome.epoch:
            known.add(outcome.task.key)
    _write_tasks(connection, codec, written)
    update_keys(connection, tables.run_task, (), [_key(each) for each in overruled], _GIVEN_BACK)
    _write_steps(connection, codec, [*written, *(_seen(each) for each in overruled)])
    over = [each.task.key for each in written if each.task.needs and each.task.state in TASK_OVER]
    drop_reservations(connection, over)
    wakes = [each for each in written if each.wakes or (stored[_key(each)][-1] and not each.keeps)]
    wake(connection, _soonest([*wakes, *overruled]))
    append_events(connection, [event for each in (*written, *overruled) for event in each.events])
    return frozenset({each.task.key for each in written} | known)


def _key(outcome: Outcome) -> tuple[str, int]:
    return outcome.task.key.run, outcome.task.key.idx


def _soonest(outcomes: Sequence[Outcome]) -> dict[str, datetime]:
    """Run → since when the task that wakes it is as it is: not later than now, so the run is due at once."""
    found: dict[str, datetime] = {}
    for outcome in outcomes:
        run, since = outcome.task.key.run, outcome.task.since
        found[run] = min(since, found.get(run, since))
    return found


def _seen(outcome: Outcome) -> Outcome:
    """Of an overruled outcome, only what acts came to."""
    steps = tuple(step for step in outcome.steps if step.state not in _UNTRIED)
    return Outcome(outcome.task, outcome.epoch, steps)


def _write_tasks(connection: sa.Connection, codec: Codec, outcomes: Sequence[Outcome]) -> None:
    """A task that was only polled is a narrow write: its due, and the lease that is given back.

    What was claimed says what is stored: whoever else moves a task gives it a new epoch, and this outcome is dropped.
    """
    polled: list[Values] = []
    moved: list[Values] = []
    kept: list[Values] = []
    for outcome in outcomes:
        task = outcome.task
        if outcome.keeps:
            kept.append((*codec.moving(task), outcome.epoch, task.key.run, task.key.idx))
        elif outcome.before is not None and _is_same_task(outcome.before.task, task):
            polled.append((codec.stamp(task.due), outcome.epoch, task.key.run, task.key.idx))
        else:
            moved.append((*codec.moving(task), outcome.epoch, task.key.run, task.key.idx))
    update_keys(connection, tables.run_task, ("due", "committed"), polled, _GIVEN_BACK)
    update_keys(connection, tables.run_task, (*MOVING, "committed"), moved, _GIVEN_BACK)
    update_keys(connection, tables.run_task, (*MOVING, "committed"), kept, _KEPT)


def _write_steps(connection: sa.Connection, codec: Codec, outcomes: Sequence[Outcome]) -> None:
    """Only those that changed; of a step that was only polled, the count alone."""
    polled: dict[tuple[TaskKey, int], Values] = {}
    moved: dict[tuple[TaskKey, int], Values] = {}
    for outcome in outcomes:
        before = outcome.before.step if outcome.before is not None else None
        for step in outcome.steps:
            if before is not None and _is_same_step(before, step):
                polled[step.key, step.idx] = (step.polls, step.key.run, step.key.idx, step.idx)
            else:
                moved[step.key, step.idx] = codec.step_row(step)
    update_keys(connection, tables.run_step, ("polls",), list(polled.values()))
    insert_rows(connection, tables.run_step, STEP, list(moved.values()), over=True)


def renew(connection: sa.Connection, worker: str, keys: Sequence[TaskKey], lease: timedelta) -> None:
    """Prolong the leases that this worker still has."""
    own, plain = tables.run_task, [(key.run, key.idx) for key in keys]
    rows = select_keys(connection, own, ("run_id", "idx", "lease_owner"), plain, lock=True)
    ours = [(run, idx) for run, idx, owner in rows if owner == worker]
    until = Codec(connection).stamp(wall_now(connection) + lease)
    update_keys(connection, own, ("lease_until",), [(until, *key) for key in ours])


def release(connection: sa.Connection, whose: sa.ColumnElement[bool]) -> None:
    """Free leased tasks; what their workers still say of them is dropped."""
    own = tables.run_task
    query = sa.select(own.c.run_id, own.c.idx).where(own.c.lease_owner.is_not(None), whose)
    rows = connection.execute(query.order_by(own.c.run_id, own.c.idx).with_for_update()).all()
    update_keys(connection, own, (), [tuple(row) for row in rows], f"{_FREE}, epoch = epoch + 1")


def is_free(connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Nobody holds the task: no lease, or one that is over."""
    own = tables.run_task.c.lease_until
    return sa.or_(own.is_(None), own < wall(connection))


def wall(connection: sa.Connection) -> Any:
    """The clock of leases."""
    return datetime.now(UTC) if is_sqlite(connection) else sa.func.statement_timestamp()


def wall_now(connection: sa.Connection) -> datetime:
    """What the clock of leases says."""
    if is_sqlite(connection):
        return datetime.now(UTC)
    found: datetime = connection.execute(sa.select(sa.func.statement_timestamp())).scalar_one()
    return found
