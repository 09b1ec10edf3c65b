"""What steps and gates reach the world through: the executor's ports, with credentials that may change things."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from fleetkeeper.core.approval import Approval
from fleetkeeper.core.run import Hold
from fleetkeeper.core.smoke import SmokeTest
from fleetkeeper.core.waivers import Deciding, Decisions
from fleetkeeper.engine.command_state import CommandState
from fleetkeeper.engine.ports import Clock, Store
from fleetkeeper.engine.releases import NoReleases, Releases
from fleetkeeper.engine.run_ports import Runs
from fleetkeeper.engine.silences import NoSilences, Silences
from fleetkeeper.engine.writers import Writers

__all__ = [
    "Answer",
    "Approvals",
    "Calendars",
    "CommandState",
    "Hooks",
    "Messenger",
    "MetricSource",
    "Programs",
    "Sample",
    "World",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered: the status, and the fields of its JSON body that are text, numbers or booleans.

    Inner fields have paths (ticket.state, incidents.0.id), and lists a length (incidents.length).
    """

    status: int
    fields: Mapping[str, str]
    text: str


class Hooks(Protocol):
    """HTTP endpoints by the names of the executor's allow-list; playbooks never carry an address."""

    def call(self, name: str, body: Mapping[str, object], token: str) -> Answer:
        """POST the body with the token as Idempotency-Key. Raises ReadErrors for no answer and for 5xx and 429."""
        ...

    def ask(self, name: str, query: Mapping[str, str]) -> Answer: ...


class Programs(Protocol):
    """Programs by the names of the executor's allow-list, run without a shell; parameters are environment variables."""

    @property
    def home(self) -> str:
        """Names what remembers here which programs were begun; replicas have homes of their own.

        Only at the home where a program was begun do `state` and `stop` know of it.
        """
        ...

    def start(self, name: str, token: str, variables: Mapping[str, str]) -> None:
        """Start it under this token; nothing when it was started under it already (on this machine)."""
        ...

    def state(self, token: str) -> CommandState | None:
        """None when nothing was started under the token here."""
        ...

    def stop(self, token: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant query. value may be nan or infinite; a scalar has no labels."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class MetricSource(Protocol):
    """Prometheus servers by the names of the settings."""

    def query(self, source: str, expression: str) -> tuple[Sample, ...]:
        """An instant query's vector or scalar as the server has it now; () when it is empty. Raises ReadErrors."""
        ...


class Calendars(Protocol):
    """Freezes by calendar: the tables and .ics files of the settings."""

    def holds(self, now: datetime, names: Sequence[str]) -> tuple[Hold, ...]:
        """Those that hold now: of the calendars for everything, and of these names.

        An unreadable one holds, and says so.
        """
        ...


class Messenger(Protocol):
    """Where the fleet's own people read: one channel by the name of the settings."""

    def post(self, channel: str, text: str, token: str) -> str:
        """Post once per token; the address of the message."""
        ...


class Approvals(Protocol):
    """Who may approve, and which stored approvals are to be believed."""

    def standing(self, plan: str, run: str, gate: str) -> tuple[Approval | None, str]:
        """The approval that counts for a plan (run and gate "") or a gate of a run; None and why when none does.

        A rejection counts as none, with the rejecter's reason.
        """
        ...

    def rejection(self, plan: str, run: str, gate: str) -> Approval | None:
        """The rejection that stands for a gate of a run; None where there is none, or was one that is overruled."""
        ...

    def approvers(self) -> tuple[str, ...]:
        """Whom to ask."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """The executor's ports. decisions: how stored findings count.

    smoke: the test of new nodes, None where the settings have none.
    stopping: whether fleetkeeper was told to end; an act of many calls then leaves the rest to its next look.
    """

    clock: Clock
    store: Store
    runs: Runs
    writers: Writers
    hooks: Hooks
    programs: Programs
    metrics: MetricSource
    calendars: Calendars
    messenger: Messenger
    approvals: Approvals
    decisions: Deciding = field(default_factory=Decisions)
    silences: Silences = field(default_factory=NoSilences)
    releases: Releases = field(default_factory=NoReleases)
    smoke: SmokeTest | None = None
    stopping: Callable[[], bool] = field(default=lambda: False)
