"""The tables of notices, in plain words: what people were told, what they said, and what is still to go out.

Times are the keeper's clock; leases and the pace of chats are the wall's, on PostgreSQL the database's own.
"""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel

from fleetkeeper.adapters.store.run_tables import NARROW
from fleetkeeper.adapters.store.tables import ROOM, Utc, Words, metadata


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class NoticeRow(SQLModel, table=True):
    """A message to one recipient. day is ISO 8601; owners and entries are JSON, as are blocks (Slack's).

    message and blocks are what it says now, digest is of both. said is the digest of what is known to stand in the
    chat: another one, or NULL of one that is out, and it has to be edited. edited_at: when the
    text was last written anew.
    """

    __tablename__: ClassVar[str] = "notice"

    id: str = Field(sa_type=Words, primary_key=True)
    kind: str = Field(sa_type=Text)
    via: str = Field(sa_type=Text)
    address: str = Field(sa_type=Words)
    audience: str = Field(sa_type=Text)
    owners: str = Field(sa_type=Words)
    timezone: str = Field(sa_type=Words)
    day: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Utc)
    why: str = Field(sa_type=Words)
    why_then: str = Field(sa_type=Words)
    thread: str = Field(sa_type=Words)
    following: str = Field(sa_type=Words)
    subject: str = Field(sa_type=Words)
    is_urgent: bool
    entries: str = Field(sa_type=Words)
    message: str = Field(sa_type=Words)
    blocks: str = Field(sa_type=Words)
    digest: str = Field(sa_type=Text)
    said: str | None = Field(sa_type=Text, nullable=True)
    stored_at: datetime = Field(sa_type=Utc, index=True)
    edited_at: datetime | None = Field(sa_type=Utc, nullable=True)


class OutboxRow(SQLModel, table=True):
    """The post of a notice (key: its id), or its newest edit (`id/edit`). What goes out is what the notice says then.

    due is not_before while the row may go, NULL when a worker has it, when it waits for another, or when it is over.
    waits_for: the key of the post in whose thread it goes, until that is settled; due is then NULL, or when it goes
    alone, because nobody can say whether that post is out. epoch fences: it grows with each claim. sending: the digest
    of what the worker took, "" when two texts may be out. sending_since: since when it may be out. channel and ts:
    where the post is.
    """

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (
        _partial("ix_outbox_line", "via", "address", "is_urgent", "due", "stored_at", "key", where="due IS NOT NULL"),
        _partial("ix_outbox_lease_until", "lease_until", where="lease_until IS NOT NULL"),
        _partial("ix_outbox_waits_for", "waits_for", where="waits_for IS NOT NULL"),
        {"postgresql_with": ROOM},
    )

    key: str = Field(sa_type=Words, primary_key=True)
    notice_id: str = Field(
        sa_column=Column(Words, ForeignKey("notice.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    doing: str = Field(sa_type=Text)
    via: str = Field(sa_type=Text)
    address: str = Field(sa_type=Words)
    is_urgent: bool
    state: str = Field(sa_type=Text, index=True)
    stored_at: datetime = Field(sa_type=Utc)
    not_before: datetime = Field(sa_type=Utc)
    due: datetime | None = Field(sa_type=Utc, nullable=True)
    waits_for: str | None = Field(sa_type=Words, nullable=True)
    attempts: int
    epoch: int = Field(sa_type=BigInteger)
    worker: str | None = Field(sa_type=Words, nullable=True)
    lease_until: datetime | None = Field(sa_type=Utc, nullable=True)
    sending_since: datetime | None = Field(sa_type=Utc, nullable=True)
    sending: str = Field(sa_type=Text)
    channel: str | None = Field(sa_type=Words, nullable=True)
    ts: str | None = Field(sa_type=Words, nullable=True)
    url: str = Field(sa_type=Words)
    sent_at: datetime | None = Field(sa_type=Utc, nullable=True, index=True)
    error: str = Field(sa_type=Words)


class QueueRow(SQLModel, table=True):
    """The line of messages to one address; the outbox alone says what stands in it.

    due: when the first in line may go, or when the address last had its turn, if that was later: so one with many
    messages goes behind everybody who waits. NULL: nobody is in line. urgent_due: the same of the urgent ones alone.
    since: when the first in line was stored. free_at: nothing more to this address before then.
    """

    __tablename__: ClassVar[str] = "outbox_queue"
    __table_args__ = (
        _partial("ix_outbox_queue_due", "via", "due", "since", where="due IS NOT NULL"),
        _partial("ix_outbox_queue_urgent_due", "via", "urgent_due", "since", where="urgent_due IS NOT NULL"),
        NARROW,
    )

    via: str = Field(sa_type=Text, primary_key=True)
    address: str = Field(sa_type=Words, primary_key=True)
    due: datetime | None = Field(sa_type=Utc, nullable=True)
    urgent_due: datetime | None = Field(sa_type=Utc, nullable=True)
    since: datetime | None = Field(sa_type=Utc, nullable=True)
    served_at: datetime | None = Field(sa_type=Utc, nullable=True)
    free_at: datetime | None = Field(sa_type=Utc, nullable=True)


class PaceRow(SQLModel, table=True):
    """How fast messages go over all of a via: none before free_at, and each that is taken moves it on."""

    __tablename__: ClassVar[str] = "chat_pace"
    __table_args__ = ({"postgresql_with": ROOM},)

    via: str = Field(sa_type=Text, primary_key=True)
    free_at: datetime = Field(sa_type=Utc)


class ToldRow(SQLModel, table=True):
    """What an owner was told of one item. levels is a JSON list of audiences; notice the last one that told it."""

    __tablename__: ClassVar[str] = "told"
    __table_args__ = (NARROW,)

    cluster: str = Field(sa_type=Words, primary_key=True)
    fingerprint: str = Field(sa_type=Words, primary_key=True)
    owner: str = Field(sa_type=Words)
    rung: int
    first_at: datetime = Field(sa_type=Utc)
    last_at: datetime = Field(sa_type=Utc)
    times: int
    opened: int
    announced: datetime | None = Field(sa_type=Utc, nullable=True)
    notice: str = Field(sa_type=Words)
    code: str = Field(sa_type=Words)
    mended: datetime | None = Field(sa_type=Utc, nullable=True)
    levels: str = Field(sa_type=Words)


class AnswerRow(SQLModel, table=True):
    """What a person said. A trigger refuses every UPDATE, and a DELETE while it still matters: see the migration."""

    __tablename__: ClassVar[str] = "answer"

    id: str = Field(sa_type=Words, primary_key=True)
    kind: str = Field(sa_type=Text)
    person: str = Field(sa_type=Words)
    identity: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=Utc, index=True)
    until: str | None = Field(sa_type=Text, nullable=True)
    reason: str = Field(sa_type=Words)
    mode: str = Field(sa_type=Text)
    of: str = Field(sa_type=Words)
    code: str = Field(sa_type=Words)
    notice: str = Field(sa_type=Words)
    signature: str = Field(sa_type=Words)


class AnswerItemRow(SQLModel, table=True):
    """What an answer is about, in its order: the signature covers it."""

    __tablename__: ClassVar[str] = "answer_item"
    __table_args__ = (Index("ix_answer_item_cluster_fingerprint", "cluster", "fingerprint"),)

    answer_id: str = Field(sa_column=Column(Words, ForeignKey("answer.id", ondelete="CASCADE"), primary_key=True))
    idx: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    cluster: str = Field(sa_type=Words)
    fingerprint: str = Field(sa_type=Words)


class ContactRow(SQLModel, table=True):
    """What the chat said of a person or a channel, and when."""

    __tablename__: ClassVar[str] = "contact"

    key: str = Field(sa_type=Words, primary_key=True)
    reach: str = Field(sa_type=Text)
    slack: str = Field(sa_type=Words)
    name: str = Field(sa_type=Words)
    email: str = Field(sa_type=Words)
    timezone: str = Field(sa_type=Words)
    asked_at: datetime = Field(sa_type=Utc)


class RecheckRow(SQLModel, table=True):
    """Somebody asked to look at clusters (a JSON list of names) anew. done_at NULL: nobody has yet."""

    __tablename__: ClassVar[str] = "recheck"
    __table_args__ = (_partial("ix_recheck_waiting", "at", where="done_at IS NULL"),)

    id: str = Field(sa_type=Words, primary_key=True)
    clusters: str = Field(sa_type=Words)
    person: str = Field(sa_type=Words)
    notice: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=Utc)
    worker: str | None = Field(sa_type=Words, nullable=True)
    lease_until: datetime | None = Field(sa_type=Utc, nullable=True)
    done_at: datetime | None = Field(sa_type=Utc, nullable=True)
    result: str = Field(sa_type=Words)


class WaveThreadRow(SQLModel, table=True):
    """A run that is told of live: the notice that is its thread, the last event told, the digest of what it says."""

    __tablename__: ClassVar[str] = "wave_thread"

    run: str = Field(sa_type=Words, primary_key=True)
    notice: str = Field(sa_type=Words)
    seen: int = Field(sa_type=BigInteger)
    state: str = Field(sa_type=Text)


all_tables = metadata
"""With those of observation and of runs: importing this module makes them complete."""

_TABLES = metadata.tables
notice, outbox, outbox_queue, chat_pace = (_TABLES[name] for name in ("notice", "outbox", "outbox_queue", "chat_pace"))
told, answer, answer_item = (_TABLES[name] for name in ("told", "answer", "answer_item"))
contact, recheck, wave_thread = (_TABLES[name] for name in ("contact", "recheck", "wave_thread"))
