"""The end of a run that an operator aborts: nothing new, what is ours undone, and a list of what stays."""

from fleetkeeper.core.gating import close_gates, close_tickets, end_unit, everything_of
from fleetkeeper.core.run import Cause, Role, RunState, Task, TaskState, UnitState, Why
from fleetkeeper.core.run_draft import Draft, all_over, is_begun, is_closed, is_failure, is_over
from fleetkeeper.core.run_words import counted, listed


def proceed(draft: Draft) -> None:
    """Bring an abort on. It looks at every task each time: one that was committed late is caught by the next look."""
    reason = draft.run.why or draft.why(Cause.SKIPPED, "the run was aborted")
    skipped = draft.why(Cause.SKIPPED, f"not begun: {reason.text}", reason.owner)
    undone = draft.why(Cause.SKIPPED, f"followed and undone: {reason.text}", reason.owner)
    for task in draft.every_member():
        failed_half_done = task.state is TaskState.FAILED and (task.acted or task.step > 0)
        if (is_over(task) and not failed_half_done) or task.state is TaskState.ABORTING:
            continue
        if is_begun(task):
            draft.undo(task, undone)
        else:
            draft.skip(task, skipped)
    close_gates(draft, [task for task in draft.tasks.values() if task.role is Role.GATE], skipped)
    close_tickets(draft, undone)
    _end_units(draft)
    if all_over(draft.tasks.values()):
        _end(draft)
    elif draft.set_run(RunState.ABORTING, reason, started_at=draft.run.started_at or draft.now):
        busy = sum(task.state is TaskState.ABORTING for task in draft.tasks.values())
        draft.say("run.aborting", f"the run is being aborted: {busy} in progress, followed and undone")


def _end_units(draft: Draft) -> None:
    for (stage, group), unit in draft.units.items():
        tasks = everything_of(draft, stage, group)
        if not is_closed(unit) and all_over(tasks):
            begun = unit.state is not UnitState.NOT_STARTED
            end_unit(draft, stage, group, tasks, UnitState.ABORTED if begun else UnitState.SKIPPED)


def _end(draft: Draft) -> None:
    why = _left(draft)
    if draft.set_run(RunState.ABORTED, why, ended_at=draft.now):
        draft.say(
            "run.ended", f"the run was aborted; {why.text}" if why else "the run was aborted, nothing is left of it"
        )


def tell_left(draft: Draft) -> None:
    """After a cleanup: what an aborted run has left now."""
    if all_over(draft.tasks.values()):
        draft.set_run(RunState.ABORTED, _left(draft), ended_at=draft.run.ended_at)


def _left(draft: Draft) -> Why | None:
    """What an aborted run leaves in the world, None when nothing."""
    left = [task for task in draft.tasks.values() if task.state is TaskState.ABORTED and _has_residue(task)]
    broken = [task for task in draft.tasks.values() if is_failure(task)]
    parts = []
    if left:
        shown = listed([f"{task.name}: {task.why.text}" for task in left if task.why])
        parts.append(f"left behind by {counted(len(left), 'member')}: {shown}")
    if broken:
        parts.append(f"{len(broken)} had failed before: {listed([task.name for task in broken])}")
    if not parts:
        return None
    fix = f"fleetkeeper cleanup {draft.run.id}"
    return draft.why(Cause.FAILED if broken else Cause.SKIPPED, "; ".join(parts), "the operator", fix)


def _has_residue(task: Task) -> bool:
    return task.why is not None
