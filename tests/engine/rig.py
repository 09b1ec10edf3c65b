"""An engine over a small cloud: operations that are started by a token, take their time, and are counted."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.approval import Approval, sign
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.plan import Header, Member, Plan, Stage
from fleetkeeper.core.playbook import Changes, GateSpec, OnFailure, Params, StepSpec
from fleetkeeper.core.references import Names
from fleetkeeper.core.run import Command, Control, Event, Role, Run, RunState, Task, TaskKey, TaskState, Unit, UnitState
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Residue, Undoing, Undone, Verdict, Wait
from fleetkeeper.engine.execute import Executor, Worker
from fleetkeeper.engine.guarding import Gatekeeper, gates_of
from fleetkeeper.engine.holding import Outside
from fleetkeeper.engine.step import Kinds, Subject
from fleetkeeper.engine.task_tick import Holding, Pace, Ticker
from fleetkeeper.engine.world import Answer, World
from fleetkeeper.values import digest, to_json
from tests import sqlite

KEY = b"the key that only the executor has"
T0 = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
SCOPE = Scope("111122223333", "eu-west-1")


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class SetClock:
    """A clock that a test moves."""

    def __init__(self, at: datetime = T0) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Nobody:
    """A port that must not be reached."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for, and nobody should")


class NoCalendars:
    def holds(self, now: datetime, names: object) -> tuple[()]:  # the port's words
        return ()


@dataclass
class Cloud:
    """Operations by token. It stands where hooks do: `call` starts one, `ask` tells its state.

    takes: how long an operation runs, by the clock that the cloud is given. refuse: error for the next calls.
    """

    clock: Any = field(default_factory=WallClock)
    takes: timedelta = timedelta()
    outcome: str = "done"
    undoes: bool = True
    refuse: list[Exception] = field(default_factory=list)
    lose: list[Exception] = field(default_factory=list)
    started: dict[str, datetime] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, name: str, body: Mapping[str, object], token: str) -> Answer:
        with self.lock:
            if self.refuse:
                raise self.refuse.pop()
            self.calls.append(f"{name} {body['member']}/{body['step']}")
            if name == "start":
                self.started.setdefault(token, self.clock.now())
            if self.lose:
                raise self.lose.pop()
        return Answer(200 if name != "undo" or self.undoes else 500, {}, "")

    def ask(self, name: str, query: Mapping[str, str]) -> Answer:  # the port's words
        with self.lock:
            self.asked += 1
            if self.refuse:
                raise self.refuse.pop()
            begun = self.started.get(query["token"])
        if begun is None:
            return Answer(404, {"state": "none"}, "")
        over = self.clock.now() - begun >= self.takes
        return Answer(200, {"state": self.outcome if over else "running"}, "")


@dataclass(frozen=True)
class Operate:
    """A step over the cloud: starts one operation and waits for its end."""

    repeatable: bool = True
    cancellable: bool = False
    blind: bool = False

    kind: ClassVar[str] = "operate"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {}

    @classmethod
    def of(cls, params: Params) -> "Operate":
        return cls(bool(params.get("repeatable", True)), bool(params.get("cancellable")), bool(params.get("blind")))

    def look(self, world: World, subject: Subject, moment: Moment) -> str:
        if not moment.token or self.blind:
            return moment.memory.get("state", "none")
        return world.hooks.ask("state", {"token": moment.token}).fields["state"]

    def decide(self, seen: str, moment: Moment) -> Verdict:
        match seen:
            case "none":
                return Act("start the operation")
            case "running":
                return Wait("the operation runs")
            case "failed":
                return Failed("the operation failed")
        return Done("the operation is done", keep={**moment.memory, "end": "seen"})

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        name = subject.member.name if subject.member else subject.gate
        world.hooks.call("start", {"member": name, "step": moment.token[:4]}, moment.token)
        return {"token": moment.token, "state": "done"}

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        name = subject.member.name if subject.member else subject.gate
        answer = world.hooks.call("undo", {"member": name, "step": moment.token[:4]}, moment.token)
        return Undone("taken back") if answer.status == 200 else Residue("a taint on node-1")


STEPS = (StepSpec("one", "operate"), StepSpec("two", "operate"))
KINDS: Kinds = {"operate": Operate}
WORKER = Worker("one", "here", "test", timedelta(seconds=10), 8, 0.005)


def plan_of(
    members: int = 1,
    steps: tuple[StepSpec, ...] = STEPS,
    gates: tuple[GateSpec, ...] = (),
    changes: Changes = Changes.ADDONS,
    at_once: int = 1000,
    on_failure: OnFailure = OnFailure.PAUSE,
) -> tuple[Plan, str, list[str]]:
    """A plan of one stage, with the texts that are stored."""
    made = tuple(
        Member(
            idx,
            ClusterId(f"arn:aws:eks:eu-west-1:111122223333:cluster/shop-{idx}", T0),
            f"shop-{idx}",
            SCOPE,
            {"name": f"shop-{idx}", "region": SCOPE.region},
            0,
            "",
            steps,
        )
        for idx in range(members)
    )
    bodies = [to_json(each) for each in made]
    stage = Stage("all", at_once, 0, on_failure, {"": at_once}, gates, ())
    header = Header(
        id="plan-1",
        playbook="operate",
        playbook_title="Operate",
        playbook_origin="operate.toml",
        playbook_digest="d",
        changes=changes,
        selector="",
        created_at=T0,
        created_by="ann",
        expires_at=T0 + timedelta(days=3650),
        stages=(stage,),
        members=tuple(map(digest, bodies)),
        left=(),
    )
    text = to_json(header)
    return Plan(header, made, digest(text)), text, bodies


def begin(runs: SqlRuns, now: datetime, approve: bool = True, **of: Any) -> Run:
    """Store a plan, approved by bob, and a run of it that is due."""
    plan, header, bodies = plan_of(**of)
    runs.save_plan(plan, header, bodies)
    run = Run("run-1", "plan-1", plan.digest, RunState.NOT_STARTED, now, Control.RUN, now, "ann", due=now)
    tasks = [
        Task(
            TaskKey(run.id, each.idx),
            Role.MEMBER,
            each.name,
            0,
            "",
            TaskState.NOT_STARTED,
            now,
            len(each.steps),
            arn=each.cluster.arn,
            account=SCOPE.account,
            region=SCOPE.region,
            rank=each.idx,
            attributes=each.attributes,
        )
        for each in plan.members
    ]
    for place, (stage, group, gate) in enumerate(gates_of(plan.header), len(tasks)):
        key = TaskKey(run.id, place)
        tasks.append(Task(key, Role.GATE, gate.name, stage, group, TaskState.NOT_STARTED, now, 1, when=gate.when.value))
    units = [Unit(0, "", UnitState.NOT_STARTED, now)]
    runs.create_run(run, units, tasks, [Event(now, run.id, "created", "created by ann")])
    if approve:
        give_approval(runs, plan, now)
    return run


def give_approval(runs: SqlRuns, plan: Plan, now: datetime, key: bytes = KEY) -> Approval:
    """Store bob's signed approval of a plan."""
    from fleetkeeper.core.run import Applied, Verb  # noqa: PLC0415

    command = Command("c1", "plan-1", Verb.APPROVE, "", "bob", "local", now)
    runs.add_command(command)
    unsigned = Approval("c1", "plan-1", "", "", plan.digest, True, "bob", "local", "ann", now, now + timedelta(days=7))
    approval = replace(unsigned, signature=sign(unsigned, key))
    runs.settle(Applied("c1", True, "approved"), approval, Event(now, "run-1", "approved", "bob approved it"), now)
    return approval


def everyone(_command: object) -> bool:
    """Known: whoever says something to a run of the tests."""
    return True


def nothing_holds(*_: object) -> None:
    return None


@dataclass
class Engine:
    """An executor over one database and one cloud; `settle` runs it until nothing is due, by the clock of the test."""

    runs: SqlRuns
    cloud: Any
    clock: Any
    executor: Executor
    ticker: Ticker


def engine(
    settings: StoreSettings,
    cloud: Any,
    clock: Any,
    *,
    pace: Pace = Pace(timedelta(seconds=15)),  # noqa: B008  # frozen
    holding: Holding = nothing_holds,
    worker: Worker = WORKER,
    kinds: Kinds = KINDS,
    knows: Callable[[Command], bool] = everyone,
    **ports: Any,
) -> Engine:
    """ports: those of the world that steps reach beside the cloud. knows: whether a command's actor was verified."""
    gatekeeper = Gatekeeper(KEY)
    runs = SqlRuns(settings, gatekeeper.approves, knows)
    nobody: Any = Nobody()
    calendars: Any = NoCalendars()
    world = replace(World(clock, nobody, runs, nobody, cloud, nobody, nobody, calendars, nobody, nobody), **ports)
    ticker = Ticker(world, kinds, kinds, gatekeeper, pace, holding)
    outside = Outside(world, kinds, timedelta(minutes=1), timedelta(days=3650))
    return Engine(runs, cloud, clock, Executor(ticker, outside, lambda: None, worker), ticker)


def settle(made: Engine, turns: int = 200) -> None:
    """Let the engine do everything that is due by its clock; fails when that does not end."""
    with ThreadPoolExecutor(4) as pool:
        for _ in range(turns):
            following = made.runs.next_due()
            if not made.executor.in_flight and (following is None or following > made.clock.now()):
                return  # before a turn that has nothing to do, for that one waits
            made.executor.turn(pool)
    raise AssertionError("there is always something due")


@contextmanager
def working(made: Engine) -> Iterator[Engine]:
    """The engine at work in a thread, until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=made.executor.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join(30)


def migrated(path: Any) -> StoreSettings:
    return sqlite.migrated(path / "fleet.db")
