"""What notices ask of the database, in our own words; adapters/store answers.

Times are the keeper's clock; leases and the pace of channels are wall time, on PostgreSQL the database's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Answer, Delivery, ItemKey, Notice, Sent, Told, Via
from fleetkeeper.core.owners import Contact
from fleetkeeper.engine.chat import Posted


class Doing(StrEnum):
    POST = "post"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A row of the outbox that is this worker's for the time of a lease.

    key: the notice's id for its post, `id/edit` for its newest edit. epoch fences: a settlement under an older one
    changes nothing. thread: where the message goes, None for a new one; posted: where it is, of an edit. look: it may
    be out already (an earlier worker died, or an answer was lost): look before anything is sent.
    """

    key: str
    notice: str
    doing: Doing
    via: Via
    address: str
    message: Message
    thread: Posted | None
    posted: Posted | None
    attempts: int
    epoch: int
    look: bool
    sending_since: datetime | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one: sent (posted), pending again (not_before), ambiguous, failed (error), dropped."""

    key: str
    epoch: int
    state: Delivery
    posted: Posted | None = None
    not_before: datetime | None = None
    error: str = ""
    channel_until: datetime | None = None  # nothing more to this address before then (a 429)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast messages may go: so many seconds between two to one address, so many a second over all of a via."""

    address_seconds: float = 1.0
    via_per_second: float = 3.0


@dataclass(frozen=True, slots=True)
class Writing:
    """A notice with its message, about to be stored."""

    notice: Notice
    message: Message


@dataclass(frozen=True, slots=True)
class Record:
    """A notice as stored, for people."""

    notice: Notice
    message: Message
    state: Delivery
    stored_at: datetime
    not_before: datetime
    attempts: int
    posted: Posted | None
    sent_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Recheck:
    """Somebody asked to look at clusters anew, now."""

    id: str
    clusters: tuple[str, ...]  # names
    person: str
    notice: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WaveThread:
    """A run that is told of live. seen: the last event that was told; state: digest of what its message says.

    before: the `seen` of the stored thread that this one was made of by `replace`, None of a new one.
    """

    run: str
    notice: str
    seen: int
    state: str
    before: int | None = field(default=None, compare=False)


class Notices(Protocol):
    """Safe to use from many threads. Raises StoreUnavailable, never a driver's error."""

    # ---- what was told and said

    def told(self) -> Mapping[ItemKey, Told]: ...

    def answers(self) -> tuple[Answer, ...]:
        """All, oldest first; whose signature holds is for the caller to say."""
        ...

    def add_answer(self, answer: Answer) -> bool:
        """False when one of this id is there: a second click is the same one."""
        ...

    def sent(self, since: datetime) -> tuple[Sent, ...]:
        """Notices stored since then, and older ones that the Told of something open names."""
        ...

    def first_live(self) -> datetime | None: ...

    def newest(self) -> datetime | None:
        """When the newest notice was stored that has something to answer: none of a run, whose buttons are verbs."""
        ...

    # ---- writing

    def save_turn(
        self, writings: Sequence[Writing], told: Sequence[Told], edits: Mapping[str, Message], at: datetime
    ) -> tuple[str, ...]:
        """One transaction: notices with their rows in the outbox, records, and the newest text of edited ones.

        The ids that are new; a notice that is there already stays as it is, and an edit of one that did not go out yet
        changes what will. An edit whose text is what was sent last changes nothing.
        """
        ...

    # ---- the outbox

    def claim(
        self, worker: str, now: datetime, most: int, lease: timedelta, pace: Mapping[Via, Pace]
    ) -> tuple[Outgoing, ...]:
        """Rows that are due, at most one of an address, urgent ones and those that wait longest first; `sending` from
        then on. A row in a thread waits for the post of its root. Rows whose lease is over come with `look`."""
        ...

    def settle(self, settled: Sequence[Settled], now: datetime) -> None: ...

    def settle_by_hand(self, notice: str, state: Delivery, posted: Posted | None, words: str, now: datetime) -> bool:
        """What of a notice may be out (its post, its edit) is sent, or pending again; False where nothing may be."""
        ...

    def next_due(self, now: datetime) -> datetime | None: ...

    # ---- people

    def contacts(self) -> Mapping[str, tuple[Contact, datetime]]:
        """By key, with when it was asked."""
        ...

    def save_contacts(self, contacts: Sequence[Contact], at: datetime) -> None: ...

    # ---- clicks

    def add_recheck(self, recheck: Recheck) -> bool: ...

    def take_rechecks(self, worker: str, lease: timedelta) -> tuple[Recheck, ...]: ...

    def rechecked(self, id: str, result: str, at: datetime) -> None: ...

    # ---- waves

    def wave_threads(self) -> Mapping[str, WaveThread]: ...

    def save_wave(
        self, thread: WaveThread, writings: Sequence[Writing], edits: Mapping[str, Message], at: datetime
    ) -> bool:
        """One transaction; False, and nothing is stored, when another replica told of it meanwhile (seen moved)."""
        ...

    # ---- reading

    def record(self, id: str) -> Record | None:
        """By its id, or the beginning of one that only one has."""
        ...

    def records(
        self, since: datetime | None = None, owner: str = "", item: ItemKey | None = None, limit: int = 200
    ) -> tuple[Record, ...]:
        """Newest first."""
        ...

    def outbox_counts(self) -> Mapping[Delivery, int]: ...
