"""Starts a plan: looks once more at what it rests on, drops the members that moved, and creates the run's rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fleetkeeper.core.candidates import current_facts, moved, needed
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.parts import CONTROL_PLANE
from fleetkeeper.core.plan import Member, Plan
from fleetkeeper.core.run import (
    OVER,
    Cause,
    Control,
    Event,
    Role,
    Run,
    RunState,
    Task,
    TaskKey,
    TaskState,
    Unit,
    UnitState,
    Why,
)
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.engine.planning import StoredFleet
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.errors import Tampered, UsageError
from fleetkeeper.values import digest

_NOTHING_DROPPED: Mapping[int, str] = {}
_GONE = "its cluster is gone, or was made anew under the same name"


@dataclass(frozen=True, slots=True)
class Started:
    """created False: this start was made before. dropped: the members that moved since the plan, with the reason."""

    run: str
    created: bool
    dropped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Starter:
    fleet: StoredFleet
    runs: Runs

    def start(self, plan_id: str, actor: str, key: str = "", exported: Plan | None = None) -> Started:
        """Create a run of a stored plan. It begins once an operator's `start` was verified and its plan is approved.

        key: the same one again gives the same run. exported: the plan as a file has it, which must be the stored one.
        UsageError for a plan that is not there, is over its time or runs already; Tampered for one that was changed.
        """
        plan = self._plan(plan_id, exported)
        id = self._run_id(plan, key)
        if key and self.runs.run(id) is not None:
            return Started(id, created=False)
        self._refuse_unfit(plan, key)
        now = self.fleet.clock.now()
        dropped = dict(self._moved(plan))
        run = Run(
            id=id,
            plan=plan.header.id,
            digest=plan.digest,
            state=RunState.NOT_STARTED,
            since=now,
            control=Control.START,
            created_at=now,
            created_by=actor,
            due=now,
        )
        units, tasks = rows_of(plan, id, now, dropped)
        created = self.runs.create_run(run, units, tasks, tuple(_events(plan, run, dropped)))
        return Started(id, created, tuple((plan.members[idx].name, why) for idx, why in dropped.items()))

    def _plan(self, plan_id: str, exported: Plan | None) -> Plan:
        plan = self.runs.plan(plan_id)
        if plan is None:
            raise UsageError(f"there is no plan {plan_id}: `fleetkeeper get plans` lists them")
        if exported is not None and exported.digest != plan.digest:
            raise Tampered(f"the file is not the plan {plan.header.id} that is stored: their digests differ")
        return plan

    def _run_id(self, plan: Plan, key: str) -> str:
        """By key where there is one, else the next number."""
        if key:
            return f"{plan.header.id}-{digest(key)[:6]}"
        return f"{plan.header.id}-{1 + sum(each.plan == plan.header.id for each in self.runs.runs())}"

    def _refuse_unfit(self, plan: Plan, key: str) -> None:
        header = plan.header
        again = f"fleetkeeper plan {header.playbook}" + (f" --of {header.of}" if header.of else "")
        again += f" -l '{header.selector}'" if header.selector else ""
        if self.fleet.clock.now() >= header.expires_at:
            raise UsageError(
                f"plan {header.id} expired on {header.expires_at:%Y-%m-%d %H:%M} UTC: make a new one, `{again}`"
            )
        active = [each.id for each in self.runs.runs(over=False) if each.plan == header.id and each.state not in OVER]
        if active:
            raise UsageError(f"plan {header.id} runs already: {active[0]}" + (f" (key {key})" if key else ""))

    def _moved(self, plan: Plan) -> Iterator[tuple[int, str]]:
        """The members, by idx, that are not what the plan was made for, and why."""
        now = {each.cluster.id: each for each in self.fleet.snapshots(Selector(), needed(plan.header.changes))}
        for member in plan.members:
            if reason := _why_moved(member, now):
                yield member.idx, reason


def rows_of(
    plan: Plan, run: str, now: datetime, dropped: Mapping[int, str] = _NOTHING_DROPPED
) -> tuple[tuple[Unit, ...], tuple[Task, ...]]:
    """What a run of a plan begins with. dropped: the members, by idx, that it leaves out, and why."""
    return tuple(_units(plan, now)), (*_member_tasks(plan, run, now, dropped), *_gate_tasks(plan, run, now))


def _why_moved(member: Member, now: Mapping[ClusterId, Snapshot]) -> str:
    snap = now.get(member.cluster)
    if snap is None:
        return _GONE
    if not member.facts:
        return ""
    if gap := snap.missing(CONTROL_PLANE):
        return f"its control plane cannot be seen now ({gap.reason.value}: {gap.detail})"
    return moved(member.facts, current_facts(snap))


def _member_tasks(plan: Plan, run: str, now: datetime, dropped: Mapping[int, str]) -> Iterator[Task]:
    ranks: dict[int, int] = {}
    for member in plan.members:
        rank = ranks[member.stage] = ranks.get(member.stage, -1) + 1
        task = Task(
            key=TaskKey(run, member.idx),
            role=Role.MEMBER,
            name=member.name,
            stage=member.stage,
            group=member.group,
            state=TaskState.NOT_STARTED,
            since=now,
            steps=len(member.steps),
            arn=member.cluster.arn,
            account=member.scope.account if member.scope else "",
            region=member.region,
            service=member.service,
            rank=rank,
            needs=member.needs,
            attributes=member.attributes,
        )
        if member.idx in dropped:
            why = Why(Cause.SKIPPED, dropped[member.idx], now, fix="make a new plan for it")
            task = replace(task, state=TaskState.SKIPPED, why=why, ended_at=now)
        yield task


def _gate_tasks(plan: Plan, run: str, now: datetime) -> Iterator[Task]:
    """One for each gate of a stage, or of each of its groups; after the members."""
    idx = len(plan.members)
    for stage, spec in enumerate(plan.header.stages):
        for gate in spec.gates:
            for group in _groups(plan, stage) if gate.each_group else ("",):
                state, key = TaskState.NOT_STARTED, TaskKey(run, idx)
                yield Task(key, Role.GATE, gate.name, stage, group, state, now, 1, when=gate.when.value)
                idx += 1


def _units(plan: Plan, now: datetime) -> Iterator[Unit]:
    for stage in range(len(plan.header.stages)):
        for group in ("", *_groups(plan, stage)):
            yield Unit(stage, group, UnitState.NOT_STARTED, now)


def _groups(plan: Plan, stage: int) -> tuple[str, ...]:
    """The groups of a stage in the order of their first members."""
    return tuple(dict.fromkeys(each.group for each in plan.members if each.stage == stage and each.group))


def _events(plan: Plan, run: Run, dropped: Mapping[int, str]) -> Iterator[Event]:
    count = len(plan.members) - len(dropped)
    text = f"run of plan {plan.header.id} created with {count} of {len(plan.members)} members"
    yield Event(run.created_at, run.id, "run_created", text, run.created_by)
    for idx, why in dropped.items():
        name = plan.members[idx].name
        yield Event(run.created_at, run.id, "member_dropped", f"{name} is left out: {why}", run.created_by, idx)
