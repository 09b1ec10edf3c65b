"""The real engine over a simulated world, in virtual time: it jumps from what is due to what is due next.

What the engine believes for a moment of the wall's time it believes not at all here: days pass in that moment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.engine.decisions import Decisions
from fleetkeeper.engine.execute import Executor, Worker
from fleetkeeper.engine.guarding import Gatekeeper
from fleetkeeper.engine.holding import Brakes, Outside
from fleetkeeper.engine.run_ports import Runs, StoredRun
from fleetkeeper.engine.step import Kinds
from fleetkeeper.engine.task_tick import Pace, Ticker
from fleetkeeper.engine.world import World
from fleetkeeper.sim.controllers.living import LivingWorld

NEVER_SERVES = -1.0
"""Seconds for which something that was read serves, where nothing does."""

_MOST_TURNS = 2000
_LONG = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Played:
    """What makes an engine virtual. steps, gates: its kinds; pace: of its looks, in the world's time.

    listens: people may say something at any moment, so that each moment needs one more look at what they said.
    """

    steps: Kinds
    gates: Kinds
    pace: Pace
    listens: bool = True


class AtOnce:
    """A crew without threads: what is submitted is done before the call returns, in the order of asking."""

    def submit(self, work: Callable[..., Any], *args: Any) -> None:
        work(*args)


def executor(world: World, played: Played, gatekeeper: Gatekeeper, decisions: Decisions | None = None) -> Executor:
    """An engine of one worker that believes nothing for a while. decisions None: nobody decides anything."""
    outside = Outside(world, played.gates, timedelta(seconds=15) if played.listens else _LONG, _LONG)
    brakes = Brakes(world.runs, outside, freezes_serve=NEVER_SERVES)
    ticker = Ticker(world, played.steps, played.gates, gatekeeper, played.pace, brakes.hold, fresh=NEVER_SERVES)
    worker = Worker("virtual", "here", "virtual", timedelta(minutes=10), 8, look=0.0, gather=0.0, held_back=0.0)
    return Executor(ticker, outside, decisions.settle if decisions else _nothing, worker)


def _nothing() -> None:
    """Nobody says anything to a rehearsal."""


@dataclass(slots=True)
class VirtualEngine:
    """An engine and the world's time. script: what happens at a moment, whatever the engine does then.

    recurs: something else that comes again and again, such as an observation: when it is next due, and what it does.
    """

    living: LivingWorld
    runs: Runs
    executor: Executor
    listens: bool = True
    script: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    recurs: tuple[Callable[[], datetime], Callable[[], None]] | None = None

    @property
    def now(self) -> datetime:
        return self.living.timeline.now()

    def at(self, when: datetime, action: Callable[[], object]) -> None:
        self.script.append((when, action))
        self.script.sort(key=lambda each: each[0])

    def run(self, id: str) -> StoredRun:
        """KeyError where there is none."""
        found = self.runs.run(id)
        if found is None:
            raise KeyError(id)
        return found

    def until(self, when: datetime, over: Sequence[str] = (), ends: Callable[[], bool] | None = None) -> None:
        """Let time pass until a moment, or until these runs are over, or until `ends` says so."""
        crew = AtOnce()
        while True:
            self._settle(crew)
            if over and not {run.id for run in self.runs.runs(over=False)}.intersection(over):
                return
            if self.now >= when or (ends is not None and ends()):
                return
            self._pass(when)

    def _settle(self, crew: AtOnce) -> None:
        """Everything that is due now, and one turn more where people may have said something."""
        idle = 0
        for _ in range(_MOST_TURNS):
            following = self.runs.next_due()
            is_due = self.executor.in_flight or (following is not None and following <= self.now)
            idle = 0 if is_due else idle + 1
            if idle > self.listens:
                return
            self.executor.turn(crew)
        raise RuntimeError(f"there is always something due at {self.now}")

    def _pass(self, most: datetime) -> None:
        """Time moves to what comes next."""
        comes = [most]
        if (due := self.runs.next_due()) is not None:
            comes.append(due)
        if self.script:
            comes.append(self.script[0][0])
        if self.recurs is not None:
            comes.append(self.recurs[0]())
        following = min(comes)
        if following > self.now:
            with self.living.world.lock:
                self.living.timeline.advance(until=following)
        while self.script and self.script[0][0] <= self.now:
            self.script.pop(0)[1]()
        if self.recurs is not None and self.now >= self.recurs[0]():
            self.recurs[1]()
