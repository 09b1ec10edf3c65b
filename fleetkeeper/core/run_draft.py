"""A run while its next values are decided: what moved is written, what did not is not."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core import playbook
from fleetkeeper.core.frozen import replace
from fleetkeeper.core.playbook import GateSpec
from fleetkeeper.core.run import (
    TASK_OVER,
    UNIT_OVER,
    Applied,
    Cause,
    Changes,
    Event,
    Role,
    RunState,
    RunView,
    Task,
    TaskState,
    Unit,
    UnitState,
    Why,
)
from fleetkeeper.core.transitions import demand

POLL = timedelta(seconds=15)
"""How often a run looks by itself at what no commit of its own moves: freezes, other runs, approvals."""

FAILURE = frozenset({Cause.FAILED, Cause.FAILURES})
"""A skipped task with one of these causes was skipped because something failed: it counts as a failure of its run."""

# Held by the executor at a point where no act is under way: the member is begun and keeps its place.
_KEEPS_PLACE = frozenset({Cause.PAUSED, Cause.UNKNOWN})


class Draft:
    """Everything of a run by index, with the values as they will be. A move that is not legal raises ValueError."""

    def __init__(self, view: RunView, now: datetime) -> None:
        self.view = view
        self.now = now
        self.run = view.run
        self.tasks: dict[int, Task] = {task.key.idx: task for task in view.tasks}
        self.units: dict[tuple[int, str], Unit] = {(unit.stage, unit.group): unit for unit in view.units}
        self.events: list[Event] = []
        self.applied: list[Applied] = []
        self.looks: list[datetime] = []
        self._members: dict[int, list[int]] = {}
        self._gates: dict[tuple[int, str], list[int]] = {}
        for task in sorted(view.tasks, key=lambda task: task.rank):
            if task.role is Role.MEMBER:
                self._members.setdefault(task.stage, []).append(task.key.idx)
            else:
                self._gates.setdefault((task.stage, task.group), []).append(task.key.idx)
        self.groups: dict[int, list[str]] = {}
        for unit in view.units:
            if unit.group:
                self.groups.setdefault(unit.stage, []).append(unit.group)

    # ---- reading

    @property
    def is_approved(self) -> bool:
        """A playbook that changes nothing needs no approval."""
        return self.view.approved is not None or self.view.header.changes is playbook.Changes.NOTHING

    def members(self, stage: int) -> list[Task]:
        """The members of a stage in their order of admission."""
        return [self.tasks[idx] for idx in self._members.get(stage, ())]

    def every_member(self) -> Iterator[Task]:
        return (self.tasks[idx] for ids in self._members.values() for idx in ids)

    def gates(self, stage: int, group: str, when: str = "") -> list[Task]:
        """The gates of a stage (group "") or of a group; those before, those after, or all of them."""
        found = (self.tasks[idx] for idx in self._gates.get((stage, group), ()))
        return [gate for gate in found if not when or gate.when == when]

    def gate_spec(self, gate: Task) -> GateSpec | None:
        specs = self.view.header.stages[gate.stage].gates
        return next((spec for spec in specs if spec.name == gate.name), None)

    def stage_name(self, stage: int) -> str:
        return self.view.header.stages[stage].name

    def label(self, stage: int, group: str) -> str:
        """`stage prod`, `group prod/eu`: as people say it; a target of a verb is the same with a colon."""
        return f"group {self.stage_name(stage)}/{group}" if group else f"stage {self.stage_name(stage)}"

    # ---- writing

    def say(self, kind: str, text: str, task: Task | None = None, actor: str = "fleetkeeper") -> None:
        """Add one line to the run's log."""
        self.events.append(Event(self.now, self.run.id, kind, text, actor, task.key.idx if task else None))

    def look_at(self, moment: datetime) -> None:
        """The run must look by itself at this time, or earlier."""
        self.looks.append(moment)

    def poll(self) -> None:
        """The run waits for something that nobody tells it about. A look that is planned already is kept."""
        due = self.run.due
        self.looks.append(due if due and self.now < due <= self.now + POLL else self.now + POLL)

    def why(self, cause: Cause, text: str, owner: str = "", fix: str = "", at: datetime | None = None) -> Why:
        return Why(cause, text, self.now, owner, fix, at)

    def admit(self, task: Task) -> None:
        """Let a member or a gate begin, or go on."""
        started = task.started_at or self.now
        self._put(task, TaskState.RUNNING, None, due=self.now, started_at=started, ended_at=None)

    def wait(self, task: Task, why: Why) -> bool:
        """Keep a task from beginning; True when the cause is another than before."""
        told = kept(task.why, why)
        if task.state is TaskState.PENDING and task.due is None and told == task.why:
            return False
        self._put(task, TaskState.PENDING, told, due=None, ended_at=None)
        return task.why is None or task.why.cause is not why.cause

    def skip(self, task: Task, why: Why) -> None:
        self._put(task, TaskState.SKIPPED, why, due=None, ended_at=self.now)

    def succeed(self, task: Task, why: Why) -> None:
        self._put(task, TaskState.SUCCEEDED, why, due=None, ended_at=self.now, step=task.steps, acted=False)

    def undo(self, task: Task, why: Why | None) -> None:
        """The executor follows what is under way, and undoes what is ours."""
        self._put(task, TaskState.ABORTING, why, due=self.now, ended_at=None)

    def explain(self, task: Task, why: Why) -> None:
        self.tasks[task.key.idx] = replace(task, why=why)

    def set_due(self, task: Task, due: datetime) -> None:
        self.tasks[task.key.idx] = replace(task, due=due)

    def next_step(self, task: Task) -> None:
        """Go on behind the current step."""
        self._put(task, TaskState.RUNNING, None, due=self.now, step=task.step + 1, acted=False)

    def set_unit(self, stage: int, group: str, state: UnitState, why: Why | None = None) -> bool:
        """True when the state is another than before."""
        unit = self.units[stage, group]
        demand(f"the {self.label(stage, group)}", unit.state, state)
        moved = unit.state is not state
        told = kept(unit.why, why)
        if moved or told != unit.why:
            self.units[stage, group] = replace(unit, state=state, since=self.now if moved else unit.since, why=told)
        return moved

    def set_run(self, state: RunState, why: Why | None, **more: Any) -> bool:
        """True when the state is another than before."""
        demand(f"run {self.run.id}", self.run.state, state)
        moved = self.run.state is not state
        told = kept(self.run.why, why)
        since = self.now if moved else self.run.since
        self.run = replace(self.run, state=state, since=since, why=told, **more)
        return moved

    def changes(self) -> Changes:
        due = min(self.looks) if self.looks else None
        self.run = replace(self.run, due=due) if self.run.due != due else self.run
        before = self.view
        old_units = {(unit.stage, unit.group): unit for unit in before.units}
        return Changes(
            run=self.run if self.run != before.run else None,
            units=tuple(unit for key, unit in self.units.items() if unit is not old_units[key]),
            tasks=tuple(new for old in before.tasks if (new := self.tasks[old.key.idx]) is not old and new != old),
            events=tuple(self.events),
            applied=tuple(self.applied),
        )

    def _put(self, task: Task, state: TaskState, why: Why | None, **more: Any) -> None:
        demand(f"{task.role} {task.name}", task.state, state)
        since = task.since if task.state is state else self.now
        self.tasks[task.key.idx] = replace(task, state=state, why=why, since=since, **more)


def kept(old: Why | None, new: Why | None) -> Why | None:
    """The new reason, with the time since when its cause holds; the old one itself when nothing of it changed."""
    if old is None or new is None or old.cause is not new.cause:
        return new
    same = old.text == new.text and old.owner == new.owner and old.fix == new.fix
    return old if same and old.next_attempt == new.next_attempt else replace(new, since=old.since)


def is_over(task: Task) -> bool:
    return task.state in TASK_OVER


def all_over(tasks: Iterable[Task]) -> bool:
    return all(task.state in TASK_OVER for task in tasks)


def is_begun(task: Task) -> bool:
    return task.started_at is not None


def is_waiting(task: Task) -> bool:
    """Whether a member waits to be admitted: never begun, or to be tried again and without a place of its own.

    A begun member that the executor holds (a pause, a pause between attempts) has a time to be looked at, or waits for
    the run to be resumed: it keeps its place.
    """
    if task.state is TaskState.NOT_STARTED:
        return True
    if task.state is not TaskState.PENDING:
        return False
    return task.started_at is None or (task.due is None and (task.why is None or task.why.cause not in _KEEPS_PLACE))


def is_in_flight(task: Task) -> bool:
    """Whether a member takes up a place of its stage, its group, its service and its reservations."""
    return not is_waiting(task) and task.state not in TASK_OVER


def is_failure(task: Task) -> bool:
    """Whether a member or gate failed, or was skipped because something failed."""
    if task.state is TaskState.SKIPPED:
        return task.why is not None and task.why.cause in FAILURE
    return task.state is TaskState.FAILED


def is_closed(unit: Unit) -> bool:
    return unit.state in UNIT_OVER
