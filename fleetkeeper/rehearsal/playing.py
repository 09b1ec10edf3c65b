"""One member's steps played once: the engine's own run over a world of its own, until its end or until it is stuck."""

import gc
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.draining import Obstacle, obstacles
from fleetkeeper.core.plan import Header, Member, Plan, Stage
from fleetkeeper.core.playbook import Changes, OnFailure
from fleetkeeper.core.rehearsal.report import BudgetPeak, End, Look, Row, Span
from fleetkeeper.core.rehearsal.times import Luck
from fleetkeeper.core.run import OVER, Control, Hold, Run, RunState, TaskState, Why
from fleetkeeper.engine.guarding import Gatekeeper
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.start import rows_of
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.task_tick import Pace
from fleetkeeper.engine.world import World
from fleetkeeper.rehearsal.kinds import PLAYED, Lengths, kinds_of
from fleetkeeper.rehearsal.seeding import Seed, timing_of, world_of
from fleetkeeper.rehearsal.virtual import Played, VirtualEngine, executor
from fleetkeeper.rehearsal.watching import Watch
from fleetkeeper.sim.controllers import autoscaler, cronjob, daemonset
from fleetkeeper.sim.controllers.live import Controller
from fleetkeeper.sim.controllers.living import CONTROLLERS, LivingWorld
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.ports import WorldClock
from fleetkeeper.sim.ports_execute import WorldWriters
from fleetkeeper.sim.world import SimCluster
from fleetkeeper.values import digest, to_json

HORIZON = timedelta(days=7)
"""Of the world's time; what goes on for longer is called unfinished."""

STUCK = timedelta(hours=1)
"""So long a step may say that a person must do something, before the rehearsal ends there."""

_LOOKS_AT_END = timedelta(minutes=5)
_KEY = b"a rehearsal signs for nobody"
_RUN, _PLAN = "rehearsal", "rehearsed"
_ASLEEP = (cronjob.CONTROLLER, autoscaler.CONTROLLER)
"""Controllers that would go on for ever, and whose sizes and schedules no placement tells."""
_PROMPT, _SLUGGISH = 0.05, 0.5
"""Seconds from a write to the controllers that look at it, in a small and in a large cluster."""
_GATHERED = 2.0
"""Seconds for which writes are gathered for a DaemonSet of a large cluster."""
_COLLECTED = (1_000_000, 50, 50)
"""Thresholds of the garbage collector, far above its usual ones."""
_SMALL, _POD_SECONDS = 1000, 0.003
"""Pods up to which the steps keep their own pace; above, seconds between two looks for each pod."""


@dataclass(frozen=True, slots=True)
class StepTime:
    name: str
    kind: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Course:
    """How one rehearsal went. seconds: of the work, to its end or to where it was stuck."""

    end: End
    why: str
    fix: str
    owner: str
    seconds: float
    steps: tuple[StepTime, ...]
    evictions: int
    lost: int
    budgets: tuple[BudgetPeak, ...]
    rows: tuple[Row, ...]
    node_hours: Mapping[str, float]
    obstacles: tuple[Obstacle, ...]
    nodes: int


class NoCalendars:
    """Nothing holds a rehearsal: windows and freezes are told beside it."""

    def holds(self, now: datetime, names: object) -> tuple[Hold, ...]:  # noqa: ARG002  # the port's words
        return ()


class _Unreached:
    """A port that no played step may ask for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"a rehearsal has no {self._name}: {name} was asked for")


@dataclass(frozen=True, slots=True)
class Room:
    """Where rehearsals are played: a folder with an empty database that each of them gets a copy of."""

    folder: Path

    @contextmanager
    def runs(self) -> Iterator[SqlRuns]:
        with tempfile.TemporaryDirectory(dir=self.folder) as own:
            shutil.copy(self.folder / "empty.db", Path(own) / "runs.db")
            gatekeeper = Gatekeeper(_KEY)
            settings = StoreSettings(f"sqlite:///{own}/runs.db")
            with closing(SqlRuns(settings, gatekeeper.approves, lambda _: False)) as runs:
                yield runs


@contextmanager
def room() -> Iterator[Room]:
    """A folder of its own, which is gone afterwards. What every play needs is made and loaded here, once."""
    all_steps()
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-rehearsal-") as folder:
        schema.upgrade(StoreSettings(f"sqlite:///{folder}/empty.db"))
        yield Room(Path(folder))


@dataclass(frozen=True, slots=True)
class Piece:
    """What is played: one member of a plan, on its own."""

    header: Header
    member: Member
    taken: Lengths = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """All that one play is made of."""

    seed: Seed
    piece: Piece
    luck: Luck


@contextmanager
def seldom_collected() -> Iterator[None]:
    """A world's objects are values without circles, by the ten thousand: to look through them for circles takes a tenth
    of the time of a rehearsal, and finds none. The world as a whole is one, and is needed until it was played."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def play(room: Room, seed: Seed, piece: Piece, luck: Luck) -> Course:
    """Play a member's steps. Deterministic: the same seed, piece and luck give the same course."""
    with seldom_collected():
        return _played(room, seed, piece, luck)


def _played(room: Room, seed: Seed, piece: Piece, luck: Luck) -> Course:
    world = world_of(seed, luck)
    timing = timing_of(seed.times, luck, _SLUGGISH if len(seed.placed.pods) > _SMALL else _PROMPT)
    living = LivingWorld(world, virtual=True, timing=timing, controllers=_awake(seed), kept_events=0)
    world.clock = living.timeline.now
    cluster = next(iter(world.clusters.values()))
    live = living.of(cluster)
    live.wake()
    watch = Watch(live)
    with room.runs() as runs:
        stored = _begun(runs, piece, living.timeline.now())
        least = timedelta(seconds=_least(len(seed.placed.pods)))
        kinds = kinds_of(all_steps(), piece.taken, least)
        writers = WorldWriters(living, User("rehearsal", ("system:masters",)))
        ports = _ports(living, runs, writers)
        played = Played(kinds, {}, Pace(poll=max(Pace().poll, least)), listens=False)
        engine = VirtualEngine(living, runs, executor(ports, played, Gatekeeper(_KEY)), listens=False)
        ends = _End(engine)
        engine.until(living.timeline.now() + HORIZON, [stored], ends)
        return _course(engine.run(stored), watch, _standing(writers, piece.member, cluster), engine.now)


def _awake(seed: Seed) -> tuple[Controller, ...]:
    """Of a large cluster each DaemonSet looks at all nodes once in a while, not after every write to one of them."""
    unhurried = replace(daemonset.CONTROLLER, delay=lambda _: _GATHERED)
    is_large = len(seed.placed.pods) > _SMALL
    awake = (each for each in CONTROLLERS if each not in _ASLEEP)
    return tuple(unhurried if is_large and each is daemonset.CONTROLLER else each for each in awake)


def _least(pods: int) -> float:
    """Seconds between two looks at one step."""
    return 0.0 if pods <= _SMALL else pods * _POD_SECONDS


def _begun(runs: SqlRuns, piece: Piece, now: datetime) -> str:
    """Store a plan of this member alone, without gates, windows and limits, and a run of it that goes on by itself."""
    member = replace(piece.member, idx=0, stage=0, group="", needs=())
    stage = Stage("rehearsal", 1, 0, OnFailure.STOP, {}, (), ())
    body = to_json(member)
    header = replace(
        piece.header,
        id=_PLAN,
        changes=Changes.NOTHING,
        stages=(stage,),
        members=(digest(body),),
        left=(),
        freezes=(),
        holds=(),
        service_limits={},
        expires_at=now + 2 * HORIZON,
    )
    text = to_json(header)
    plan = Plan(header, (member,), digest(text))
    runs.save_plan(plan, text, [body])
    run = Run(_RUN, _PLAN, plan.digest, RunState.NOT_STARTED, now, Control.RUN, now, "rehearsal", due=now)
    units, tasks = rows_of(plan, _RUN, now)
    runs.create_run(run, units, tasks, ())
    return _RUN


def _ports(living: LivingWorld, runs: SqlRuns, writers: WorldWriters) -> World:
    def unreached(name: str) -> Any:
        return cast(Any, _Unreached(name))

    return World(
        clock=WorldClock(living),
        store=unreached("store"),
        runs=runs,
        writers=writers,
        hooks=unreached("hooks"),
        programs=unreached("programs"),
        metrics=unreached("metrics"),
        calendars=NoCalendars(),
        messenger=unreached("messenger"),
        approvals=unreached("approvals"),
    )


class _End:
    """Whether a run has come to a point from which only people bring it on."""

    def __init__(self, engine: VirtualEngine) -> None:
        self._engine, self._next = engine, engine.now + _LOOKS_AT_END

    def __call__(self) -> bool:
        if self._engine.now < self._next:
            return False
        self._next = self._engine.now + _LOOKS_AT_END
        found = self._engine.run(_RUN)
        task = found.tasks[0]
        why = task.why or found.run.why
        waits = task.state is TaskState.BLOCKED or found.run.state in (RunState.PAUSED, RunState.BLOCKED)
        return waits and why is not None and self._engine.now - why.since >= STUCK


def _standing(writers: WorldWriters, member: Member, cluster: SimCluster) -> tuple[Obstacle, ...]:
    """What keeps pods on the nodes that are cordoned at the end."""
    with closing(writers.kube(member.scope, cluster.name, member.cluster)) as kube:
        cordoned = [each.name for each in kube.nodes() if not each.node.schedulable]
        return obstacles(kube.pods(cordoned), kube.budgets()) if cordoned else ()


def _course(found: StoredRun, watch: Watch, standing: tuple[Obstacle, ...], now: datetime) -> Course:
    task, end = found.tasks[0], _end(found)
    why = task.why or found.run.why
    stuck = end is End.BLOCKED and why is not None
    over = found.run.ended_at or (why.since if stuck and why else now)
    seconds = max(0.0, watch.seconds(over))
    steps = tuple(
        StepTime(
            each.name, each.kind, watch.seconds(each.started_at or each.since), watch.seconds(each.ended_at or now)
        )
        for each in sorted(found.steps, key=lambda each: each.idx)
    )
    rows = tuple(Row(each.name, True, tuple(_spans(each, seconds, stuck))) for each in steps)
    nodes = watch.rows(watch.seconds(now))
    node_hours = watch.node_hours()
    return Course(
        end=end,
        why=_text(why) if end is not End.DONE else "",
        fix=why.fix if why else "",
        owner=why.owner if why else "",
        seconds=seconds,
        steps=steps,
        evictions=watch.evictions,
        lost=watch.lost,
        budgets=watch.budgets(),
        rows=(*rows, *nodes),
        node_hours=node_hours,
        obstacles=standing if end is not End.DONE else (),
        nodes=sum(each.born is None and each.is_touched for each in watch.nodes.values()),
    )


def _spans(step: StepTime, seconds: float, stuck: bool) -> Iterator[Span]:
    kind = Look.WORK if step.kind in PLAYED else Look.WAIT
    if stuck and step.until > seconds:
        yield Span(step.since, seconds, kind)
        yield Span(seconds, step.until, Look.BLOCKED)
    else:
        yield Span(step.since, step.until, kind)


def _end(found: StoredRun) -> End:
    task = found.tasks[0]
    if task.state in (TaskState.SUCCEEDED, TaskState.SKIPPED):
        return End.DONE
    if task.state is TaskState.FAILED or found.run.state in OVER:
        return End.FAILED
    if task.state is TaskState.BLOCKED or found.run.state in (RunState.PAUSED, RunState.BLOCKED):
        return End.BLOCKED
    return End.UNFINISHED


def _text(why: Why | None) -> str:
    return why.text if why else f"it still went on after {HORIZON.days} days"
