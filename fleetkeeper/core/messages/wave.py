"""A run as the on-call channel follows it: one message that is always as things are, and news in its thread."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from fleetkeeper.core.messages.blocks import actions, button, confirm, context, header, section
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.escape import advice, code, words
from fleetkeeper.core.messages.message import Block, Do, Message
from fleetkeeper.core.notices.values import Notice
from fleetkeeper.core.run import (
    OVER,
    Cause,
    Control,
    Event,
    Role,
    Run,
    RunState,
    Task,
    TaskState,
    Unit,
    UnitState,
    Why,
)
from fleetkeeper.core.run_page import Seen
from fleetkeeper.core.run_texts import names_of, state_text
from fleetkeeper.core.run_words import typed
from fleetkeeper.core.wording import counted

MOST = 5
"""Members of a kind by name, approvals, and lines of news in one message; the others are counted."""

TOLD = frozenset(
    {
        "run.approved", "run.started", "run.waits", "run.pauses", "run.paused", "run.aborting", "run.ended",
        "stage.began", "stage.ended", "stage.stops", "group.ended", "member_dropped", "failed", "blocked", "unknown",
        "tampered", "aborted", "approve", "reject", "command.pause", "command.resume", "command.abort",
        "command.retry", "command.skip",
    }
)  # fmt: skip
"""The kinds of events that are news in the thread; all others stand in the run's log."""

_MARKS: Mapping[str, str] = {
    "succeeded": "✅",
    "completed_with_failures": "⚠️",
    "failed": "❌",
    "blocked": "⛔",
    "aborted": "⏹️",
    "aborting": "⏹️",
    "running": "▶️",
    "soaking": "⏳",
    "paused": "⏸️",
    "pausing": "⏸️",
    "skipped": "⏭️",
}
_WAITS = "⏳"
_GRAVE = frozenset({"failed", "blocked", "unknown", "tampered", "stage.stops", "run.pauses"})


def root(notice: Notice, context: Context) -> Message:
    """Of the context's run. Without one (it was pruned) it says so, and nothing can be clicked."""
    seen = context.run
    if seen is None:
        text = f"Run {code(notice.subject, 120)} is no longer stored."
        return Message(text, (section([text]),))
    blocks = [
        header(f"{_mark(seen.run.state)} {_headline(seen)}"),
        section(_about(seen)),
        section(_stages(seen)),
        *_members(seen),
        *_decisions(notice, seen, context),
        *_controls(notice, seen.run),
        _foot(seen.run),
    ]
    return Message("\n".join(_text(seen)), tuple(blocks))


def news(notice: Notice, context: Context) -> Message:
    """Those of the context's events that matter, in one message: a line each, the newest last."""
    names = names_of(context.run.tasks) if context.run else {}
    told = [each for each in context.events if each.kind in TOLD]
    lines = [_line(each, names) for each in told[-MOST * 2 :]]
    hidden = len(told) - len(lines)
    if hidden:
        lines.insert(0, f"{counted(hidden, 'earlier event')}: {code(typed('log', notice.subject), 160)}")
    text = "\n".join(lines) or "Nothing new."
    return Message(text, (section(lines or [text]),))


def is_news(event: Event) -> bool:
    return event.kind in TOLD


# ---- how it is


def _headline(seen: Seen) -> str:
    return f"{seen.plan.header.playbook_title}: {_short(seen.run.state)}"


def _short(state: RunState) -> str:
    """`has failed`, in a headline without the verb that a sentence has."""
    return state_text(state).removeprefix("is ").removeprefix("has ").removeprefix("was ")


def _mark(state: RunState | UnitState | TaskState) -> str:
    return _MARKS.get(state.value, _WAITS)


def _about(seen: Seen) -> Iterator[str]:
    run = seen.run
    yield f"Run {code(run.id, 120)} {state_text(run.state)} (since {_at(run.since)}); {_counts(seen.tasks)}."
    yield f"Started by {words(run.created_by, 80)}, plan {code(run.plan, 120)}."
    if run.why is not None:
        yield f"*{'Why' if run.state in OVER else 'It waits'}:* {_why(run.why)}"


def _counts(tasks: Iterable[Task]) -> str:
    states = Counter(task.state for task in tasks if task.role is Role.MEMBER)
    if not states:
        return "no cluster"
    busy = states[TaskState.RUNNING] + states[TaskState.ABORTING]
    waiting = states[TaskState.NOT_STARTED] + states[TaskState.PENDING]
    told = [f"{states[TaskState.SUCCEEDED]} of {counted(sum(states.values()), 'cluster')} done"]
    told += [f"{busy} in progress"] if busy else []
    told += [
        f"{states[each]} {each.value}"
        for each in (TaskState.BLOCKED, TaskState.FAILED, TaskState.ABORTED, TaskState.SKIPPED)
        if states[each]
    ]
    return ", ".join([*told, *([f"{waiting} to come"] if waiting else [])])


def _stages(seen: Seen) -> Iterator[str]:
    for idx, stage in enumerate(seen.plan.header.stages):
        unit = next((each for each in seen.units if each.stage == idx and not each.group), None)
        own = [task for task in seen.tasks if task.stage == idx]
        state = unit.state if unit else UnitState.NOT_STARTED
        yield f"{_mark(state)} *Stage {idx + 1} {words(stage.name, 60)}:* {_counts(own)}{_held(unit, seen)}"


def _held(unit: Unit | None, seen: Seen) -> str:
    """Why a stage waits, where the run does not say the same above."""
    why = unit.why if unit else None
    if why is None or unit is None or unit.state in (UnitState.NOT_STARTED, UnitState.SUCCEEDED):
        return ""
    return "" if seen.run.why and why.text in seen.run.why.text else f"; {_why(why)}"


def _members(seen: Seen) -> Iterator[Block]:
    """What needs somebody first, then what moves."""
    names = names_of(seen.tasks)
    members = [task for task in seen.tasks if task.role is Role.MEMBER]
    grave = [each for each in members if each.state in (TaskState.BLOCKED, TaskState.FAILED)]
    busy = [each for each in members if each.state in (TaskState.RUNNING, TaskState.ABORTING)]
    for some in filter(None, (grave, busy)):
        lines = [_member(each, names[each.key.idx], seen) for each in some[:MOST]]
        yield section([*lines, *([f"and {len(some) - MOST} more"] if len(some) > MOST else [])])


def _member(task: Task, name: str, seen: Seen) -> str:
    said = f"{_mark(task.state)} {code(name, 120)} {task.state.value}"
    if task.state in (TaskState.RUNNING, TaskState.ABORTING):
        step = seen.plan.members[task.key.idx].steps[min(task.step, task.steps - 1)].name
        said += f", step {task.step + 1} of {task.steps}: {words(step, 80)}"
    return f"{said}: {_why(task.why)}" if task.why else said


def _why(why: Why) -> str:
    """The reason, since when, who can move it and by what."""
    who = f"; who: {words(why.owner, 80)}" if why.owner else ""
    do = f"; do: {advice(why.fix, 300)}" if why.fix else ""
    return f"{words(why.text, 400)} (since {_at(why.since)}){who}{do}"


def _at(moment: datetime) -> str:
    """Never how long ago: a message that changes with each minute would be edited with each."""
    return f"{moment.day} {moment:%b %H:%M} UTC"


# ---- what can be clicked


def _decisions(notice: Notice, seen: Seen, context: Context) -> Iterator[Block]:
    if seen.run.state in OVER:
        return
    run = seen.run
    if run.why is not None and run.why.cause is Cause.APPROVAL:
        yield from _decision(notice, run, "", f"plan {code(run.plan, 120)}", seen.plan.header.created_by, context)
        return
    for gate in _asking(seen)[:MOST]:
        path = _path(seen, gate)
        yield from _decision(notice, run, path, f"gate {code(path, 160)}", seen.plan.header.created_by, context)


def _asking(seen: Seen) -> Sequence[Task]:
    """Gates that wait for a person."""
    waiting = [each for each in seen.tasks if each.role is Role.GATE and each.started_at and each.ended_at is None]
    return [each for each in waiting if each.why is not None and each.why.cause is Cause.APPROVAL]


def _path(seen: Seen, gate: Task) -> str:
    """`stage/gate` or `stage/group/gate`, as verbs take it."""
    return "/".join(filter(None, (seen.plan.header.stages[gate.stage].name, gate.group, gate.name)))


def _decision(notice: Notice, run: Run, gate: str, what: str, requester: str, context: Context) -> Iterator[Block]:
    about = Button(notice.id, run.id if gate else run.plan, run.digest, gate)
    approvers = tuple(each for each in context.approvers if each != requester)
    who = words(requester, 80)
    yield section([f"*To decide:* {what}. {context.names(approvers)} may; {who}, who asked for it, may not."])
    sure = confirm("Approve?", "The run goes on as the plan says, and changes clusters.", "Approve")
    buttons = [button(Do.APPROVE, "Approve", about, "primary", sure), button(Do.REJECT, "Reject", about, "danger")]
    yield actions(f"approval:{gate or 'plan'}", buttons)


def _controls(notice: Notice, run: Run) -> Iterator[Block]:
    """What may be said to it in its state; stopping is never more than one click and a confirmation away."""
    if run.state in OVER or run.control is Control.ABORT:
        return
    about = Button(notice.id, run.id, run.digest)
    pause = confirm("Pause?", "Nothing new begins. What is under way is followed to its end.", "Pause")
    undo = (
        "No new change begins, what is ours is undone, what cannot be stopped is followed to its end. It cannot go on."
    )
    first = (
        button(Do.RESUME, "Resume", about)
        if run.control is Control.PAUSE
        else button(Do.PAUSE, "Pause", about, ask_first=pause)
    )
    yield actions("run", [first, button(Do.ABORT, "Abort", about, "danger", confirm("Abort the run?", undo, "Abort"))])


def _foot(run: Run) -> Block:
    return context([f"*All of it:* {code(typed('status', run.id), 160)}", "*Next:* news come in this thread"])


# ---- texts


def _text(seen: Seen) -> Iterator[str]:
    yield f"{_mark(seen.run.state)} {words(_headline(seen), 200)}; {_counts(seen.tasks)}"
    if seen.run.why is not None:
        yield _why(seen.run.why)
    for gate in _asking(seen)[:MOST]:
        yield f"To decide: gate {code(_path(seen, gate), 160)}"


def _line(event: Event, names: Mapping[int, str]) -> str:
    own = event.task is not None and "." not in event.kind
    about = f"{code(names.get(event.task, '?'), 120)}: " if own and event.task is not None else ""
    mark = "❗ " if event.kind in _GRAVE else ""
    return f"{mark}{event.at:%H:%M} UTC {about}{words(event.text, 500)}"
