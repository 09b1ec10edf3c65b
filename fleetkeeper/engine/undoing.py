"""The abort of a task: what is under way is followed to its end or let go, then what is ours is undone."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Event, StepState, TaskState, Why
from fleetkeeper.core.run import Step as StepRow
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
        if tick.step.state in _UNDER_WAY:
            return tick, self._followed(tick)
        rows = self.world.runs.steps(tick.task.key)
        for row in reversed(rows):
            left_before = row.state is StepState.LEFT and row.since < tick.task.since  # a cleanup tries it once more
            if row.intent and (row.state not in _SETTLED or left_before):
                spec = self.specs[row.idx]
                own = replace(tick, step=row, spec=spec)
                if not self.sealed(row, spec):
                    return own, own.tampered(
                        f"the stored step {spec.name} of {tick.task.name} was not written by the executor"
                    )
                return own, self._taken_back(own)
        return tick, _ended(tick, [row.error for row in rows if row.state is StepState.LEFT])

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
