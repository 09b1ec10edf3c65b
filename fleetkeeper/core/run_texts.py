"""What is said of a run in one line, on screens, in logs and in messages: since when, why, what, and how it ended."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.run import Event, Role, Run, RunState, Task, Why
from fleetkeeper.core.text import safe

LONGEST = 600
"""Characters of a text that somebody else wrote."""


def since_text(at: datetime, now: datetime) -> str:
    """`4m`, `2h10m`: how long ago, in units that matter at its size."""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds >= 86_400:
        return f"{seconds // 86_400}d{seconds % 86_400 // 3_600}h"
    if seconds >= 3_600:
        return f"{seconds // 3_600}h{seconds % 3_600 // 60:02}m"
    return f"{seconds // 60}m" if seconds >= 120 else f"{seconds}s"


def why_text(why: Why, now: datetime) -> str:
    """`text (4m); next try in 12s; who: bob; do: ...`: a reason in one line."""
    return "; ".join((reason_text(why, now), *((f"do: {why.fix}",) if why.fix else ())))


def reason_text(why: Why, now: datetime) -> str:
    """The same without what a person can do."""
    parts = [f"{one_line(why.text)} ({since_text(why.since, now)})"]
    if why.next_attempt is not None:
        ahead = (why.next_attempt - now).total_seconds()
        parts.append(f"next try in {since_text(now, why.next_attempt)}" if ahead > 0 else "next try now")
    if why.owner:
        parts.append(f"who: {why.owner}")
    return "; ".join(parts)


def one_line(text: str) -> str:
    """A text of several lines in one."""
    return " ".join(text.split())


def names_of(tasks: Iterable[Task]) -> dict[int, str]:
    """How each task is called on a screen: its name, with account and region where several are called so."""
    every = list(tasks)
    alike = Counter(task.name for task in every if task.role is Role.MEMBER)
    return {
        task.key.idx: f"{task.name} ({task.account}/{task.region})"
        if task.role is Role.MEMBER and alike[task.name] > 1
        else task.name
        for task in every
    }


def event_text(event: Event, names: dict[int, str]) -> str:
    """`03:12:07 payments: done: coredns is at v1.13.2`; what the run says of a member names it in its own words."""
    own = event.task is not None and "." not in event.kind
    about = f"{names.get(event.task, '?')}: " if own and event.task is not None else ""
    kind = f"{event.kind}: " if own else ""
    return safe(f"{event.at:%H:%M:%S} {about}{kind}{one_line(event.text)}", LONGEST)


_SENTENCES = {
    RunState.NOT_STARTED: "has not started",
    RunState.SOAKING: "soaks",
    RunState.ABORTING: "is being aborted",
    RunState.SUCCEEDED: "has succeeded",
    RunState.COMPLETED_WITH_FAILURES: "has completed with failures",
    RunState.FAILED: "has failed",
    RunState.ABORTED: "was aborted",
}


def state_text(state: RunState) -> str:
    """`has succeeded`: what is said of a run in a sentence."""
    return _SENTENCES.get(state, f"is {state}")


def ends_text(run: Run) -> str:
    """`the run succeeded after 42m`: its end in one line."""
    took = duration_text((run.ended_at or run.since) - run.created_at)
    return f"Run {run.id} {run.state.value.replace('_', ' ')} after {took}" + (f": {run.why.text}" if run.why else "")
