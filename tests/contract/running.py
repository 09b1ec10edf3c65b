"""Plans and runs for tests of the store: a small fleet that is being upgraded; a case changes one thing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.core.approval import Approval
from fleetkeeper.core.plan import Header, Member, Plan, Range, Stage
from fleetkeeper.core.playbook import Changes as Scope
from fleetkeeper.core.playbook import GateSpec, OnFailure, StepSpec, When, Window
from fleetkeeper.core.run import (
    Cause,
    Changes,
    Command,
    Control,
    Event,
    Role,
    Run,
    RunState,
    RunView,
    Step,
    StepState,
    Task,
    TaskKey,
    TaskState,
    Unit,
    UnitState,
    Verb,
    Why,
)
from fleetkeeper.engine.run_ports import Claim, Outcome
from fleetkeeper.values import digest, to_json
from tests.contract.observed import NOON, SCOPE, cluster_id, later

LEASE = timedelta(minutes=1)
STEPS = (
    StepSpec("preflight", "preflight"),
    StepSpec("addons", "update-addon", {"addon": "coredns", "versions": ("v1.11.4", "v1.12.0")}, timedelta(minutes=40)),
    StepSpec("verify", "wait-for", {"settle": 3, "strict": True}),
)
GATE = GateSpec("bake", "soak", When.AFTER, {"minutes": 30})


def member(idx: int, **other: Any) -> Member:
    name = f"shop-{idx}"
    attributes = {"name": name, "region": SCOPE.region, "service": "shop"}
    facts = {"version": "1.34"}
    made = Member(idx, cluster_id(name), name, SCOPE, attributes, 0, "eu", STEPS, facts, expected=range_of(20))
    return replace(made, **other)


def range_of(minutes: int) -> Range:
    return Range(timedelta(minutes=minutes), timedelta(minutes=2 * minutes))


def plan(id: str = "addons-7f3a", members: int = 3, **other: Any) -> tuple[Plan, str, list[str]]:
    """The plan, and its texts as save_plan wants them."""
    made = tuple(member(idx) for idx in range(members))
    bodies = [to_json(each) for each in made]
    stage = Stage("canary", 2, 0, OnFailure.PAUSE, {"eu": 2}, (GATE,), (Window((0, 1), 540, 1020, "Europe/Berlin"),))
    header = Header(
        id=id,
        playbook="addons-only",
        playbook_title="Addons",
        playbook_origin="addons-only.toml",
        playbook_digest="abc",
        changes=Scope.ADDONS,
        selector="service=shop",
        created_at=NOON,
        created_by="ada",
        expires_at=later(60 * 24 * 14),
        stages=(stage,),
        members=tuple(map(digest, bodies)),
        left=(),
        service_limits={"*": 1},
    )
    header = replace(header, **other)
    text = to_json(header)
    return Plan(header, made, digest(text)), text, bodies


def run(of: Plan, id: str = "", **other: Any) -> Run:
    made = Run(
        id or f"{of.header.id}-1",
        of.header.id,
        of.digest,
        RunState.RUNNING,
        NOON,
        Control.RUN,
        NOON,
        "ada",
        started_at=NOON,
        due=NOON,
    )
    return replace(made, **other)


def task(of: Run, idx: int = 0, **other: Any) -> Task:
    """A member that is worked on, and due."""
    name = f"shop-{idx}"
    made = Task(
        TaskKey(of.id, idx),
        Role.MEMBER,
        name,
        0,
        "eu",
        TaskState.RUNNING,
        NOON,
        steps=len(STEPS),
        due=NOON,
        arn=cluster_id(name).arn,
        account=SCOPE.account,
        region=SCOPE.region,
        service="shop",
        rank=idx,
        started_at=NOON,
    )
    return replace(made, **other)


def gate(of: Run, idx: int, **other: Any) -> Task:
    made = Task(
        TaskKey(of.id, idx), Role.GATE, "bake", 0, "", TaskState.NOT_STARTED, NOON, steps=1, when=When.AFTER.value
    )
    return replace(made, **other)


def why(cause: Cause = Cause.LIMIT, text: str = "2 of 2 clusters of the stage are in work", **other: Any) -> Why:
    return replace(Why(cause, text, later(1), "ada", "wait", later(2)), **other)


def step(of: TaskKey, idx: int = 0, state: StepState = StepState.READY, **other: Any) -> Step:
    return replace(Step(of, idx, STEPS[idx].name, STEPS[idx].kind, state, NOON, seal="sealed"), **other)


def event(of: Run | TaskKey, text: str = "moved", **other: Any) -> Event:
    if isinstance(of, TaskKey):
        return replace(Event(later(1), of.run, "task", text, task=of.idx), **other)
    return replace(Event(later(1), of.id, "run", text), **other)


def command(subject: str, verb: Verb = Verb.PAUSE, id: str = "click-1", **other: Any) -> Command:
    return replace(Command(id, subject, verb, "", "bob", "local", later(2), "the on-call asked"), **other)


def approval(of: Plan, id: str = "approval-1", **other: Any) -> Approval:
    made = Approval(
        id, of.header.id, "", "", of.digest, True, "bob", "oidc", "ada", later(1), later(999), "fine", "signed"
    )
    return replace(made, **other)


def begin(runs: SqlRuns, members: int = 3, id: str = "addons-7f3a", **other: Any) -> Run:
    """Store a plan and a run of it whose members are all due, with one gate behind them. other: of each member."""
    made, header, bodies = plan(id, members)
    runs.save_plan(made, header, bodies)
    begun = run(made)
    units = (Unit(0, "", UnitState.RUNNING, NOON), Unit(0, "eu", UnitState.RUNNING, NOON))
    tasks = [*(task(begun, idx, **other) for idx in range(members)), gate(begun, members)]
    assert runs.create_run(begun, units, tasks, [event(begun, "created")])
    return begun


def claim(runs: SqlRuns, worker: str = "left", limit: int = 100, lease: timedelta = LEASE) -> tuple[Claim, ...]:
    return runs.claim(worker, later(1), limit, lease)


def outcome(of: Claim, *steps: Step, wakes: bool = False, events: tuple[Event, ...] = (), **moved: Any) -> Outcome:
    return Outcome(replace(of.task, **moved), of.epoch, steps, events, wakes, before=of)


def tasks_of(runs: SqlRuns, id: str) -> tuple[Task, ...]:
    found = runs.run(id)
    assert found is not None
    return found.tasks


def steps_of(runs: SqlRuns, id: str) -> tuple[Step, ...]:
    found = runs.run(id)
    assert found is not None
    return found.steps


def view_of(runs: SqlRuns, id: str) -> RunView:
    """What a tick is shown; the tick changes nothing."""
    views: list[RunView] = []

    def look(view: RunView) -> Changes:
        views.append(view)
        return Changes()

    assert runs.tick_run(id, look) == Changes()
    return views[-1]


def moving(*idx: int, **moved: Any) -> Callable[[RunView], Changes]:
    """A decision that changes these tasks so, and nothing else."""
    return lambda view: Changes(tasks=tuple(replace(view.tasks[each], **moved) for each in idx))
