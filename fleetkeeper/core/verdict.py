"""What a step or a gate decides from what it saw: the only way in which work goes on, waits or ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Memory = Mapping[str, str]
"""What a step remembers between ticks: ids that the world gave it, the configuration that it will restore."""


@dataclass(frozen=True, slots=True)
class Done:
    """The world is as the step wants it. keep: what a later undo needs."""

    note: str = ""
    keep: Memory | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do now. why is told to people; look again after `again`, None for the engine's usual pace.

    owner: who could end the wait, "" when it ends by itself. keep: what the next looks need; None leaves it as it is.
    """

    why: str
    again: timedelta | None = None
    owner: str = ""
    keep: Memory | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """Change the world: what is the sentence of a dry run (`update coredns from v1.11.1 to v1.11.4`).

    details: lines that a dry run may show beneath it, such as a diff; they are stored nowhere.
    again: when to look after the act, None for the engine's usual pace.
    """

    what: str
    memory: Memory = field(default_factory=dict)
    details: str = ""
    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A person must do something first: what stands in the way, who that is and what would free it. Looked at again."""

    why: str
    owner: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """This attempt failed. final: another attempt cannot help. fix: what a person would do."""

    why: str
    fix: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """An effect may or may not have happened and cannot be seen: a person says retry or skip."""

    question: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Not needed here."""

    why: str


Verdict = Done | Wait | Act | Blocked | Failed | Unknown | Skip


@dataclass(frozen=True, slots=True)
class Undone:
    """Nothing of the step is left in the world."""

    note: str = ""


@dataclass(frozen=True, slots=True)
class Residue:
    """What stays behind and why; `cleanup` shows it."""

    what: str


Undoing = Undone | Residue | Wait
"""How far the undoing of a step is."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a step is in its life. token: the idempotency key of this attempt, the same after a crash.

    tried: an act of this attempt may have begun, so its effect may be there. following: the run is being aborted:
    decide as ever, an Act is never carried out. attempt counts from 0.
    """

    now: datetime
    started_at: datetime
    token: str
    tried: bool = False
    attempt: int = 0
    memory: Memory = field(default_factory=dict)
    following: bool = False
