"""The demo's wave: ann plans and starts it, bob approves it, and the engine carries it out in scaled time."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fleetkeeper import wiring
from fleetkeeper.cli import tables
from fleetkeeper.cli.run_reading import Log, screen, stored
from fleetkeeper.cli.run_tables import show_run
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.plan_page import plan_page
from fleetkeeper.core.run import OVER, Applied, Cause, Command, Role, RunState, StepState, Task, TaskState, Verb
from fleetkeeper.core.run_page import ends_text, event_text, names_of
from fleetkeeper.core.selector import Selector
from fleetkeeper.engine.observe import Progress
from fleetkeeper.engine.run_ports import StoredRun

if TYPE_CHECKING:
    from fleetkeeper.config import Settings
    from fleetkeeper.keeper import Keeper
    from fleetkeeper.sim.process import SimProcess

SCALE = 60.0
"""Simulated seconds in one of the wall's: a minute passes in a second."""

REQUESTER, APPROVER = "ann", "bob"
PEOPLE = f"""
[approvals]
local = true  # on this machine everybody is believed

[approvals.people]
{REQUESTER} = "approver"
{APPROVER} = "approver"

[[engine.direct]]
components = ["addons"]  # nobody keeps the demo's addons as code
"""

PLAYBOOK = """
name = "addon-wave"
title = "Update EKS addons, the factory first"
purpose = "Old addons block the next minor and miss security fixes."
changes = "addons"

[[steps]]
name = "preflight"
kind = "preflight"

[[steps]]
name = "update"
kind = "update-addon"
params.addon = "*"
params.version = "latest"
params.resolve = "NONE"
timeout = "45m"

[[stages]]
name = "canary"
clusters = "name=factory"

[[stages.gates]]
name = "soak"
kind = "soak"
when = "after"
params.for = "5m"
timeout = "2d"

[[stages]]
name = "rest"
max_concurrency = 2
max_failures = 0
on_failure = "pause"

[[stages.gates]]
name = "go-ahead"
kind = "approval"
when = "before"
timeout = "7d"
"""

_SELECTOR = "account=310987654322"
_CANARY, _FAILS, _CONFLICT = "factory", "data", {"vpc-cni": [".spec.template.spec.containers[name=aws-node].env"]}
_PATIENCE = 40.0  # seconds for the engine to get from one point of the story to the next; only a fault takes so long
_LOOK = 0.1


@dataclass(slots=True)
class Wave:
    """What the story came to. answers: what became of each command, in order. missed: points it did not get to."""

    plan: Plan | None = None
    run: StoredRun | None = None
    answers: list[tuple[str, Applied | None]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class _Stuck(Exception):
    """The engine did not get to a point of the story in time."""


def wave(settings: "Settings", keeper: "Keeper", fleet: "SimProcess") -> Wave:
    """Plan, approve and carry out an addon wave; prints it as it goes."""
    told = Wave()
    plan = _planned(keeper)
    told.plan = plan
    fleet.control("POST", "/touch", {"cluster": _FAILS, "set": {"conflicts": _CONFLICT}})
    with _engine(settings, keeper):
        story = _Story(keeper, keeper.start(plan.header.id, REQUESTER).run, told)
        try:
            _tell(story, plan.header.id, fleet)
        except _Stuck as stuck:
            told.missed.append(str(stuck))
        told.run = stored(keeper, story.run)
    return told


def _planned(keeper: "Keeper") -> Plan:
    file = Path(os.environ["FLEETKEEPER_CONFIG"]).with_name("addon-wave.toml")  # in the folder that goes away
    file.write_text(PLAYBOOK, encoding="utf-8")
    playbook = next(iter(wiring.playbook_files((file,)).values()))
    plan = keeper.plan(playbook, Selector.parse(_SELECTOR), REQUESTER, timedelta(days=7))
    print(f"\nA wave of addon updates. {REQUESTER}: fleetkeeper plan addon-wave.toml -l {_SELECTOR}\n")
    print(plan_page(plan).split("What can go wrong")[0].rstrip())
    return plan


@contextmanager
def _engine(settings: "Settings", keeper: "Keeper") -> Iterator[None]:
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


def _tell(story: "_Story", plan: str, fleet: "SimProcess") -> None:
    print(f"\n{REQUESTER} starts it, and may not approve it:\n")
    story.say(Verb.START, REQUESTER)
    story.say(Verb.APPROVE, REQUESTER, subject=plan)
    story.say(Verb.APPROVE, APPROVER, subject=plan)
    story.until(f"{_CANARY} is done", lambda run: _is(run, _CANARY, TaskState.SUCCEEDED))
    story.until("the soak ends", lambda run: _gate(run, "soak").state is TaskState.SUCCEEDED, observes=_CANARY)
    story.until("the rest waits at its gate", lambda run: _asks(_gate(run, "go-ahead")))
    story.seen.add("held by a gate")
    print(f"\nWhat `fleetkeeper run watch {story.run}` shows now:\n")
    story.show()
    print()
    story.say(Verb.APPROVE, APPROVER, target="rest/go-ahead")
    story.until("the rest begins", _is_rest_busy)
    story.say(Verb.PAUSE, REQUESTER, reason="a look at the graphs first")
    story.until("nothing is under way", lambda run: run.run.state is RunState.PAUSED)
    story.seen.add("paused")
    story.say(Verb.RESUME, REQUESTER)
    story.until(f"{_FAILS} fails", lambda run: _is(run, _FAILS, TaskState.FAILED))
    story.until("the run pauses by itself", lambda run: run.run.state is RunState.PAUSED)
    story.seen.add("paused by a failure")
    print()
    story.show()
    print(f"\nThe owner of {_FAILS} takes the change back that somebody made by hand; then {REQUESTER}:\n")
    fleet.control("POST", "/touch", {"cluster": _FAILS, "set": {"conflicts": {addon: [] for addon in _CONFLICT}}})
    story.say(Verb.RETRY, REQUESTER, target=f"member:{_FAILS}")
    story.say(Verb.RESUME, REQUESTER)
    story.until("the run is over", lambda run: run.run.state in OVER)


class _Story:
    """Follows one run, and prints its log meanwhile."""

    def __init__(self, keeper: "Keeper", run: str, told: Wave) -> None:
        self.run = run
        self.seen = told.seen
        self._keeper, self._told, self._log = keeper, told, Log(keeper, run)

    def say(self, verb: Verb, actor: str, subject: str = "", target: str = "", reason: str = "") -> None:
        """A verb as its command would leave it, and the engine's answer."""
        about = subject or self.run
        part = f"--gate {target}" if target and verb is Verb.APPROVE else target
        typed = " ".join(filter(None, (f"fleetkeeper run {verb} {about}", part, f"--as {actor}")))
        id = f"{len(self._told.answers)}-{verb}"
        now = self._keeper.ports.clock.now()
        self._keeper.command(Command(id, about, verb, target, actor, "local", now, reason))
        self.until(f"{typed} is answered", lambda _run: self._keeper.applied(id) is not None)
        answer = self._keeper.applied(id)
        self._told.answers.append((f"{verb} {actor}", answer))
        if answer is not None:
            print(f"$ {typed}\n  {'' if answer.accepted else 'refused: '}{answer.result}")

    def until(self, what: str, holds: Callable[[StoredRun], bool], observes: str = "") -> None:
        """Print what happens until something holds; observes: a cluster that is read all the while."""
        begun = time.monotonic()
        while not holds(found := stored(self._keeper, self.run)):
            self._print(found)
            if time.monotonic() - begun > _PATIENCE:
                raise _Stuck(f"not within {_PATIENCE:g} s: {what}; {ends_text(found.run)}")
            if observes:
                self._look(Selector.parse(f"name={observes}"))
            threading.Event().wait(_LOOK)
        self._print(found)

    def show(self) -> None:
        seen = screen(self._keeper, stored(self._keeper, self.run))
        show_run(tables.console(), seen, self._keeper.ports.clock.now(), idle=False)

    def _look(self, selector: Selector) -> None:
        """As `serve` does on its schedule; a soak believes only what was seen and judged at its end."""
        self._keeper.observe(selector, Progress())
        for _ in self._keeper.assess(selector):
            pass

    def _print(self, found: StoredRun) -> None:
        names = names_of(found.tasks)
        for event in self._log.news():
            print(f"  {event_text(event, names)}")
        sys.stdout.flush()


def failures(told: Wave) -> Iterator[str]:
    """What is wrong with a wave that was told."""
    yield from told.missed
    if missing := {"held by a gate", "paused", "paused by a failure"} - told.seen:
        yield f"the wave was not {', '.join(sorted(missing))}"
    answers = [(what, answer is not None and answer.accepted) for what, answer in told.answers]
    refused = [what for what, accepted in answers if not accepted]
    if refused != [f"approve {REQUESTER}"]:
        yield f"refused was {refused} instead of {REQUESTER}'s own approval alone"
    if told.run is None or told.run.run.state is not RunState.SUCCEEDED:
        yield f"the wave {told.run.run.state if told.run else 'was not run'} instead of succeeded"
        return
    states = {task.name: task.state for task in told.run.tasks if task.role is Role.MEMBER}
    if set(states.values()) != {TaskState.SUCCEEDED} or len(states) != 5:
        yield f"the members of the wave ended as {states}"
    if not any(step.attempt for step in told.run.steps):
        yield "no step of the wave was tried a second time"


def _is(run: StoredRun, name: str, state: TaskState) -> bool:
    return any(task.name == name and task.state is state for task in run.tasks)


def _is_rest_busy(run: StoredRun) -> bool:
    rest = {task.key.idx for task in run.tasks if task.stage == 1}
    return any(step.key.idx in rest and step.state is StepState.WAITING for step in run.steps)


def _gate(run: StoredRun, name: str) -> Task:
    return next(task for task in run.tasks if task.role is Role.GATE and task.name == name)


def _asks(gate: Task) -> bool:
    return gate.why is not None and gate.why.cause in (Cause.APPROVAL, Cause.GATE) and gate.ended_at is None
