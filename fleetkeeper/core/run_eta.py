"""When a run will have ended, as a range: what is left of its stages, without waits for people, windows and freezes."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fleetkeeper.core.durations import soak_length, stage_range, total
from fleetkeeper.core.plan import Member, Plan, Range
from fleetkeeper.core.run import TASK_OVER, UNIT_OVER, Role, Task, Unit

_NOTHING = timedelta()


def remaining(plan: Plan, units: Iterable[Unit], tasks: Sequence[Task], now: datetime) -> Range:
    """How long what is not over yet will take; 0 to 0 for a run that has only people to wait for, or nothing."""
    closed = {unit.stage for unit in units if not unit.group and unit.state in UNIT_OVER}
    return total(_stage(plan, idx, tasks, now) for idx in range(len(plan.header.stages)) if idx not in closed)


def _stage(plan: Plan, idx: int, tasks: Sequence[Task], now: datetime) -> Range:
    own = [task for task in tasks if task.stage == idx]
    members = [
        _left(plan.members[task.key.idx], task)
        for task in own
        if task.role is Role.MEMBER and task.state not in TASK_OVER
    ]
    stage = plan.header.stages[idx]
    over = {task.name for task in own if task.role is Role.GATE and task.state in TASK_OVER}
    gates = tuple(gate for gate in stage.gates if gate.name not in over)
    found = stage_range(replace(stage, gates=gates), members)
    begun = {task.name: now - task.started_at for task in own if task.role is Role.GATE and task.started_at}
    passed = sum((min(begun.get(gate.name, _NOTHING), soak_length(gate)) for gate in gates), _NOTHING)
    return replace(found, p50=max(_NOTHING, found.p50 - passed), p95=max(_NOTHING, found.p95 - passed))


def _left(member: Member, task: Task) -> Member:
    """The member with the part of its time that its steps to come take."""
    if member.expected is None or not task.steps:
        return member
    share = (task.steps - task.step) / task.steps
    whole = member.expected
    return replace(member, expected=replace(whole, p50=whole.p50 * share, p95=whole.p95 * share))
