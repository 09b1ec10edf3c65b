"""Takes what is due from the outbox, sends it through chats, and stores what became of it."""

import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from fleetkeeper.core.notices.values import Delivery, Via
from fleetkeeper.core.owners import Contact, Reach
from fleetkeeper.engine.chat import Chat
from fleetkeeper.engine.delivering import Attempts, Ended, Lease, Timing, What
from fleetkeeper.engine.delivery_pauses import Pauses
from fleetkeeper.engine.notice_ports import Notices, Outgoing, Pace
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import StoreUnavailable

_log = structlog.get_logger("notices")

_AHEAD = 2
"""Rows that are claimed for each thread: a thread that is done finds the next one there."""
_GATHER = 0.005
"""Seconds in which outcomes that come together are stored together."""
_PATIENCE = 1.0
_TROUBLE = (What.THROTTLED, What.UNREACHED, What.REFUSED)
_WAITING = (Delivery.PENDING, Delivery.SENDING, Delivery.AMBIGUOUS)
AFTER_LOSS = 5.0
"""Seconds after which a database that was gone is tried again."""


class DeliveryCounts:
    """What this process delivered, by way out and end, for metrics. Safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ended: dict[tuple[Via, What], int] = {}
        self._waiting: dict[str, datetime] = {}
        self._lock = threading.Lock()

    @property
    def behind(self) -> float:
        """For how many seconds the notice waits that could not be delivered for longest; 0 when there is none."""
        waiting = self.waiting()
        return (self._clock.now() - waiting[1]).total_seconds() if waiting else 0.0

    def add(self, ended: Ended) -> None:
        row, what = ended.row, ended.what
        with self._lock:
            self._ended[row.via, what] = self._ended.get((row.via, what), 0) + 1
            if what in (What.SENT, What.FAILED):
                self._waiting.pop(row.notice, None)
            else:
                self._waiting.setdefault(row.notice, self._clock.now())

    def forget(self, notice: str) -> None:
        """Another process has delivered it."""
        with self._lock:
            self._waiting.pop(notice, None)

    def ended(self) -> Mapping[tuple[Via, What], int]:
        with self._lock:
            return dict(self._ended)

    def waiting(self) -> tuple[str, datetime] | None:
        """The notice that could not be delivered for longest, and since when; None when there is none."""
        with self._lock:
            return next(iter(self._waiting.items()), None)


class Deliverer:
    """One for each process; replicas share the outbox by leases. Rows of a way out without a chat stay where they are.

    No thread waits for a time to come: that stands in the row.
    """

    def __init__(
        self,
        notices: Notices,
        chats: Mapping[Via, Chat],
        clock: Clock,
        worker: str,
        pace: Mapping[Via, Pace],
        timing: Timing = Timing(),  # noqa: B008  # a frozen value
    ) -> None:
        self.counts = DeliveryCounts(clock)
        self._notices, self._chats, self._clock, self._worker = notices, chats, clock, worker
        self._pace = {via: pace.get(via, Pace()) for via in chats}
        self._timing = timing
        self._attempts = Attempts(clock, timing)
        self._pauses = Pauses(timing.pause)
        self._pool = ThreadPoolExecutor(timing.threads, "notices")
        self._done: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self._unstored: list[Ended] = []
        self._flight = 0
        self._awake = threading.Event()
        self._empty = 0
        self._is_drained = False  # the last claim gave all that was due

    def run(self, cancel: threading.Event) -> None:
        """Deliver until cancel is set; what is under way then is finished and stored."""
        try:
            while not cancel.is_set():
                self._turn_or_rest(cancel)
        finally:
            self.close()

    def _turn_or_rest(self, cancel: threading.Event) -> None:
        try:
            settled = self.turn()
            if settled:
                self._empty = 0
            if not self._flight and (self._is_drained or not settled):
                self._rest(cancel)
        except StoreUnavailable as error:
            _log.warning("notices_wait", reason=str(error), again_in_seconds=AFTER_LOSS)
            cancel.wait(AFTER_LOSS)

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._awake.set()

    def turn(self) -> int:
        """Begin what is due and store what came out; how many were settled.

        0 with nothing in flight: nothing is to be done now.
        """
        self._begin()
        return self._store(self._gathered())

    @property
    def in_flight(self) -> int:
        """How many are claimed, and did not come out yet."""
        return self._flight

    def close(self) -> None:
        """Finish what is under way, and store it."""
        self._pool.shutdown()
        with suppress(StoreUnavailable):  # then who comes next looks for them
            while self._flight or self._unstored:
                self._store(self._gathered())

    # ---- a turn

    def _begin(self) -> None:
        free = self._timing.threads * _AHEAD - self._flight
        working = self._pauses.working(self._pace)
        if free < self._timing.threads or not working:
            return
        lease, pace = Lease(self._timing.lease), {via: self._pace[via] for via in working}
        length = timedelta(seconds=self._timing.lease)
        rows = self._notices.claim(self._worker, self._clock.now(), free, length, pace)
        self._is_drained = len(rows) < free
        for row in rows:
            self._flight += 1
            self._pool.submit(self._deliver, row, lease)

    def _deliver(self, row: Outgoing, lease: Lease) -> None:
        try:
            ended = self._attempts.deliver(self._chats[row.via], row, lease)
        except Exception as error:
            _log.exception("notice_fault", notice=row.notice)
            ended = self._attempts.fault(row, error)
        self._done.put(ended)

    def _gathered(self) -> list[Ended]:
        """What could not be stored before, and what came out since: a first one is waited for, and those with it."""
        found, self._unstored = self._unstored, []
        before = len(found)
        with suppress(queue.Empty):
            if self._flight and not found:
                found.append(self._done.get(timeout=_PATIENCE))
                if self._flight > 1 + self._done.qsize():
                    time.sleep(_GATHER)
            while True:
                found.append(self._done.get_nowait())
        self._flight -= len(found) - before
        return found

    def _store(self, ended: list[Ended]) -> int:
        if not ended:
            return 0
        try:
            self._notices.settle([each.settled for each in ended], self._clock.now())
        except StoreUnavailable:
            self._unstored = ended  # their epochs fence them, however late they are
            raise
        for each in ended:
            self._note(each)
        if gone := {each.row.address for each in ended if each.gone}:
            self._mark(gone)
        return len(ended)

    # ---- what an end means for others

    def _note(self, ended: Ended) -> None:
        row, what = ended.row, ended.what
        self.counts.add(ended)
        if what is What.SENT:
            if self._pauses.worked(row.via):
                _log.info("notices_go_out_again", via=row.via)
        elif what in _TROUBLE and not ended.is_alone:
            self._pause(ended)
        elif what in (What.FAILED, What.AMBIGUOUS):
            _log.warning(f"notice_{what}", notice=row.notice, via=row.via, address=row.address, reason=ended.detail)

    def _pause(self, ended: Ended) -> None:
        via, is_refused = ended.row.via, ended.what is What.REFUSED
        seconds = self._pauses.trouble(via, ended.row.address, ended.seconds, at_once=is_refused)
        if seconds:
            _log.warning("notices_pause", via=via, seconds=round(seconds, 1), reason=ended.detail)

    def _mark(self, addresses: set[str]) -> None:
        """Whoever is not there: the next notices go to somebody else."""
        known = self._notices.contacts()
        before = [known[key][0] if key in known else Contact(key) for key in sorted(map(str.lower, addresses))]
        gone = [replace(each, reach=Reach.GONE) for each in before]
        self._notices.save_contacts(gone, self._clock.now())

    def _forget_delivered(self) -> None:
        while waiting := self.counts.waiting():
            record = self._notices.record(waiting[0])
            if record is not None and record.state in _WAITING:
                return
            self.counts.forget(waiting[0])

    # ---- resting

    def _rest(self, cancel: threading.Event) -> None:
        """Until something is due, somebody wakes us, or it is time to see what other processes wrote.

        What is due and could not be claimed (it rests, or another replica was first) is asked for ever more slowly.
        """
        self._forget_delivered()
        now = self._clock.now()
        due = self._notices.next_due(now)
        is_due = due is not None and due <= now
        self._empty = self._empty + 1 if is_due else 0
        slower = _GATHER * 2.0 ** min(self._empty, 20)
        seconds = min(self._timing.idle, max(self._pauses.left(), slower)) if is_due else self._timing.idle
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not cancel.is_set():
            if not is_due and due is not None:
                left = min(left, max(_GATHER, (due - self._clock.now()).total_seconds()))
            if self._awake.wait(min(left, _PATIENCE)) or (not is_due and due and due <= self._clock.now()):
                break
        self._awake.clear()
