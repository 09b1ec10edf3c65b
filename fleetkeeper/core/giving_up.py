"""The abort of a run whose plan is not to be believed any more: nothing is followed or undone by it, all is listed.

What to look for and how to take something back is said by the plan alone. So the run ends at once, with no act more,
and what its members were at is named for a person.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleetkeeper.core.run import (
    OVER,
    STEP_OVER,
    TASK_OVER,
    UNIT_OVER,
    Applied,
    Cause,
    Changes,
    Command,
    Control,
    Event,
    Role,
    Run,
    RunState,
    Step,
    StepState,
    Task,
    TaskState,
    Unit,
    UnitState,
    Verb,
    Why,
)
from fleetkeeper.core.run_words import because, counted, listed

_NOT_DONE = frozenset({StepState.READY, StepState.SKIPPED, StepState.UNDONE})
_OWNER, _FIX = "the operator of this fleet", "look at each of these clusters; find out who changed the database"


@dataclass(frozen=True, slots=True)
class Remains:
    """What is stored of a run, without its plan. wrong: why that is not believed."""

    run: Run
    wrong: str
    units: Sequence[Unit]
    tasks: Sequence[Task]
    steps: Sequence[Step]
    commands: Sequence[Command]


def give_up(remains: Remains, now: datetime) -> Changes | None:
    """The end of the run, where somebody aborts it, or did before; None where nobody does."""
    run, abort = remains.run, next((each for each in remains.commands if each.verb is Verb.ABORT), None)
    if run.state in OVER:
        return Changes(applied=tuple(_refused(each, remains.wrong) for each in remains.commands))
    if abort is None and run.control is not Control.ABORT:
        return None
    intents = dict(_intents(remains.steps))
    tasks = tuple(_ended(each, intents.get(each.key.idx, ()), remains.wrong, now) for each in remains.tasks)
    left = [f"{each.name}: {each.why.text}" for each in tasks if each.state is TaskState.ABORTED and each.why]
    said = f"aborted with nothing followed and nothing undone, for {remains.wrong}"
    text = f"{said}; left behind by {counted(len(left), 'member')}: {listed(left)}" if left else said
    why = Why(Cause.TAMPERED, text, now, _OWNER, _FIX)
    ended = replace(run, state=RunState.ABORTED, since=now, control=Control.ABORT, why=why, ended_at=now, due=None)
    before = {each.key.idx: each for each in remains.tasks}
    return Changes(
        run=ended,
        units=tuple(_closed(each, now) for each in remains.units if each.state not in UNIT_OVER),
        tasks=tuple(each for each in tasks if each != before[each.key.idx]),
        events=(*_told(run, abort, tasks, before, now), Event(now, run.id, "run.ended", f"the run was {text}")),
        applied=tuple(
            Applied(each.id, True, "it ends now; `fleetkeeper get runs` says what may be left")
            if each.verb is Verb.ABORT
            else _refused(each, remains.wrong)
            for each in remains.commands
        ),
    )


def _refused(command: Command, wrong: str) -> Applied:
    return Applied(command.id, False, f"nothing is done any more by a plan that was changed: {wrong}")


def _intents(steps: Sequence[Step]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Task → what its rows say that was done, or may still be under way, newest first."""
    for idx in {step.key.idx for step in steps}:
        own = sorted((step for step in steps if step.key.idx == idx), key=lambda step: -step.idx)
        yield idx, tuple(_said(step) for step in own if step.intent and step.state not in _NOT_DONE)


def _said(step: Step) -> str:
    if step.state is StepState.LEFT:
        return step.error
    return f"{'was done or tried' if step.state in STEP_OVER else 'may be under way'}: {step.intent}"


def _ended(task: Task, intents: Sequence[str], wrong: str, now: datetime) -> Task:
    """A task as it ends: what never began is skipped, of what did the traces are named."""
    if task.state in TASK_OVER and not (task.state is TaskState.FAILED and intents):
        return task
    if not intents and (task.started_at is None or task.role is Role.GATE):
        why = Why(Cause.SKIPPED, f"not begun: {wrong}", now)
        return replace(task, state=TaskState.SKIPPED, since=now, why=why, due=None, ended_at=now)
    traces = Why(Cause.FAILED, "; ".join(intents), now, _OWNER, _FIX) if intents else None
    return replace(task, state=TaskState.ABORTED, since=now, why=traces, due=None, ended_at=now)


def _closed(unit: Unit, now: datetime) -> Unit:
    begun = unit.state is not UnitState.NOT_STARTED
    return replace(unit, state=UnitState.ABORTED if begun else UnitState.SKIPPED, since=now, why=None)


def _told(
    run: Run, abort: Command | None, tasks: Iterable[Task], before: Mapping[int, Task], now: datetime
) -> Iterator[Event]:
    if abort is not None:
        text = f"{abort.actor}: abort the run{because(abort.reason)}"
        yield Event(now, run.id, "command.abort", text, abort.actor)
    for task in tasks:
        if task.state is TaskState.ABORTED and task != before[task.key.idx]:
            text = f"left behind: {task.why.text}" if task.why else "aborted; nothing of it is left"
            yield Event(now, run.id, "aborted", text, task=task.key.idx)
