"""Replicas of the engine at work on one database and one cloud, and what must hold whatever was done to them."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from fleetkeeper.adapters.store.database import Database
from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.approval import Approval, sign
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.plan import Header, Member, Plan, Stage
from fleetkeeper.core.playbook import Changes, OnFailure, StepSpec
from fleetkeeper.core.run import (
    Applied,
    Cause,
    Command,
    Control,
    Event,
    Role,
    Run,
    RunState,
    Task,
    TaskKey,
    TaskState,
    Unit,
    UnitState,
    Verb,
)
from fleetkeeper.errors import StoreUnavailable
from fleetkeeper.values import digest, to_json
from tests import waiting
from tests.chaos.cloud import AGAIN, ONCE, Call, Sky
from tests.chaos.worker import Order
from tests.engine.rig import KEY, SCOPE

T = TypeVar("T")

PATIENCE = 180.0
"""Seconds of wall time that something may take on a machine that others use as well; then a test fails."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A run: a stage of a third of the members, then one of the others; or all in one.

    takes: seconds of an operation, from and to. once: steps that must not be repeated.
    """

    members: int = 9
    at_once: int = 9
    steps: int = 3
    takes: tuple[float, float] = (0.05, 0.3)
    once: frozenset[int] = frozenset({1})
    stages: int = 2

    @property
    def first_stage(self) -> int:
        """How many members it has."""
        return max(1, self.members // 3) if self.stages > 1 else self.members


def make_plan(id: str, shape: Shape, chance: random.Random) -> tuple[Plan, str, list[str]]:
    """A plan with the texts that are stored."""
    now = datetime.now(UTC)
    made = tuple(_member(idx, shape, chance, now) for idx in range(shape.members))
    bodies = [to_json(each) for each in made]
    stages = tuple(
        Stage(name, shape.at_once, 0, OnFailure.PAUSE, {"": shape.at_once}, (), ())
        for name in ("canary", "rest")[: shape.stages]
    )
    header = Header(
        id=id,
        playbook="operate",
        playbook_title="Operate",
        playbook_origin="operate.toml",
        playbook_digest="d",
        changes=Changes.ADDONS,
        selector="",
        created_at=now,
        created_by="ann",
        expires_at=now + timedelta(days=7),
        stages=stages,
        members=tuple(map(digest, bodies)),
        left=(),
    )
    text = to_json(header)
    return Plan(header, made, digest(text)), text, bodies


def _member(idx: int, shape: Shape, chance: random.Random, now: datetime) -> Member:
    steps = tuple(
        StepSpec(
            f"step-{at}",
            "operate",
            {"at": at, "takes": round(chance.uniform(*shape.takes), 3), "repeatable": at not in shape.once},
        )
        for at in range(shape.steps)
    )
    name = f"shop-{idx}"
    arn = f"arn:aws:eks:{SCOPE.region}:{SCOPE.account}:cluster/{name}"
    attributes = {"name": name, "region": SCOPE.region}
    return Member(idx, ClusterId(arn, now), name, SCOPE, attributes, int(idx >= shape.first_stage), "", steps)


def begin(runs: SqlRuns, id: str, shape: Shape, chance: random.Random) -> None:
    """Store a plan, bob's approval, and a run that is due."""
    plan, header, bodies = make_plan(f"plan-of-{id}", shape, chance)
    now = datetime.now(UTC)
    runs.save_plan(plan, header, bodies)
    command = Command(f"approve-{id}", plan.header.id, Verb.APPROVE, "", "bob", "local", now)
    runs.add_command(command)
    week = now + timedelta(days=7)
    approval = Approval(command.id, plan.header.id, "", "", plan.digest, True, "bob", "local", "ann", now, week)
    approval = replace(approval, signature=sign(approval, KEY))
    runs.settle(Applied(command.id, True, "approved"), approval, Event(now, id, "approved", "bob approved it"), now)
    run = Run(id, plan.header.id, plan.digest, RunState.NOT_STARTED, now, Control.RUN, now, "ann", due=now)
    units = [Unit(number, "", UnitState.NOT_STARTED, now) for number in range(shape.stages)]
    runs.create_run(run, units, [_task(run, each, now) for each in plan.members], [])


def _task(run: Run, member: Member, now: datetime) -> Task:
    return Task(
        TaskKey(run.id, member.idx),
        Role.MEMBER,
        member.name,
        member.stage,
        "",
        TaskState.NOT_STARTED,
        now,
        len(member.steps),
        arn=member.cluster.arn,
        account=SCOPE.account,
        region=SCOPE.region,
        rank=member.idx,
        attributes=member.attributes,
    )


# ---- replicas


@dataclass(slots=True)
class Replica:
    """One place for an engine; every life of it has a name of its own."""

    slot: int
    name: str = ""
    pid: int = 0
    hit_with_work: int = 0
    hit_idle: int = 0


@dataclass(slots=True)
class Fleet:
    """Engines on one database. settings of the order go to each."""

    settings: StoreSettings
    sky: Sky
    nursery: "subprocess.Popen[str]"
    chance: random.Random
    runs: SqlRuns
    database: Database
    order: Order
    replicas: list[Replica] = field(default_factory=list)
    lives: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self, count: int = 1) -> None:
        for _ in range(count):
            self.replicas.append(Replica(len(self.replicas)))
            self.revive(self.replicas[-1])

    def revive(self, replica: Replica) -> None:
        replica.name = f"w{replica.slot}-life{next(self.lives)}"
        order = replace(self.order, name=replica.name, database=self.settings.url, cloud=self.sky.url)
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(asdict(order)) + "\n")
        self.nursery.stdin.flush()
        replica.pid = int(self.nursery.stdout.readline())

    def kill(self, replica: Replica) -> bool:
        """Kill -9; whether it held work in that moment: leases that nobody will ever give back."""
        with suppress(ProcessLookupError):
            os.kill(replica.pid, signal.SIGKILL)
        wait_until(lambda: not _lives(replica.pid), "a killed replica is gone")
        return self.count_hit(replica)

    def is_alive(self, replica: Replica) -> bool:
        return _lives(replica.pid)

    def count_hit(self, replica: Replica) -> bool:
        held = self.held_by(replica.name) > 0
        replica.hit_with_work += held
        replica.hit_idle += not held
        return held

    def hit(self, replica: Replica) -> bool:
        """Kill it at a moment of chance at which it seems to hold work; False when it did not, or nothing is left."""
        time.sleep(self.chance.uniform(0.0, 0.15))  # a moment of chance, here and below: nothing is waited for
        if not self.sees_work(replica):
            return False
        time.sleep(self.chance.uniform(0.0, 0.015))
        return self.kill(replica)

    def sees_work(self, replica: Replica) -> bool:
        """Wait until a replica holds work; False when all runs end before it does."""

        def seen() -> str:
            if self.held_by(replica.name):
                return "work"
            return "" if self.going() else "an end"

        return wait_until(seen, f"{replica.name} holds work", self.told, pause=0.004) == "work"

    def held_by(self, name: str) -> int:
        statement = sa.text("SELECT count(*) FROM run_task WHERE lease_owner = :name").bindparams(name=name)
        return int(self.patiently(lambda: self.database.read("count leases", lambda c: c.scalar(statement)) or 0))

    def going(self) -> tuple[str, ...]:
        """The runs that are not over."""
        return tuple(each.id for each in self.patiently(lambda: self.runs.runs(over=False)))

    @staticmethod
    def patiently(ask: Callable[[], T]) -> T:
        """Ask a database that may just be restarting."""

        def answered() -> tuple[T] | None:
            with suppress(StoreUnavailable):
                return (ask(),)
            return None

        return wait_until(answered, "the database answers")[0]

    def begin(self, id: str, shape: Shape) -> str:
        self.patiently(lambda: begin(self.runs, id, shape, self.chance))
        return id

    def ends(self) -> None:
        """Wait until every run is over; an operator answers meanwhile what only a person can."""
        wait_until(lambda: not (self.answer() or self.going()), "every run ends", self.told)

    def answer(self) -> int:
        """Say retry where an engine ended in the middle of an act that it cannot see: the cloud has none of it."""
        asked = 0
        for id in self.going():
            stored = self.runs.run(id)
            for task in stored.tasks if stored else ():
                if task.state is TaskState.BLOCKED and task.why and task.why.cause is Cause.UNKNOWN:
                    word = f"retry-{id}-{task.key.idx}-{task.step}-{task.since.isoformat()}"
                    now = datetime.now(UTC)
                    self.runs.add_command(Command(word, id, Verb.RETRY, f"member:{task.name}", "cy", "local", now))
                    asked += 1
        return asked

    def say(self, run: str, verb: Verb) -> datetime:
        """A command of an operator; when it was stored."""
        at = datetime.now(UTC)
        self.runs.add_command(Command(f"{verb}-{run}-{at.isoformat()}", run, verb, "", "cy", "local", at))
        return datetime.now(UTC)

    def told(self) -> str:
        """Where the runs stand, for whoever reads that a test failed."""
        lines = []
        for id in self.going():
            stored = self.runs.run(id)
            assert stored is not None
            lines.append(f"{id}: {stored.run.state}, due {stored.run.due}, {stored.run.why}")
            open_tasks = [task for task in stored.tasks if task.ended_at is None]
            lines += [
                f"  {task.name}: {task.state}, step {task.step}, due {task.due}, {task.why}" for task in open_tasks
            ]
        return "\n".join(lines[:30])


@contextmanager
def fleet(settings: StoreSettings, sky: Sky, seed: int, order: Order | None = None) -> Iterator[Fleet]:
    """A nursery and what a test watches with; all engines end with the block."""
    command = [sys.executable, "-m", "tests.chaos.worker"]
    runs, database = SqlRuns(settings), Database(settings)
    order = order or Order("", "", "")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        try:
            yield Fleet(settings, sky, nursery, random.Random(seed), runs, database, order)
        finally:
            assert nursery.stdin is not None
            nursery.stdin.close()
            nursery.wait(30)
            runs.close()
            database.close()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(
    holds: Callable[[], T | None], what: str, told: Callable[[], str] = str, pause: float = waiting.PAUSE
) -> T:
    """Real processes have no clock that a test can move."""
    return waiting.wait_until(holds, what, told, PATIENCE, pause)


# ---- what must hold


@dataclass(frozen=True, slots=True)
class Effects:
    """What the runs did to the cloud. by: run/member and step → the first call of each token."""

    by: dict[tuple[str, int], list[Call]]
    repeated: int

    @classmethod
    def of(cls, journal: Sequence[Call]) -> "Effects":
        by: dict[tuple[str, int], list[Call]] = {}
        for call in journal:
            if call.what == ONCE:
                by.setdefault((call.member, call.step), []).append(call)
        return cls(by, sum(call.what == AGAIN for call in journal))


def assert_whole(made: Fleet, shape: Shape, journal: Sequence[Call]) -> Effects:
    """No member lost, no effect twice, nothing out of order: for every run that was begun."""
    effects = Effects.of(journal)
    for run in made.runs.runs():
        stored = made.runs.run(run.id)
        assert stored is not None
        assert stored.run.state is RunState.SUCCEEDED, f"{run.id} is {stored.run.state}: {stored.run.why}"
        assert {task.state for task in stored.tasks} == {TaskState.SUCCEEDED}
        for task in stored.tasks:
            calls = [effects.by.get((f"{run.id}/{task.name}", at), []) for at in range(shape.steps)]
            assert [len(each) for each in calls] == [1] * shape.steps, f"{run.id}/{task.name}: {calls}"
            tokens = [step.token for step in stored.steps if step.key == task.key]
            assert tokens == [each[0].token for each in calls], "the store knows other tokens than the cloud"
        assert_ordered(effects, run.id, shape)
    unrepeatable = {call.token for (_, at), calls in effects.by.items() if at in shape.once for call in calls}
    assert not [call for call in journal if call.what == AGAIN and call.token in unrepeatable]
    return effects


def assert_ordered(effects: Effects, run: str, shape: Shape) -> None:
    """No step before the one before it had ended, no member of a stage before the stage before it had."""
    ends, begins = [], []
    for idx in range(shape.members):
        calls = [call for at in range(shape.steps) for call in effects.by.get((f"{run}/shop-{idx}", at), ())]
        for before, after in itertools.pairwise(calls):
            assert after.at >= before.ends, f"{after} began before the end of {before}"
        if idx < shape.first_stage:
            ends += [call.ends for call in calls]
        else:
            begins += [call.at for call in calls]
    assert not begins or min(begins) >= max(ends), f"the second stage of {run} began before the first had ended"


def assert_hit(made: Fleet, at_least: int = 1) -> None:
    """A kill of a replica that held nothing shows nothing."""
    for replica in made.replicas:
        assert replica.hit_with_work >= at_least, f"replica {replica.slot} was hit with work {replica.hit_with_work}x"
