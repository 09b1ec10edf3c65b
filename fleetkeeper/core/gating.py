"""The stages of a run in order, the groups of each side by side, and the gates before and after them."""

from collections.abc import Iterator, Sequence

from fleetkeeper.core import breaker
from fleetkeeper.core.admission import Admission, Ledger, ledger_of
from fleetkeeper.core.run import Cause, Role, Task, TaskState, UnitState, Why
from fleetkeeper.core.run_draft import (
    Draft,
    all_over,
    is_begun,
    is_closed,
    is_failure,
    is_in_flight,
    is_over,
    is_waiting,
)
from fleetkeeper.core.run_words import counted, listed, typed

BEFORE, AFTER = "before", "after"
_PASSED = frozenset({TaskState.SUCCEEDED, TaskState.SKIPPED})
CHANGE = "change"
"""The kind of a gate that opens something outside, a ticket, which must be closed again."""


def walk(draft: Draft) -> int | None:
    """Bring the stages on, in order, and begin what may begin; the stage that the run is at, None when all are over."""
    ledger: Ledger | None = None
    at: int | None = None
    for stage in range(len(draft.view.header.stages)):
        if at is not None:
            _stand_back(draft, stage, at)
            continue
        if is_closed(draft.units[stage, ""]) and all_over(draft.members(stage)):
            if draft.units[stage, ""].state is UnitState.FAILED:
                return None
            continue
        ledger = ledger or ledger_of(draft)
        _stage(draft, stage, ledger)
        if not is_closed(draft.units[stage, ""]):
            at = stage
        elif draft.units[stage, ""].state is UnitState.FAILED:
            return None
    return at


def stall(draft: Draft, tasks: Sequence[Task]) -> Why | None:
    """Why nothing of these members moves; None while one is worked on."""
    alive = [task for task in tasks if not is_over(task)]
    if not alive or any(task.state in (TaskState.RUNNING, TaskState.ABORTING) for task in alive):
        return None
    blocked = [task for task in alive if task.state is TaskState.BLOCKED]
    held = [task for task in alive if is_in_flight(task)]
    first = (blocked or held or alive)[0]
    if first.why is None:
        return None
    who = first.name if len(alive) == 1 else f"{first.name}, one of {len(alive)} that wait"
    why = first.why
    fix = why.fix or _fix(draft, first)
    return draft.why(why.cause, f"{who}: {why.text}", why.owner or "the operator", fix, why.next_attempt)


def _fix(draft: Draft, task: Task) -> str:
    if task.state is not TaskState.BLOCKED:
        return ""
    target = f"member:{task.name}"
    return f"{typed('status', draft.run.id)} says more; {typed('skip', draft.run.id, target)} goes on without it"


def close_gates(draft: Draft, gates: Sequence[Task], why: Why) -> None:
    """End gates that nothing needs any more; one that opened a ticket is told to close it."""
    for gate in gates:
        if is_over(gate) or gate.state is TaskState.ABORTING:
            continue
        spec = draft.gate_spec(gate)
        if is_begun(gate) and spec is not None and spec.kind == CHANGE:
            draft.undo(gate, why)
        else:
            draft.skip(gate, why)


def close_tickets(draft: Draft, why: Why) -> None:
    """Of a run that ends before its end: a ticket that a gate opened is closed, unless the run's own gate did so."""
    for gate in list(draft.tasks.values()):
        spec = draft.gate_spec(gate) if gate.role is Role.GATE else None
        opened = spec is not None and spec.kind == CHANGE and is_begun(gate)
        if opened and gate.state in (TaskState.SUCCEEDED, TaskState.FAILED):
            draft.undo(gate, why)


def end_unit(draft: Draft, stage: int, group: str, tasks: Sequence[Task], state: UnitState | None = None) -> None:
    """Close a stage or a group, with the state that its members and gates give it when none is said."""
    end = state or _outcome(tasks)
    broken = [task.name for task in tasks if is_failure(task)]
    why = None
    if end is UnitState.SKIPPED:
        why = draft.why(Cause.SKIPPED, "nothing of it was done: all of its members were skipped")
    elif broken:
        why = draft.why(Cause.FAILED, f"{len(broken)} of {len(tasks)} failed: {listed(broken)}")
    if draft.set_unit(stage, group, end, why):
        text = f"{draft.label(stage, group)} {_ENDS[end]}"
        draft.say("group.ended" if group else "stage.ended", f"{text}: {why.text}" if why else text)


_ENDS = {
    UnitState.SUCCEEDED: "succeeded",
    UnitState.COMPLETED_WITH_FAILURES: "ended with failures",
    UnitState.FAILED: "failed",
    UnitState.SKIPPED: "was skipped",
    UnitState.ABORTED: "was aborted",
}


def _outcome(tasks: Sequence[Task]) -> UnitState:
    if any(is_failure(task) for task in tasks):
        return UnitState.COMPLETED_WITH_FAILURES
    if not any(task.role is Role.MEMBER and task.state is TaskState.SUCCEEDED for task in tasks):
        return UnitState.SKIPPED
    return UnitState.SUCCEEDED


def everything_of(draft: Draft, stage: int, group: str = "") -> list[Task]:
    """The members and gates of a group, or of a stage with all of its groups."""
    members = [task for task in draft.members(stage) if not group or task.group == group]
    groups = (group,) if group else ("", *draft.groups.get(stage, ()))
    return members + [gate for each in groups for gate in draft.gates(stage, each)]


def _stage(draft: Draft, stage: int, ledger: Ledger) -> None:
    members = draft.members(stage)
    if not any(map(is_begun, members)) and all_over(members):
        _leave_out(draft, stage)
        return
    if draft.units[stage, ""].state is UnitState.NOT_STARTED:
        most = draft.view.header.stages[stage].max_concurrency
        name = draft.label(stage, "")
        draft.say("stage.began", f"{name} began: {counted(len(members), 'member')}, at most {most} at once")
    if breaker.is_stopped(draft, stage):
        _stop(draft, stage)
        return
    if not _passes(draft, stage, "", BEFORE):
        return
    open_groups = {group for group in draft.groups.get(stage, ()) if _group_opens(draft, stage, group)}
    _admit(draft, stage, open_groups, ledger)
    closed = [_group_ends(draft, stage, group) for group in draft.groups.get(stage, ())]
    _finish_stage(draft, stage, all(closed))


def _admit(draft: Draft, stage: int, open_groups: set[str], ledger: Ledger) -> None:
    gated = set(draft.groups.get(stage, ()))
    waiting = [
        task
        for task in draft.members(stage)
        if is_waiting(task) and (task.group not in gated or task.group in open_groups)
    ]
    if waiting:
        Admission(draft, stage, ledger).admit(waiting)


def _finish_stage(draft: Draft, stage: int, groups_closed: bool) -> None:
    members = draft.members(stage)
    if not (all_over(members) and groups_closed):
        draft.set_unit(stage, "", UnitState.RUNNING, stall(draft, members) or _stuck_group(draft, stage))
    elif _passes(draft, stage, "", AFTER):
        end_unit(draft, stage, "", everything_of(draft, stage))


def _stuck_group(draft: Draft, stage: int) -> Why | None:
    """All that is left of the stage's members waits behind the gates of its groups."""
    if any(is_in_flight(task) for task in draft.members(stage)):
        return None
    units = (draft.units[stage, group] for group in draft.groups.get(stage, ()))
    return next((unit.why for unit in units if not is_closed(unit) and unit.why), None)


def _group_opens(draft: Draft, stage: int, group: str) -> bool:
    """Whether members of a group may begin."""
    unit = draft.units[stage, group]
    members = [task for task in draft.members(stage) if task.group == group]
    if is_closed(unit) and all_over(members):
        return False
    if not any(map(is_begun, members)) and all_over(members):
        gates = draft.gates(stage, group)
        close_gates(draft, gates, draft.why(Cause.SKIPPED, "all members of its group were skipped"))
        if all_over(draft.gates(stage, group)):
            end_unit(draft, stage, group, everything_of(draft, stage, group))
        return False
    if not _passes(draft, stage, group, BEFORE):
        return False
    if not all_over(members):
        draft.set_unit(stage, group, UnitState.RUNNING, unit.why)
    return True


def _group_ends(draft: Draft, stage: int, group: str) -> bool:
    """Whether a group is over, its gates after it too."""
    unit = draft.units[stage, group]
    if is_closed(unit):
        return True
    members = [task for task in draft.members(stage) if task.group == group]
    if all_over(members) and any(map(is_begun, members)):
        if _passes(draft, stage, group, AFTER):
            end_unit(draft, stage, group, everything_of(draft, stage, group))
            return True
    elif unit.state is UnitState.RUNNING:
        draft.set_unit(stage, group, UnitState.RUNNING, stall(draft, members))
    return False


def _passes(draft: Draft, stage: int, group: str, when: str) -> bool:
    """Whether the gates at one side of a unit are open; begins them, and says in the unit what it waits for."""
    gates = draft.gates(stage, group, when)
    for gate in gates:
        if gate.state is TaskState.NOT_STARTED:
            draft.admit(gate)
            draft.say("gate.began", f"gate {gate.name} {when} {draft.label(stage, group)} is looked at", gate)
    shut = [gate for gate in draft.gates(stage, group, when) if gate.state not in _PASSED]
    if not shut:
        return True
    state = UnitState.PENDING if when == BEFORE else UnitState.SOAKING
    draft.set_unit(stage, group, state, _gate_why(draft, stage, shut))
    return False


def _gate_why(draft: Draft, stage: int, shut: Sequence[Task]) -> Why:
    """Why the first gate that needs somebody is not open."""
    urgent = (TaskState.FAILED, TaskState.BLOCKED)
    gate = next((each for each in shut if each.state in urgent), shut[0])
    told = gate.why.text if gate.why else "it is looked at"
    target = f"gate:{draft.stage_name(stage)}/{f'{gate.group}/' if gate.group else ''}{gate.name}"
    owner, fix = (gate.why.owner, gate.why.fix) if gate.why else ("", "")
    if gate.state is TaskState.FAILED:
        again, past = typed("retry", draft.run.id, target), typed("skip", draft.run.id, target)
        return draft.why(Cause.GATE, f"gate {gate.name} failed: {told}", owner or "the operator", f"{again}, or {past}")
    if gate.state is TaskState.BLOCKED:
        fix = fix or f"{typed('skip', draft.run.id, target)} goes on without this gate"
        owner = owner or "the operator"
    cause = gate.why.cause if gate.why else Cause.GATE
    at = gate.why.next_attempt if gate.why else None
    return draft.why(cause, f"gate {gate.name} is not open: {told}", owner, fix, at)


def _leave_out(draft: Draft, stage: int) -> None:
    """A stage of which nothing is left to be done: no gate of it is asked."""
    why = draft.why(Cause.SKIPPED, "all members of its stage were skipped")
    close_gates(draft, [task for task in everything_of(draft, stage) if task.when], why)
    tasks = everything_of(draft, stage)
    for group in draft.groups.get(stage, ()):
        own = everything_of(draft, stage, group)
        if all_over(own) and not is_closed(draft.units[stage, group]):
            end_unit(draft, stage, group, own)
    if all_over(tasks):
        end_unit(draft, stage, "", tasks)


def _stop(draft: Draft, stage: int) -> None:
    """Too many failures: nothing of the stage begins any more, what is in flight ends, then the stage has failed."""
    text = breaker.stop_text(draft, stage)
    ended = breaker.stop(draft, stage)
    why = draft.why(Cause.FAILURES, text)
    left = [gate for gate in everything_of(draft, stage) if gate.when and gate.state is not TaskState.FAILED]
    close_gates(draft, left, why)
    for group in draft.groups.get(stage, ()):
        own = everything_of(draft, stage, group)
        if all_over(own) and not is_closed(draft.units[stage, group]):
            end_unit(draft, stage, group, own)
    if ended and all_over(everything_of(draft, stage)):
        end_unit(draft, stage, "", everything_of(draft, stage), UnitState.FAILED)
    else:
        ending = draft.why(Cause.FAILURES, f"{text}; what is in progress ends first")
        draft.set_unit(stage, "", UnitState.RUNNING, stall(draft, draft.members(stage)) or ending)


def _stand_back(draft: Draft, stage: int, at: int) -> None:
    """A stage that began, and an earlier one of which something is tried again: nothing new begins before that ends."""
    unit = draft.units[stage, ""]
    if unit.state is UnitState.NOT_STARTED or is_closed(unit):
        return
    why = draft.why(Cause.RETRY, f"{draft.label(at, '')} goes first: a member of it is tried again")
    for task in _waiting(draft, stage):
        draft.wait(task, why)
    draft.set_unit(stage, "", unit.state, why)


def _waiting(draft: Draft, stage: int) -> Iterator[Task]:
    return (task for task in draft.members(stage) if is_waiting(task))
