"""What the processes that work on runs share: who lives, what is left of an account's API, what is forgotten."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import is_sqlite
from fleetkeeper.adapters.store.claims import release, wall
from fleetkeeper.adapters.store.rows import Row, inserts
from fleetkeeper.core.run import OVER


@dataclass(frozen=True, slots=True)
class Bucket:
    """An account's API in a region. rate: calls per second that come back; burst: how many there are at most."""

    account: str
    region: str
    rate: float
    burst: int


def take(connection: sa.Connection, bucket: Bucket, calls: int) -> float:
    """Take the calls at once or not at all; the seconds until there will be enough, 0 when they were taken.

    More calls than the bucket holds are given when it is full, and paid for by those who come after.
    """
    own = tables.api_budget
    now = _seconds(connection)
    key = {"account": bucket.account, "region": bucket.region}
    inserts(connection, own, {**key, "tokens": float(bucket.burst), "refilled_at": now})
    mine = sa.and_(own.c.account == bucket.account, own.c.region == bucket.region)
    least, greatest = (sa.func.min, sa.func.max) if is_sqlite(connection) else (sa.func.least, sa.func.greatest)
    passed = greatest(0.0, now - own.c.refilled_at)
    there = least(float(bucket.burst), own.c.tokens + passed * bucket.rate)
    needed = float(min(calls, bucket.burst))
    taken = own.update().where(mine, there >= needed).values(tokens=there - float(calls), refilled_at=now)
    if connection.execute(taken.returning(own.c.tokens)).first() is not None:
        return 0.0
    missing = needed - float(connection.execute(sa.select(there).where(mine)).scalar_one())
    return max(0.001, missing / bucket.rate)


def _seconds(connection: sa.Connection) -> Any:
    """The database's clock in seconds since 1970; it stands still within a transaction's statement."""
    if is_sqlite(connection):
        return datetime.now(UTC).timestamp()
    return sa.cast(sa.extract("epoch", sa.func.statement_timestamp()), sa.Double)


def beat(connection: sa.Connection, row: Row) -> None:
    """Write that a worker lives.

    SQLite has one engine process at a time, by the file's lock: a worker that is new there means that all others are
    dead, and need not be waited for until their leases end.
    """
    own = tables.worker
    row = {**row, "heartbeat_at": wall(connection)}
    if inserts(connection, own, row):
        if is_sqlite(connection):
            release(connection, tables.run_task.c.lease_owner != row["id"])
        return
    connection.execute(own.update().where(own.c.id == row["id"]).values(row))


def living(connection: sa.Connection, within: timedelta) -> tuple[str, ...]:
    """Who said not longer ago than this that it lives."""
    own = tables.worker
    query = sa.select(own.c.id).where(own.c.heartbeat_at >= wall(connection) - within).order_by(own.c.id)
    return tuple(connection.scalars(query))


def forget_runs(connection: sa.Connection, horizon: datetime) -> None:
    """What is over since the horizon: runs with all that is theirs, plans, freezes, workers. Events go with their run.

    Commands too; those about anything else (a notice, or what never was there) go by their own age.
    A plan that a run still rests on stays, as does one that could still be started.
    """
    run, plan, command, event = tables.run, tables.plan, tables.command, tables.event
    over = sa.and_(run.c.state.in_([state.value for state in OVER]), run.c.ended_at < horizon)
    runs = list(connection.scalars(sa.delete(run).where(over).returning(run.c.id)))
    old = sa.and_(plan.c.created_at < horizon, plan.c.expires_at < horizon)
    unused = ~sa.exists().where(run.c.plan_id == plan.c.id)
    plans = list(connection.scalars(sa.delete(plan).where(old, unused).returning(plan.c.id)))
    freeze = tables.freeze
    lifted = list(connection.scalars(sa.delete(freeze).where(freeze.c.lifted_at < horizon).returning(freeze.c.id)))
    connection.execute(sa.delete(command).where(command.c.subject.in_([*runs, *plans, *lifted])))
    stands = (sa.exists().where(each.c.id == command.c.subject) for each in (run, plan, freeze))
    connection.execute(sa.delete(command).where(command.c.at < horizon, ~sa.or_(*stands)))
    connection.execute(sa.delete(tables.approval).where(tables.approval.c.run_id.in_(runs)))
    orphan = ~sa.exists().where(run.c.id == event.c.run_id)
    connection.execute(sa.delete(event).where(event.c.at < horizon, orphan))
    connection.execute(sa.delete(tables.worker).where(tables.worker.c.heartbeat_at < horizon))
