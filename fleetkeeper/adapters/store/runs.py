"""The plans, runs and tasks over SQLite or PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from fleetkeeper.adapters.store import claims, commands, plans, run_reads, run_tick, workers
from fleetkeeper.adapters.store import run_tables as tables
from fleetkeeper.adapters.store.bulk import insert_rows
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.rows import execute, inserts
from fleetkeeper.adapters.store.run_rows import FIXED, MOVING, Codec, approvals_of, run_row, standing_freezes, unit_row
from fleetkeeper.adapters.store.run_tick import Approves
from fleetkeeper.adapters.store.run_wakes import append_events
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.approval import Approval
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.run import (
    Applied,
    Changes,
    Command,
    Consent,
    Event,
    Freeze,
    Rows,
    Run,
    RunView,
    Step,
    Task,
    TaskKey,
    Unit,
)
from fleetkeeper.engine.run_ports import Claim, Guard, Outcome, StoredEvent, StoredRun


def nobody_is_known(_command: Command) -> bool:
    """For processes that never tick a run."""
    return False


def nothing_approves(_approvals: Sequence[Approval], _digest: str) -> Consent | None:
    """For processes that never tick a run."""
    return None


class SqlRuns:
    """engine.run_ports.Runs on our tables. Raises StoreUnavailable or SchemaError, never a driver's error.

    approves: which of a plan's approvals counts for its digest; RunView.approved is its answer.
    knows: whether the actor of a command was verified; of others RunView.commands has only what stops.
    """

    def __init__(
        self, settings: StoreSettings, approves: Approves = nothing_approves, knows: commands.Knows = nobody_is_known
    ) -> None:
        self._database = Database(settings)
        self._approves, self._knows = approves, knows

    # ---- plans

    def save_plan(self, plan: Plan, header: str, members: Sequence[str]) -> None:
        self._database.write("save a plan", lambda c: plans.save_plan(c, plan, header, members))

    def plan(self, id: str) -> Plan | None:
        return self._database.read("read a plan", lambda c: plans.find_plan(c, id))

    def plans(self) -> tuple[Plan, ...]:
        """Newest first; one that was tampered with is left out and logged."""
        return self._database.read("read the plans", plans.all_plans)

    # ---- runs

    def create_run(self, run: Run, units: Sequence[Unit], tasks: Sequence[Task], events: Sequence[Event]) -> bool:
        def work(connection: sa.Connection) -> bool:
            if not inserts(connection, tables.run, {**run_row(run), "due": run.due, "wakes": 0}):
                return False
            execute(connection, tables.run_unit.insert(), [unit_row(run.id, unit) for unit in units])
            codec = Codec(connection)
            rows = [(*codec.fixed(task), *codec.moving(task), 0, 0, False) for task in tasks]
            insert_rows(connection, tables.run_task, (*FIXED, *MOVING, "epoch", "committed", "wake"), rows)
            append_events(connection, events)
            return True

        return self._database.write("create a run", work)

    def run(self, id: str) -> StoredRun | None:
        """Raises Tampered when its plan is not what the run was made of."""
        return self._database.read("read a run", lambda c: run_reads.stored_run(c, id))

    def rows(self, id: str) -> Rows | None:
        return self._database.read("read the rows of a run", lambda c: run_reads.run_rows(c, id))

    def runs(self, over: bool = True) -> tuple[Run, ...]:
        return self._database.read("read the runs", lambda c: run_reads.all_runs(c, over))

    def events(self, run: str, after: int = 0, limit: int = 1000) -> tuple[StoredEvent, ...]:
        return self._database.read("read events", lambda c: run_reads.events_after(c, run, after, limit))

    # ---- what operators say

    def add_command(self, command: Command) -> bool:
        return self._database.write("give a command", lambda c: commands.add_command(c, command))

    def to_verify(self) -> tuple[Command, ...]:
        return self._database.read("read the commands to verify", commands.to_verify)

    def vouch(self, command: Command, at: datetime) -> bool:
        return self._database.write("vouch for a command", lambda c: commands.vouch(c, command, at))

    def settle(self, applied: Applied, approval: Approval | None, event: Event, at: datetime) -> None:
        self._database.write("settle a decision", lambda c: commands.settle(c, applied, approval, event, at))

    def approvals(self, plan: str) -> tuple[Approval, ...]:
        return self._database.read("read approvals", lambda c: approvals_of(c, [plan])[plan])

    def applied(self, command: str) -> Applied | None:
        return self._database.read("read a command", lambda c: commands.applied(c, command))

    def add_freeze(self, freeze: Freeze) -> bool:
        return self._database.write("freeze", lambda c: commands.add_freeze(c, freeze))

    def lift_freeze(self, id: str, actor: str, at: datetime) -> bool:
        return self._database.write("lift a freeze", lambda c: commands.lift_freeze(c, id, actor, at))

    def freezes(self) -> tuple[Freeze, ...]:
        return self._database.read("read the freezes", standing_freezes)

    # ---- the engine

    def due_runs(self, now: datetime) -> tuple[str, ...]:
        return self._database.read("read the runs that are due", lambda c: run_reads.due_runs(c, now))

    def next_due(self) -> datetime | None:
        return self._database.read("read what is due next", run_reads.next_due)

    def tick_run(self, id: str, decide: Callable[[RunView], Changes]) -> Changes | None:
        """decide may be called twice, when something it rests on moved meanwhile.

        A run whose plan was tampered with is not decided: it is BLOCKED, says so, and is looked at again later.
        """
        return self._database.write("decide a run", lambda c: run_tick.tick(c, id, decide, self._approves, self._knows))

    def claim(self, worker: str, now: datetime, limit: int, lease: timedelta) -> tuple[Claim, ...]:
        def work(connection: sa.Connection) -> tuple[Claim, ...]:
            rows = claims.claim(connection, worker, now, limit, lease)
            return tuple(claims.claims_of(connection, rows)) if rows else ()

        return self._database.write("claim tasks", work)

    def steps(self, key: TaskKey) -> tuple[Step, ...]:
        return self._database.read("read a task's steps", lambda c: run_reads.task_steps(c, key))

    def guards(self, keys: Sequence[TaskKey]) -> Mapping[TaskKey, Guard]:
        return self._database.read("read what guards an act", lambda c: run_reads.guards(c, keys)) if keys else {}

    def commit(self, outcomes: Sequence[Outcome]) -> frozenset[TaskKey]:
        """After a lost answer it may be called again with the same outcomes, and says what the first call wrote."""
        if not outcomes:
            return frozenset()
        return self._database.write("commit outcomes", lambda c: claims.commit(c, outcomes))

    def renew(self, worker: str, keys: Sequence[TaskKey], lease: timedelta) -> None:
        self._database.write("renew leases", lambda c: claims.renew(c, worker, keys, lease))

    def release(self, worker: str) -> None:
        ours = tables.run_task.c.lease_owner == worker
        self._database.write("give leases back", lambda c: claims.release(c, ours))

    def take_budget(self, account: str, region: str, calls: int, rate: float, burst: int) -> float:
        bucket = workers.Bucket(account, region, rate, burst)
        return self._database.write("take from an API budget", lambda c: workers.take(c, bucket, calls))

    def beat(self, worker: str, host: str, version: str) -> None:
        """On SQLite the first beat of a worker also frees all leases of others: there it is the only living one."""
        row = {"id": worker, "host": host, "version": version, "heartbeat_at": datetime.now(UTC)}
        self._database.write("say that this worker lives", lambda c: workers.beat(c, row))

    def living(self, within: timedelta) -> tuple[str, ...]:
        return self._database.read("see which engines live", lambda c: workers.living(c, within))

    def durations(self, kind: str) -> tuple[timedelta, ...]:
        return self._database.read("read durations", lambda c: run_reads.durations(c, kind))

    def close(self) -> None:
        self._database.close()
