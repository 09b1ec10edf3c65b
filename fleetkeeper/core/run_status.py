"""A run as a document for programs, and what runs have left in the world."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fleetkeeper.core.run import (
    Cause,
    Role,
    Run,
    RunState,
    Step,
    StepState,
    Task,
    TaskState,
    Unit,
    Why,
)
from fleetkeeper.core.run_after import After, after
from fleetkeeper.core.run_eta import remaining
from fleetkeeper.core.run_page import Seen
from fleetkeeper.core.run_way_back import taken_ways, ways_back
from fleetkeeper.core.run_words import typed
from fleetkeeper.core.way_back import WayBack

ENDED_BADLY = frozenset({RunState.COMPLETED_WITH_FAILURES, RunState.FAILED, RunState.ABORTED})


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A member or a gate. step_state "" while the step is not begun; attempt counts from 1.

    rollback: the way back that its upgrade opened, None where there is none (any more). rolled_back_by: the other run
    that took it, "" for none. after: what its postflight found, None before that.
    """

    name: str
    role: str
    arn: str
    account: str
    region: str
    stage: str
    group: str
    state: str
    since: datetime
    why: Why | None
    step: int
    steps: int
    step_name: str
    step_state: str
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    rollback: WayBack | None = None
    after: After | None = None
    rolled_back_by: str = ""


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A stage, or with a group one of its groups."""

    stage: str
    group: str
    state: str
    since: datetime
    why: Why | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run. seconds_left: half of such work has ended by the first, 95 of 100 by the second; 0 when it is over."""

    id: str
    plan: str
    title: str
    digest: str
    state: str
    control: str
    since: datetime
    why: Why | None
    created_at: datetime
    created_by: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds_left: tuple[int, int]
    waits_for_approval: bool
    stages: tuple[UnitRow, ...]
    tasks: tuple[TaskRow, ...]
    approvals: tuple[Mapping[str, str | bool], ...]


def run_row(seen: Seen, now: datetime) -> RunRow:
    run, plan = seen.run, seen.plan
    left = remaining(plan, seen.units, seen.tasks, now)
    over = run.ended_at is not None
    ways, ends = ways_back(seen.steps, now, seen.taken), after(seen.steps)
    gone = {idx: each.run for idx, each in taken_ways(seen.steps, seen.taken).items()}
    return RunRow(
        id=run.id,
        plan=run.plan,
        title=plan.header.playbook_title,
        digest=run.digest,
        state=run.state.value,
        control=run.control.value,
        since=run.since,
        why=run.why,
        created_at=run.created_at,
        created_by=run.created_by,
        started_at=run.started_at,
        ended_at=run.ended_at,
        seconds_left=(0, 0) if over else (int(left.p50.total_seconds()), int(left.p95.total_seconds())),
        waits_for_approval=waits_for_approval(run, seen.tasks),
        stages=tuple(_unit(seen, each) for each in seen.units),
        tasks=tuple(
            replace(
                _task(seen, each),
                rollback=ways.get(each.key.idx),
                after=ends.get(each.key.idx),
                rolled_back_by=gone.get(each.key.idx, ""),
            )
            for each in seen.tasks
        ),
        approvals=tuple(
            {"gate": each.gate, "approved": each.approved, "actor": each.actor, "note": each.note}
            for each in seen.approvals
        ),
    )


def waits_for_approval(run: Run, tasks: tuple[Task, ...]) -> bool:
    """Whether a person's approval is all that anything of it waits for: of its plan, or at a gate."""
    if run.why is not None and run.why.cause is Cause.APPROVAL:
        return True
    alive = [task for task in tasks if task.started_at and task.ended_at is None]
    asking = [task for task in alive if task.why is not None and task.why.cause is Cause.APPROVAL]
    return bool(asking) and len(asking) == len(alive)


def _unit(seen: Seen, unit: Unit) -> UnitRow:
    return UnitRow(seen.plan.header.stages[unit.stage].name, unit.group, unit.state.value, unit.since, unit.why)


def _task(seen: Seen, task: Task) -> TaskRow:
    row = next((each for each in seen.steps if each.key == task.key and each.idx == task.step), None)
    name = task.name
    if task.role is Role.MEMBER:
        name = seen.plan.members[task.key.idx].steps[min(task.step, task.steps - 1)].name
    return TaskRow(
        name=task.name,
        role=task.role.value,
        arn=task.arn,
        account=task.account,
        region=task.region,
        stage=seen.plan.header.stages[task.stage].name,
        group=task.group,
        state=task.state.value,
        since=task.since,
        why=task.why,
        step=task.step,
        steps=task.steps,
        step_name=name,
        step_state=row.state.value if row else "",
        attempt=row.attempt + 1 if row else 0,
        started_at=task.started_at,
        ended_at=task.ended_at,
    )


# ---- what is left


@dataclass(frozen=True, slots=True)
class Residue:
    """Something that a run left, or may have left, in a cluster, and what a person does about it."""

    run: str
    member: str
    where: str
    step: str
    what: str
    do: str


def residue(run: Run, tasks: tuple[Task, ...], steps: tuple[Step, ...]) -> Iterator[Residue]:
    """Steps that are left or unknown, and members that ended, or were held, half done."""
    by_idx = {task.key.idx: task for task in tasks}
    begun = {step.key.idx for step in steps if step.intent}
    told = set()
    for step in steps:
        task = by_idx[step.key.idx]
        if step.state in (StepState.LEFT, StepState.UNKNOWN):
            told.add(task.key.idx)
            yield _residue(run, task, step.name, step.error or step.intent, _do(run, task, step.state))
    for task in tasks:
        if task.key.idx in told or task.why is None:
            continue
        if task.state is TaskState.ABORTED:
            yield _residue(run, task, "", task.why.text, task.why.fix or "see to it by hand, as it says")
        elif task.state is TaskState.FAILED and (task.step or task.key.idx in begun):
            yield _residue(run, task, "", f"half done: {task.why.text}", _do(run, task, StepState.FAILED))


def _residue(run: Run, task: Task, step: str, what: str, do: str) -> Residue:
    where = f"{task.account}/{task.region}" if task.account else ""
    return Residue(run.id, task.name, where, step, what, do)


def _do(run: Run, task: Task, state: StepState) -> str:
    if run.ended_at is not None:
        return "see to it by hand, as it says; a new plan takes the cluster as it is then"
    name = task.arn or task.name
    if state is StepState.LEFT:
        return "remove it by hand, as it says"
    look = "look at the cluster; then " if state is StepState.UNKNOWN else ""
    retry, skip = (typed(verb, run.id, f"member:{name}") for verb in ("retry", "skip"))
    return f"{look}`{retry}`, or `{skip}`"
