"""What outside of a run keeps work from beginning, looked at in the background and remembered for a short while."""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from fleetkeeper.core.durations import range_of
from fleetkeeper.core.holds import hold_of
from fleetkeeper.core.plan import Header, Range
from fleetkeeper.core.playbook import GateSpec
from fleetkeeper.core.run import Cause, Freeze, Hold, Role, Run
from fleetkeeper.core.verdict import Blocked, Done, Failed, Moment, Skip, Verdict, Wait
from fleetkeeper.engine.guarding import Frozen
from fleetkeeper.engine.run_ports import Claim, Runs
from fleetkeeper.engine.step import Kinds, Subject
from fleetkeeper.engine.world import World
from fleetkeeper.errors import FleetkeeperError

_log = structlog.get_logger("engine")

OLD = timedelta(minutes=2)
"""A look that is older than this says nothing any more: unknown holds."""


@dataclass(frozen=True, slots=True)
class Looked:
    at: datetime
    holds: tuple[Hold, ...]


@dataclass(slots=True)
class Outside:
    """The calendars and the hold gates (incident, metric) of each run. One thread refreshes, many ask.

    fresh: how long a look serves. OLD and fresh are in the keeper's time; pace scales them where that is scaled.
    """

    world: World
    gates: Kinds
    fresh: timedelta
    old: timedelta
    _looked: dict[str, Looked] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def holds(self, run: str, now: datetime) -> tuple[Hold, ...]:
        """What holds this run now; a run that was not looked at lately is held: nobody knows that it may go on."""
        with self._lock:
            looked = self._looked.get(run)
        if looked is None or now - looked.at > self.old:
            return (Hold(Cause.GATE, "what could hold it (calendars, incidents) was not looked at yet"),)
        return looked.holds

    def was_seen(self, run: str) -> bool:
        with self._lock:
            return run in self._looked

    def is_due(self, run: str, now: datetime) -> bool:
        with self._lock:
            looked = self._looked.get(run)
        return looked is None or now - looked.at >= self.fresh

    def look(self, run: Run, header: Header) -> bool:
        """Look at everything that could hold a run; True when what holds it is another than before."""
        now = self.world.clock.now()
        holds = self.world.calendars.holds(now, header.freezes)
        holds += tuple(hold for spec in header.holds if (hold := self._of_gate(run, header, spec, now)))
        with self._lock:
            before = self._looked.get(run.id)
            self._looked[run.id] = Looked(now, holds)
        return before is None or before.holds != holds

    def forget(self, kept: frozenset[str]) -> None:
        """Drop what is known of runs that are over."""
        with self._lock:
            for run in self._looked.keys() - kept:
                del self._looked[run]

    def _of_gate(self, run: Run, header: Header, spec: GateSpec, now: datetime) -> Hold | None:
        cause = Cause.INCIDENT if spec.kind == "incident" else Cause.GATE
        try:
            code = self.gates[spec.kind].of(spec.params)
            moment = Moment(now, now, "")
            verdict = code.decide(code.look(self.world, Subject(header, run, None, 0, "", spec.name), moment), moment)
        except KeyError:
            return Hold(cause, f"this release has no gate {spec.kind}: update this replica")
        except FleetkeeperError as error:
            return Hold(cause, f"{spec.name} cannot be looked at, so nothing begins: {error}")
        except Exception as error:
            _log.exception("hold_failed", run=run.id, gate=spec.name)
            return Hold(cause, f"{spec.name} cannot be judged, by a fault of fleetkeeper's own: {type(error).__name__}")
        return _hold(cause, spec.name, verdict, now)


FREEZES_SERVE = 0.5
"""Seconds of wall time for which freezes are believed: a new one must stop new acts within a second."""

RANGES_SERVE = 300.0
"""Seconds of wall time for which measured durations are believed."""


@dataclass(slots=True)
class Brakes:
    """Says of a task whose next act is about to begin what holds it; many threads ask.

    freezes_serve: seconds of wall time; below 0 they are read each time, as where days pass in a moment of the wall's.
    Gates are never held here: a change ticket is opened before its window, and changes no cluster.
    """

    runs: Runs
    outside: Outside
    freezes_serve: float = FREEZES_SERVE
    _freezes: tuple[Freeze, ...] = ()
    _freezes_at: float = float("-inf")
    _ranges: dict[str, tuple[float, Range]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, claim: Claim, frozen: Frozen, now: datetime) -> Hold | None:
        """task_tick.Holding: the closed or too short window, the freeze, calendar or incident; None when it may."""
        task = claim.task
        if task.role is Role.GATE:
            return None
        return hold_of(
            frozen.header.stages[task.stage].windows,
            self._standing(),
            self.outside.holds(claim.run.id, now),
            frozen.attributes(task),
            now,
            self._expected(frozen.spec(task).kind),
        )

    def _standing(self) -> tuple[Freeze, ...]:
        with self._lock:
            if time.monotonic() - self._freezes_at > self.freezes_serve:
                at = time.monotonic()
                self._freezes, self._freezes_at = self.runs.freezes(), at
            return self._freezes

    def _expected(self, kind: str) -> Range:
        with self._lock:
            at, found = self._ranges.get(kind, (float("-inf"), None))
        if found is None or time.monotonic() - at > RANGES_SERVE:
            found = range_of(kind, {kind: self.runs.durations(kind)})
            with self._lock:
                self._ranges[kind] = (time.monotonic(), found)
        return found


def _hold(cause: Cause, name: str, verdict: Verdict, now: datetime) -> Hold | None:
    match verdict:
        case Done() | Skip():
            return None
        case Wait():
            return Hold(cause, f"{name}: {verdict.why}", now + verdict.again if verdict.again else None, verdict.owner)
        case Blocked():
            return Hold(cause, f"{name}: {verdict.why}", None, verdict.owner)
        case Failed():
            return Hold(cause, f"{name}: {verdict.why}")
        case _:
            return Hold(cause, f"{name} answered what only a step may: {type(verdict).__name__}")
