"""The engine: a level-triggered loop over runs and their tasks. Several replicas may run it on one PostgreSQL.

A turn: verify decisions, let runs decide, claim what is due, look at it in threads, store what came out in groups.
Nothing is held in memory that a restart would miss, and a thread is held only while a call lasts.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from fleetkeeper.core.advance import advance
from fleetkeeper.core.frozen import replace
from fleetkeeper.core.run import OVER, Cause, Changes, Event, Run, RunState, RunView, StepState, TaskKey, TaskState, Why
from fleetkeeper.engine.budgets import Budgets
from fleetkeeper.engine.crew import Crew, Pool
from fleetkeeper.engine.guarding import Archive
from fleetkeeper.engine.heartbeat import Heartbeat
from fleetkeeper.engine.holding import Outside
from fleetkeeper.engine.one_core import OneCore
from fleetkeeper.engine.pacing import Every, Flight, Share
from fleetkeeper.engine.run_ports import Claim, Outcome, Runs
from fleetkeeper.engine.task_tick import Read, Ticker
from fleetkeeper.errors import StoreUnavailable, Tampered

_log = structlog.get_logger("engine")

BATCH = 256
"""Outcomes that are stored in one transaction, at most."""

GATHER = 0.03
"""Seconds for which outcomes are gathered before they are stored, and for which a turn waits for a first one.

A turn costs something however few they are, so one for each handful of them would be much of what the engine does.
"""

AFTER_LOSS = 2.0
"""Seconds to wait when the database does not answer."""

AGAIN = timedelta(minutes=1)
"""When a run that cannot be judged is looked at again."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One engine of a fleet. lease: in wall time, longer than a call can last; threads look at tasks side by side.

    look: seconds of wall time between two looks for what others (the command line, other replicas) have stored.
    gather: see GATHER. held_back: for how many seconds at most a run that decides all the time is kept from it.
    """

    name: str
    host: str
    version: str
    lease: timedelta = timedelta(seconds=60)
    threads: int = 32
    look: float = 0.25
    gather: float = GATHER
    held_back: float = 0.25


class Executor:
    """Runs what is planned, approved and due, until it is told to stop."""

    def __init__(
        self,
        ticker: Ticker,
        outside: Outside,
        decisions: Callable[[], None],
        worker: Worker,
        budgets: Budgets | None = None,
    ) -> None:
        """decisions verifies and signs what people decided since the last look.

        budgets: where replicas share the API rates; a single engine has those of its own connections.
        """
        self._ticker = ticker
        self._outside = outside
        self._decisions = decisions
        self._worker = worker
        self._budgets = budgets
        self._runs: Runs = ticker.world.runs
        self._archive = Archive(self._runs)
        self._heartbeat = Heartbeat(ticker.world)
        self._flight = Flight()
        self._in_hand: list[Claim] = []
        self._done: queue.SimpleQueue[tuple[TaskKey, Outcome | None]] = queue.SimpleQueue()
        self._active: dict[str, Run] = {}
        self._looking: set[str] = set()
        self._beating: set[str] = set()
        self._tampered: dict[str, str] = {}
        self._beats = Every(worker.lease.total_seconds() / 3)
        self._looks = Every(worker.look)
        self._share = Share(worker.held_back)

    def run(self, cancel: threading.Event) -> None:
        """Work until cancel is set; what is in flight then is finished and stored, and the leases are given back."""
        with Crew(self._worker.threads, "engine") as pool, OneCore(pool.ids) as core:
            while not cancel.is_set():
                core.settle()
                try:
                    self.turn(pool)
                except StoreUnavailable as error:
                    _log.warning("engine_waits", reason=str(error), again_in_seconds=AFTER_LOSS)
                    cancel.wait(AFTER_LOSS)
        self._finish()

    @property
    def in_flight(self) -> int:
        """How many tasks are claimed, and not stored yet."""
        return len(self._flight)

    def turn(self, pool: Pool) -> None:
        """One round: what is due is begun, and what came out meanwhile is stored."""
        now = self._ticker.world.clock.now()
        if self._beats.is_due():
            self._runs.beat(self._worker.name, self._worker.host, self._worker.version)
            self._runs.renew(self._worker.name, self._flight.keys(), self._worker.lease)
        if self._looks.is_due():
            self._decisions()
            self._look_outside(pool, now)
        for id in self._runs.due_runs(now):
            if self._share.may(id):
                with self._share.spent(id):
                    self._decide(id, now)
        room = 4 * self._worker.threads - len(self._flight)
        new = self._runs.claim(self._worker.name, now, room, self._worker.lease) if room > 0 else ()
        for claim in new:
            self._flight.add(claim.task.key)
        self._in_hand += new
        claims = self._admitted(now)
        read = self._guards(claims)
        for claim in claims:
            pool.submit(self._look_at, claim, read.get(claim.task.key))
        self._store(self._gathered(self._worker.gather if claims else self._idle(now)))

    def _admitted(self, now: datetime) -> list[Claim]:
        """What is in hand and may be looked at now; all of it stays there when the budgets cannot be asked."""
        claims = self._in_hand
        if self._budgets is not None:
            claims, later = self._budgets.admitted(claims, now)
            for outcome in later:
                self._done.put((outcome.task.key, outcome))
        self._in_hand = []
        return claims

    def _idle(self, now: datetime) -> float:
        """Seconds until something may be due; an outcome ends the wait sooner."""
        following = self._runs.next_due()
        if following is None:
            return self._worker.look
        left = (following - now).total_seconds() / self._ticker.pace.scale
        if left <= 0:  # due, but another's, or not looked around for yet
            return self._worker.gather
        return min(self._worker.look, left)

    # ---- runs

    def _look_outside(self, pool: Pool, now: datetime) -> None:
        """Refresh in threads what could hold a run; a look at a slow calendar holds up nobody."""
        self._active = {run.id: run for run in self._runs.runs(over=False)}
        kept = frozenset(self._active)
        self._outside.forget(kept)
        self._heartbeat.forget(kept)
        self._share.forget(kept)
        self._tampered = {id: why for id, why in self._tampered.items() if id in kept}
        self._archive.forget(frozenset(run.plan for run in self._active.values()))
        for run in self._active.values():
            if run.id not in self._looking and self._outside.is_due(run.id, now):
                self._looking.add(run.id)
                pool.submit(self._look_around, run)
            if run.id not in self._beating and self._heartbeat.is_due(run.id, now):
                self._beating.add(run.id)
                pool.submit(self._beat, run)

    def _beat(self, run: Run) -> None:
        """Apart from the look around: a slow silencer must hold up nobody's work."""
        try:
            self._heartbeat.beat(run, self._archive.of(run.plan))
        except Exception as error:  # the silences of its members end by themselves
            _log.warning("silence_not_renewed", run=run.id, reason=str(error))
        finally:
            self._beating.discard(run.id)

    def _look_around(self, run: Run) -> None:
        try:
            self._outside.look(run, self._archive.of(run.plan).header)
            self._tampered.pop(run.id, None)
        except Tampered as error:
            self._tampered[run.id] = str(error)
        except Exception as error:  # a run that cannot be looked at stays held, and says so when it decides
            _log.warning("outside_not_seen", run=run.id, reason=str(error))
        finally:
            self._looking.discard(run.id)

    def _decide(self, id: str, now: datetime) -> None:
        """Let a due run decide; a fault in one run costs the others nothing."""
        run = self._active.get(id)
        if run is None:  # over, and owes somebody an answer; or a moment old, and looked at with the next turn
            self._runs.tick_run(id, lambda view: advance(view, now) if view.run.state in OVER else Changes())
            return
        try:
            if id in self._tampered:
                self._runs.tick_run(id, lambda _: self._not_believed(id))
                return
            if not self._outside.was_seen(id):
                return
            holds = self._outside.holds(id, now)
            self._runs.tick_run(id, lambda view: advance(replace(view, holds=holds), now))
        except StoreUnavailable:
            raise
        except Exception as error:
            _log.exception("run_tick_failed", run=id)
            text = f"it cannot be judged, by a fault of fleetkeeper's own: {type(error).__name__}: {error}"
            self._stop_run(id, Why(Cause.FAILED, text, now, fix="report it with what `serve` logs"), now)

    def _not_believed(self, id: str) -> Changes:
        raise Tampered(self._tampered[id])

    def _stop_run(self, id: str, why: Why, now: datetime) -> None:
        self._runs.tick_run(id, lambda view: _blocked(view, why, now))

    # ---- tasks

    def _guards(self, claims: Sequence[Claim]) -> dict[TaskKey, Read]:
        """What guards the acts that are intended, in one read for all of them.

        Nothing when the database went away since the claim: each look then reads its own, and is postponed alone. An
        error from here would leave the claims in flight with nobody at work on them, and their leases renewed for ever.
        """
        intended = [each.task.key for each in claims if each.step and each.step.state is StepState.INTENDED]
        at = time.monotonic()
        try:
            guards = self._runs.guards(intended) if intended else {}
        except StoreUnavailable as error:
            _log.warning("guards_not_read", tasks=len(intended), reason=str(error))
            return {}
        return {key: Read(guards.get(key), at) for key in intended}

    def _look_at(self, claim: Claim, read: Read | None) -> None:
        """In a thread: one look; its outcome is stored by the loop."""
        outcome = None
        try:
            outcome = self._ticker.tick(claim, self._archive.of(claim.run.plan), read)
        except Tampered as error:
            now = self._ticker.world.clock.now()
            why = Why(
                Cause.TAMPERED, str(error), now, fix=f"`fleetkeeper run abort {claim.run.id}`, and make a new plan"
            )
            task = replace(claim.task, state=TaskState.BLOCKED, why=why, due=now + AGAIN)
            outcome = Outcome(task, claim.epoch, wakes=True)
        except StoreUnavailable as error:
            _log.warning("task_postponed", task=claim.task.name, reason=str(error))
        except Exception:
            _log.exception("task_failed", task=claim.task.name)
        finally:
            self._done.put((claim.task.key, outcome))

    def _gathered(self, patience: float) -> list[tuple[TaskKey, Outcome | None]]:
        """The outcomes that came in: wait for a first one, then a moment for those that come with it.

        That moment is slept through at once: a thread that each outcome wakes would take the interpreter from those
        that look, again and again. It is not waited for when nothing else is in flight.
        """
        found: list[tuple[TaskKey, Outcome | None]] = []
        with suppress(queue.Empty):
            found.append(self._done.get(timeout=patience))
            if len(self._flight) > 1 + self._done.qsize():
                time.sleep(self._worker.gather)
            while len(found) < BATCH:
                found.append(self._done.get_nowait())
        return found

    def _store(self, gathered: Sequence[tuple[TaskKey, Outcome | None]]) -> None:
        """Store outcomes; while the database is gone they are kept: epochs fence them, however late they are."""
        if not gathered:
            return
        outcomes = [outcome for _, outcome in gathered if outcome is not None]
        try:
            written = self._runs.commit(outcomes) if outcomes else frozenset()
        except StoreUnavailable:
            for each in gathered:
                self._done.put(each)
            raise
        late = [each.task.name for each in outcomes if each.task.key not in written]
        if late:
            _log.info("outcomes_superseded", tasks=late[:3], more=max(0, len(late) - 3))
        going_on = [each.following for each in outcomes if each.keeps and each.task.key in written]
        self._in_hand += [claim for claim in going_on if claim is not None]
        self._flight.land({key for key, _ in gathered} - {claim.task.key for claim in self._in_hand})

    def _finish(self) -> None:
        try:
            while gathered := self._gathered(0.0):
                self._store(gathered)
            self._runs.release(self._worker.name)
        except StoreUnavailable as error:
            _log.warning("leases_kept", reason=str(error), seconds=self._worker.lease.total_seconds())


def _blocked(view: RunView, why: Why, now: datetime) -> Changes:
    """The run as one that nobody can judge: it says why, and is looked at again."""
    before = view.run.why
    same = before is not None and (before.cause, before.text) == (why.cause, why.text)
    why = replace(why, since=before.since) if same and before else why
    run = replace(view.run, state=RunState.BLOCKED, since=view.run.since if same else now, why=why, due=now + AGAIN)
    return Changes(run, events=() if same else (Event(now, view.run.id, "blocked", why.text),))
