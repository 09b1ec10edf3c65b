"""Follows a run of the demo: gives commands as people would, and prints what is worth a newcomer's time."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from fleetkeeper import wiring
from fleetkeeper.cli import tables
from fleetkeeper.cli.run_reading import Log, screen, stored
from fleetkeeper.cli.run_tables import show_run
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.run import Applied, Command, Event, Role, Task, TaskState, Verb
from fleetkeeper.core.run_page import ends_text, event_text, names_of
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.observe import Progress
from fleetkeeper.engine.run_ports import StoredRun

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper

REQUESTER, APPROVER = "ann", "bob"

_PATIENCE = 30.0  # seconds for the engine to get from one point of the story to the next; only a fault takes so long
_LOOK = 0.1
_WIDTH = 100
_BELIEVES_OBSERVATIONS = ("bake", "postflight")
"""Kinds of steps that wait for a look at the cluster; `serve` looks on its schedule."""

_STEPS_TOLD = ("done", "failed", "blocked", "held", "skipped")
_STEPS_LEFT_OUT = ("preflight", "refresh-insights")


@dataclass(slots=True)
class Told:
    """What one run of the story came to. answers: what became of each command, in order. missed: points not reached."""

    plan: Plan
    run: StoredRun | None = None
    answers: list[tuple[str, Applied | None]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


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

    def __init__(self, keeper: "Keeper", run: str, told: Told) -> None:
        self.run = run
        self.seen = told.seen
        self._keeper, self._told, self._log = keeper, told, Log(keeper, run)

    def say(self, verb: Verb, actor: str, subject: str = "", target: str = "", reason: str = "") -> None:
        """A verb as its command would leave it, and the engine's answer."""
        about = subject or self.run
        part = f"--gate {target}" if target and verb is Verb.APPROVE else target
        why = f'--reason "{reason}"' if reason else ""
        typed = " ".join(filter(None, (f"fleetkeeper run {verb} {about}", part, why, f"--as {actor}")))
        id = f"{about}-{len(self._told.answers)}-{verb}"
        now = self._keeper.ports.clock.now()
        print(f"$ {typed}")
        self._keeper.command(Command(id, about, verb, target, actor, "local", now, reason))
        self._until(f"{typed} is answered", lambda _run: self._keeper.applied(id) is not None)
        answer = self._keeper.applied(id)
        self._told.answers.append((f"{verb} {actor}", answer))
        if answer is not None:
            _filled(f"{'' if answer.accepted else 'refused: '}{answer.result}", "  ")

    def until(self, what: str, holds: Callable[[StoredRun], bool]) -> None:
        """Print what happens until something holds, and observe meanwhile what waits for an observation."""
        self._print(self._until(what, holds, self._print))

    def show(self) -> None:
        seen = screen(self._keeper, stored(self._keeper, self.run))
        print()
        show_run(tables.console(), seen, self._keeper.ports.clock.now(), idle=False)
        print()

    def _until(
        self, what: str, holds: Callable[[StoredRun], bool], each: Callable[[StoredRun], None] = lambda _: None
    ) -> StoredRun:
        begun = time.monotonic()
        while not holds(found := stored(self._keeper, self.run)):
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
            if _is_told(event, kinds):
                _filled(event_text(event, names), "  ")
        sys.stdout.flush()


def _is_told(event: Event, kinds: dict[tuple[int, int], str]) -> bool:
    """Commands are printed with their answers; of steps their ends are enough, and of a look nothing."""
    if event.actor != "fleetkeeper":
        return False
    if event.task is None or event.step is None or "." in event.kind:
        return True
    return event.kind in _STEPS_TOLD and kinds.get((event.task, event.step)) not in _STEPS_LEFT_OUT


def _awaited(found: StoredRun) -> tuple[str, ...]:
    """The clusters that a step or a soak wants to be observed."""
    own = (task for task in found.tasks if task.role is Role.MEMBER and task.state is TaskState.RUNNING)
    waiting = [
        task.name
        for task in own
        if task.step < task.steps
        and found.plan.members[task.key.idx].steps[task.step].kind in _BELIEVES_OBSERVATIONS
    ]
    soaks = [each for each in found.tasks if each.name == "soak" and each.state is TaskState.RUNNING]
    soaked = [each.name for gate in soaks for each in _members(found, gate.stage)]
    return tuple(dict.fromkeys((*waiting, *soaked)))


def _members(found: StoredRun, stage: int) -> Iterator[Task]:
    return (task for task in found.tasks if task.role is Role.MEMBER and task.stage == stage)


def _filled(text: str, indent: str) -> None:
    for line in wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False):
        print(line)
