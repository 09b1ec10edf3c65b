"""How many members of a stage failed, what the stage does then, and what an operator decided about it."""

from collections.abc import Sequence
from dataclasses import replace

from fleetkeeper.core.playbook import OnFailure
from fleetkeeper.core.run import Cause, Control, Task, TaskState
from fleetkeeper.core.run_draft import Draft, all_over, is_failure, is_over, is_waiting
from fleetkeeper.core.run_words import counted, listed, typed


def failed(draft: Draft, stage: int) -> list[Task]:
    return [task for task in draft.members(stage) if task.state is TaskState.FAILED]


def failures_text(draft: Draft, stage: int, broken: Sequence[Task]) -> str:
    """`2 of 12 members of stage prod failed (shop-eu-1, shop-eu-2)`."""
    total = len(draft.members(stage))
    names = listed([task.name for task in broken])
    return f"{len(broken)} of {counted(total, 'member')} of {draft.label(stage, '')} failed ({names})"


def watch(draft: Draft) -> None:
    """Pause the run where a stage that pauses has more failures than may be, of which one is not decided on yet.

    An operator's resume is that decision: it marks the failed members, and only a further failure pauses again.
    """
    for stage, spec in enumerate(draft.view.header.stages):
        broken = failed(draft, stage)
        if spec.on_failure is not OnFailure.PAUSE or len(broken) <= spec.max_failures:
            continue
        if all(is_decided(task) for task in broken):
            continue
        why = draft.run.why
        if draft.run.control is Control.PAUSE and why is not None and why.cause is Cause.FAILURES:
            continue
        text = f"{failures_text(draft, stage, broken)}, {spec.max_failures} may fail"
        worst = broken[0].name
        again = typed("retry", draft.run.id, f"member:{worst}")
        fix = f"look at {worst}; then {again} and {typed('resume', draft.run.id)}"
        reason = draft.why(Cause.FAILURES, text, "the operator", fix)
        draft.run = replace(draft.run, control=Control.PAUSE, why=reason)
        draft.say("run.pauses", f"the run pauses: {text}")
        return


def is_decided(task: Task) -> bool:
    """Whether an operator has said that the run goes on without this failed member."""
    return task.why is not None and task.why.cause is Cause.SKIPPED


def decide(draft: Draft, actor: str) -> list[Task]:
    """The run goes on without the members that failed so far: they stay failures, but pause nothing any more."""
    found = []
    for task in draft.every_member():
        if task.state is TaskState.FAILED and not is_decided(task):
            past = f" It failed: {task.why.text}" if task.why else ""
            text = f"{actor} let the run go on without it.{past}"
            draft.explain(
                task, draft.why(Cause.SKIPPED, text, actor, typed("retry", draft.run.id, f"member:{task.name}"))
            )
            found.append(task)
    return found


def is_stopped(draft: Draft, stage: int) -> bool:
    """Whether a stage that stops at failures had too many, or a gate of it failed. What it stopped stays stopped."""
    spec = draft.view.header.stages[stage]
    if spec.on_failure is not OnFailure.STOP:
        return False
    members = draft.members(stage)
    broken = sum(task.state is TaskState.FAILED for task in members)
    cut = any(
        task.state is TaskState.SKIPPED and task.why is not None and task.why.cause is Cause.FAILURES
        for task in members
    )
    gates = [gate for group in ("", *draft.groups.get(stage, ())) for gate in draft.gates(stage, group)]
    return cut or broken > spec.max_failures or any(gate.state is TaskState.FAILED for gate in gates)


def stop(draft: Draft, stage: int) -> bool:
    """Leave out what of a stopped stage has not begun; True when all that was in flight has ended."""
    text = stop_text(draft, stage)
    why = draft.why(Cause.FAILURES, f"not begun, for the stage stopped: {text}")
    members = draft.members(stage)
    left = [task for task in members if not is_over(task) and is_waiting(task)]
    for task in left:
        draft.skip(task, why)
    if left:
        draft.say(
            "stage.stops", f"stage {draft.stage_name(stage)} stops: {text}; {counted(len(left), 'member')} left out"
        )
    return all_over(draft.members(stage))


def stop_text(draft: Draft, stage: int) -> str:
    spec = draft.view.header.stages[stage]
    broken = failed(draft, stage)
    if len(broken) > spec.max_failures:
        return f"{failures_text(draft, stage, broken)}, {spec.max_failures} may fail"
    gates = [gate for group in ("", *draft.groups.get(stage, ())) for gate in draft.gates(stage, group)]
    shut = [gate.name for gate in gates if gate.state is TaskState.FAILED]
    return f"gate {listed(shut)} failed" if shut else "too many of its members failed"


def failures(draft: Draft, stage: int | None = None) -> list[Task]:
    """Members and gates that failed, or were skipped for a failure; of one stage, or of the run."""
    return [task for task in draft.tasks.values() if (stage is None or task.stage == stage) and is_failure(task)]
