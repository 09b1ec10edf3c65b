"""What a rehearsal says of a member and of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class End(StrEnum):
    """How the rehearsed work ended."""

    DONE = "done"
    BLOCKED = "blocked"  # a person has to do something first
    FAILED = "failed"
    UNFINISHED = "unfinished"  # it still went on when the rehearsal's horizon was reached
    NOT_REHEARSED = "not rehearsed"  # the cluster, or what is known of it, could not be had


class Look(StrEnum):
    """What a span of the picture shows, which is its colour."""

    WORK = "work"  # a step; a node that pods leave
    BOOT = "boot"  # a node that is not Ready yet
    NEW = "new"  # a new node that is Ready
    WAIT = "wait"  # cordoned or fenced, and its turn has not come; a step that waits
    BLOCKED = "blocked"  # nothing moves, and something stands in the way


@dataclass(frozen=True, slots=True)
class Span:
    """since and until: seconds after the beginning."""

    since: float
    until: float
    look: Look


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the picture: a step or a node with what happened to it."""

    name: str
    is_step: bool
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Length:
    """How long it takes: with good luck, usually, with bad luck."""

    low: timedelta
    usual: timedelta
    high: timedelta


@dataclass(frozen=True, slots=True)
class StepLength:
    """A step's part. simulated False: it is not played; its time is what such steps took, or an order of magnitude."""

    name: str
    kind: str
    length: Length
    simulated: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait that is no work, and is not counted: a gate, a soak, a window. length None: as long as people take."""

    what: str
    length: timedelta | None = None


@dataclass(frozen=True, slots=True)
class BudgetPeak:
    """A PodDisruptionBudget (namespace/name): the most pods that were away at once, of how many, and of how many may.

    allowed is by its own limits when every pod is there. below: by how many its desired count was missed at worst.
    """

    name: str
    away: int
    of: int
    allowed: int
    below: int = 0
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A pod that does not go: why, whose it is, and what would free it."""

    pod: str
    controller: str
    node: str
    why: str
    fix: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Surge:
    """What nodes beyond today's cost while they are there. usd None: no price is configured for one of the types."""

    node_hours: Mapping[str, float] = field(default_factory=dict)  # by instance type
    usd: float | None = None

    @property
    def hours(self) -> float:
        return sum(self.node_hours.values())


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One member. why: of its end, where that is not done. bound: no order of work is faster; None where unknown.

    freed: how long it takes once the blockers are out of the way, where they keep it from its end.
    lost: pods that ended with their node, and were not evicted before. begun_at: when the rehearsed work begins.
    """

    member: str
    end: End
    why: str = ""
    begun_at: datetime | None = None
    length: Length | None = None
    bound: timedelta | None = None
    freed: Length | None = None
    steps: tuple[StepLength, ...] = ()
    nodes: int = 0
    pods: int = 0
    evictions: int = 0
    lost: int = 0
    budgets: tuple[BudgetPeak, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    surge: Surge = field(default_factory=Surge)
    calibrated: bool = False
    basis: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()

    @property
    def goes_well(self) -> bool:
        return self.end is End.DONE and not self.blockers


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A plan. length: of the members that were rehearsed, as many side by side as its stages let; None for none."""

    plan: str
    members: tuple[Rehearsed, ...]
    pauses: tuple[Pause, ...] = ()
    length: Length | None = None
