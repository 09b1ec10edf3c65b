"""What is told to the system that keeps change tickets: what will be done, and in the end what was."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetkeeper.core.plan import Member
from fleetkeeper.core.playbook import Window
from fleetkeeper.core.run import Role, Step, StepState, Task, TaskState
from fleetkeeper.core.wording import counted
from fleetkeeper.engine.attempts import token_of
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.told import told
from fleetkeeper.engine.world import Answer, World

CHANGE, CLOSE = "change", "change-close"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ENDS = {TaskState.SUCCEEDED: "succeeded", TaskState.FAILED: "failed", TaskState.ABORTED: "aborted"}


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that a gate of the run opened. gate is the name of that gate in its stage, group that of its group."""

    id: str
    gate: str
    group: str = ""


def is_good(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def opening(subject: Subject, digest: str, token: str) -> Mapping[str, object]:
    """The body that asks for a ticket: title, members, window, digest and requester are what an approver judges by."""
    header = subject.header
    expected, stage = header.expected, header.stages[subject.stage]
    return {
        **told(subject),
        "title": f"{header.playbook_title}: {counted(len(subject.members), 'cluster')} of stage {stage.name}",
        "digest": digest,
        "requester": header.created_by,
        "expires_at": header.expires_at.isoformat(),
        "changes": header.changes.value,
        "members": [_planned(each) for each in subject.members],
        "windows": [_window(each) for each in stage.windows],
        "expected_minutes": round(expected.p50.total_seconds() / 60) if expected else None,
        "token": token,
    }


def closing(subject: Subject, stored: StoredRun | None, ticket: Ticket, outcome: str) -> Mapping[str, object]:
    """The evidence: every member of the run with its result and its times, and how long all of it took."""
    members = [each for each in stored.tasks if each.role is Role.MEMBER] if stored else []
    began = min((each.started_at for each in members if each.started_at), default=None)
    ended = max((each.ended_at for each in members if each.ended_at), default=None)
    return {
        **told(subject),
        "id": ticket.id,
        "outcome": outcome,
        "digest": stored.run.digest if stored else "",
        "members": [_result(each) for each in members],
        "began_at": began.isoformat() if began else "",
        "ended_at": ended.isoformat() if ended else "",
        "minutes": round((ended - began).total_seconds() / 60) if began and ended else None,
    }


def outcome_of(stored: StoredRun) -> str:
    """What the ticket is closed with, in words."""
    states = [each.state for each in stored.tasks if each.role is Role.MEMBER]
    counts = [(state, states.count(state)) for state in dict.fromkeys(states)]
    if set(states) <= {TaskState.SUCCEEDED, TaskState.SKIPPED} and TaskState.SUCCEEDED in states:
        return "succeeded"
    return ", ".join(f"{count} {_ENDS.get(state, state.value.replace('_', ' '))}" for state, count in counts)


def tickets_of(stored: StoredRun) -> tuple[Ticket, ...]:
    """The tickets that the gates of a run opened."""
    groups = {each.key: each.group for each in stored.tasks}
    found = (each for each in stored.steps if each.kind == CHANGE and each.memory.get("id"))
    return tuple(Ticket(each.memory["id"], each.name, groups.get(each.key, "")) for each in found)


def is_closed(stored: StoredRun | None, ticket: Ticket) -> bool:
    """Whether a gate of the run has closed the ticket with its evidence."""
    return any(
        each.kind == CLOSE and each.state is StepState.SUCCEEDED and each.memory.get("id") == ticket.id
        for each in _steps(stored)
    )


def close(world: World, entry: str, body: Mapping[str, object], token: str) -> Answer:
    """Close a ticket once: the token is that of the attempt that does, for this purpose."""
    own = token_of(token, "close")
    return world.hooks.call(entry, {**body, "token": own}, own)


def _steps(stored: StoredRun | None) -> Iterable[Step]:
    return stored.steps if stored else ()


def _planned(member: Member) -> Mapping[str, object]:
    hops = [member.facts.get("version", ""), *member.hops]
    return {
        "cluster": member.name,
        "arn": member.cluster.arn,
        "region": member.region,
        "service": member.service,
        "versions": " → ".join(filter(None, hops)),
        "steps": [each.name for each in member.steps],
        "notes": list(member.notes),
    }


def _result(task: Task) -> Mapping[str, object]:
    return {
        "cluster": task.name,
        "arn": task.arn,
        "result": _ENDS.get(task.state, task.state.value),
        "why": task.why.text if task.why else "",
        "began_at": task.started_at.isoformat() if task.started_at else "",
        "ended_at": task.ended_at.isoformat() if task.ended_at else "",
    }


def _window(window: Window) -> str:
    days = ",".join(_WEEKDAYS[day] for day in window.days)
    return f"{days} {_clock(window.start)}-{_clock(window.end)} {window.zone}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
