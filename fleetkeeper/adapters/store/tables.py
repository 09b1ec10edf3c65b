"""The tables of the store, for SQLite and PostgreSQL alike; migrations in alembic/ must lead to exactly these."""

from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import Column, DateTime, Dialect, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from fleetkeeper.core.model import ClusterId, Scope

metadata = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

ROOM = {"fillfactor": 70}
"""PostgreSQL: a row that is rewritten at each tick stays on its page, and no index is touched."""


class Utc(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite has no zones: there it is the UTC time, and gets its zone back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from the outside world. PostgreSQL takes no NUL and no driver takes a lone surrogate: both become U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """The text as the database keeps it; what is compared with stored text has to pass through here first."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


class Subject(SQLModel, table=True):
    """What parts are about: a cluster, or a scope. Its row is also the lock of its parts and history on PostgreSQL."""

    __tablename__: ClassVar[str] = "subject"
    __table_args__ = (UniqueConstraint("key"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)  # cluster or scope
    key: str = Field(sa_type=Words)


class ScopeRow(SQLModel, table=True):
    """An account in a region."""

    __tablename__: ClassVar[str] = "scope"
    __table_args__ = (UniqueConstraint("account", "region", "partition"),)

    id: int = Field(sa_column=Column(Integer, ForeignKey("subject.id", ondelete="CASCADE"), primary_key=True))
    account: str = Field(sa_type=Words)
    region: str = Field(sa_type=Words)
    partition: str = Field(sa_type=Words)


class ClusterRow(SQLModel, table=True):
    """A cluster as discovery last listed it. placement is the JSON of a model.Placement."""

    __tablename__: ClassVar[str] = "cluster"
    __table_args__ = (UniqueConstraint("arn", "created_at"), {"postgresql_with": ROOM})

    id: int = Field(sa_column=Column(Integer, ForeignKey("subject.id", ondelete="CASCADE"), primary_key=True))
    arn: str = Field(sa_type=Words)
    created_at: datetime = Field(sa_type=Utc)
    name: str = Field(sa_type=Words)
    scope_id: int | None = Field(sa_column=Column(Integer, ForeignKey("scope.id"), nullable=True, index=True))
    placement: str = Field(sa_type=Words)
    first_seen: datetime = Field(sa_type=Utc)
    last_seen: datetime = Field(sa_type=Utc)
    gone_at: datetime | None = Field(sa_type=Utc, nullable=True)


class PartRow(SQLModel, table=True):
    """The last good value of one part: JSON, deflated when it is large. first_observed is the first good read."""

    __tablename__: ClassVar[str] = "part"

    subject_id: int = Field(sa_column=Column(Integer, ForeignKey("subject.id", ondelete="CASCADE"), primary_key=True))
    part: str = Field(sa_type=Text, primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    deflated: bool
    value: bytes = Field(sa_type=LargeBinary)
    first_observed: datetime = Field(sa_type=Utc)


class PartSeen(SQLModel, table=True):
    """When a part was last read, and the gap when that failed. Narrow: a steady tick rewrites these rows and no other.

    Without rowid, and with room on PostgreSQL's pages, so that the parts of a cluster share a page and its update stays
    on it: that is what keeps the write-ahead log of a tick small.
    """

    __tablename__: ClassVar[str] = "part_seen"
    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_with": ROOM},)

    subject_id: int = Field(sa_column=Column(Integer, ForeignKey("subject.id", ondelete="CASCADE"), primary_key=True))
    part: str = Field(sa_type=Text, primary_key=True)
    observed_at: datetime | None = Field(sa_type=Utc, nullable=True)
    gap_reason: str | None = Field(sa_type=Text, nullable=True)
    gap_detail: str | None = Field(sa_type=Words, nullable=True)
    gap_since: datetime | None = Field(sa_type=Utc, nullable=True)


class HistoryRow(SQLModel, table=True):
    """One item of a part from valid_from until valid_to (NULL: still). value is its JSON, without what only flickers.

    baseline: the item came with the first good read of its part; it was learned then, it did not arrive then.
    """

    __tablename__: ClassVar[str] = "history"
    __table_args__ = (
        Index(
            "uq_history_open",
            "cluster_id",
            "part",
            "item",
            unique=True,
            sqlite_where=text("valid_to IS NULL"),
            postgresql_where=text("valid_to IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    cluster_id: int = Field(sa_column=Column(Integer, ForeignKey("cluster.id", ondelete="CASCADE"), nullable=False))
    part: str = Field(sa_type=Text)
    item: str = Field(sa_type=Words)
    valid_from: datetime = Field(sa_type=Utc, index=True)
    valid_to: datetime | None = Field(sa_type=Utc, nullable=True, index=True)
    baseline: bool
    value: str = Field(sa_type=Words)


class FindingRow(SQLModel, table=True):
    """A finding of a cluster over time. body is the JSON of the core's Tracked but for last_seen, by its digest.

    last_seen NULL: the cluster's last assessment saw it, so that one that finds the same writes none of these rows. The
    digest takes the times of evidence by the day, so those in the body may be up to a day old.
    What stands in columns beside the body is for reading with SQL alone.
    """

    __tablename__: ClassVar[str] = "finding"
    __table_args__ = (Index("ix_finding_state", "state", "since"),)

    cluster_id: int = Field(sa_column=Column(Integer, ForeignKey("cluster.id", ondelete="CASCADE"), primary_key=True))
    fingerprint: str = Field(sa_type=Text, primary_key=True)
    code: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Words)
    severity: str = Field(sa_type=Text)
    blocks: bool
    state: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Utc)
    first_seen: datetime = Field(sa_type=Utc)
    last_seen: datetime | None = Field(sa_type=Utc, nullable=True)
    digest: bytes = Field(sa_type=LargeBinary)
    body: str = Field(sa_type=Words)


class AssessedRow(SQLModel, table=True):
    """When a cluster was last assessed, and how far back a use of an API would have shown. Narrow, as part_seen."""

    __tablename__: ClassVar[str] = "assessed"
    __table_args__ = ({"postgresql_with": ROOM},)

    cluster_id: int = Field(sa_column=Column(Integer, ForeignKey("cluster.id", ondelete="CASCADE"), primary_key=True))
    at: datetime = Field(sa_type=Utc)
    unbroken_since: datetime | None = Field(sa_type=Utc, nullable=True)
    seen_until: datetime | None = Field(sa_type=Utc, nullable=True)


class CronFire(SQLModel, table=True):
    """The ledger of cron slots: whoever inserts the row fires the job."""

    __tablename__: ClassVar[str] = "cron_fire"

    job: str = Field(sa_type=Words, primary_key=True)
    slot: datetime = Field(sa_type=Utc, primary_key=True)
    who: str = Field(sa_type=Words)
    fired_at: datetime = Field(sa_type=Utc, index=True)


class SchemaLog(SQLModel, table=True):
    """Which migration was applied when and by which release, so that an older release can say who moved it on."""

    __tablename__: ClassVar[str] = "schema_log"

    revision: str = Field(sa_type=Text, primary_key=True)
    applied_at: datetime = Field(sa_type=Utc)
    applied_by: str = Field(sa_type=Words)


def subject_key(subject: ClusterId | Scope) -> str:
    """The key of a subject's row; no ARN has a space and no scope lacks a slash, so the kinds never collide."""
    if isinstance(subject, Scope):
        return storable(f"{subject.partition}/{subject.account}/{subject.region}")
    return storable(f"{subject.arn} {subject.created_at.astimezone(UTC).isoformat()}")


_TABLES = metadata.tables
subject, scope, cluster = _TABLES["subject"], _TABLES["scope"], _TABLES["cluster"]
part, part_seen, history = _TABLES["part"], _TABLES["part_seen"], _TABLES["history"]
finding, assessed = _TABLES["finding"], _TABLES["assessed"]
cron_fire, schema_log = _TABLES["cron_fire"], _TABLES["schema_log"]
