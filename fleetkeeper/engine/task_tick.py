"""One look at one task: look, decide, and either wait, intend, act or undo. No transaction is open meanwhile."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from fleetkeeper.core.approval import is_sealed
from fleetkeeper.core.frozen import equal_but, replace
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Cause, Control, Hold, Role, StepState, TaskState, Why
from fleetkeeper.core.run import Step as StepRow
from fleetkeeper.core.step_sets import set_before
from fleetkeeper.core.stepping import Tick, Ticked, first_look
from fleetkeeper.core.verdict import Act, Failed, Verdict
from fleetkeeper.engine.guarding import Frozen, Gatekeeper, subject_of
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.run_ports import Claim, Guard, Outcome
from fleetkeeper.engine.step import Kinds, Step, Subject, moment_of, token_of
from fleetkeeper.engine.undoing import Undoer, begins_set_back
from fleetkeeper.engine.world import World
from fleetkeeper.errors import FleetkeeperError, ParamError, ReadError, Refused, StoreUnavailable
from fleetkeeper.values import to_json

_log = structlog.get_logger("engine")

_LONGEST_SILENCE = timedelta(minutes=5)
"""Until a dependency that does not answer is asked again, at most."""

_PASSED = {StepState.SUCCEEDED, StepState.SKIPPED, StepState.UNKNOWN}
"""States of a step behind which the next one may begin; unknown, where an operator said to go on."""

_OPEN = {StepState.READY, StepState.INTENDED, StepState.ACTING, StepState.WAITING}
"""States of a step that goes on; one in another begins anew."""

_is_same = equal_but(StepRow, "polls")
_OUTSIDE = {Cause.PAUSED, Cause.FREEZE, Cause.WINDOW, Cause.INCIDENT}


@dataclass(frozen=True, slots=True)
class Pace:
    """How the engine's time is cut. poll: between two looks at work under way; hold: at what is held from outside.

    room: for how long nobody else looks at an act that must not be repeated; longer than a call can last.
    scale: seconds of the keeper's time in one of the wall's.
    """

    poll: timedelta = timedelta(seconds=15)
    hold: timedelta = timedelta(seconds=15)
    room: timedelta = timedelta(minutes=10)
    scale: float = 1.0


FRESH = 0.5
"""Seconds of wall time for which a guard serves: a pause or a freeze must stop new acts within a second."""


@dataclass(frozen=True, slots=True)
class Read:
    """A guard, None for a task that is gone, and when it was read, by the wall's monotonic clock."""

    guard: Guard | None
    at: float


Holding = Callable[[Claim, Frozen, datetime], Hold | None]
"""What outside of the run keeps this task's next act from beginning: window, freeze, calendar, incident."""


class Superseded(Exception):
    """The task is another worker's by now, or was taken away by an operator: this look counts for nothing."""


@dataclass(frozen=True, slots=True)
class Ticker:
    """Does the looking, deciding and acting of single tasks; threads share one.

    fresh: seconds of wall time for which a guard serves; below 0 each act reads its own.
    """

    world: World
    steps: Kinds
    gates: Kinds
    gatekeeper: Gatekeeper
    pace: Pace
    holding: Holding
    fresh: float = FRESH

    def tick(self, claim: Claim, frozen: Frozen, read: Read | None = None) -> Outcome:
        """Look at a claimed task once; when it is no longer this worker's, the outcome is one that does not stand.

        A step that ended makes room for a look at the next one, so that its intent is stored with that end. Raises
        nothing but StoreUnavailable: then nothing is known to be done, and the lease runs out.
        """
        outcome = self._looked(claim, frozen, read)
        if outcome.task.state is not TaskState.RUNNING or outcome.task.step == claim.task.step:
            return outcome
        if claim.step and claim.step.attempt:  # after a set was put back, the next step has a row already
            return outcome
        if self._only_looks(frozen.spec(outcome.task), claim.task.role):
            return outcome
        next_claim = replace(claim, task=outcome.task, step=None, epoch=outcome.epoch)
        following = self._looked(next_claim, frozen, None, follows=True)
        steps, events = outcome.steps + following.steps, outcome.events + following.events
        wakes = outcome.wakes or following.wakes
        return replace(following, steps=steps, events=events, wakes=wakes, before=outcome.before)

    def _only_looks(self, spec: StepSpec, role: Role) -> bool:
        """Such a step has no intent to store early, and may rest on how the steps before it ended, as it is stored."""
        kind = (self.steps if role is Role.MEMBER else self.gates).get(spec.kind)
        return kind is not None and issubclass(kind, OnlyLooks)

    def _looked(self, claim: Claim, frozen: Frozen, read: Read | None, follows: bool = False) -> Outcome:
        spec = frozen.spec(claim.task)
        now = self.world.clock.now()
        step = claim.step or first_look(claim.task, spec, now)
        look = _Look(self, claim, frozen, Tick(claim.task, step, spec, now, self.pace.poll), read, follows)
        try:
            return look.outcome(look.ticked())
        except Superseded:  # of what an operator overruled the lease is ours still, and nobody looks until it is back
            return Outcome(claim.task, claim.epoch)
        except StoreUnavailable:
            raise
        except ReadError as error:
            return look.outcome(look.tick.unreachable(str(error), again_in(look.tick)))
        except Exception as error:
            _log.exception("tick_failed", run=claim.task.key.run, task=claim.task.name, step=spec.name)
            text = str(error) if isinstance(error, FleetkeeperError) else f"{type(error).__name__}: {error}"
            failed = Failed(f"by a fault of fleetkeeper's own: {text}", "report it with what `serve` logs")
            return look.outcome(look.tick.failed(failed))

    def code(self, role: Role, spec: StepSpec) -> Step:
        """The step or gate of a frozen spec; ParamError when this release does not have it."""
        kind = (self.steps if role is Role.MEMBER else self.gates).get(spec.kind)
        if kind is None or kind.version < spec.version:
            raise ParamError({"": f"this release has no {spec.kind} of version {spec.version}: update this replica"})
        return kind.of(spec.params)


@dataclass(slots=True)
class _Look:
    """One tick of one claimed task. claim and tick move on when the act of an unrepeatable step is marked."""

    ticker: Ticker
    claim: Claim
    frozen: Frozen
    tick: Tick
    read: Read | None
    follows: bool  # right after the end of the step before, which is stored with this look

    def ticked(self) -> Ticked:
        step, spec = self.tick.step, self.tick.spec
        subject = subject_of(self.claim, self.frozen)
        if self.claim.task.state is TaskState.ABORTING:
            return self._undone(subject)
        if self.claim.step and not self._is_own(step, spec):
            name = self.tick.task.name
            return self.tick.tampered(f"the stored step {spec.name} of {name} was not written by the executor")
        if self.claim.step is None and (before := self._skipped_over()):
            name = self.tick.task.name
            return self.tick.tampered(f"{name} stands at {spec.name}, but {before} before it has not ended")
        if self._puts_back:
            return self._set_back(subject)
        if step.state not in _OPEN:  # a person said retry
            self.tick = replace(self.tick, step=self.tick.next_attempt(step.error))
        if held := self._still_held():
            return held
        code = self.ticker.code(self.claim.task.role, spec)
        moment = moment_of(self.tick, code)
        verdict = code.decide(code.look(self.ticker.world, subject, moment), moment)
        return self._carried_out(code, subject, verdict)

    def _skipped_over(self) -> str:
        """The name of an earlier step that did not end, by rows of our own; "" when all did. Rows may be moved by hand.

        Asked where a step begins without a row of its own: the executor writes that with the end of the one before.
        """
        task = self.tick.task
        if task.step == 0 or self.follows:
            return ""
        rows = {row.idx: row for row in self.ticker.world.runs.steps(task.key)}
        for idx, spec in enumerate(self.frozen.specs(task)[: task.step]):
            row = rows.get(idx)
            if row is None or row.state not in _PASSED or not self._is_own(row, spec):
                return spec.name
        return ""

    def _is_own(self, row: StepRow, spec: StepSpec) -> bool:
        return is_sealed(row, to_json(spec.params), self.frozen.digest, self._gatekeeper.key)

    def _undone(self, subject: Subject) -> Ticked:
        self.tick, ticked = self._undoer(subject).undone(self.tick)
        return ticked

    def _set_back(self, subject: Subject) -> Ticked:
        """A pause or a freeze holds it; a closed window or an incident does not, for it may be what ends that."""
        held = self._held()
        if held is not None and held.task.why is not None and held.task.why.cause in (Cause.PAUSED, Cause.FREEZE):
            return held
        self.tick, ticked = self._undoer(subject).set_back(self.tick, self._set)
        return ticked

    def _undoer(self, subject: Subject) -> Undoer:
        role, specs = self.claim.task.role, self.frozen.specs(self.claim.task)
        return Undoer(self.ticker.world, subject, specs, lambda spec: self.ticker.code(role, spec), self._is_own)

    @property
    def _puts_back(self) -> bool:
        """Whether this task is putting back a set of which its current step failed."""
        step = self.claim.step
        return step is not None and step.state is StepState.UNDOING and self.claim.task.state is not TaskState.ABORTING

    @property
    def _set(self) -> range:
        task = self.claim.task
        return set_before(self.frozen.specs(task), task.step)

    def _carried_out(self, code: Step, subject: Subject, verdict: Verdict) -> Ticked:
        if not isinstance(verdict, Act):
            return self.tick.decided(verdict)
        match self.tick.step.state:
            case StepState.READY | StepState.WAITING:
                return self._held() or self._intended(verdict)
            case StepState.INTENDED:  # maybe long ago: its cloud was silent, and the window has closed since
                return self._held() or self._act(code, subject, verdict)
            case _:
                return self.tick.unknown(f"fleetkeeper ended in the middle of: {self.tick.step.intent}. Was it done?")

    def _still_held(self) -> Ticked | None:
        """What is held is not even looked at: a frozen fleet of a thousand members costs nobody a call."""
        why = self.tick.task.why
        return self._held() if why is not None and why.cause in _OUTSIDE else None

    def _held(self) -> Ticked | None:
        tick, pace = self.tick, self.ticker.pace
        if self.claim.run.control is not Control.RUN:
            return tick.held(Why(Cause.PAUSED, "the run is paused", tick.now), None)
        hold = self.ticker.holding(self.claim, self.frozen, tick.now)
        if hold is None:
            return None
        again = tick.now + pace.hold if hold.until is None else max(tick.now, min(hold.until, tick.now + pace.hold))
        return tick.held(Why(hold.cause, hold.text, tick.now, hold.owner, hold.fix, hold.until), again)

    def _intended(self, act: Act) -> Ticked:
        return self.tick.intended(act.what, act.memory, self.tick.step.token or token_of(self.tick))

    def _act(self, code: Step, subject: Subject, act: Act) -> Ticked:
        guard = self._guard()
        if guard is None or guard.epoch != self.claim.epoch:
            raise Superseded
        tick = self.tick
        if objection := self._gatekeeper.objection(guard, tick.task, tick.step, self.frozen, tick.now):
            if objection.cause is Cause.TAMPERED:
                return tick.tampered(objection.text)
            return tick.held(objection, None if objection.cause is Cause.PAUSED else tick.now + self.ticker.pace.hold)
        if code.repeatable:
            return tick.acted(code.act(self.ticker.world, subject, moment_of(tick, code), act.memory), act.again)
        return self._act_once(code, subject, act)

    def _guard(self) -> Guard | None:
        """As the loop read it for all at once; anew when this task had to wait for its thread."""
        if self.read is not None and time.monotonic() - self.read.at < self.ticker.fresh:
            return self.read.guard
        return self.ticker.world.runs.guards([self.claim.task.key]).get(self.claim.task.key)

    def _act_once(self, code: Step, subject: Subject, act: Act) -> Ticked:
        """Store that the act begins, so that after a crash nobody takes it for not begun; then act."""
        moment, intended = moment_of(self.tick, code), self.tick.step
        marked = replace(self.outcome(self.tick.acting(self.ticker.pace.room)), keeps=True)
        if self.claim.task.key not in self.ticker.world.runs.commit([marked]):
            raise Superseded
        epoch = self.claim.epoch + 1  # a commit moves it
        self.claim = replace(self.claim, epoch=epoch, task=marked.task, step=marked.steps[0])
        self.tick = replace(self.tick, step=marked.steps[0])
        try:
            return self.tick.acted(code.act(self.ticker.world, subject, moment, act.memory), act.again)
        except Refused:  # nothing was done, and that is certain
            self.tick = replace(self.tick, step=replace(intended, seal=""))
            raise

    def outcome(self, ticked: Ticked) -> Outcome:
        """What is to be stored of a tick; a step that changed is sealed anew, but not for its polls alone."""
        failed = ticked.task.state is TaskState.FAILED and ticked.step is not None
        if failed and self._set and not self._puts_back:
            ticked = begins_set_back(ticked, self.tick.now)
        step, before = ticked.step, self.claim.step
        steps: tuple[StepRow, ...] = ()
        if step is not None and before is not None and _is_same(before, step):
            steps = (step,) if step.polls != before.polls else ()
        elif step is not None:
            steps = (replace(step, seal=self._gatekeeper.sealed(step, self.tick.spec, self.frozen.digest)),)
        said = ticked.events, ticked.wakes, ticked.goes_on
        return Outcome(ticked.task, self.claim.epoch, steps, *said, before=self.claim)

    @property
    def _gatekeeper(self) -> Gatekeeper:
        return self.ticker.gatekeeper


def again_in(tick: Tick) -> timedelta:
    """How long a dependency that did not answer is left alone: a third of the pace, then for as long as it was silent.

    Not by how often the step was looked at: one throttled call in a long wait must not cost minutes.
    """
    why = tick.task.why
    silent = tick.now - why.since if why is not None and why.cause is Cause.UNREACHABLE else timedelta()
    return min(_LONGEST_SILENCE, max(tick.pace / 3, silent))
