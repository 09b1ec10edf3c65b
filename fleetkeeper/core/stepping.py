"""What a verdict does to a task and its step. Pure: the executor looks and acts, and stores what comes out of here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core.frozen import replace
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Event, Role, Step, StepState, Task, TaskState, Why
from fleetkeeper.core.step_sets import outliving
from fleetkeeper.core.verdict import Blocked, Done, Failed, Memory, Skip, Unknown, Verdict, Wait

BLOCKED_AGAIN = timedelta(minutes=1)
"""How often something that a person must mend is looked at: the engine goes on by itself when it is."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick came to. events: kind → text. wakes: the run has something to decide.

    goes_on: to its act, as soon as the intent is stored.
    """

    task: Task
    step: Step | None
    events: tuple[Event, ...] = ()
    wakes: bool = False
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """One look at one task: the frozen spec of its current step, and the pause until an ordinary next look."""

    task: Task
    step: Step
    spec: StepSpec
    now: datetime
    pace: timedelta

    # ---- the ways that a tick can end

    def decided(self, verdict: Verdict) -> Ticked:
        """What any verdict but Act comes to."""
        match verdict:
            case Done():
                memory = self.step.memory if verdict.keep is None else verdict.keep
                return self._ended(StepState.SUCCEEDED, verdict.note, memory)
            case Skip():
                return self._ended(StepState.SKIPPED, verdict.why, self.step.memory)
            case Wait():
                return self._waits(verdict)
            case Blocked():
                return self._blocked(verdict)
            case Failed():
                return self.failed(verdict)
            case Unknown():
                return self.unknown(verdict.question)
            case _:
                raise TypeError(f"{verdict} is carried out, not decided")

    def intended(self, what: str, memory: Memory, token: str) -> Ticked:
        """The decision to act, to be stored before the act. token: the idempotency key of the attempt."""
        deadline = self.step.deadline or self.now + self.spec.timeout
        started = self.step.started_at or self.now
        step = replace(
            self.step,
            state=StepState.INTENDED,
            since=self.now,
            token=token,
            intent=what,
            memory=memory,
            deadline=deadline,
            started_at=started,
        )
        said = () if self.step.intent == what else (self._event("intent", what),)
        return Ticked(self._runs(self.now, acted=True), step, said, goes_on=True)

    def acting(self, room: timedelta) -> Ticked:
        """Just before the act of a step that must not be repeated; nobody looks at it until room has passed."""
        step = replace(self.step, state=StepState.ACTING, since=self.now)
        return Ticked(self._runs(self.now + room), step)

    def acted(self, memory: Memory, again: timedelta | None = None) -> Ticked:
        """The act was made; its end is looked for at the usual pace, or when the step asks for it."""
        step = replace(
            self.step,
            state=StepState.WAITING,
            since=self.now,
            memory=memory,
            started_at=self.step.started_at or self.now,
            deadline=self.step.deadline or self.now + self.spec.timeout,
        )
        return Ticked(self._runs(self.now + (again or self.pace)), step, (self._event("act", self.step.intent),))

    def held(self, why: Why, again: datetime | None) -> Ticked:
        """Something outside keeps the act from beginning. An attempt's time does not run meanwhile."""
        task, changed = self._why(TaskState.PENDING, why, again)
        said = (self._event("held", why.text),) if changed else ()
        return Ticked(task, replace(self.step, started_at=None, deadline=None), said, wakes=changed)

    def unreachable(self, reason: str, again: timedelta) -> Ticked:
        """A dependency did not answer: no attempt is used up, and no act was made or it will be seen."""
        why = Why(Cause.UNREACHABLE, reason, self.now, next_attempt=self.now + again)
        task, changed = self._why(self._aborting_or(TaskState.PENDING), why, self.now + again)
        said = (self._event("unreachable", reason),) if changed else ()
        return Ticked(task, replace(self.step, polls=self.step.polls + 1), said, wakes=changed)

    def failed(self, verdict: Failed) -> Ticked:
        """The attempt failed: another one later, or the member has."""
        text = f"{verdict.why}{'; ' + verdict.fix if verdict.fix else ''}"
        if self.task.state is TaskState.ABORTING:  # an abort that meets a fault is tried again until a person mends it
            again = self.now + BLOCKED_AGAIN
            why = Why(Cause.FAILED, f"{self.spec.name}: {verdict.why}", self.now, "", verdict.fix, again)
            task, changed = self._why(TaskState.ABORTING, why, again)
            return Ticked(task, None, (self._event("attempt_failed", text),) if changed else (), wakes=changed)
        if not verdict.final and self.step.attempt < self.spec.retries:
            again = self.now + self.spec.backoff
            left = self.spec.retries - self.step.attempt
            words = f"{self.spec.name} failed: {verdict.why}; tried again at {again:%H:%M:%S} UTC, {left} left"
            why = Why(Cause.RETRY, words, self.now, fix=verdict.fix, next_attempt=again)
            step = self.next_attempt(text)
            return Ticked(
                self._waiting(TaskState.PENDING, why, again), step, (self._event("attempt_failed", words),), True
            )
        step = replace(self.step, state=StepState.FAILED, since=self.now, ended_at=self.now, error=text)
        why = Why(Cause.FAILED, f"{self.spec.name}: {verdict.why}", self.now, fix=verdict.fix)
        task = self._over(TaskState.FAILED, why)
        return Ticked(task, step, (self._event("failed", f"{self.spec.name} failed: {text}"),), wakes=True)

    def next_attempt(self, error: str = "") -> Step:
        """The step as it begins anew: what it remembers goes, for a new attempt has a token of its own; not how the
        world was before the first attempt, which a restore needs.

        Its time begins anew too: a soak that failed is soaked in full.
        """
        return replace(
            self.step,
            state=StepState.READY,
            since=self.now,
            attempt=self.step.attempt + 1,
            token="",
            memory=outliving(self.step.memory),
            intent="",
            started_at=None,
            deadline=None,
            error=error,
        )

    def unknown(self, question: str) -> Ticked:
        """An effect cannot be seen: a person says retry or skip."""
        step = replace(self.step, state=StepState.UNKNOWN, since=self.now, error=question)
        member = self.task.name
        fix = (
            f"look, then `fleetkeeper run retry {self.task.key.run} member:{member}` or `run skip` with the same target"
        )
        task = self._waiting(TaskState.BLOCKED, Why(Cause.UNKNOWN, question, self.now, fix=fix), None)
        return Ticked(task, step, (self._event("unknown", question),), wakes=True)

    def tampered(self, text: str) -> Ticked:
        """What is stored is not what was approved: nothing is done until a person restored or aborted it."""
        fix = f"find who changed the database, then `fleetkeeper run abort {self.task.key.run}` and make a new plan"
        why = Why(Cause.TAMPERED, text, self.now, fix=fix)
        task, changed = self._why(TaskState.BLOCKED, why, self.now + BLOCKED_AGAIN)
        return Ticked(task, None, (self._event("tampered", text),) if changed else (), wakes=changed)

    # ---- inside

    def _ended(self, state: StepState, note: str, memory: Memory) -> Ticked:
        step = replace(self.step, state=state, since=self.now, ended_at=self.now, memory=memory, error="")
        kind = "done" if state is StepState.SUCCEEDED else "skipped"
        said = (self._event(kind, note or self.step.intent or self.spec.name),)
        if self.task.step + 1 < self.task.steps:
            task = self._runs(self.now, step=self.task.step + 1, acted=False)
            return Ticked(task, step, said)
        over = self._over(TaskState.SUCCEEDED, None, acted=False)
        return Ticked(over, step, said, wakes=True)

    def _waits(self, verdict: Wait) -> Ticked:
        again = self.now + (verdict.again or self.pace)
        if self.step.deadline is not None and self.now >= self.step.deadline:
            length = self.now - (self.step.started_at or self.now)
            return self.failed(Failed(f"no end after {_short(length)}: {verdict.why}"))
        step = replace(
            self.step,
            polls=self.step.polls + 1,
            memory=self.step.memory if verdict.keep is None else verdict.keep,
            started_at=self.step.started_at or self.now,
            deadline=self.step.deadline or self.now + self.spec.timeout,
        )
        # The usual pace is not worth telling, nor writing at every look: the task's due time says it.
        told = again if verdict.again else None
        why = Why(_waiting_for(self.task, self.spec), verdict.why, self.now, verdict.owner, next_attempt=told)
        task, changed = self._why(TaskState.RUNNING, why, again)
        said = (self._event("waits", verdict.why),) if changed and self.task.why is None else ()
        return Ticked(task, step, said, wakes=changed and self.task.role is Role.GATE)

    def _blocked(self, verdict: Blocked) -> Ticked:
        again = self.now + BLOCKED_AGAIN
        why = Why(_waiting_for(self.task, self.spec), verdict.why, self.now, verdict.owner, verdict.fix, again)
        task, changed = self._why(TaskState.BLOCKED, why, again)
        said = (self._event("blocked", f"{verdict.why}{'; ' + verdict.fix if verdict.fix else ''}"),)
        return Ticked(task, self.step, said if changed else (), wakes=changed)

    def _runs(self, due: datetime, **more: object) -> Task:
        since = self.task.since if self.task.state is TaskState.RUNNING else self.now
        return replace(self.task, state=TaskState.RUNNING, since=since, why=None, due=due, **more)

    def _aborting_or(self, state: TaskState) -> TaskState:
        """What is being aborted stays so, whatever it waits for."""
        return TaskState.ABORTING if self.task.state is TaskState.ABORTING else state

    def _waiting(self, state: TaskState, why: Why, due: datetime | None) -> Task:
        since = self.task.since if self.task.state is state else self.now
        return replace(self.task, state=state, since=since, why=why, due=due)

    def _why(self, state: TaskState, why: Why, due: datetime | None) -> tuple[Task, bool]:
        """The task with a reason; the same reason keeps its first time. True when it is another than before."""
        before = self.task.why
        same = before is not None and (before.cause, before.text) == (why.cause, why.text)
        if same and before is not None:
            why = replace(why, since=before.since)
        return self._waiting(state, why, due), not same or self.task.state is not state

    def _over(self, state: TaskState, why: Why | None, **more: object) -> Task:
        return replace(self.task, state=state, since=self.now, why=why, due=None, ended_at=self.now, **more)

    def _event(self, kind: str, text: str) -> Event:
        return Event(self.now, self.task.key.run, kind, text, task=self.task.key.idx, step=self.step.idx)


def first_look(task: Task, spec: StepSpec, now: datetime) -> Step:
    """The row of a step that begins."""
    return Step(task.key, task.step, spec.name, spec.kind, StepState.READY, now)


def _waiting_for(task: Task, spec: StepSpec) -> Cause:
    """By kind, so that a plain query finds everything that waits for people; such gates look again when one decides."""
    return Cause.STEP if task.role is Role.MEMBER else _GATES.get(spec.kind, Cause.GATE)


_GATES = {"approval": Cause.APPROVAL, "soak": Cause.SOAK}


def _short(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes} minutes" if minutes else f"{round(length.total_seconds())} s"
