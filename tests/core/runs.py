"""Runs as the store gives them, small and healthy unless a test changes one thing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fleetkeeper.core.advance import advance
from fleetkeeper.core.plan import Header, Need, Stage
from fleetkeeper.core.playbook import Changes as WhatChanges
from fleetkeeper.core.playbook import GateSpec, OnFailure, When, Window
from fleetkeeper.core.run import (
    Busy,
    Cause,
    Changes,
    Command,
    Consent,
    Control,
    Event,
    Freeze,
    Hold,
    Role,
    Run,
    RunState,
    RunView,
    Task,
    TaskKey,
    TaskState,
    Unit,
    UnitState,
    Verb,
    Why,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
MINUTE = timedelta(minutes=1)
RUN = "p-1-1"
CONSENT = Consent("bob", "oidc", NOON - timedelta(hours=2))


def gate(name: str = "ok", when: When = When.AFTER, kind: str = "soak", each_group: bool = False) -> GateSpec:
    return GateSpec(name, kind, when, each_group=each_group)


def stage(
    name: str = "all",
    at_once: int = 10,
    failures: int = 0,
    on_failure: OnFailure = OnFailure.PAUSE,
    groups: Mapping[str, int] | None = None,
    gates: tuple[GateSpec, ...] = (),
    windows: tuple[Window, ...] = (),
) -> Stage:
    return Stage(name, at_once, failures, on_failure, groups or {}, gates, windows)


def member(
    name: str, stage: int = 0, group: str = "", service: str = "", needs: tuple[Need, ...] = (), **more: object
) -> Task:
    """A member that is not begun. Its region is what its name ends in: shop-eu is in eu."""
    region = name.rpartition("-")[2]
    task = Task(
        TaskKey(RUN, 0), Role.MEMBER, name, stage, group, TaskState.NOT_STARTED, NOON, steps=3,
        arn=f"arn:{name}", account="111122223333", region=region, service=service, needs=needs,
    )  # fmt: skip
    return replace(task, **more)  # type: ignore[arg-type]


def header(stages: Sequence[Stage], members: int, services: Mapping[str, int] | None = None) -> Header:
    return Header(
        "p-1", "addons-only", "Addons", "addons-only.toml", "digest", WhatChanges.ADDONS, "", NOON, "ana",
        NOON + timedelta(days=7), tuple(stages), ("digest",) * members, (), service_limits=services or {},
    )  # fmt: skip


def view(
    stages: Sequence[Stage],
    members: Iterable[Task],
    *,
    approved: bool = True,
    services: Mapping[str, int] | None = None,
) -> RunView:
    """A run as `run start` creates it: members in order, then the gates of the stages and groups."""
    tasks = [replace(task, key=TaskKey(RUN, idx), rank=idx) for idx, task in enumerate(members)]
    count = len(tasks)
    units: list[Unit] = []
    for index, each in enumerate(stages):
        groups = sorted({task.group for task in tasks if task.stage == index and task.group})
        units += [Unit(index, group, UnitState.NOT_STARTED, NOON) for group in ("", *groups)]
        for spec in each.gates:
            for group in groups if spec.each_group and groups else [""]:
                key = TaskKey(RUN, len(tasks))
                tasks.append(
                    Task(key, Role.GATE, spec.name, index, group, TaskState.NOT_STARTED, NOON, steps=1, when=spec.when)
                )
    run = Run(RUN, "p-1", "digest", RunState.NOT_STARTED, NOON, Control.RUN, NOON, "ana", due=NOON)
    return RunView(
        header(stages, count, services), run, tuple(units), tuple(tasks), approved=CONSENT if approved else None
    )


@dataclass
class Story:
    """A run in the hands of a test: looks of the engine, and what an executor would commit between them."""

    view: RunView
    now: datetime = NOON
    events: list[Event] = field(default_factory=list)
    last: Changes = field(default_factory=Changes)

    def look(self, minutes: float = 0) -> Changes:
        self.now += minutes * MINUTE
        self.last = advance(self.view, self.now)
        self.view = after(self.view, self.last)
        self.events += self.last.events
        return self.last

    def task(self, name: str) -> Task:
        return next(task for task in self.view.tasks if task.name == name)

    def unit(self, stage: int = 0, group: str = "") -> Unit:
        return next(unit for unit in self.view.units if (unit.stage, unit.group) == (stage, group))

    @property
    def run(self) -> Run:
        return self.view.run

    @property
    def state(self) -> str:
        return self.run.state

    def states(self) -> dict[str, str]:
        return {task.name: str(task.state) for task in self.view.tasks}

    def running(self) -> list[str]:
        return [task.name for task in self.view.tasks if task.state is TaskState.RUNNING]

    def why(self, name: str) -> Why:
        found = self.task(name).why
        assert found is not None, f"{name} does not say why"
        return found

    def texts(self) -> list[str]:
        return [event.text for event in self.events]

    def put(self, name: str, state: TaskState, why: Why | None = None, **more: object) -> None:
        """Commit a task as the executor does."""
        task = replace(self.task(name), state=state, why=why, since=self.now, **more)  # type: ignore[arg-type]
        self.view = replace(self.view, tasks=tuple(task if old.key == task.key else old for old in self.view.tasks))

    def succeed(self, *names: str) -> None:
        for name in names:
            self.put(name, TaskState.SUCCEEDED, step=self.task(name).steps, due=None, ended_at=self.now)
        self.look()

    def fail(self, name: str, step: int = 1, text: str = "coredns is degraded") -> None:
        self.put(name, TaskState.FAILED, Why(Cause.FAILED, text, self.now), step=step, due=None, ended_at=self.now)
        self.look()

    def say(self, verb: Verb, target: str = "", actor: str = "bo", reason: str = "") -> tuple[bool, str]:
        """An operator's command and the look that follows; whether it was accepted, and the answer."""
        command = Command(f"c-{len(self.events)}", RUN, verb, target, actor, "local", self.now, reason)
        self.view = replace(self.view, commands=(command,))
        answer = self.look().applied[0]
        return answer.accepted, answer.result

    def outside(
        self,
        *,
        freezes: tuple[Freeze, ...] = (),
        holds: tuple[Hold, ...] = (),
        elsewhere: tuple[Busy, ...] = (),
        reserved: tuple[tuple[str, int], ...] = (),
    ) -> None:
        """What the rest of the fleet is from now on."""
        self.view = replace(self.view, freezes=freezes, holds=holds, elsewhere=elsewhere, reserved=reserved)


def after(view: RunView, changes: Changes) -> RunView:
    """What the store would read after it wrote these changes."""
    units = {(unit.stage, unit.group): unit for unit in changes.units}
    tasks = {task.key: task for task in changes.tasks}
    done = {each.id for each in changes.applied}
    return replace(
        view,
        run=changes.run or view.run,
        units=tuple(units.get((unit.stage, unit.group), unit) for unit in view.units),
        tasks=tuple(tasks.get(task.key, task) for task in view.tasks),
        commands=tuple(command for command in view.commands if command.id not in done),
    )


def started(stages: Sequence[Stage], members: Iterable[Task], services: Mapping[str, int] | None = None) -> Story:
    """An approved run after its first look."""
    story = Story(view(stages, members, services=services))
    story.look()
    return story
