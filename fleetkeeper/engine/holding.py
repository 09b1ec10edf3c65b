"""What outside of a run keeps work from beginning, looked at in the background and remembered for a short while."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from fleetkeeper.core.plan import Header
from fleetkeeper.core.playbook import GateSpec
from fleetkeeper.core.run import Cause, Hold, Run
from fleetkeeper.core.verdict import Blocked, Done, Failed, Moment, Skip, Verdict, Wait
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
