"""A playbook: what is done to each member, in which stages, under which limits, gates and holds. Nothing that runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from fleetkeeper.core.amount import ALL, NONE, ONE, Amount

Param = str | int | float | bool | tuple[str, ...]
Params = Mapping[str, Param]


class When(StrEnum):
    """Whether a gate stands before or after its stage or group."""

    BEFORE = "before"
    AFTER = "after"


class Changes(StrEnum):
    """What a playbook may change; a run of one that changes nothing needs no approval of its plan."""

    NOTHING = "nothing"
    ADDONS = "addons"
    MINOR = "minor"
    ROLLBACK = "rollback"
    NODES = "nodes"


class OnFailure(StrEnum):
    """What a stage does when more members failed than may: in-flight members finish in any case."""

    PAUSE = "pause"  # the run pauses; an operator looks, then resumes or aborts
    STOP = "stop"  # the run ends as failed
    CONTINUE = "continue"  # the stage goes on; the run ends as completed with failures


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step of every member. name is unique in the playbook; kind names the code, version the code's version.

    timeout is of one attempt, from its first act to its end; backoff is the pause before the next attempt.
    each_hop: a member gets it once for each minor on its way. A plan fills in hop, the minor that such a step belongs
    to, and why: the reason for this step at this place, told on the page that is approved.
    """

    name: str
    kind: str
    params: Params = field(default_factory=dict)
    timeout: timedelta = timedelta(hours=1)
    retries: int = 0
    backoff: timedelta = timedelta(minutes=1)
    version: int = 1
    each_hop: bool = False
    hop: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A gate of a stage, or of every group of it. name is unique in its stage.

    only: a trait of members (core/traits.py); where no member of its stage has it, the plan drops the gate.
    """

    name: str
    kind: str
    when: When
    params: Params = field(default_factory=dict)
    each_group: bool = False
    timeout: timedelta = timedelta(days=7)
    version: int = 1
    only: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """When work may begin: weekdays (0 is Monday) from start to end, minutes after midnight in an IANA zone.

    An end that is not after its start is on the next day.
    """

    days: tuple[int, ...]
    start: int
    end: int
    zone: str


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage. clusters selects members as `-l` does, "" all that no earlier stage took; group_by is an attribute.

    order: attributes by which members are admitted, a leading - reverses; then by name. Limits are of the stage, and
    group_concurrency of each of its groups. windows: work may begin in any of them, in none at any time.
    """

    name: str
    clusters: str = ""
    group_by: str = ""
    order: tuple[str, ...] = ()
    max_concurrency: Amount = ONE
    group_concurrency: Amount = ALL
    max_failures: Amount = NONE
    on_failure: OnFailure = OnFailure.PAUSE
    gates: tuple[GateSpec, ...] = ()
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """freezes: names of calendars (settings) that hold this playbook beside those that hold everything.

    origin is the file, digest that of its text: a plan names both.
    """

    name: str
    title: str
    purpose: str
    changes: Changes
    steps: tuple[StepSpec, ...]
    stages: tuple[StageSpec, ...]
    freezes: tuple[str, ...] = ()
    holds: tuple[GateSpec, ...] = ()  # kinds that are asked before each member and each step: incident, metric
    origin: str = ""
    digest: str = ""
