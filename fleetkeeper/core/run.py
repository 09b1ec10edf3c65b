"""A run and everything in it that has a state: the run, its stages and groups, its members and gates, their steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fleetkeeper.core.plan import Header, Need
from fleetkeeper.core.verdict import Memory


class Control(StrEnum):
    """What the operator wants of a run."""

    START = "start"  # it was made, and nobody who may has started it yet
    RUN = "run"
    PAUSE = "pause"
    ABORT = "abort"


class RunState(StrEnum):
    NOT_STARTED = "not_started"  # planned and created, waits for its approval
    PENDING = "pending"  # nothing is worked on: a gate, a window, a freeze or a limit holds everything
    RUNNING = "running"
    PAUSING = "pausing"  # no new mutation; what has begun is followed to its end
    PAUSED = "paused"
    BLOCKED = "blocked"  # a person must act before anything can go on
    SOAKING = "soaking"
    ABORTING = "aborting"  # no forward mutation; what is ours is undone, what cannot be cancelled is followed
    SUCCEEDED = "succeeded"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"
    ABORTED = "aborted"


class UnitState(StrEnum):
    """The states of a stage and of a group."""

    NOT_STARTED = "not_started"
    PENDING = "pending"  # a gate before it is not open yet
    RUNNING = "running"
    SOAKING = "soaking"  # its members are done, a gate after it is not open yet
    SUCCEEDED = "succeeded"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    FAILED = "failed"
    SKIPPED = "skipped"
    ABORTED = "aborted"


class TaskState(StrEnum):
    """The states of a member, and of a gate, which is worked on in the same way."""

    NOT_STARTED = "not_started"
    PENDING = "pending"  # admitted or due, but something holds it: its why says what, since when, until when
    RUNNING = "running"
    BLOCKED = "blocked"  # a person must act: its why says who and what would free it
    ABORTING = "aborting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    ABORTED = "aborted"  # why None: clean; else what is left


class StepState(StrEnum):
    READY = "ready"  # not begun: the world is looked at next
    INTENDED = "intended"  # the decision and its token are stored, the act may have happened
    ACTING = "acting"  # of a step that must not be repeated: the act has begun, and may have happened
    WAITING = "waiting"  # the act was made, its end is waited for
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"  # an effect cannot be seen: a person says retry or skip
    UNDOING = "undoing"
    UNDONE = "undone"
    LEFT = "left"  # something of it stays in the world: error says what


class Role(StrEnum):
    MEMBER = "member"
    GATE = "gate"


class Cause(StrEnum):
    """Why something waits; a plain query over it shows everything that waits for one thing."""

    START = "start"  # an operator has to start it
    APPROVAL = "approval"
    GATE = "gate"
    SOAK = "soak"
    WINDOW = "window"
    FREEZE = "freeze"
    INCIDENT = "incident"
    PAUSED = "paused"
    LIMIT = "limit"  # max_concurrency of the stage or group
    SERVICE = "service"  # max_unavailable_regions of its service
    RESERVATION = "reservation"  # addresses or quota that others hold
    ELSEWHERE = "elsewhere"  # another run works on this cluster, or someone else does
    FAILURES = "failures"  # its stage had more failures than may be
    BUDGET = "budget"  # the API rate of its account and region is used up
    RETRY = "retry"  # an attempt failed, the next one has a time
    STEP = "step"  # the step itself says what it waits for
    UNREACHABLE = "unreachable"  # the cluster, the cloud or another dependency does not answer
    STOPPED = "stopped"  # the member's cluster is not in a state to be worked on
    UNKNOWN = "unknown"  # a person must say what happened
    TAMPERED = "tampered"  # what is stored is not what was approved
    SKIPPED = "skipped"  # by an operator, by a fact that moved, or because there is nothing to do
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Why:
    """Why something waits, failed or was skipped, for people. since: when this cause began to hold.

    next_attempt None: it does not move by itself; owner says who can move it, fix what would.
    """

    cause: Cause
    text: str
    since: datetime
    owner: str = ""
    fix: str = ""
    next_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskKey:
    run: str
    idx: int


@dataclass(frozen=True, slots=True)
class Task:
    """A member or a gate of a run. idx: members first, as in the plan; gates after them.

    stage, group: where it belongs; group "" for a gate of a whole stage. step: the current one of `steps` many; gates
    have one. due: the engine looks then, None when it has nothing to look at. when: before or after, "" for members.
    needs are held as reservations from its admission (started_at) until it is over. attributes: those of the plan's
    member, for freezes that name some of them. acted: an act of the current step may have begun; the executor sets it
    with the intent, clears it when that step ends well, and leaves it where the step failed: the member is half done.
    """

    key: TaskKey
    role: Role
    name: str
    stage: int
    group: str
    state: TaskState
    since: datetime
    steps: int
    step: int = 0
    why: Why | None = None
    due: datetime | None = None
    when: str = ""
    arn: str = ""
    account: str = ""
    region: str = ""
    service: str = ""
    rank: int = 0  # its place in the stage's order of admission
    needs: tuple[Need, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    acted: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a task as stored, from the moment it is begun. memory: what its code keeps between ticks.

    token: the idempotency key of this attempt. intent: the sentence of what it does. seal: the executor's proof that
    this row is its own; a row without a valid one is never acted on.
    """

    key: TaskKey
    idx: int
    name: str
    kind: str
    state: StepState
    since: datetime
    token: str = ""
    memory: Memory = field(default_factory=dict)
    intent: str = ""
    attempt: int = 0
    polls: int = 0
    started_at: datetime | None = None
    deadline: datetime | None = None  # of this attempt
    ended_at: datetime | None = None
    error: str = ""
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A stage (group "") or a group of one."""

    stage: int
    group: str
    state: UnitState
    since: datetime
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """digest: of the plan's header, as it was when the run was made."""

    id: str
    plan: str
    digest: str
    state: RunState
    since: datetime
    control: Control
    created_at: datetime
    created_by: str
    why: Why | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a run, without its plan. unreadable: how many tasks have rows that nobody could have written."""

    run: Run
    tasks: tuple[Task, ...]
    steps: tuple[Step, ...]
    unreadable: int = 0


class Verb(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    RETRY = "retry"
    SKIP = "skip"
    APPROVE = "approve"
    REJECT = "reject"
    CLEANUP = "cleanup"  # of a run that is over: try once more to undo what it left
    UNFREEZE = "unfreeze"  # its subject is a freeze
    SETTLE = "settle"  # its subject is a notice that may be out
    UNMUTE = "unmute"  # its subject is the code of a check


OF_NO_RUN = frozenset({Verb.APPROVE, Verb.REJECT, Verb.UNFREEZE, Verb.SETTLE, Verb.UNMUTE})
"""Verbs that the executor carries out itself; all others are the tick's of the run that they are about."""


@dataclass(frozen=True, slots=True)
class Command:
    """An operator's verb as a row. id is its idempotency key: the same click twice is one command.

    target: "" the run; `stage:NAME`, `group:STAGE/NAME`, `member:NAME-OR-ARN`, `gate:NAME`. identity: how the actor is
    known (local, oidc, slack), proof what shows it: an ID token, then the executor's own mark that it verified the
    actor, and nothing any more once it is answered. subject: a run's id; a plan's for approve and reject; a freeze's; a
    notice's; a check's code.
    """

    id: str
    subject: str
    verb: Verb
    target: str
    actor: str
    identity: str
    at: datetime
    reason: str = ""
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a run's log, only ever added. kind is stable, text is for people."""

    at: datetime
    run: str
    kind: str
    text: str
    actor: str = "fleetkeeper"
    task: int | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """No new mutation where it reaches: everything, or the clusters that the selector accepts."""

    id: str
    reason: str
    actor: str
    at: datetime
    selector: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Something outside of a run that keeps work from beginning: a window, a freeze, a calendar, an incident.

    selector: it holds the clusters that this accepts, "" everything. fix: what lifts it, "" for what is over by itself.
    """

    cause: Cause
    text: str
    until: datetime | None = None
    owner: str = ""
    selector: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Busy:
    """A member of another run that is worked on, or that was left half done."""

    run: str
    name: str
    arn: str
    service: str
    region: str


@dataclass(frozen=True, slots=True)
class Consent:
    """An approval of a plan that the executor has verified. identity: how its actor was known."""

    actor: str
    identity: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything that a run's next decisions rest on, read in one transaction. units: every stage, then its groups.

    reserved: resource → what tasks of other runs hold of it. commands: those that wait, in the order of their time.
    approved: the approval of the plan that counts, None where none does.
    """

    header: Header
    run: Run
    units: tuple[Unit, ...]
    tasks: tuple[Task, ...]
    commands: tuple[Command, ...] = ()
    elsewhere: tuple[Busy, ...] = ()
    reserved: tuple[tuple[str, int], ...] = ()
    freezes: tuple[Freeze, ...] = ()
    holds: tuple[Hold, ...] = ()
    approved: Consent | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a command: done, or refused with the reason."""

    id: str
    accepted: bool
    result: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a tick of a run changes: whole new values of what moved, nothing else."""

    run: Run | None = None
    units: tuple[Unit, ...] = ()
    tasks: tuple[Task, ...] = ()
    events: tuple[Event, ...] = ()
    applied: tuple[Applied, ...] = ()


OVER = frozenset({RunState.SUCCEEDED, RunState.COMPLETED_WITH_FAILURES, RunState.FAILED, RunState.ABORTED})
TASK_OVER = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.SKIPPED, TaskState.ABORTED})
UNIT_OVER = frozenset(
    {
        UnitState.SUCCEEDED,
        UnitState.COMPLETED_WITH_FAILURES,
        UnitState.FAILED,
        UnitState.SKIPPED,
        UnitState.ABORTED,
    }
)
STEP_OVER = frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.SKIPPED, StepState.UNDONE, StepState.LEFT})
