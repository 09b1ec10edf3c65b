"""The abort of a task: what is under way is followed to its end or let go, then what is ours is undone.

And of a set of steps of which one failed for good: those done before it are put back, then the member rests as failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Event, StepState, TaskState, Why
from fleetkeeper.core.run import Step as StepRow
from fleetkeeper.core.step_sets import is_touched
from fleetkeeper.core.stepping import Tick, Ticked
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Moment, Residue, Skip, Undone, Unknown, Verdict, Wait
from fleetkeeper.engine.step import Step, Subject, moment_of
from fleetkeeper.engine.world import World

_UNDER_WAY = {StepState.INTENDED, StepState.ACTING, StepState.WAITING}
_SETTLED = {StepState.UNDONE, StepState.LEFT}


@dataclass(frozen=True, slots=True)
class Undoer:
    """One tick of a task that is being aborted. specs: its frozen steps; sealed: whether a stored row is ours."""

    world: World
    subject: Subject
    specs: tuple[StepSpec, ...]
    code_of: Callable[[StepSpec], Step]
    sealed: Callable[[StepRow, StepSpec], bool]

    def undone(self, tick: Tick) -> tuple[Tick, Ticked]:
        """What this tick came to, and the tick of the step that it was about."""
        if tick.step.state in _UNDER_WAY and self._is_own(tick.step):
            return tick, self._followed(tick)
        rows = self.world.runs.steps(tick.task.key)
        for row in reversed(rows):
            left_before = row.state is StepState.LEFT and row.since < tick.task.since  # a cleanup tries it once more
            if self._is_own(row) and is_touched(row) and (row.state not in _SETTLED or left_before):
                return self._own(tick, row)
        return tick, _ended(tick, [self._left(row) for row in rows if not self._is_own(row) or _is_left(row)])

    def _is_own(self, row: StepRow) -> bool:
        return row.idx < len(self.specs) and self.sealed(row, self.specs[row.idx])

    def _left(self, row: StepRow) -> str:
        """What a row leaves to a person. Nothing is done by one that was forged: its token would be somebody else's."""
        if self._is_own(row):
            return row.error
        said = f"; it says: {row.intent}" if row.intent else ""
        return f"the stored step {row.name} was not written by the executor: it was neither followed nor undone{said}"

    def set_back(self, tick: Tick, steps: range) -> tuple[Tick, Ticked]:
        """One tick of putting back a set, newest first. tick is of the step that failed, the last of `steps`.

        Its row stays UNDOING until all others are settled, for that says after a crash what the task is about; until
        then it is undone anew with each tick, which finds nothing left to do.
        """
        rows = {row.idx: row for row in self.world.runs.steps(tick.task.key)}
        failed, own = tick.step, None
        for idx in reversed(steps):
            row = rows.get(idx)
            if row is None or not is_touched(row) or row.state in _SETTLED:
                continue
            found, ticked = self._own(tick, row)
            if idx != failed.idx or ticked.step is None or ticked.step.state is StepState.UNDOING:
                return found, ticked
            own = ticked
        return tick, _set_is_back(tick, own, [rows[idx] for idx in steps if idx in rows and idx != failed.idx], steps)

    def _own(self, tick: Tick, row: StepRow) -> tuple[Tick, Ticked]:
        """Undo one step, by its own row."""
        spec = self.specs[row.idx]
        own = replace(tick, step=row, spec=spec)
        if not self.sealed(row, spec):
            return own, own.tampered(f"the stored step {spec.name} of {tick.task.name} was not written by the executor")
        return own, self._taken_back(own)

    def _followed(self, tick: Tick) -> Ticked:
        code = self.code_of(tick.spec)
        moment = replace(moment_of(tick, code), following=True)
        verdict = code.decide(code.look(self.world, self.subject, moment), moment)
        if isinstance(verdict, Wait | Blocked) and not code.cancellable:
            again = tick.now + (getattr(verdict, "again", None) or tick.pace)
            text = f"it cannot be cancelled and is followed to its end: {verdict.why}"
            why = Why(Cause.STEP, text, tick.now, verdict.owner, next_attempt=again)
            keep = verdict.keep if isinstance(verdict, Wait) else None
            memory = tick.step.memory if keep is None else keep
            row = replace(tick.step, polls=tick.step.polls + 1, memory=memory)
            return Ticked(replace(tick.task, why=why, due=again), row)
        state, said = _end_of(verdict, tick.step)
        # What never began has no intent any more, so there is nothing to undo.
        intent = "" if state is StepState.SKIPPED and isinstance(verdict, Act) else tick.step.intent
        keep = verdict.keep if isinstance(verdict, Done) else None
        memory = tick.step.memory if keep is None else keep
        row = replace(
            tick.step, state=state, since=tick.now, ended_at=tick.now, intent=intent, error=said, memory=memory
        )
        return _goes_on(tick, row, "followed", f"{tick.spec.name}: {said or 'done'}")

    def _taken_back(self, tick: Tick) -> Ticked:
        code = self.code_of(tick.spec)
        moment = Moment(tick.now, tick.now, tick.step.token, True, tick.step.attempt, tick.step.memory, True)
        result = code.undo(self.world, self.subject, moment)
        match result:
            case Undone():
                row = replace(tick.step, state=StepState.UNDONE, since=tick.now, error="")
                return _goes_on(tick, row, "undone", f"{tick.spec.name}: {result.note or 'nothing of it is left'}")
            case Residue():
                row = replace(tick.step, state=StepState.LEFT, since=tick.now, error=result.what)
                return _goes_on(tick, row, "left", f"{tick.spec.name}: {result.what}")
            case Wait():
                again = tick.now + (result.again or tick.pace)
                why = Why(Cause.STEP, f"undoing {tick.spec.name}: {result.why}", tick.now, next_attempt=again)
                row = replace(tick.step, state=StepState.UNDOING, polls=tick.step.polls + 1)
                return Ticked(replace(tick.task, why=why, due=again), row)


def _is_left(row: StepRow) -> bool:
    return row.state is StepState.LEFT


def _end_of(verdict: Verdict, step: StepRow) -> tuple[StepState, str]:
    """How a step ends whose run is being aborted, and what is told of it."""
    match verdict:
        case Done():
            return StepState.SUCCEEDED, verdict.note
        case Failed():
            return StepState.FAILED, verdict.why
        case Unknown():
            return StepState.LEFT, verdict.question
        case Act() if step.state is StepState.ACTING:
            return StepState.LEFT, f"it may have been done, nobody can see it: {step.intent}"
        case Act():
            return StepState.SKIPPED, "not begun: the run was aborted"
        case Skip():
            return StepState.SKIPPED, verdict.why
        case Wait() | Blocked():
            return StepState.SKIPPED, f"let go: the run was aborted while {verdict.why}"


def _goes_on(tick: Tick, row: StepRow, kind: str, text: str) -> Ticked:
    task = replace(tick.task, why=None, due=tick.now)
    return Ticked(task, row, (Event(tick.now, task.key.run, kind, text, task=task.key.idx, step=row.idx),))


def _ended(tick: Tick, left: list[str]) -> Ticked:
    why = None
    if left:
        fix = f"`fleetkeeper cleanup {tick.task.key.run}` shows it, and removes what can be removed"
        why = Why(Cause.FAILED, f"left behind: {'; '.join(left)}", tick.now, fix=fix)
    task = replace(tick.task, state=TaskState.ABORTED, since=tick.now, why=why, due=None, ended_at=tick.now)
    text = why.text if why else "aborted; nothing of it is left"
    return Ticked(task, None, (Event(tick.now, task.key.run, "aborted", text, task=task.key.idx),), wakes=True)


def begins_set_back(ticked: Ticked, now: datetime) -> Ticked:
    """A member that failed inside a set: it is at work until that is put back, then it rests as failed."""
    assert ticked.step is not None
    text = f"{ticked.step.name} failed, so what was updated with it is put back: {ticked.step.error}"
    task = replace(ticked.task, state=TaskState.RUNNING, why=Why(Cause.STEP, text, now), due=now, ended_at=None)
    step = replace(ticked.step, state=StepState.UNDOING, ended_at=None)
    event = Event(now, task.key.run, "set_back", text, task=task.key.idx, step=step.idx)
    return Ticked(task, step, (event,))


def _set_is_back(tick: Tick, own: Ticked | None, others: Sequence[StepRow], steps: range) -> Ticked:
    """The end of a set: the member failed, and a retry begins with the first step of the set."""
    failed = tick.step
    row = own.step if own and own.step else replace(failed, state=StepState.FAILED)
    row = replace(row, ended_at=tick.now, since=tick.now, error=row.error or failed.error)
    settled = [*others, row]
    back = [each.name for each in settled if each.state is StepState.UNDONE]
    left = [each.error for each in settled if each.state is StepState.LEFT]
    told = [failed.error, *([f"put back: {', '.join(back)}"] if back else []), *left]
    why = Why(Cause.FAILED, f"{failed.name}: {'; '.join(told)}", tick.now)
    task = replace(
        tick.task, state=TaskState.FAILED, since=tick.now, why=why, due=None, ended_at=tick.now, step=steps.start
    )
    event = Event(
        tick.now, task.key.run, "failed", f"{failed.name} failed: {'; '.join(told)}", task=task.key.idx, step=row.idx
    )
    return Ticked(task, row, (*(own.events if own else ()), event), wakes=True)
