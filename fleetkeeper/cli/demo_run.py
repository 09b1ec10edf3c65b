"""Follows a run of the demo: gives commands as people would, and prints what is worth a newcomer's time."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING

from fleetkeeper import wiring
from fleetkeeper.cli import tables
from fleetkeeper.cli.run_reading import Log, screen, stored
from fleetkeeper.cli.run_tables import show_run
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.run import Applied, Command, Event, Role, Task, TaskState, Verb
from fleetkeeper.core.run_texts import ends_text, event_text, names_of
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.text import safe
from fleetkeeper.engine.observe import Progress
from fleetkeeper.engine.run_ports import StoredRun

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper

REQUESTER, APPROVER = "ann", "bob"

_PATIENCE = 60.0  # seconds for the engine to get from one point of the story to the next; only a fault takes so long
_LOOK = 0.1
_WIDTH, _LINE, _LONGEST = 100, 98, 400
_BELIEVES_OBSERVATIONS = ("preflight", "bake", "postflight")
"""Kinds of steps that may wait for a look at the cluster; `serve` looks on its schedule."""

_GATES = ("soak", "ready")
_STEPS_TOLD = ("done", "failed", "blocked", "held", "skipped")
_BRIEF = ("done", "held")
_LEFT_OUT = ("gate.began", "group.ended")
_LOOKS = ("preflight", "refresh-insights")


@dataclass(frozen=True, slots=True)
class Told:
    """What one run of the story came to. answers: verb and person → whether it was accepted, in their order.

    reached: the points of the story that it got to. missed: why it got no further, "" when it did.
    """

    run: StoredRun
    answers: tuple[tuple[str, bool], ...]
    reached: frozenset[str]
    missed: str = ""


class Stuck(Exception):
    """The engine did not get to a point of the story in time."""


@contextmanager
def engine(settings: "Settings", keeper: "Keeper") -> Iterator[None]:
    """The engine in a thread, as `serve` runs it."""
    over = threading.Event()
    with wiring.engine(settings, keeper) as executor:
        assert executor is not None  # on SQLite it makes a key by itself
        thread = threading.Thread(target=executor.run, args=(over,), name="engine", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class Story:
    """Follows one run, and prints its log meanwhile."""

    def __init__(self, keeper: "Keeper", plan: Plan, run: str) -> None:
        self._keeper, self._plan, self._run = keeper, plan.header.id, run
        self._log = Log(keeper, run)
        self._answers: list[tuple[str, bool]] = []
        self._reached: set[str] = set()

    @property
    def stored(self) -> StoredRun:
        return stored(self._keeper, self._run)

    def told(self, missed: str) -> Told:
        return Told(self.stored, tuple(self._answers), frozenset(self._reached), missed)

    def reached(self, point: str) -> None:
        self._reached.add(point)

    def say(self, verb: Verb, actor: str, *, about_plan: bool = False, target: str = "", reason: str = "") -> None:
        """A verb as its command would leave it, and the engine's answer."""
        about = self._plan if about_plan or verb is Verb.START else self._run
        part = f"--gate {target}" if target and verb is Verb.APPROVE else target
        why = f'--reason "{reason}"' if reason else ""
        typed = " ".join(filter(None, (f"fleetkeeper run {verb} {about}", part, why, f"--as {actor}")))
        print(f"$ {typed}", flush=True)
        subject = self._run if verb is Verb.START else about
        answer = self._answered(
            Command(self._id(verb), subject, verb, target, actor, "local", self._now, reason), typed
        )
        self._answers.append((f"{verb} {actor}", answer.accepted))
        _filled(f"{'' if answer.accepted else 'refused: '}{answer.result}", "  ")
        self._print(self.stored)

    def _id(self, verb: Verb) -> str:
        return f"{self._run}-{len(self._answers)}-{verb}"

    @property
    def _now(self) -> datetime:
        return self._keeper.ports.clock.now()

    def _answered(self, command: Command, typed: str) -> Applied:
        self._keeper.command(command)
        self._until(f"{typed} is answered", lambda _run: self._keeper.applied(command.id) is not None)
        answer = self._keeper.applied(command.id)
        assert answer is not None
        return answer

    def until(self, what: str, holds: Callable[[StoredRun], bool]) -> None:
        """Print what happens until something holds, and observe meanwhile what waits for an observation."""
        self._print(self._until(what, holds, self._print))

    def show(self) -> None:
        print()
        show_run(tables.console(), screen(self._keeper, self.stored), self._now, idle=False)
        print()

    def _until(
        self, what: str, holds: Callable[[StoredRun], bool], each: Callable[[StoredRun], None] = lambda _: None
    ) -> StoredRun:
        begun = time.monotonic()
        while not holds(found := self.stored):
            each(found)
            if time.monotonic() - begun > _PATIENCE:
                raise Stuck(f"not within {_PATIENCE:g} s: {what}; {ends_text(found.run)}")
            for name in _awaited(found):
                self._look(Selector.parse(f"name={name}"))
            threading.Event().wait(_LOOK)
        return found

    def _look(self, selector: Selector) -> None:
        """As `serve` does on its schedule."""
        self._keeper.observe(selector, Progress())
        for _ in self._keeper.assess(selector):
            pass

    def _print(self, found: StoredRun) -> None:
        names, kinds = names_of(found.tasks), {(step.key.idx, step.idx): step.kind for step in found.steps}
        for event in self._log.news():
            if is_told(event, kinds):
                longest = _LINE if event.kind in _BRIEF else _LONGEST
                _filled(safe(event_text(event, names), longest), "  ")
        sys.stdout.flush()


def is_told(event: Event, kinds: dict[tuple[int, int], str]) -> bool:
    """Commands are printed with their answers; of steps their ends are enough, and of a look nothing."""
    if event.actor != "fleetkeeper" or event.kind in _LEFT_OUT:
        return False
    if event.task is None or event.step is None or "." in event.kind:
        return True
    is_look = kinds.get((event.task, event.step)) in _LOOKS
    return event.kind in _STEPS_TOLD and not (is_look and event.kind == "done")


def _awaited(found: StoredRun) -> tuple[str, ...]:
    """The clusters that a step or a gate may want to be observed."""
    own = (task for task in found.tasks if task.role is Role.MEMBER and task.state is TaskState.RUNNING)
    waiting = [
        task.name
        for task in own
        if task.step < task.steps and found.plan.members[task.key.idx].steps[task.step].kind in _BELIEVES_OBSERVATIONS
    ]
    gates = [each for each in found.tasks if each.name in _GATES and each.state is TaskState.RUNNING]
    asked = [each.name for gate in gates for each in _members(found, gate.stage)]
    return tuple(dict.fromkeys((*waiting, *asked)))


def _members(found: StoredRun, stage: int) -> Iterator[Task]:
    return (task for task in found.tasks if task.role is Role.MEMBER and task.stage == stage)


def _filled(text: str, indent: str) -> None:
    for line in wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False):
        print(line)
