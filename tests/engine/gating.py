"""A stage of two clusters with gates, a run of it, and a world that is healthy unless a test changes one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from fleetkeeper.core import model
from fleetkeeper.core.approval import Approval
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.finding import Subject as About
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.plan import Header, Member, Plan, Stage
from fleetkeeper.core.playbook import Changes, OnFailure, Param, StepSpec, Window
from fleetkeeper.core.run import Control, Role, Run, RunState, Step, StepState, Task, TaskKey, TaskState
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.core.verdict import Moment, Verdict
from fleetkeeper.core.waivers import Decisions
from fleetkeeper.engine.gates import all_gates
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.engine.step import Step as Code
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import Hooks, MetricSource, Sample, World
from fleetkeeper.engine.writers import Writers
from fleetkeeper.errors import ReadError
from tests.contract.observed import NOON, SCOPE, cluster_id, snapshot

PLANNED = NOON - timedelta(hours=5)
BEGAN = NOON - timedelta(hours=1)
"""When the work on the members began; they ended at NOON, when the gate is first looked at."""

EU, US = "shop-eu-1", "shop-us-1"


def member(idx: int, name: str, **other: Any) -> Member:
    attributes = {"name": name, "region": "eu-west-1", "service": "shop"}
    steps = (StepSpec("look", "preflight"), StepSpec("coredns", "update-addon"))
    made = Member(idx, cluster_id(name), name, SCOPE, attributes, 0, "", steps, {"version": "1.34"}, hops=("1.35",))
    return replace(made, **other)


MEMBERS = (member(0, EU), member(1, US))
STAGE = Stage("canary", 2, 0, OnFailure.PAUSE, {}, (), (Window((0, 1), 540, 1020, "Europe/Berlin"),))
HEADER = Header(
    id="plan-7",
    playbook="addons-only",
    playbook_title="Update addons",
    playbook_origin="playbooks/addons-only.toml",
    playbook_digest="d0",
    changes=Changes.ADDONS,
    selector="ring=canary",
    created_at=PLANNED,
    created_by="ann",
    expires_at=NOON + timedelta(days=7),
    stages=(STAGE,),
    members=("m0", "m1"),
    left=(),
)
RUN = Run("run-7", "plan-7", "digest-7", RunState.RUNNING, BEGAN, Control.RUN, BEGAN, "ann")


def task(idx: int, name: str, state: TaskState = TaskState.SUCCEEDED, **other: Any) -> Task:
    made = Task(TaskKey(RUN.id, idx), Role.MEMBER, name, 0, "", state, NOON, 2, started_at=BEGAN, ended_at=NOON)
    return replace(made, **other)


def row(idx: int, kind: str, memory: Mapping[str, str], state: StepState = StepState.SUCCEEDED, name: str = "") -> Step:
    return Step(TaskKey(RUN.id, idx), 0, name or kind, kind, state, NOON, memory=memory)


def tracked(code: str, subject: About, first_seen: datetime, **other: Any) -> Tracked:
    made = Finding(code, Severity.BLOCKER, subject, "it is broken", "mend it", blocks=True)
    return Tracked(replace(made, **other), State.OPEN, first_seen, NOON, first_seen)


@dataclass
class FakeStore:
    """name of a cluster → its parts, and its findings; all as seen at `at`."""

    at: datetime = NOON
    parts: dict[str, dict[str, Any]] = field(default_factory=lambda: {EU: snapshot(), US: snapshot()})
    findings: dict[str, list[Tracked]] = field(default_factory=dict)
    assessed: dict[str, datetime | None] = field(default_factory=dict)
    seen: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def cluster_part(self, cluster: model.ClusterId, part: str) -> model.Part[Any] | None:
        name = cluster.arn.rpartition("/")[2]
        if part not in self.parts[name]:
            return None
        return model.Part(self.parts[name][part], self.seen.get((name, part), self.at))

    def tracking(self, cluster: model.ClusterId) -> Tracking | None:
        name = cluster.arn.rpartition("/")[2]
        at = self.assessed.get(name, self.at)
        found = {each.finding.fingerprint: each for each in self.findings.get(name, [])}
        return Tracking(at, found) if at else None


@dataclass
class FakeRuns:
    tasks: list[Task] = field(default_factory=lambda: [task(0, EU), task(1, US)])
    rows: list[Step] = field(default_factory=list)

    def run(self, id: str) -> StoredRun | None:
        plan = Plan(HEADER, MEMBERS, RUN.digest)
        return StoredRun(RUN, plan, (), tuple(self.tasks), tuple(self.rows), (), ()) if id == RUN.id else None

    def steps(self, key: TaskKey) -> tuple[Step, ...]:
        return tuple(each for each in self.rows if each.key == key)


@dataclass
class FakeMetrics:
    """expression → its samples, or the error that asking it raises; what is not here is empty."""

    answers: dict[str, Sequence[Sample] | ReadError] = field(default_factory=dict)

    def query(self, source: str, expression: str) -> tuple[Sample, ...]:
        found = self.answers.get(expression, ())
        if isinstance(found, ReadError):
            raise found
        return tuple(found)


@dataclass
class FakeApprovals:
    approval: Approval | None = None
    rejected: Approval | None = None
    reason: str = ""
    people: tuple[str, ...] = ("ann", "bob", "eve")

    def standing(self, plan: str, run: str, gate: str) -> tuple[Approval | None, str]:
        asked = (plan, run, gate) == (HEADER.id, RUN.id, "canary/look")
        return (self.approval, self.reason) if asked else (None, f"nobody asked for {plan} {run} {gate}")

    def rejection(self, plan: str, run: str, gate: str) -> Approval | None:
        return self.rejected

    def approvers(self) -> tuple[str, ...]:
        return self.people


class FixedClock:
    def now(self) -> datetime:
        return NOON


@dataclass
class Gating:
    """Everything that gates look at; `world` is made of it."""

    store: FakeStore = field(default_factory=FakeStore)
    runs: FakeRuns = field(default_factory=FakeRuns)
    metrics: MetricSource = field(default_factory=FakeMetrics)
    approvals: FakeApprovals = field(default_factory=FakeApprovals)
    hooks: Hooks | None = None
    writers: Writers | None = None
    decisions: Decisions = field(default_factory=Decisions)

    @property
    def world(self) -> World:
        absent = cast("Any", None)
        return World(
            clock=FixedClock(),
            store=cast("Any", self.store),
            runs=cast("Any", self.runs),
            writers=cast("Any", self.writers),
            hooks=cast("Any", self.hooks),
            programs=absent,
            metrics=self.metrics,
            calendars=absent,
            messenger=absent,
            approvals=self.approvals,
            decisions=self.decisions,
        )

    def verdict(self, kind: str, params: Mapping[str, Param], moment: Moment | None = None) -> Verdict:
        """What a gate of a stage decides, looked at a first time unless another moment is given."""
        code, moment = gate(kind, params), moment or at(0)
        return code.decide(code.look(self.world, subject(), moment), moment)

    def held(self, kind: str, params: Mapping[str, Param]) -> Verdict:
        """What a hold of the run decides, which has no members of its own."""
        code, moment = gate(kind, params), at(0)
        return code.decide(code.look(self.world, replace(subject(), members=()), moment), moment)


def gate(kind: str, params: Mapping[str, Param]) -> Code:
    return all_gates()[kind].of(params)


def subject(run: Run | None = RUN) -> Subject:
    return Subject(HEADER, run, None, 0, "", "look", MEMBERS)


def at(minutes: float, **other: Any) -> Moment:
    """So many minutes after the gate was first looked at."""
    return replace(Moment(NOON + timedelta(minutes=minutes), NOON, "token-1"), **other)
