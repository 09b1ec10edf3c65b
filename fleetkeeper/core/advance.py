"""What a run does next: one pure look at everything that it rests on, and what changes by it."""

from collections.abc import Sequence
from datetime import datetime

from fleetkeeper.core import aborting, breaker, gating, playbook, verbs
from fleetkeeper.core.run import (
    OVER,
    Cause,
    Changes,
    Control,
    Role,
    RunState,
    RunView,
    Task,
    TaskState,
    UnitState,
    Why,
)
from fleetkeeper.core.run_draft import Draft, is_closed, is_failure, is_over, is_waiting
from fleetkeeper.core.run_words import counted, listed, typed

_QUIET = frozenset({Cause.PAUSED, Cause.RETRY, Cause.UNKNOWN})
"""Causes for which a member that has acted is held where nothing is under way."""


def advance(view: RunView, now: datetime) -> Changes:
    """Decide what a run does next. Applied to its own result at the same time it changes nothing.

    Costs one pass over the tasks: a look at a run of 1,000 members takes a few milliseconds.
    """
    draft = Draft(view, now)
    verbs.apply(draft)
    if draft.run.state not in OVER:
        _decide(draft)
    elif draft.run.state is RunState.ABORTED:
        aborting.tell_left(draft)
    return draft.changes()


def _decide(draft: Draft) -> None:
    if draft.run.control is Control.ABORT:
        aborting.proceed(draft)
        return
    breaker.watch(draft)
    if draft.run.control is Control.START:
        _await_start(draft)
    elif draft.run.control is Control.PAUSE:
        _pause(draft)
    elif not draft.is_approved:
        _await_approval(draft)
    else:
        _go_on(draft)


def _await_start(draft: Draft) -> None:
    why = draft.why(Cause.START, "it waits for its start by an operator", "an operator", typed("start", draft.run.plan))
    draft.set_run(RunState.NOT_STARTED, why)


def _pause(draft: Draft) -> None:
    """Nothing begins. What is under way in a cluster goes on to the point where the executor can hold it."""
    why = draft.run.why
    if draft.run.state is RunState.NOT_STARTED:
        draft.set_run(RunState.NOT_STARTED, why)
    elif any(_is_busy(task) for task in draft.every_member()):
        draft.set_run(RunState.PAUSING, why)
    elif draft.set_run(RunState.PAUSED, why):
        draft.say("run.paused", "the run is paused: nothing is under way")


def _is_busy(task: Task) -> bool:
    """Whether a member may be between an act and its end."""
    if task.state in (TaskState.RUNNING, TaskState.ABORTING):
        return True
    held = task.why is not None and task.why.cause in _QUIET
    return task.acted and not is_over(task) and not is_waiting(task) and not held


_CHANGES = {
    playbook.Changes.NOTHING: "looks at",
    playbook.Changes.ADDONS: "changes addons of",
    playbook.Changes.NODES: "changes nodes of",
    playbook.Changes.MINOR: "upgrades",
    playbook.Changes.ROLLBACK: "takes back",
}


def _await_approval(draft: Draft) -> None:
    header, run = draft.view.header, draft.run
    what = f"{_CHANGES[header.changes]} {counted(len(header.members), 'cluster')}"
    text = f"plan {run.plan} {what} and is not approved"
    owner = f"an approver other than {header.created_by}"
    why = draft.why(Cause.APPROVAL, text, owner, typed("approve", run.plan))
    draft.poll()
    if run.state is RunState.NOT_STARTED:
        if run.why is None or run.why.cause is not Cause.APPROVAL:
            draft.say("run.waits", f"the run waits: {text}")
        draft.set_run(RunState.NOT_STARTED, why)
    elif any(_is_busy(task) for task in draft.every_member()):
        draft.set_run(RunState.RUNNING, why)
    elif draft.set_run(RunState.BLOCKED, why):
        draft.say("run.waits", f"the run waits: {text}")


def _go_on(draft: Draft) -> None:
    if draft.run.started_at is None:
        members = sum(not is_over(task) for task in draft.every_member())
        stages = counted(len(draft.view.header.stages), "stage")
        if said := draft.view.approved:
            text = f"{said.actor} ({said.identity}) approved plan {draft.run.plan} at {said.at:%d %b %H:%M} UTC"
            draft.say("run.approved", text, actor=said.actor)
        draft.say("run.started", f"the run started: {counted(members, 'member')} in {stages}")
    _wake_paused(draft)
    at = gating.walk(draft)
    if at is None and not _is_anything_left(draft):
        _end(draft)
        return
    state, why = _state(draft, at)
    started = draft.run.started_at or draft.now
    resumed = draft.run.state in (RunState.PAUSED, RunState.PAUSING)
    if draft.set_run(state, why, started_at=started) and (resumed or state is RunState.BLOCKED):
        draft.say(f"run.{state}", f"the run is {state}: {why.text}" if why else f"the run is {state}")


def _wake_paused(draft: Draft) -> None:
    """Those that the executor held for a pause go on; also one that it held a moment after the run was resumed."""
    for task in list(draft.tasks.values()):
        if task.state is TaskState.PENDING and task.why is not None and task.why.cause is Cause.PAUSED:
            draft.admit(task)


def _is_anything_left(draft: Draft) -> bool:
    """Whether a member of a later stage is in flight still, when an earlier one has failed for good."""
    return any(not is_over(task) and not is_waiting(task) for task in draft.every_member())


def _state(draft: Draft, at: int | None) -> tuple[RunState, Why | None]:
    """The state of a run that goes on, and why nothing of it moves."""
    alive = [task for task in draft.tasks.values() if not is_over(task)]
    working = (TaskState.RUNNING, TaskState.ABORTING)
    if any(task.state in working and (task.role is Role.MEMBER or task.state is TaskState.ABORTING) for task in alive):
        return RunState.RUNNING, None
    unit = draft.units[at, ""] if at is not None else None
    why = unit.why if unit else None
    if _needs_somebody(draft, alive, at):
        return RunState.BLOCKED, why
    return (RunState.SOAKING if unit and unit.state is UnitState.SOAKING else RunState.PENDING), why


def _needs_somebody(draft: Draft, alive: Sequence[Task], at: int | None) -> bool:
    if any(task.state is TaskState.BLOCKED for task in alive):
        return True
    gates = (task for task in draft.tasks.values() if task.role is Role.GATE and task.stage == at)
    return any(gate.state is TaskState.FAILED for gate in gates)


def _end(draft: Draft) -> None:
    """Close what an end in failure leaves untouched, then the run."""
    stopped = next((unit for unit in draft.units.values() if unit.state is UnitState.FAILED), None)
    if stopped is not None:
        _leave_rest(draft, stopped.stage)
        gating.close_tickets(draft, draft.why(Cause.FAILURES, "the run failed: its ticket is closed"))
        if any(task.state is TaskState.ABORTING for task in draft.tasks.values()):
            draft.set_run(RunState.RUNNING, None)
            return
    members = list(draft.every_member())
    broken = [task for task in draft.tasks.values() if is_failure(task)]
    state, why = RunState.SUCCEEDED, None
    if broken:
        state = RunState.FAILED if stopped else RunState.COMPLETED_WITH_FAILURES
        text = f"{len(broken)} of {counted(len(members), 'member')} failed or were left out: "
        why = draft.why(Cause.FAILED, text + listed([task.name for task in broken]))
    elif all(task.state is TaskState.SKIPPED for task in members):
        why = draft.why(Cause.SKIPPED, "nothing was done: all members were skipped")
    draft.set_run(state, why, started_at=draft.run.started_at or draft.now, ended_at=draft.now)
    ended = f"the run {_ENDS[state]}"
    draft.say("run.ended", f"{ended}: {why.text}" if why else f"{ended}: {counted(len(members), 'member')}")


_ENDS = {
    RunState.SUCCEEDED: "succeeded",
    RunState.COMPLETED_WITH_FAILURES: "is completed, with failures",
    RunState.FAILED: "failed",
}


def _leave_rest(draft: Draft, stage: int) -> None:
    why = draft.why(Cause.FAILURES, f"not begun, for the run failed in {draft.label(stage, '')}")
    for task in draft.every_member():
        if not is_over(task):
            draft.skip(task, why)
    gating.close_gates(draft, [task for task in draft.tasks.values() if task.role is Role.GATE], why)
    for (index, group), unit in draft.units.items():
        if not is_closed(unit):
            gating.end_unit(draft, index, group, gating.everything_of(draft, index, group), UnitState.SKIPPED)
