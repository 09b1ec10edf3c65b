"""What operators say, as new states, or refused in words: a verb that does not fit is an answer, never an error."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from fleetkeeper.core import breaker
from fleetkeeper.core.run import (
    OF_NO_RUN,
    OVER,
    Applied,
    Cause,
    Command,
    Control,
    Role,
    Task,
    TaskState,
    Verb,
    Why,
)
from fleetkeeper.core.run_draft import Draft, is_begun, is_closed, is_failure, is_in_flight, is_over, is_waiting
from fleetkeeper.core.run_words import because, counted, listed, typed
from fleetkeeper.core.targets import Found, find


@dataclass(frozen=True, slots=True)
class Answer:
    """done: it was carried out; text says what became of it, or why it was refused."""

    done: bool
    text: str


def apply(draft: Draft) -> None:
    """Carry out the commands that wait, in their order. Who said them was verified, or need not be."""
    for command in draft.view.commands:
        if command.verb in OF_NO_RUN:
            continue
        answer = _answer(draft, command)
        draft.applied.append(Applied(command.id, answer.done, answer.text))
        said = f"{command.actor}: {command.verb} {command.target or 'the run'}{because(command.reason)}"
        kind = f"command.{command.verb}" if answer.done else "command.refused"
        draft.say(kind, f"{said} - {'' if answer.done else 'refused, '}{answer.text}", actor=command.actor)


def _answer(draft: Draft, command: Command) -> Answer:
    run = draft.run
    if command.verb is Verb.CLEANUP:
        return _cleanup(draft, command)
    if run.state in OVER:
        words = run.state.replace("_", " ")
        return _no(f"run {run.id} is over ({words}): what is left needs a new plan")
    if command.verb in (Verb.START, Verb.PAUSE, Verb.RESUME, Verb.ABORT) and command.target:
        return _no(f"{command.verb} is for a whole run; skip and retry are for parts of it")
    if run.control is Control.ABORT:
        return _no(f"run {run.id} is being aborted: {typed('status', run.id)} shows what is left to undo")
    verbs: dict[Verb, Callable[[Draft, Command], Answer]] = {
        Verb.START: _start,
        Verb.PAUSE: _pause,
        Verb.RESUME: _resume,
        Verb.ABORT: _abort,
        Verb.RETRY: _retry,
        Verb.SKIP: _skip,
    }
    return verbs[command.verb](draft, command)


def _yes(text: str) -> Answer:
    return Answer(True, text)


def _no(text: str) -> Answer:
    return Answer(False, text)


def _start(draft: Draft, _: Command) -> Answer:
    run = draft.run
    if run.control is Control.PAUSE:
        return _no(f"run {run.id} is paused: {typed('resume', run.id)} lets it go on")
    if run.control is not Control.START:
        return _no(f"run {run.id} has started already")
    draft.run = replace(run, control=Control.RUN, why=None)
    return _yes("it starts now" if draft.is_approved else f"it starts once plan {run.plan} is approved")


def _pause(draft: Draft, command: Command) -> Answer:
    run = draft.run
    if run.control is Control.PAUSE:
        told = f": {run.why.text}" if run.why else ""
        return _no(f"run {run.id} is paused already{told}")
    text = f"{command.actor} paused it{because(command.reason)}"
    why = draft.why(Cause.PAUSED, text, command.actor, typed("resume", run.id))
    draft.run = replace(run, control=Control.PAUSE, why=why)
    busy = 0
    for task in draft.every_member():
        if task.state is TaskState.RUNNING:
            busy += 1
            # It is looked at now, not when its step would look again: nothing is under way there, and it can be held.
            if not task.acted and task.due and task.due > draft.now:
                draft.set_due(task, draft.now)
    return _yes(f"nothing new begins; {counted(busy, 'member')} in progress" if busy else "nothing new begins")


def _resume(draft: Draft, command: Command) -> Answer:
    run = draft.run
    if run.control is not Control.PAUSE:
        return _no(f"run {run.id} is not paused")
    past = []
    # Only a person who was told of the failures can let the run go on past them.
    if run.why is not None and run.why.cause is Cause.FAILURES:
        past = breaker.decide(draft, command.actor)
    draft.run = replace(run, control=Control.RUN, why=None)
    return _yes(f"it goes on without {listed([task.name for task in past])}" if past else "it goes on")


def _abort(draft: Draft, command: Command) -> Answer:
    text = f"{command.actor} aborted the run{because(command.reason)}"
    why = draft.why(Cause.SKIPPED, text, command.actor, typed("status", draft.run.id))
    draft.run = replace(draft.run, control=Control.ABORT, why=why)
    busy = sum(is_begun(task) and not is_over(task) for task in draft.every_member())
    return _yes(
        f"nothing new begins, {counted(busy, 'member')} followed and undone" if busy else "nothing was under way"
    )


def _cleanup(draft: Draft, command: Command) -> Answer:
    """The run stays as it ended; what its members left is looked at once more, and undone where that can be."""
    if draft.run.state not in OVER:
        return _no(f"run {draft.run.id} is not over: {typed('abort', draft.run.id)} undoes what is its own")
    left = [task for task in draft.tasks.values() if _left_something(task)]
    if not left:
        return _no(f"run {draft.run.id} left nothing that is known of")
    why = draft.why(Cause.SKIPPED, f"{command.actor} wants it cleaned up{because(command.reason)}", command.actor)
    for task in left:
        draft.undo(task, why)
    return _yes(f"{listed([task.name for task in left])} looked at once more, and undone where that can be")


def _left_something(task: Task) -> bool:
    aborted = task.state is TaskState.ABORTED and task.why is not None
    return aborted or (task.state is TaskState.FAILED and (task.acted or task.step > 0))


# ---- retry


def _retry(draft: Draft, command: Command) -> Answer:
    found = find(draft, command.target)
    if isinstance(found, str):
        return _no(found)
    tasks = [task for task in found.tasks if _is_retryable(draft, task)]
    if not tasks:
        state = f"{found.tasks[0].name} is {_state(found.tasks[0])}" if found.one else f"nothing of {found.label} is"
        return _no(f"{state}: only what failed, or what nobody can tell the end of, is tried again")
    able = [task for task in tasks if not _is_given_up(draft, task)]
    if not able:
        return _no(f"stage {draft.stage_name(tasks[0].stage)} stops at its failures: what is left needs a new plan")
    for task in able:
        _try_again(draft, task, command)
    later = "" if draft.run.control is Control.RUN else f", when the run goes on: {typed('resume', draft.run.id)}"
    return _yes(f"{listed([task.name for task in able])} tried again{later}")


def _is_retryable(draft: Draft, task: Task) -> bool:
    """A gate only while somebody waits behind it: that of a stage that is over decides nothing any more."""
    if task.role is Role.GATE and is_closed(draft.units[task.stage, task.group]):
        return False
    return task.state is TaskState.FAILED or _is_unknown(task)


def _is_given_up(draft: Draft, task: Task) -> bool:
    """A failed member of a stage that stops. One whose end nobody can tell is in flight, and comes to an end anyhow."""
    return task.role is Role.MEMBER and task.state is TaskState.FAILED and breaker.is_stopped(draft, task.stage)


def _is_unknown(task: Task) -> bool:
    return task.state is TaskState.BLOCKED and task.why is not None and task.why.cause is Cause.UNKNOWN


def _try_again(draft: Draft, task: Task, command: Command) -> None:
    """A gate, and a member that has its place, goes on at once; a failed member queues for its place."""
    if task.role is Role.GATE or is_in_flight(task):
        draft.admit(task)
        return
    text = f"{command.actor} wants it tried again{because(command.reason)}"
    draft.wait(task, draft.why(Cause.RETRY, text, command.actor, typed("resume", draft.run.id)))


# ---- skip


def _skip(draft: Draft, command: Command) -> Answer:
    if not command.target:
        return _no(
            f"skip needs a stage, a group, a member or a gate; {typed('abort', draft.run.id)} ends the whole run"
        )
    found = find(draft, command.target)
    if isinstance(found, str):
        return _no(found)
    if found.one and _is_unknown(found.tasks[0]) and found.tasks[0].role is Role.MEMBER:
        return _skip_step(draft, found.tasks[0], command)
    refusals = {task.key.idx: _cannot_skip(task, found.one) for task in found.tasks}
    able = [task for task in found.tasks if not refusals[task.key.idx]]
    if not able:
        return _no(_nothing_to_skip(found, next(iter(refusals.values()), "")))
    for task in able:
        draft.skip(task, _skipped(draft, task, command))
    left = [task for task in found.tasks if not is_over(draft.tasks[task.key.idx])]
    rest = f"; {listed([task.name for task in left])} in progress, which ends first" if left else ""
    return _yes(f"{listed([task.name for task in able])} skipped{rest}")


def _nothing_to_skip(found: Found, refusal: str) -> str:
    if found.one:
        return f"{found.tasks[0].name} {refusal}"
    return f"nothing of {found.label} can be skipped: it is over or in progress"


def _cannot_skip(task: Task, one: bool) -> str:
    """Why a task cannot be skipped, "" when it can. A failed one only by its own name: a failure is not swept away."""
    if task.state is TaskState.FAILED:
        return "" if one else "failed"
    if is_over(task) or task.state is TaskState.ABORTING:
        return f"is {_state(task)}: there is nothing to skip"
    if task.role is Role.GATE or not is_begun(task):
        return ""
    if task.state is TaskState.RUNNING:
        return "is in progress: pause the run first, then skip it"
    cause = task.why.cause if task.why else None
    if task.acted and cause not in (Cause.RETRY, Cause.PAUSED):
        return "has something under way in its cluster that cannot be cut off: it must end first"
    return ""


def _skipped(draft: Draft, task: Task, command: Command) -> Why:
    """A failure stays one, and what is skipped half way is one: both count among the failures of the run."""
    said = f"{command.actor} skipped it{because(command.reason)}"
    if is_failure(task):
        past = f"; it had failed: {task.why.text}" if task.why else "; it had failed"
        return draft.why(Cause.FAILED, said + past, command.actor)
    if task.role is Role.MEMBER and is_begun(task) and (task.step or task.acted or is_waiting(task)):
        return draft.why(Cause.FAILED, f"{said}, with {task.step} of {task.steps} steps done", command.actor)
    return draft.why(Cause.SKIPPED, said, command.actor)


def _skip_step(draft: Draft, task: Task, command: Command) -> Answer:
    """Nobody could tell how the step ended; the operator says that it need not be known, and the next one begins."""
    said = f"{command.actor} went on without knowing how step {task.step + 1} ended{because(command.reason)}"
    if task.step + 1 >= task.steps:
        draft.succeed(task, draft.why(Cause.SKIPPED, said, command.actor))
        return _yes(f"step {task.step + 1} of {task.name}, its last, counts as ended")
    draft.next_step(task)
    return _yes(f"{task.name} goes on with step {task.step + 2} of {task.steps}")


def _state(task: Task) -> str:
    return task.state.replace("_", " ")
