"""A step walked tick by tick, as the executor walks it, with crashes; a simulated world, and fakes that hold state."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from fleetkeeper.core import model, parts
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.plan import Header, Member, Stage
from fleetkeeper.core.playbook import Changes, OnFailure, Param
from fleetkeeper.core.run import Control, Run, RunState, StepState, TaskKey
from fleetkeeper.core.run import Step as StepRow
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.core.verdict import Act, Memory, Moment, Undoing, Unknown, Verdict, Wait
from fleetkeeper.engine.step import Step, Subject
from fleetkeeper.engine.steps import all_steps
from fleetkeeper.engine.world import Answer, CommandState, World
from fleetkeeper.errors import ReadError, Unreachable
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.ports import WorldClock
from fleetkeeper.sim.ports_execute import WorldWriters
from fleetkeeper.sim.ports_releases import WorldReleases
from fleetkeeper.sim.world import SimCluster
from tests.engine.silencing import Quietness
from tests.sim.worlds import NOW, PROD, REGION, a_cluster, a_world

TOKEN = "0123456789abcdef0123456789abcdef"
SECOND = "fedcba9876543210fedcba9876543210"


@dataclass
class Endpoints:
    """Hooks: what each answers, and the effects that calls had, one per token. down: the next calls get no answer.

    deaf: the effect is there, and its answer is lost.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    effects: dict[str, tuple[str, Mapping[str, object]]] = field(default_factory=dict)
    asked: list[Mapping[str, str]] = field(default_factory=list)
    down: int = 0
    deaf: int = 0

    def says(self, name: str, status: int = 200, **fields: str) -> None:
        self.answers[name] = Answer(status, fields, str(fields))

    def call(self, name: str, body: Mapping[str, object], token: str) -> Answer:
        if self.down:
            self.down -= 1
            raise Unreachable(f"{name}: Connection refused")
        self.effects.setdefault(token, (name, body))
        if self.deaf:
            self.deaf -= 1
            raise Unreachable(f"{name}: the answer was lost")
        return self.answers.get(name, Answer(200, {}, "ok"))

    def ask(self, name: str, query: Mapping[str, str]) -> Answer:
        self.asked.append(query)
        return self.answers[name]


@dataclass
class Machine:
    """Programs: one run per token, which ends when a test says so. lost: begun ones of which nothing is known here."""

    runs: dict[str, CommandState] = field(default_factory=dict)
    told: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    starts: int = 0
    home: str = "alpha"

    def start(self, name: str, token: str, variables: Mapping[str, str]) -> None:
        if token not in self.runs:
            self.starts += 1
            self.runs[token] = CommandState(None, "")
            self.told[token] = name, variables

    def state(self, token: str) -> CommandState | None:
        return self.runs.get(token)

    def stop(self, token: str) -> None:
        self.stopped.append(token)
        self.runs[token] = CommandState(143, "stopping")

    def end(self, token: str, code: int, output: str = "") -> None:
        self.runs[token] = CommandState(code, output)


@dataclass
class Channels:
    """A messenger that posts once per token."""

    said: dict[str, tuple[str, str]] = field(default_factory=dict)

    def post(self, channel: str, text: str, token: str) -> str:
        self.said.setdefault(token, (channel, text))
        return f"https://chat.example.com/{len(self.said)}"


@dataclass
class Stored:
    """The two reads of the store that steps make. values: part → what is stored of it, nothing where it is not here."""

    observed_at: datetime | None = NOW
    tracking_now: Tracking | None = field(default_factory=lambda: Tracking(NOW))
    values: dict[str, object] = field(default_factory=dict)
    scope_values: dict[str, object] = field(default_factory=dict)

    def scope_parts(self, scope: model.Scope) -> Mapping[str, model.Part[object]]:
        return {name: model.Part(value, self.observed_at) for name, value in self.scope_values.items()}

    def cluster_part(self, cluster: model.ClusterId, part: str) -> model.Part[object] | None:
        empty = None if part == parts.CONTROL_PLANE else ()
        return model.Part(self.values.get(part, empty), self.observed_at) if self.observed_at else None

    def tracking(self, cluster: model.ClusterId, found: object = ()) -> Tracking | None:
        return self.tracking_now


@dataclass
class Rows:
    """What is stored of the other steps of the member's task."""

    rows: list[StepRow] = field(default_factory=list)

    def steps(self, key: TaskKey) -> tuple[StepRow, ...]:
        return tuple(each for each in self.rows if each.key == key)

    def add(self, kind: str, state: StepState = StepState.SUCCEEDED, **other: Any) -> None:
        """One more row; its index is the next one."""
        self.rows.append(StepRow(TaskKey(RUN.id, 0), len(self.rows), kind, kind, state, NOW, **other))


RUN = Run("run-1", "plan-1", "d", RunState.RUNNING, NOW, Control.RUN, NOW, "ada")


@dataclass
class Place:
    """A world of one cluster, shop on 1.34, whose time stands still until a test moves it."""

    cluster: SimCluster = field(default_factory=a_cluster)
    hooks: Endpoints = field(default_factory=Endpoints)
    programs: Machine = field(default_factory=Machine)
    channels: Channels = field(default_factory=Channels)
    store: Stored = field(default_factory=Stored)
    runs: Rows = field(default_factory=Rows)
    living: LivingWorld = field(init=False)
    world: World = field(init=False)
    silences: Quietness = field(init=False)

    def __post_init__(self) -> None:
        simulated = a_world(self.cluster)
        self.living = LivingWorld(simulated, virtual=True)
        simulated.clock = self.living.timeline.now
        none, clock = cast(Any, None), WorldClock(self.living)
        self.silences = Quietness(clock)
        self.world = World(
            clock=clock,
            store=cast(Any, self.store),
            runs=cast(Any, self.runs),
            writers=WorldWriters(self.living, User("test", ("system:masters",))),
            hooks=self.hooks,
            programs=self.programs,
            metrics=none,
            calendars=none,
            messenger=self.channels,
            approvals=none,
            silences=self.silences,
            releases=WorldReleases(self.living, Apis()),
        )
        self.cluster.put("/namespaces", {"metadata": {"name": "default", "uid": "1"}})
        role = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        rbac = "rbac.authorization.k8s.io"
        self.cluster.put(f"{rbac}/clusterroles", {"metadata": {"name": "all", "uid": "2"}, "rules": [role]})
        group = {"kind": "Group", "apiGroup": rbac, "name": "system:masters"}
        bound = {"roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "all"}, "subjects": [group]}
        self.cluster.put(f"{rbac}/clusterrolebindings", {"metadata": {"name": "all", "uid": "3"}, **bound})

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def later(self, **by: float) -> None:
        with self.living.world.lock:
            self.living.timeline.advance(timedelta(**by))

    def member(self, **other: Any) -> Member:
        usual = Member(
            idx=0,
            cluster=model.ClusterId(self.cluster.arn, self.cluster.created_at),
            name=self.cluster.name,
            scope=model.Scope(PROD, REGION),
            attributes={"account": PROD, "region": REGION, "service": "shop", "environment": "prod", "ring": "canary"},
            stage=0,
            group="eu",
            steps=(),
            facts={"version": "1.34"},
        )
        return replace(usual, **other)

    def subject(self, run: Run | None = None, **other: Any) -> Subject:
        """Of a dry run, unless a run is given."""
        stage = Stage("canary", 1, 0, OnFailure.PAUSE, {}, (), ())
        header = Header(
            id="plan-1",
            playbook="addons-only",
            playbook_title="Addons",
            playbook_origin="",
            playbook_digest="",
            changes=Changes.ADDONS,
            selector="",
            created_at=NOW,
            created_by="ada",
            expires_at=NOW + timedelta(days=7),
            stages=(stage,),
            members=("",),
            left=(),
        )
        return Subject(header, run, self.member(**other), 0, "eu")

    def walk(self, kind: str, **params: Param) -> "Walk":
        return Walk(self, all_steps()[kind].of(params), self.subject(), self.now)


@dataclass
class Walk:
    """One step of one member, with what is stored of it between ticks."""

    place: Place
    step: Step
    subject: Subject
    started_at: datetime
    token: str = ""  # until something is intended
    next_token: str = TOKEN
    memory: Memory = field(default_factory=dict)
    intended: bool = False
    acting: bool = False
    attempt: int = 0
    forgets: bool = False

    @property
    def moment(self) -> Moment:
        tried = self.acting or (self.intended and self.step.repeatable)
        return Moment(self.place.now, self.started_at, self.token, tried, self.attempt, self.memory)

    def look(self) -> Verdict:
        """What a dry run says."""
        return self.step.decide(self.step.look(self.place.world, self.subject, self.moment), self.moment)

    def tick(self) -> Verdict:
        """One tick as design says it: an Act is stored first, and carried out in the next tick. forgets: the process
        dies after the next act, before what it returned is stored."""
        verdict = self.look()
        if not isinstance(verdict, Act):
            if isinstance(verdict, Wait) and verdict.keep is not None:
                self.memory = verdict.keep
            return verdict
        if not self.intended:
            self.intended, self.memory, self.token = True, verdict.memory, self.next_token
            return verdict
        if self.acting and not self.step.repeatable:
            return Unknown(verdict.what)
        self.acting = True
        left = self.step.act(self.place.world, self.subject, self.moment, verdict.memory)
        if not self.forgets:
            self.memory = left
        self.forgets = False
        return verdict

    def ticks(self, count: int) -> Verdict:
        """The verdict of the last of so many ticks; a read that fails only costs its tick."""
        verdict: Verdict | None = None
        for _ in range(count):
            try:
                verdict = self.tick()
            except ReadError:
                continue
        assert verdict is not None
        return verdict

    def retry(self) -> None:
        """The next attempt, which has a token of its own; when the step was first begun stays known."""
        self.token, self.next_token, self.memory, self.attempt = "", SECOND, {}, self.attempt + 1
        self.intended = self.acting = False

    def undo(self) -> Undoing:
        now = self.place.now
        moment = Moment(now, now, self.token, True, self.attempt, self.memory, following=True)
        return self.step.undo(self.place.world, self.subject, moment)


def told(verdict: object) -> str:
    """All that a verdict, or the end of an undoing, says to people."""
    texts = (getattr(verdict, name, "") for name in ("what", "why", "note", "question", "owner", "fix"))
    return " ".join(text for text in texts if text)
