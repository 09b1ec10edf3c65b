"""A run as the screen that an on-call engineer reads at three in the morning: what moves, what waits, for what."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap

from fleetkeeper.core.approval import Approval
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import range_text
from fleetkeeper.core.run import (
    OVER,
    TASK_OVER,
    Cause,
    Event,
    Freeze,
    Role,
    Run,
    RunState,
    Step,
    Task,
    TaskState,
    Unit,
    UnitState,
    Why,
)
from fleetkeeper.core.run_after import after
from fleetkeeper.core.run_eta import remaining
from fleetkeeper.core.run_texts import LONGEST, event_text, names_of, one_line, reason_text, since_text
from fleetkeeper.core.run_way_back import TakenBack, soonest, taken_text, taken_ways, ways_back
from fleetkeeper.core.text import safe
from fleetkeeper.core.way_back import countdown
from fleetkeeper.core.wording import counted, some

EXAMPLES = 3
"""Members that wait for the same, by name; the others are counted."""

_COMMAND = re.compile(r"`[^`]*`|fleetkeeper run \w+ \S+(?: (?:stage|group|member|gate):\S+)?")
_UNBROKEN = "\N{NO-BREAK SPACE}"
_PLAIN, _HEAD, _GOOD, _BAD, _HELD, _DIM = "", "bold", "green", "red", "yellow", "dim"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen. style: in rich's words, "" for none."""

    text: str
    style: str = _PLAIN


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as it was read. events: the newest of its log, oldest first; every: show also what is done or waits.

    taken: what other runs took back of its members.
    """

    run: Run
    plan: Plan
    units: tuple[Unit, ...]
    tasks: tuple[Task, ...]
    steps: tuple[Step, ...]
    approvals: tuple[Approval, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    events: tuple[Event, ...] = ()
    every: bool = False
    taken: tuple[TakenBack, ...] = ()


def run_page(seen: Seen, now: datetime, width: int) -> tuple[Line, ...]:
    """The whole screen, no line wider than width."""
    lines = [*_head(seen, now, width), Line("")]
    for idx in range(len(seen.plan.header.stages)):
        lines += _stage(seen, idx, now, width)
    lines += _ways_back(seen, now, width)
    lines += _after(seen, width)
    if seen.freezes:
        lines += [Line(""), *_freezes(seen.freezes, now, width)]
    if seen.events:
        names = names_of(seen.tasks)
        lines += [Line(""), Line("Last events", _HEAD)]
        lines += [Line(_cut(f"  {event_text(each, names)}", width), _DIM) for each in seen.events]
    return tuple(lines)


# ---- the head


def _head(seen: Seen, now: datetime, width: int) -> Iterator[Line]:
    run, header = seen.run, seen.plan.header
    yield Line(_cut(f"Run {run.id}: {header.playbook_title}", width), _HEAD)
    until = run.ended_at or now
    took = f"after {since_text(run.created_at, until)}" if run.ended_at else f"for {since_text(run.since, now)}"
    yield from _filled(f"{_words(run.state)} {took}; {_counts(seen)}", "  ", width, _style(run.state))
    yield from _filled(_people(seen), "  ", width, _DIM)
    if run.state not in OVER and run.state is not RunState.ABORTING:
        left = remaining(seen.plan, seen.units, seen.tasks, now)
        if left.p95:
            base = "" if left.calibrated else ", uncalibrated"
            text = f"ends in {range_text(left)}{base}; waits for people, windows, freezes come on top"
            yield from _filled(text, "  ", width)
    if run.why is not None:
        yield from _why(run.why, now, "  ", width, _BAD if run.state in OVER else _HELD)


def _counts(seen: Seen) -> str:
    members = [task for task in seen.tasks if task.role is Role.MEMBER]
    states = Counter(task.state for task in members)
    waiting = states[TaskState.NOT_STARTED] + states[TaskState.PENDING]
    busy = states[TaskState.RUNNING] + states[TaskState.ABORTING]
    found = [f"{states[TaskState.SUCCEEDED]} of {counted(len(members), 'member')} done"]
    found += [f"{busy} in progress"] if busy else []
    for state in (TaskState.BLOCKED, TaskState.FAILED, TaskState.ABORTED, TaskState.SKIPPED):
        found += [f"{states[state]} {state}"] if states[state] else []
    found += [f"{waiting} to come"] if waiting else []
    return ", ".join(found)


def _people(seen: Seen) -> str:
    asked = f"plan {seen.run.plan} by {seen.plan.header.created_by}"
    said = [
        f"{'approved' if each.approved else 'rejected'} by {each.actor}" for each in seen.approvals if not each.gate
    ]
    return ", ".join([asked, *said[-1:], f"started by {seen.run.created_by} {seen.run.created_at:%d %b %H:%M} UTC"])


# ---- stages


def _stage(seen: Seen, idx: int, now: datetime, width: int) -> Iterator[Line]:
    stage = seen.plan.header.stages[idx]
    unit = next((each for each in seen.units if each.stage == idx and not each.group), None)
    own = [task for task in seen.tasks if task.stage == idx]
    members = [task for task in own if task.role is Role.MEMBER]
    done = sum(task.state is TaskState.SUCCEEDED for task in members)
    state = unit.state if unit else UnitState.NOT_STARTED
    text = (
        f"Stage {idx + 1}/{len(seen.plan.header.stages)} {stage.name}: {_words(state)}, {done} of {len(members)} done"
    )
    yield Line(_cut(f"{text}, at most {stage.max_concurrency} at once", width), _style(state) or _HEAD)
    if (
        unit
        and unit.why
        and state not in (UnitState.NOT_STARTED, UnitState.SUCCEEDED)
        and not _is_told(unit.why, own, seen)
    ):
        yield from _why(unit.why, now, "  ", width, _HELD)
    yield from _tasks(seen, [each for each in own if each.role is Role.GATE and not each.group], "  ", now, width)
    for group in dict.fromkeys(task.group for task in members):
        inside = [task for task in own if task.group == group and (group or task.role is Role.MEMBER)]
        yield from _group(seen, idx, group, inside, now, width)


def _group(seen: Seen, idx: int, group: str, tasks: Sequence[Task], now: datetime, width: int) -> Iterator[Line]:
    if not group:
        yield from _tasks(seen, tasks, "  ", now, width)
        return
    unit = next((each for each in seen.units if each.stage == idx and each.group == group), None)
    members = [task for task in tasks if task.role is Role.MEMBER]
    done = sum(task.state is TaskState.SUCCEEDED for task in members)
    state = unit.state if unit else UnitState.NOT_STARTED
    yield Line(_cut(f"  {group}: {_words(state)}, {done} of {len(members)} done", width), _style(state))
    yield from _tasks(seen, tasks, "    ", now, width)


def _tasks(seen: Seen, tasks: Sequence[Task], indent: str, now: datetime, width: int) -> Iterator[Line]:
    """What needs somebody first, then what moves, then what waits; what ended well only when everything is shown."""
    names = names_of(seen.tasks)
    rows = {(each.key.idx, each.idx): each for each in seen.steps}
    ordered = sorted(tasks, key=lambda task: (task.role is Role.MEMBER, _ORDER.index(task.state), task.rank))
    waiting = [] if seen.every else [task for task in ordered if _is_idle(task)]
    for task in ordered:
        if not seen.every and (_is_idle(task) or task.state is TaskState.SUCCEEDED):
            continue
        text = _task(seen.plan, task, rows.get((task.key.idx, task.step)), names[task.key.idx], now)
        yield from _filled(text, indent, width, _style(task.state))
        if task.why is not None and task.state is not TaskState.SUCCEEDED and not _is_in_head(task.why, seen):
            yield from _why(task.why, now, indent + "  ", width)
    yield from _waiting(waiting, names, indent, now, width)


_ORDER = (
    TaskState.BLOCKED,
    TaskState.FAILED,
    TaskState.ABORTING,
    TaskState.ABORTED,
    TaskState.RUNNING,
    TaskState.PENDING,
    TaskState.SKIPPED,
    TaskState.SUCCEEDED,
    TaskState.NOT_STARTED,
)


def _is_idle(task: Task) -> bool:
    """Whether nothing of it has begun: it waits its turn, or was left out."""
    return task.started_at is None and task.state in (TaskState.NOT_STARTED, TaskState.PENDING, TaskState.SKIPPED)


def _waiting(tasks: Sequence[Task], names: dict[int, str], indent: str, now: datetime, width: int) -> Iterator[Line]:
    """Those that wait for the same in one entry; of each cause a few entries. Stages to come need no word."""
    alike: dict[tuple[TaskState, Cause, str], list[Task]] = {}
    for task in tasks:
        if task.why is not None:
            alike.setdefault((task.state, task.why.cause, task.why.text), []).append(task)
    shown: Counter[Cause] = Counter()
    rest: Counter[Cause] = Counter()
    for (state, cause, _), group in alike.items():
        if shown[cause] == EXAMPLES:
            rest[cause] += len(group)
            continue
        shown[cause] += 1
        who = some((names[task.key.idx] for task in group), EXAMPLES)
        yield from _filled(f"{who}: {_words(state)}", indent, width, _style(state))
        yield from _why(min((task.why for task in group if task.why), key=_age), now, indent + "  ", width)
    for cause, count in rest.items():
        yield Line(f"{indent}and {count} more wait for another {cause}", _DIM)


def _age(why: Why) -> datetime:
    return why.since


def _task(plan: Plan, task: Task, row: Step | None, name: str, now: datetime) -> str:
    """row: of its current step, None while that is not begun."""
    if task.role is Role.GATE:
        return f"gate {name} ({task.when} {'the group' if task.group else 'the stage'}): {_words(task.state)}"
    found = f"{name}: {_words(task.state)}"
    if task.state in TASK_OVER:
        return found if task.state is TaskState.SUCCEEDED else f"{found} after {task.step} of {task.steps} steps"
    if task.started_at is None:
        return found
    said = row.intent if row and row.intent else plan.members[task.key.idx].steps[task.step].name
    attempt = f", attempt {row.attempt + 1}" if row and row.attempt else ""
    begun = since_text(task.started_at, now)
    return f"{found}, step {task.step + 1}/{task.steps} {said}{attempt}, for {begun}"


# ---- the rest


def _ways_back(seen: Seen, now: datetime, width: int) -> Iterator[Line]:
    """Until when EKS takes control planes back that this run has moved: the first to end come first."""
    found = soonest(ways_back(seen.steps, now, seen.taken), seen.tasks)
    gone = sorted(taken_ways(seen.steps, seen.taken).items())
    if not found and not gone:
        return
    names = names_of(seen.tasks)
    shown = found if seen.every else found[:EXAMPLES]
    yield from (Line(""), Line("Ways back", _HEAD))
    for task, way in shown:
        yield from _filled(f"{names[task.key.idx]}: {countdown(way, now)}", "  ", width)
    if len(found) > len(shown):
        yield Line(f"  and {len(found) - len(shown)} more, later", _DIM)
    for idx, taken in gone if seen.every else gone[:EXAMPLES]:
        yield from _filled(f"{names[idx]}: {taken_text(taken)}", "  ", width, _DIM)
    if not seen.every and len(gone) > EXAMPLES:
        yield Line(f"  and {len(gone) - EXAMPLES} more that were taken back", _DIM)


def _after(seen: Seen, width: int) -> Iterator[Line]:
    """What the ends of members left to their owners, once the run is over; the wide page has all of it at any time."""
    found = after(seen.steps)
    if not found or not (seen.every or seen.run.state in OVER):
        return
    names = names_of(seen.tasks)
    shown = sorted(found.items())[: None if seen.every else EXAMPLES]
    yield from (Line(""), Line("After the last step", _HEAD))
    for idx, each in shown:
        for fact in each.told(seen.every):
            yield from _filled(f"{names[idx]}: {fact}", "  ", width)
    if len(found) > len(shown):
        yield Line(f"  and {len(found) - len(shown)} more members", _DIM)
    if not seen.every:
        yield Line(f"  all of it: fleetkeeper run status {seen.run.id} -o wide", _DIM)


def _freezes(freezes: Sequence[Freeze], now: datetime, width: int) -> Iterator[Line]:
    yield Line("Freezes that stand", _HEAD)
    for each in freezes:
        until = f" until {each.until:%d %b %H:%M} UTC" if each.until else ""
        where = f"-l {each.selector}" if each.selector else "everything"
        text = f"{each.id}: {where}{until}, by {each.actor} {since_text(each.at, now)} ago: {each.reason}"
        yield from _filled(text, "  ", width, _HELD)


_STYLES = {
    "succeeded": _GOOD,
    "running": _PLAIN,
    "failed": _BAD,
    "blocked": _BAD,
    "aborted": _BAD,
    "aborting": _BAD,
    "completed_with_failures": _BAD,
    "paused": _HELD,
    "pausing": _HELD,
    "pending": _HELD,
    "skipped": _DIM,
}


def _style(state: RunState | UnitState | TaskState) -> str:
    return _STYLES.get(state.value, _PLAIN)


def _words(state: RunState | UnitState | TaskState) -> str:
    return state.value.replace("_", " ").upper()


def _cut(text: str, width: int) -> str:
    return safe(text, width)


def _why(why: Why, now: datetime, indent: str, width: int, style: str = _PLAIN) -> Iterator[Line]:
    """The reason, and on a line of its own what a person can do."""
    yield from _filled(reason_text(why, now), indent, width, style)
    if why.fix:
        yield from _filled(f"do: {why.fix}", indent, width, _HEAD)


def _is_told(why: Why, tasks: Sequence[Task], seen: Seen) -> bool:
    """Whether the run, or a task of the stage, says the same anyway."""
    others = [task.why for task in tasks if task.why] + ([seen.run.why] if seen.run.why else [])
    return any(each.text in why.text or why.text in each.text for each in others)


def _is_in_head(why: Why, seen: Seen) -> bool:
    """Whether the run waits for the same, and so its head has told it."""
    return seen.run.why is not None and why.text in seen.run.why.text


def _filled(text: str, indent: str, width: int, style: str = _PLAIN) -> Iterator[Line]:
    """Wrapped; a command between backticks stays on one line, so that it can be copied."""
    clean = _COMMAND.sub(lambda found: found[0].replace(" ", _UNBROKEN), safe(one_line(text), LONGEST))
    for line in wrap(clean, width, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False):
        yield Line(line.replace(_UNBROKEN, " "), style)
