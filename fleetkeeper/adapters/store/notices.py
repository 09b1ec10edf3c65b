"""What was told, answered and is still to go out, over SQLite or PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from fleetkeeper.adapters.store import notice_clicks as clicks
from fleetkeeper.adapters.store import notice_reads as reads
from fleetkeeper.adapters.store import notice_writes as writes
from fleetkeeper.adapters.store import outbox_claims, outbox_settles
from fleetkeeper.adapters.store.database import Database
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.notices.values import Answer, Delivery, ItemKey, Sent, Told, Via
from fleetkeeper.core.owners import Contact
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.notice_ports import Outgoing, Pace, Recheck, Record, Settled, WaveThread, Writing


class SqlNotices:
    """engine.notice_ports.Notices on our tables. Raises StoreUnavailable or SchemaError, never a driver's error."""

    def __init__(self, settings: StoreSettings) -> None:
        self._database = Database(settings)

    # ---- what was told and said

    def told(self) -> Mapping[ItemKey, Told]:
        return self._database.read("read what was told", reads.told)

    def answers(self) -> tuple[Answer, ...]:
        return self._database.read("read the answers", reads.answers)

    def add_answer(self, answer: Answer) -> bool:
        return self._database.write("store an answer", lambda c: clicks.add_answer(c, answer))

    def sent(self, since: datetime) -> tuple[Sent, ...]:
        """By age; also those in whose thread one that a Told names went."""
        return self._database.read("read the notices", lambda c: reads.sent(c, since))

    def first_live(self) -> datetime | None:
        return self._database.read("read the first notice", reads.first_live)

    def newest(self) -> datetime | None:
        return self._database.read("read the newest notice", reads.newest)

    # ---- writing

    def save_turn(
        self, writings: Sequence[Writing], told: Sequence[Told], edits: Mapping[str, Message], at: datetime
    ) -> tuple[str, ...]:
        if not (writings or told or edits):
            return ()
        return self._database.write("store notices", lambda c: writes.save_turn(c, writings, told, edits, at))

    # ---- the outbox

    def claim(
        self, worker: str, now: datetime, most: int, lease: timedelta, pace: Mapping[Via, Pace]
    ) -> tuple[Outgoing, ...]:
        """Of vias that pace does not name nothing is given: this worker has no way to send it."""

        def work(connection: sa.Connection) -> tuple[Outgoing, ...]:
            return outbox_claims.claim(connection, worker, now, most, lease, pace)

        return self._database.write("claim notices to send", work)

    def settle(self, settled: Sequence[Settled], now: datetime) -> None:
        if settled:
            self._database.write("settle notices", lambda c: outbox_settles.settle(c, settled, now))

    def settle_by_hand(self, notice: str, state: Delivery, posted: Posted | None, words: str, now: datetime) -> bool:
        def work(connection: sa.Connection) -> bool:
            return outbox_settles.settle_by_hand(connection, notice, state, posted, words, now)

        return self._database.write("settle a notice by hand", work)

    def next_due(self, now: datetime) -> datetime | None:
        return self._database.read("read what is due next", lambda c: reads.next_due(c, now))

    # ---- people

    def contacts(self) -> Mapping[str, tuple[Contact, datetime]]:
        return self._database.read("read the contacts", clicks.contacts)

    def save_contacts(self, contacts: Sequence[Contact], at: datetime) -> None:
        self._database.write("store contacts", lambda c: clicks.save_contacts(c, contacts, at))

    # ---- clicks

    def add_recheck(self, recheck: Recheck) -> bool:
        return self._database.write("ask for a look", lambda c: clicks.add_recheck(c, recheck))

    def take_rechecks(self, worker: str, lease: timedelta) -> tuple[Recheck, ...]:
        return self._database.write("take what to look at", lambda c: clicks.take_rechecks(c, worker, lease))

    def rechecked(self, id: str, result: str, at: datetime) -> None:
        self._database.write("say what a look found", lambda c: clicks.rechecked(c, id, result, at))

    # ---- waves

    def wave_threads(self) -> Mapping[str, WaveThread]:
        return self._database.read("read what was told of runs", clicks.wave_threads)

    def save_wave(
        self, thread: WaveThread, writings: Sequence[Writing], edits: Mapping[str, Message], at: datetime
    ) -> bool:
        return self._database.write("tell of a run", lambda c: writes.save_wave(c, thread, writings, edits, at))

    # ---- reading

    def record(self, id: str) -> Record | None:
        return self._database.read("read a notice", lambda c: reads.record(c, id))

    def records(
        self, since: datetime | None = None, owner: str = "", item: ItemKey | None = None, limit: int = 200
    ) -> tuple[Record, ...]:
        return self._database.read("read notices", lambda c: reads.records(c, since, owner, item, limit))

    def outbox_counts(self) -> Mapping[Delivery, int]:
        return self._database.read("count the outbox", reads.outbox_counts)

    def close(self) -> None:
        self._database.close()
