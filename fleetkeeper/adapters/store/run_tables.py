"""The tables of plans and runs, in plain words: every state and every reason is a column that SQL alone can read.

Times are the keeper's clock, but for leases and heartbeats: those are the wall's, on PostgreSQL the database's own.
"""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Column, Double, ForeignKey, ForeignKeyConstraint, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from fleetkeeper.adapters.store.tables import ROOM, Utc, Words, metadata

BIG = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts by itself only in a column that is an INTEGER, which has 64 bits there."""

NARROW = {"sqlite_with_rowid": False, "postgresql_with": ROOM}


class WhyColumns(SQLModel):
    """core.run.Why: cause NULL, nothing holds it. next_attempt NULL: it does not move by itself."""

    cause: str | None = Field(sa_type=Text, nullable=True)
    why: str | None = Field(sa_type=Words, nullable=True)
    why_since: datetime | None = Field(sa_type=Utc, nullable=True)
    owner: str | None = Field(sa_type=Words, nullable=True)
    fix: str | None = Field(sa_type=Words, nullable=True)
    next_attempt: datetime | None = Field(sa_type=Utc, nullable=True)


class PlanRow(SQLModel, table=True):
    """A plan as the texts that its digest covers: header is canonical JSON, digest its SHA-256."""

    __tablename__: ClassVar[str] = "plan"

    id: str = Field(sa_type=Text, primary_key=True)
    created_at: datetime = Field(sa_type=Utc, index=True)
    created_by: str = Field(sa_type=Words)
    playbook: str = Field(sa_type=Words)
    header: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=Utc)


class PlanMemberRow(SQLModel, table=True):
    """The body of one member, canonical JSON; the header has its digest."""

    __tablename__: ClassVar[str] = "plan_member"

    plan_id: str = Field(sa_column=Column(Text, ForeignKey("plan.id", ondelete="CASCADE"), primary_key=True))
    idx: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    body: str = Field(sa_type=Text)


class RunRow(WhyColumns, table=True):
    """A run. wakes counts who asked it to decide anew, so that no such request is lost while it decides."""

    __tablename__: ClassVar[str] = "run"
    __table_args__ = (
        Index("ix_run_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
        {"postgresql_with": ROOM},
    )

    id: str = Field(sa_type=Text, primary_key=True)
    plan_id: str = Field(sa_column=Column(Text, ForeignKey("plan.id"), nullable=False, index=True))
    digest: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Utc)
    control: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Utc)
    created_by: str = Field(sa_type=Words)
    started_at: datetime | None = Field(sa_type=Utc, nullable=True)
    ended_at: datetime | None = Field(sa_type=Utc, nullable=True)
    due: datetime | None = Field(sa_type=Utc, nullable=True)
    wakes: int = Field(sa_type=BigInteger)


class UnitRow(WhyColumns, table=True):
    """A stage (group_name "") or a group of one."""

    __tablename__: ClassVar[str] = "run_unit"
    __table_args__ = (NARROW,)

    run_id: str = Field(sa_column=Column(Text, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True))
    stage: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    group_name: str = Field(sa_type=Words, primary_key=True)
    state: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Utc)


class TaskRow(WhyColumns, table=True):
    """A member or a gate of a run. needs is the JSON of core.plan.Need's, attributes that of a mapping of texts.

    epoch fences: it grows with every change of hands. lease_epoch is the one that the living lease was given with,
    committed the one of the last outcome that was written. wake: the run waits for the end of this lease.
    """

    __tablename__: ClassVar[str] = "run_task"
    __table_args__ = (
        Index("ix_run_task_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
        Index("ix_run_task_run_id_stage_state", "run_id", "stage", "state"),
        NARROW,
    )

    run_id: str = Field(sa_column=Column(Text, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True))
    idx: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    role: str = Field(sa_type=Text)
    name: str = Field(sa_type=Words)
    stage: int
    group_name: str = Field(sa_type=Words)
    rank: int
    gate_when: str = Field(sa_type=Text)
    arn: str = Field(sa_type=Words)
    account: str = Field(sa_type=Words)
    region: str = Field(sa_type=Words)
    service: str = Field(sa_type=Words)
    steps: int
    needs: str = Field(sa_type=Words)
    attributes: str = Field(sa_type=Words)
    state: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Utc)
    step: int
    acted: bool
    due: datetime | None = Field(sa_type=Utc, nullable=True)
    started_at: datetime | None = Field(sa_type=Utc, nullable=True)
    ended_at: datetime | None = Field(sa_type=Utc, nullable=True)
    lease_owner: str | None = Field(sa_type=Words, nullable=True)
    lease_until: datetime | None = Field(sa_type=Utc, nullable=True)
    lease_epoch: int | None = Field(sa_type=BigInteger, nullable=True)
    epoch: int = Field(sa_type=BigInteger)
    committed: int = Field(sa_type=BigInteger)
    wake: bool


class StepRow(SQLModel, table=True):
    """A step of a task from the moment it is begun. memory is JSON."""

    __tablename__: ClassVar[str] = "run_step"
    __table_args__ = (
        ForeignKeyConstraint(
            ["run_id", "task"], ["run_task.run_id", "run_task.idx"], name="fk_run_step_task", ondelete="CASCADE"
        ),
        Index("ix_run_step_kind_state_ended_at", "kind", "state", "ended_at"),
        NARROW,
    )

    run_id: str = Field(sa_type=Text, primary_key=True)
    task: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    idx: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = Field(sa_type=Words)
    kind: str = Field(sa_type=Words)
    state: str = Field(sa_type=Text)
    since: datetime = Field(sa_type=Utc)
    token: str = Field(sa_type=Text)
    memory: str = Field(sa_type=Words)
    intent: str = Field(sa_type=Words)
    attempt: int
    polls: int
    started_at: datetime | None = Field(sa_type=Utc, nullable=True)
    deadline: datetime | None = Field(sa_type=Utc, nullable=True)
    ended_at: datetime | None = Field(sa_type=Utc, nullable=True)
    error: str = Field(sa_type=Words)
    seal: str = Field(sa_type=Text)


class EventRow(SQLModel, table=True):
    """The log. A trigger refuses every UPDATE, and a DELETE while the run is there. Ids are in the order of commits."""

    __tablename__: ClassVar[str] = "event"
    __table_args__ = (Index("ix_event_run_id_id", "run_id", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(sa_column=Column(BIG, primary_key=True))
    at: datetime = Field(sa_type=Utc, index=True)
    run_id: str = Field(sa_type=Words)
    kind: str = Field(sa_type=Text)
    text: str = Field(sa_type=Words)
    actor: str = Field(sa_type=Words)
    task: int | None = Field(nullable=True)
    step: int | None = Field(nullable=True)


class ApprovalRow(SQLModel, table=True):
    """A signed decision. run_id "": of the plan, gate "" likewise."""

    __tablename__: ClassVar[str] = "approval"

    id: str = Field(sa_type=Words, primary_key=True)
    plan_id: str = Field(sa_column=Column(Text, ForeignKey("plan.id", ondelete="CASCADE"), nullable=False, index=True))
    run_id: str = Field(sa_type=Words)
    gate: str = Field(sa_type=Words)
    digest: str = Field(sa_type=Words)
    approved: bool
    actor: str = Field(sa_type=Words)
    identity: str = Field(sa_type=Words)
    requester: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=Utc)
    expires_at: datetime = Field(sa_type=Utc)
    note: str = Field(sa_type=Words)
    signature: str = Field(sa_type=Words)


class CommandRow(SQLModel, table=True):
    """What an operator said. applied_at NULL: it waits. subject is a run's id, or a plan's."""

    __tablename__: ClassVar[str] = "command"
    __table_args__ = (
        Index(
            "ix_command_waiting",
            "subject",
            sqlite_where=text("applied_at IS NULL"),
            postgresql_where=text("applied_at IS NULL"),
        ),
        Index("ix_command_subject", "subject", "at"),
    )

    id: str = Field(sa_type=Words, primary_key=True)
    subject: str = Field(sa_type=Words)
    verb: str = Field(sa_type=Text)
    target: str = Field(sa_type=Words)
    actor: str = Field(sa_type=Words)
    identity: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=Utc)
    reason: str = Field(sa_type=Words)
    proof: str = Field(sa_type=Words)
    applied_at: datetime | None = Field(sa_type=Utc, nullable=True)
    accepted: bool | None = Field(nullable=True)
    result: str | None = Field(sa_type=Words, nullable=True)


class FreezeRow(SQLModel, table=True):
    """No new mutation where the selector reaches. (FREEZE alone is a reserved word of PostgreSQL.)"""

    __tablename__: ClassVar[str] = "change_freeze"

    id: str = Field(sa_type=Words, primary_key=True)
    reason: str = Field(sa_type=Words)
    actor: str = Field(sa_type=Words)
    at: datetime = Field(sa_type=Utc)
    selector: str = Field(sa_type=Words)
    until: datetime | None = Field(sa_type=Utc, nullable=True)
    lifted_at: datetime | None = Field(sa_type=Utc, nullable=True)
    lifted_by: str | None = Field(sa_type=Words, nullable=True)


class ReservationRow(SQLModel, table=True):
    """What a task holds of something that members share, from its admission until it is over."""

    __tablename__: ClassVar[str] = "reservation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["run_id", "task"], ["run_task.run_id", "run_task.idx"], name="fk_reservation_task", ondelete="CASCADE"
        ),
    )

    run_id: str = Field(sa_type=Text, primary_key=True)
    task: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    resource: str = Field(sa_type=Words, primary_key=True)
    amount: int = Field(sa_type=BigInteger)


class ApiBudgetRow(SQLModel, table=True):
    """The token bucket of an account's API in a region. refilled_at in seconds since 1970, of the database's clock."""

    __tablename__: ClassVar[str] = "api_budget"
    __table_args__ = ({"postgresql_with": ROOM},)

    account: str = Field(sa_type=Words, primary_key=True)
    region: str = Field(sa_type=Words, primary_key=True)
    tokens: float = Field(sa_type=Double)
    refilled_at: float = Field(sa_type=Double)


class WorkerRow(SQLModel, table=True):
    """A process that works on runs. An id is never used again."""

    __tablename__: ClassVar[str] = "worker"
    __table_args__ = ({"postgresql_with": ROOM},)

    id: str = Field(sa_type=Words, primary_key=True)
    host: str = Field(sa_type=Words)
    version: str = Field(sa_type=Words)
    heartbeat_at: datetime = Field(sa_type=Utc)


all_tables = metadata
"""With those of observation: importing this module makes them complete."""

_TABLES = metadata.tables
plan, plan_member = _TABLES["plan"], _TABLES["plan_member"]
run, run_unit, run_task, run_step = (_TABLES[name] for name in ("run", "run_unit", "run_task", "run_step"))
event, approval, command, freeze = (_TABLES[name] for name in ("event", "approval", "command", "change_freeze"))
reservation, api_budget, worker = (_TABLES[name] for name in ("reservation", "api_budget", "worker"))
