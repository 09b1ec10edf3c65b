"""A run whose plan is not what was approved: what its own rows say, without anything that the plan would tell."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.run import Event, Role, Rows, Task, Why
from fleetkeeper.core.run_texts import event_text, names_of, since_text, why_text
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted

_LONGEST = 600


@dataclass(frozen=True, slots=True)
class UnplannedTask:
    """A member or a gate by its own row. stage counts from 1; step is how many of its steps are behind it."""

    name: str
    role: str
    arn: str
    account: str
    region: str
    stage: int
    group: str
    state: str
    since: datetime
    why: Why | None
    step: int
    steps: int
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class UnplannedRun:
    """A run as a document for programs, where wrong says why its plan is not what was approved."""

    id: str
    plan: str
    digest: str
    wrong: str
    unreadable: int
    state: str
    control: str
    since: datetime
    why: Why | None
    created_at: datetime
    created_by: str
    started_at: datetime | None
    ended_at: datetime | None
    tasks: tuple[UnplannedTask, ...]


def unplanned_row(rows: Rows, wrong: str) -> UnplannedRun:
    run = rows.run
    return UnplannedRun(
        id=run.id,
        plan=run.plan,
        digest=run.digest,
        wrong=wrong,
        unreadable=rows.unreadable,
        state=run.state.value,
        control=run.control.value,
        since=run.since,
        why=run.why,
        created_at=run.created_at,
        created_by=run.created_by,
        started_at=run.started_at,
        ended_at=run.ended_at,
        tasks=tuple(_task(each) for each in rows.tasks),
    )


def _task(task: Task) -> UnplannedTask:
    return UnplannedTask(
        name=task.name,
        role=task.role.value,
        arn=task.arn,
        account=task.account,
        region=task.region,
        stage=task.stage + 1,
        group=task.group,
        state=task.state.value,
        since=task.since,
        why=task.why,
        step=task.step,
        steps=task.steps,
        started_at=task.started_at,
        ended_at=task.ended_at,
    )


def unplanned_page(rows: Rows, wrong: str, events: tuple[Event, ...], now: datetime) -> Iterator[str]:
    """The lines of a screen: what is wrong first, then the run, each task with its reason, and the newest events."""
    run, names = rows.run, names_of(rows.tasks)
    yield f"THE PLAN IS NOT WHAT WAS APPROVED: {safe(wrong, _LONGEST)}"
    yield "What follows is what the rows of the run say; nothing of the plan is shown, and nothing is done by it."
    yield ""
    yield f"Run {run.id} of plan {run.plan}, started by {run.created_by} {run.created_at:%d %b %H:%M} UTC"
    yield f"  {run.state.value.replace('_', ' ').upper()} for {since_text(run.since, now)}; {_counts(rows)}"
    if run.why is not None:
        yield f"  {safe(why_text(run.why, now), _LONGEST)}"
    for task in rows.tasks:
        gate = "gate " if task.role is Role.GATE else ""
        state = task.state.value.replace("_", " ").upper()
        done = f", {task.step} of {task.steps} steps behind it" if task.role is Role.MEMBER else ""
        yield f"  stage {task.stage + 1} {gate}{names[task.key.idx]}: {state}{done}"
        if task.why is not None:
            yield f"    {safe(why_text(task.why, now), _LONGEST)}"
    if events:
        yield from ("", "Last events")
        yield from (f"  {event_text(each, names)}" for each in events)


def _counts(rows: Rows) -> str:
    states = Counter(task.state for task in rows.tasks if task.role is Role.MEMBER)
    found = [f"{number} {state.value.replace('_', ' ')}" for state, number in states.items()]
    lost = [f"{counted(rows.unreadable, 'task')} that cannot be read"] if rows.unreadable else []
    return ", ".join(found + lost) or "no member"
