"""What becomes of one row of the outbox: it is looked for, sent or edited, and every answer has its settlement.

Exactly one post: a row is `sending` in the database before anything is sent. Who finds one that an earlier worker left
looks for it first, after the earlier worker's lease, in which all that it sent has arrived. Where nobody may look it
stays ambiguous, for people: a second digest would teach them to read none.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from fleetkeeper.core.notices.values import Delivery
from fleetkeeper.engine.chat import Chat, Doubtful, Gone, Posted, Throttled, Undeliverable
from fleetkeeper.engine.delivery_pauses import LONGEST
from fleetkeeper.engine.notice_ports import Doing, Outgoing, Settled
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import FleetkeeperError, Unreachable

UNSEEN = "it may be out, and the app may not read the history there: set slack.history, or look and `notices settle` it"
_CALLS = 3
"""So many calls a post takes at most: who that is, their conversation, the message."""
_LOOK_AGAIN = 3600.0
"""Seconds until it is tried again to look where we might not: the app may have been given the right meanwhile."""
_MOST_FAULTS = 5
"""After so many attempts a fault of our own is none that passes."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of wall time. call: the longest that one call of a chat may take.

    lease: for so long a row is one worker's. pause: of the first one after something that passes. idle: the longest
    between two looks at what other processes wrote.
    """

    threads: int = 8
    call: float = 10.0
    lease: float = 120.0
    pause: float = 5.0
    idle: float = 15.0

    @classmethod
    def of(cls, call: float) -> "Timing":
        """For chats whose calls take so long at most."""
        return cls(call=call, lease=max(cls().lease, 3 * (_CALLS + 1) * call))

    @property
    def sends(self) -> float:
        """So much of a lease must be left for anything to be sent under it: then all has arrived when it is over."""
        return (_CALLS + 1) * self.call

    @property
    def doubt(self) -> float:
        """After so long what was sent has arrived, or never will."""
        return 1.5 * self.call


class Lease:
    """How much is left of a lease, by the clock that has moved most: machines sleep, and clocks are set."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._began, self._wall = seconds, time.monotonic(), time.time()

    @property
    def left(self) -> float:
        return self._seconds - max(time.monotonic() - self._began, time.time() - self._wall)


_held = threading.local()


@contextmanager
def sent_within(lease: Lease, arrival: float) -> Iterator[None]:
    """What this thread sends in the block it sends while so many seconds of the lease are left, or not at all.

    A process may be frozen between any two lines: only who hands the last piece of a request to the system can ask late
    enough, and that is deep inside of a chat (adapters/slack/transport.py).
    """
    _held.lease, _held.arrival = lease, arrival
    try:
        yield
    finally:
        _held.lease = None


def may_send() -> bool:
    """Whether what this thread sends now is still its own to send."""
    lease: Lease | None = getattr(_held, "lease", None)
    return lease is None or lease.left >= _held.arrival


class What(StrEnum):
    """How an attempt ended, for metrics and pauses."""

    SENT = "sent"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    THROTTLED = "throttled"
    UNREACHED = "unreached"
    REFUSED = "refused"  # everywhere
    LATE = "late"  # the lease was nearly over: nothing was sent


@dataclass(frozen=True, slots=True)
class Ended:
    """seconds: of a 429; is_alone: as Throttled has it. gone: nobody is at the address. detail: for the log."""

    row: Outgoing
    settled: Settled
    what: What
    seconds: float | None = None
    gone: bool = False
    detail: str = ""
    is_alone: bool = False


class _Late(FleetkeeperError):
    """Somebody else may have the row by now."""


class _Unseen(FleetkeeperError):
    """A message may be out in place of another, and nobody may look."""


class Attempts:
    """Delivers one row at a time; safe to use from many threads."""

    def __init__(self, clock: Clock, timing: Timing) -> None:
        self._clock, self._timing = clock, timing

    def deliver(self, chat: Chat, row: Outgoing, lease: Lease) -> Ended:
        """Never raises but for what no settlement helps against."""
        try:
            if row.look and row.doing is Doing.POST and (ended := self._looked(chat, row)):
                return ended
            with sent_within(lease, self._timing.call):
                posted = self._edited(chat, row, lease) if row.doing is Doing.EDIT else self._posted(chat, row, lease)
            return Ended(row, Settled(row.key, row.epoch, Delivery.SENT, posted), What.SENT)
        except Throttled as error:
            return self._throttled(row, error)
        except Unreachable as error:
            return self._again(row, What.UNREACHED, self._grown(row), str(error))
        except Undeliverable as error:
            return self._undeliverable(row, error)
        except _Late:
            return self._again(row, What.LATE, 0.0, "")
        except Gone as error:  # a chat may say so of anything; nothing is out
            return self._failed(row, str(error))
        except _Unseen:
            return self._unclear(row, _LOOK_AGAIN, UNSEEN)
        except Doubtful as error:
            return self._unclear(row, self._timing.doubt, str(error))

    def fault(self, row: Outgoing, error: Exception) -> Ended:
        """Of an error that nobody foresaw: it may be out."""
        told = f"a fault of fleetkeeper's own: {type(error).__name__}"
        if row.attempts >= _MOST_FAULTS:
            return self._failed(row, told)
        return self._unclear(row, self._grown(row), told)

    # ---- sending

    def _posted(self, chat: Chat, row: Outgoing, lease: Lease) -> Posted:
        self._check(lease)
        try:
            return chat.post(row.address, row.message, row.thread, row.notice)
        except Gone:  # its thread's root was deleted; so nothing is out
            self._check(lease)
            return chat.post(row.address, row.message, None, row.notice)

    def _edited(self, chat: Chat, row: Outgoing, lease: Lease) -> Posted:
        if row.posted is None:
            raise Undeliverable("no_message", "there is no message to edit")
        self._check(lease)
        try:
            chat.edit(row.posted, row.message, row.notice)
        except Gone:
            return self._anew(chat, row, row.posted, lease)
        return row.posted

    def _anew(self, chat: Chat, row: Outgoing, old: Posted, lease: Lease) -> Posted:
        """In place of a message that was deleted, or may be edited no longer: one new one, also after a crash."""
        if row.look:
            found = chat.find(row.address, row.thread, _since(row), (row.notice,))
            if found is None:
                raise _Unseen
            if (new := found.get(row.notice)) and new.ts != old.ts:
                self._check(lease)
                chat.edit(new, row.message, row.notice)
                return new
        return self._posted(chat, row, lease)

    def _check(self, lease: Lease) -> None:
        if lease.left < self._timing.sends:
            raise _Late

    # ---- looking

    def _looked(self, chat: Chat, row: Outgoing) -> Ended | None:
        """None when it is surely not out."""
        try:
            found = chat.find(row.address, row.thread, _since(row), (row.notice,))
        except Throttled as error:
            return replace(self._unclear(row, error.seconds, str(error), What.THROTTLED), is_alone=True)
        except (Unreachable, Doubtful) as error:
            return self._unclear(row, self._grown(row), str(error), What.UNREACHED)
        except Undeliverable as error:
            if error.everywhere:
                return self._unclear(row, self._grown(row), str(error), What.REFUSED)
            return self._failed(row, f"{error} (it may be out)", error.gone)
        if found is None:
            return self._unclear(row, _LOOK_AGAIN, UNSEEN)
        if posted := found.get(row.notice):
            return Ended(row, Settled(row.key, row.epoch, Delivery.SENT, posted), What.SENT)
        early = (_since(row) - self._clock.now()).total_seconds() + self._timing.doubt
        return self._unclear(row, early, "it may be out: too early to look") if early > 0 else None

    # ---- settling

    def _throttled(self, row: Outgoing, error: Throttled) -> Ended:
        until = self._after(error.seconds)
        settled = Settled(row.key, row.epoch, _waiting(row), None, until, str(error), until)
        return Ended(row, settled, What.THROTTLED, error.seconds, detail=str(error), is_alone=error.is_alone)

    def _undeliverable(self, row: Outgoing, error: Undeliverable) -> Ended:
        if error.everywhere:
            return self._again(row, What.REFUSED, self._grown(row), str(error))
        return self._failed(row, str(error), error.gone)

    def _again(self, row: Outgoing, what: What, seconds: float, detail: str) -> Ended:
        """This attempt is surely not out."""
        settled = Settled(row.key, row.epoch, _waiting(row), None, self._after(seconds), detail)
        return Ended(row, settled, what, detail=detail)

    def _unclear(self, row: Outgoing, seconds: float, detail: str, what: What = What.AMBIGUOUS) -> Ended:
        """It may be out; after so many seconds it comes back, to be looked for."""
        settled = Settled(row.key, row.epoch, Delivery.AMBIGUOUS, None, self._after(seconds), detail)
        return Ended(row, settled, what, detail=detail)

    def _failed(self, row: Outgoing, detail: str, gone: bool = False) -> Ended:
        settled = Settled(row.key, row.epoch, Delivery.FAILED, None, None, detail)
        return Ended(row, settled, What.FAILED, gone=gone, detail=detail)

    def _grown(self, row: Outgoing) -> float:
        return min(LONGEST, self._timing.pause * 2.0 ** min(max(row.attempts - 1, 0), 20))

    def _after(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)


def _waiting(row: Outgoing) -> Delivery:
    """A post that was looked for is surely not out. Of an edit, a message in place of the old one may still be."""
    return Delivery.AMBIGUOUS if row.look and row.doing is Doing.EDIT else Delivery.PENDING


def _since(row: Outgoing) -> datetime:
    """Since when somebody may have sent it; of an older one all that is there is looked at."""
    return row.sending_since or datetime.fromtimestamp(0, UTC)
