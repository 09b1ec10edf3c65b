"""What the engine asks of the database to run plans, in our own words; adapters/store answers.

Times that are compared with the keeper's clock (due, since, windows) are the keeper's; leases are in wall time, on
PostgreSQL by the database's own clock, for replicas' clocks differ and a demo's is scaled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from fleetkeeper.core.approval import Approval
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.run import (
    Applied,
    Changes,
    Command,
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
from fleetkeeper.core.run_way_back import TakenBack


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that is this worker's until lease_until, with its current step as stored (None: not begun).

    epoch fences: a commit under an older one is dropped. run: as it was when the task was claimed.
    """

    task: Task
    step: Step | None
    epoch: int
    run: Run


@dataclass(frozen=True, slots=True)
class Guard:
    """What must hold at the moment of an act, read anew: a claim may be a second old. Texts as they are stored.

    member: the body of the plan's member, "" for a gate. approvals: those of the plan and of the run.
    """

    run: Run
    header: str
    member: str
    approvals: tuple[Approval, ...]
    freezes: tuple[Freeze, ...]
    epoch: int
    step: Step | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tick of a task came to. steps: whole rows, new or changed. wakes: the run must decide anew.

    keeps: the work goes on, and the lease with it: what is committed next is of epoch + 1. So an intent is stored
    before the second look and its act, and a mark just before an act that must not be repeated. before: what was
    claimed, so that only what moved has to be written; None, and everything is.
    """

    task: Task
    epoch: int
    steps: tuple[Step, ...] = ()
    events: tuple[Event, ...] = ()
    wakes: bool = False
    keeps: bool = False
    before: Claim | None = None

    @property
    def following(self) -> Claim | None:
        """The claim that goes on once an outcome that keeps its lease is stored; None for one that gives it back."""
        if not self.keeps or self.before is None:
            return None
        return Claim(self.task, self.steps[-1], self.epoch + 1, self.before.run)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as it stands, for people: everything but the events. taken: what other runs took back of its members."""

    run: Run
    plan: Plan
    units: tuple[Unit, ...]
    tasks: tuple[Task, ...]
    steps: tuple[Step, ...]
    approvals: tuple[Approval, ...]
    commands: tuple[tuple[Command, Applied | None], ...]
    taken: tuple[TakenBack, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredEvent:
    id: int
    event: Event


class Runs(Protocol):
    """Plans, runs and their rows. Safe to use from many threads. Raises StoreUnavailable, never a driver's error."""

    # ---- plans

    def save_plan(self, plan: Plan, header: str, members: Sequence[str]) -> None:
        """Store a plan as the texts that its digest covers; a plan is never changed."""
        ...

    def plan(self, id: str) -> Plan | None:
        """By id, or by the beginning of one that only one plan has. Raises Tampered when texts and digests differ."""
        ...

    def plans(self) -> tuple[Plan, ...]: ...

    # ---- runs

    def create_run(self, run: Run, units: Sequence[Unit], tasks: Sequence[Task], events: Sequence[Event]) -> bool:
        """False when a run of this id is there already: starting twice is starting once."""
        ...

    def run(self, id: str) -> StoredRun | None:
        """Raises Tampered when its plan is not what the run was made of, or a row is not readable."""
        ...

    def rows(self, id: str) -> Rows | None:
        """What can be read of a run without its plan: for people, never to act by."""
        ...

    def runs(self, over: bool = True) -> tuple[Run, ...]:
        """Newest first; without those that are over when asked so."""
        ...

    def events(self, run: str, after: int = 0, limit: int = 1000) -> tuple[StoredEvent, ...]:
        """In their order, those with an id above `after`. run "": of all runs."""
        ...

    # ---- what operators say

    def add_command(self, command: Command) -> bool:
        """False when a command of this id is there already. Its run is due at once."""
        ...

    def to_verify(self) -> tuple[Command, ...]:
        """Commands without an answer that take a role, oldest first; also those that were vouched for."""
        ...

    def vouch(self, command: Command, at: datetime) -> bool:
        """Store a command with the actor that was verified and the executor's mark; its run takes it up at once.

        False when somebody stopped the run after it was said: it must not go on by that any more.
        """
        ...

    def settle(self, applied: Applied, approval: Approval | None, event: Event, at: datetime) -> None:
        """Record what became of such a command, and the signed approval, in one transaction."""
        ...

    def approvals(self, plan: str) -> tuple[Approval, ...]: ...

    def applied(self, command: str) -> Applied | None:
        """What became of a command; None while it waits."""
        ...

    def add_freeze(self, freeze: Freeze) -> bool: ...

    def lift_freeze(self, id: str, actor: str, at: datetime) -> bool: ...

    def freezes(self) -> tuple[Freeze, ...]:
        """Those that are not lifted, also when their time is over."""
        ...

    # ---- the engine

    def due_runs(self, now: datetime) -> tuple[str, ...]: ...

    def next_due(self) -> datetime | None:
        """The earliest time at which a run or a task without a living lease is due; None when nothing is."""
        ...

    def tick_run(self, id: str, decide: Callable[[RunView], Changes]) -> Changes | None:
        """Read the run under its lock, decide (pure), write what changed; None when another worker has the lock.

        Reservations follow the tasks: those that leave NOT_STARTED hold their needs until they are over.
        """
        ...

    def claim(self, worker: str, now: datetime, limit: int, lease: timedelta) -> tuple[Claim, ...]:
        """Due tasks that nobody holds, the longest due first, now held by this worker."""
        ...

    def steps(self, key: TaskKey) -> tuple[Step, ...]:
        """All steps of a task that were begun, in their order."""
        ...

    def guards(self, keys: Sequence[TaskKey]) -> Mapping[TaskKey, Guard]: ...

    def commit(self, outcomes: Sequence[Outcome]) -> frozenset[TaskKey]:
        """Write outcomes in one transaction and give the leases back, but for those that keep them.

        Those of an older epoch are dropped. Returned are the tasks that were written; a call that is repeated since its
        answer was lost writes nothing twice, and returns what the first one wrote.
        """
        ...

    def renew(self, worker: str, keys: Sequence[TaskKey], lease: timedelta) -> None:
        """Prolong leases while a call lasts."""
        ...

    def release(self, worker: str) -> None:
        """Give back all of this worker's leases: it ends."""
        ...

    def take_budget(self, account: str, region: str, calls: int, rate: float, burst: int) -> float:
        """Take calls from the bucket that all replicas share; the seconds to wait when there are not enough, else 0."""
        ...

    def beat(self, worker: str, host: str, version: str) -> None:
        """Say that this worker lives."""
        ...

    def living(self, within: timedelta) -> tuple[str, ...]:
        """The names of the workers that said so no longer ago than this, by the wall's clock."""
        ...

    def durations(self, kind: str) -> tuple[timedelta, ...]:
        """How long finished steps of this kind took, newest first, at most 200: what expected durations rest on."""
        ...
