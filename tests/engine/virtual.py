"""A whole fleetkeeper over a simulated fleet, in virtual time: weeks pass in seconds, and each moment has its order.

The keeper, the store, the engine and its steps and gates are the real ones; the world answers their ports directly.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from fleetkeeper.adapters.calendars import FreezeCalendars
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import FreezeSettings
from fleetkeeper.core.changing_via import ChangeVia, DirectRule
from fleetkeeper.core.people import People
from fleetkeeper.core.people import Role as Right
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.playbook import Playbook
from fleetkeeper.core.references import Where
from fleetkeeper.core.run import Command, Freeze, Role, Task, TaskKey, Verb
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.waivers import Deciding
from fleetkeeper.core.waivers import Decisions as Operators
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.decisions import Decisions, SignedApprovals, Vouching
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.guarding import Gatekeeper
from fleetkeeper.engine.observe import Choice, Progress
from fleetkeeper.engine.observe_cluster import ClusterReader
from fleetkeeper.engine.planning import Planner, StoredFleet
from fleetkeeper.engine.ports import Ports
from fleetkeeper.engine.run_ports import StoredEvent, StoredRun
from fleetkeeper.engine.start import Starter
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.task_tick import Pace
from fleetkeeper.engine.world import World
from fleetkeeper.keeper import Keeper
from fleetkeeper.rehearsal.virtual import Played, VirtualEngine, executor
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.ports import WorldClock, WorldClouds, WorldKubes
from fleetkeeper.sim.ports_execute import WorldWriters
from fleetkeeper.sim.world import World as SimWorld
from tests.engine.fakes import compat, placed
from tests.engine.rig import KEY, migrated
from tests.engine.steps.walking import Channels, Endpoints, Machine

ALLOWED = {
    Where.HOOKS: frozenset({"pages", "open", "state", "close", "alarms"}),
    Where.CHANNELS: frozenset({"oncall"}),
}
"""What the playbooks of these tests may name."""

SEEING = frozenset({"preflight", "bake", "postflight"})
"""Kinds of steps that rest on what is stored of their cluster."""
OFTEN, AT_TIMES, SELDOM = timedelta(minutes=25), timedelta(hours=2), timedelta(hours=12)
"""How long the fleet is not observed while a step waits to see it, while a gate does, and while nobody does."""
LOOKS_AGAIN = timedelta(minutes=10)
"""How often what is held is looked at: a night of looks every few seconds shows nothing more."""


class Alone:
    """An identity that is who it says."""

    can_verify = True

    def verify(self, command: Command) -> str:
        return command.actor


@dataclass(slots=True)
class VirtualFleet:
    """keeper plans and observes, executor carries out; hooks, programs and channels are what it reaches outside."""

    keeper: Keeper
    engine: VirtualEngine
    hooks: Endpoints
    programs: Machine
    channels: Channels
    observed_at: datetime
    told: int = 0
    silent: dict[TaskKey, datetime] = field(default_factory=dict)
    mute: set[str] = field(default_factory=set)
    """Tasks under way that were seen to wait and said no reason."""

    @property
    def now(self) -> datetime:
        return self.engine.now

    @property
    def runs(self) -> SqlRuns:
        return cast(SqlRuns, self.engine.runs)

    def observe(self) -> None:
        self.keeper.observe(Selector(), Progress())
        for _ in self.keeper.assess(Selector(), None):
            pass
        self.observed_at = self.now

    def plan(self, playbook: Playbook, selector: str = "", actor: str = "ann") -> Plan:
        return self.keeper.plan(playbook, Selector.parse(selector), actor, timedelta(days=14))

    def start(self, plan: Plan, actor: str = "ann") -> str:
        """The run, which begins with the engine's next turn."""
        run = self.keeper.start(plan.header.id, actor).run
        self.say(Verb.START, run, actor)
        return run

    def say(self, verb: Verb, about: str, actor: str = "ann", target: str = "", reason: str = "") -> None:
        """A person's word; the engine finds it with its next turn."""
        self.told += 1
        id = f"{self.told}-{verb}"
        self.keeper.command(Command(id, about, verb, target, actor, "local", self.now, reason))

    def freeze(self, reason: str, until: datetime | None = None, selector: str = "") -> None:
        self.told += 1
        self.runs.add_freeze(Freeze(f"f{self.told}", reason, "ann", self.now, selector, until))

    def at(self, when: datetime, action: Callable[[], object]) -> None:
        """Something that happens at a moment, whatever the engine does then."""
        self.engine.at(when, action)

    def run(self, id: str) -> StoredRun:
        return self.engine.run(id)

    def log(self, id: str) -> Sequence[StoredEvent]:
        return self.runs.events(id, limit=100_000)

    def until(self, when: datetime, over: Sequence[str] = ()) -> None:
        """Let time pass until a moment, or until these runs are over; the fleet is observed by its schedule."""
        self.engine.until(when, over)

    def _listen(self, task: Task) -> None:
        """A task that has just acted has nothing to say yet; one that still says nothing leaves people in the dark."""
        if task.why is not None and task.why.text:
            self.silent.pop(task.key, None)
        elif self.now - self.silent.setdefault(task.key, self.now) > timedelta(minutes=1):
            self.mute.add(f"{task.name} at {self.now}")

    def pause(self) -> timedelta:
        """The time between two observations: each costs more than all that the engine does in between."""
        pauses = [SELDOM]
        for run in self.runs.runs(over=False):
            stored = self.run(run.id)
            members = stored.plan.members
            for task in (each for each in stored.tasks if each.started_at is not None and each.ended_at is None):
                self._listen(task)
                if task.role is Role.GATE:
                    pauses.append(AT_TIMES)
                elif members[task.key.idx].steps[task.step].kind in SEEING:
                    pauses.append(OFTEN)
        return min(pauses)


@contextmanager
def virtual_fleet(
    simulated: SimWorld,
    folder: Path,
    calendars: Sequence[FreezeSettings] = (),
    decisions: Deciding = Operators(),  # noqa: B008  # it is frozen
) -> Iterator[VirtualFleet]:
    living = LivingWorld(simulated, virtual=True)
    simulated.clock = living.timeline.now
    settings, clock = migrated(folder), WorldClock(living)
    gatekeeper = Gatekeeper(KEY)
    people = People({"ann": Right.OPERATOR, "bob": Right.APPROVER})
    with (
        closing(SqlStore(settings)) as store,
        closing(SqlRuns(settings, gatekeeper.approves, Vouching(KEY, local=True).knows)) as runs,
        closing(FreezeCalendars((), tuple(calendars))) as table,
    ):
        hooks, programs, channels = Endpoints(), Machine(), Channels()
        keeper = _keeper(living, store, runs, decisions)
        world = World(
            clock=clock,
            store=store,
            runs=runs,
            writers=WorldWriters(living, User("test", ("system:masters",))),
            hooks=hooks,
            programs=programs,
            metrics=cast(Any, None),
            calendars=table,
            messenger=channels,
            approvals=SignedApprovals(runs, people, KEY),
            decisions=decisions,
        )
        played = Played(all_steps(), all_gates(), Pace(hold=LOOKS_AGAIN))
        made = executor(world, played, gatekeeper, Decisions(runs, clock, Alone(), people, KEY))
        engine = VirtualEngine(living, runs, made)
        fleet = VirtualFleet(keeper, engine, hooks, programs, channels, engine.now)
        engine.recurs = (lambda: fleet.observed_at + fleet.pause(), fleet.observe)
        yield fleet


def _keeper(living: LivingWorld, store: SqlStore, runs: SqlRuns, decisions: Deciding) -> Keeper:
    clock, cancel, stale = WorldClock(living), threading.Event(), timedelta(hours=2)
    ports = Ports(WorldClouds(living), WorldKubes(living), store, clock, cancel)
    known = compat()
    assessor = Assessor(store, clock, known, stale, decisions=decisions)
    fleet = StoredFleet(store, clock, stale)
    nothing: Mapping[str, int] = {}
    anything = ChangeVia(direct=(DirectRule(),))
    planner = Planner(fleet, runs, known, assessor, all_steps(), all_gates(), ALLOWED, nothing, change_via=anything)
    reader = ClusterReader(ports, placed, known, helm_secrets=True, audit_logs=False)
    return Keeper(ports, reader, known, Choice(), stale, 4, assessor, planner, Starter(fleet, runs))
