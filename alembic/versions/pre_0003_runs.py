"""The tables of plans and runs, and the triggers that keep the log of events append-only."""

import sqlalchemy as sa

from alembic import op

revision = "pre_0003"
down_revision = "pre_0002"

TIME = sa.DateTime(timezone=True)
ROOM = {"fillfactor": 70}  # a row that is rewritten at each tick stays on its page
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    plans()
    runs()
    tasks()
    steps()
    reservations()
    events()
    words_of_operators()
    shared()
    guard_events()


def text(name: str, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def number(name: str, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=null, autoincrement=False)


def big(name: str, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def time(name: str, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, TIME, nullable=null)


def why() -> list[sa.Column[object]]:
    causes = [text(name, null=True) for name in ("cause", "why")]
    texts = [text(name, null=True) for name in ("owner", "fix")]
    return [*causes, time("why_since", null=True), *texts, time("next_attempt", null=True)]


def part_of(table: str, parent: str, columns: list[str], of: list[str], suffix: str) -> sa.ForeignKeyConstraint:
    parents = [f"{parent}.{each}" for each in of]
    return sa.ForeignKeyConstraint(columns, parents, name=f"fk_{table}_{suffix}", ondelete="CASCADE")


def index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def plans() -> None:
    op.create_table(
        "plan",
        text("id"),
        time("created_at"),
        text("created_by"),
        text("playbook"),
        text("header"),
        text("digest"),
        time("expires_at"),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
    )
    op.create_index("ix_plan_created_at", "plan", ["created_at"])
    op.create_table(
        "plan_member",
        text("plan_id"),
        number("idx"),
        text("body"),
        part_of("plan_member", "plan", ["plan_id"], ["id"], "plan_id"),
        sa.PrimaryKeyConstraint("plan_id", "idx", name="pk_plan_member"),
    )


def runs() -> None:
    op.create_table(
        "run",
        *why(),
        text("id"),
        text("plan_id"),
        text("digest"),
        text("state"),
        time("since"),
        text("control"),
        time("created_at"),
        text("created_by"),
        time("started_at", null=True),
        time("ended_at", null=True),
        time("due", null=True),
        big("wakes"),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name="fk_run_plan_id"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        postgresql_with=ROOM,
    )
    op.create_index("ix_run_plan_id", "run", ["plan_id"])
    index_where("ix_run_due", "run", ["due"], "due IS NOT NULL")
    op.create_table(
        "run_unit",
        *why(),
        text("run_id"),
        number("stage"),
        text("group_name"),
        text("state"),
        time("since"),
        part_of("run_unit", "run", ["run_id"], ["id"], "run_id"),
        sa.PrimaryKeyConstraint("run_id", "stage", "group_name", name="pk_run_unit"),
        sqlite_with_rowid=False,
        postgresql_with=ROOM,
    )


def tasks() -> None:
    op.create_table(
        "run_task",
        *why(),
        text("run_id"),
        number("idx"),
        text("role"),
        text("name"),
        number("stage"),
        text("group_name"),
        number("rank"),
        text("gate_when"),
        text("arn"),
        text("account"),
        text("region"),
        text("service"),
        number("steps"),
        text("needs"),
        text("attributes"),
        text("state"),
        time("since"),
        number("step"),
        sa.Column("acted", sa.Boolean(), nullable=False),
        time("due", null=True),
        time("started_at", null=True),
        time("ended_at", null=True),
        text("lease_owner", null=True),
        time("lease_until", null=True),
        big("lease_epoch", null=True),
        big("epoch"),
        big("committed"),
        sa.Column("wake", sa.Boolean(), nullable=False),
        part_of("run_task", "run", ["run_id"], ["id"], "run_id"),
        sa.PrimaryKeyConstraint("run_id", "idx", name="pk_run_task"),
        sqlite_with_rowid=False,
        postgresql_with=ROOM,
    )
    index_where("ix_run_task_due", "run_task", ["due"], "due IS NOT NULL")
    op.create_index("ix_run_task_run_id_stage_state", "run_task", ["run_id", "stage", "state"])


def steps() -> None:
    op.create_table(
        "run_step",
        text("run_id"),
        number("task"),
        number("idx"),
        text("name"),
        text("kind"),
        text("state"),
        time("since"),
        text("token"),
        text("memory"),
        text("intent"),
        number("attempt"),
        number("polls"),
        time("started_at", null=True),
        time("deadline", null=True),
        time("ended_at", null=True),
        text("error"),
        text("seal"),
        part_of("run_step", "run_task", ["run_id", "task"], ["run_id", "idx"], "task"),
        sa.PrimaryKeyConstraint("run_id", "task", "idx", name="pk_run_step"),
        sqlite_with_rowid=False,
        postgresql_with=ROOM,
    )
    op.create_index("ix_run_step_kind_state_ended_at", "run_step", ["kind", "state", "ended_at"])


def reservations() -> None:
    op.create_table(
        "reservation",
        text("run_id"),
        number("task"),
        text("resource"),
        big("amount"),
        part_of("reservation", "run_task", ["run_id", "task"], ["run_id", "idx"], "task"),
        sa.PrimaryKeyConstraint("run_id", "task", "resource", name="pk_reservation"),
    )


def events() -> None:
    op.create_table(
        "event",
        sa.Column("id", BIG, nullable=False),
        time("at"),
        text("run_id"),
        text("kind"),
        text("text"),
        text("actor"),
        number("task", null=True),
        number("step", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
        sqlite_autoincrement=True,  # an id that was pruned is never given again
    )
    op.create_index("ix_event_at", "event", ["at"])
    op.create_index("ix_event_run_id_id", "event", ["run_id", "id"])


def words_of_operators() -> None:
    op.create_table(
        "approval",
        text("id"),
        text("plan_id"),
        text("run_id"),
        text("gate"),
        text("digest"),
        sa.Column("approved", sa.Boolean(), nullable=False),
        text("actor"),
        text("identity"),
        text("requester"),
        time("at"),
        time("expires_at"),
        text("note"),
        text("signature"),
        part_of("approval", "plan", ["plan_id"], ["id"], "plan_id"),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
    )
    op.create_index("ix_approval_plan_id", "approval", ["plan_id"])
    op.create_table(
        "command",
        text("id"),
        text("subject"),
        text("verb"),
        text("target"),
        text("actor"),
        text("identity"),
        time("at"),
        text("reason"),
        text("proof"),
        time("applied_at", null=True),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        text("result", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_command"),
    )
    index_where("ix_command_waiting", "command", ["subject"], "applied_at IS NULL")
    op.create_index("ix_command_subject", "command", ["subject", "at"])
    op.create_table(
        "change_freeze",
        text("id"),
        text("reason"),
        text("actor"),
        time("at"),
        text("selector"),
        time("until", null=True),
        time("lifted_at", null=True),
        text("lifted_by", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_change_freeze"),
    )


def shared() -> None:
    op.create_table(
        "api_budget",
        text("account"),
        text("region"),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("refilled_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "region", name="pk_api_budget"),
        postgresql_with=ROOM,
    )
    op.create_table(
        "worker",
        text("id"),
        text("host"),
        text("version"),
        time("heartbeat_at"),
        sa.PrimaryKeyConstraint("id", name="pk_worker"),
        postgresql_with=ROOM,
    )


def guard_events() -> None:
    """No event is ever changed, and none is deleted while its run is there: pruning deletes the run first."""
    if op.get_bind().dialect.name == "sqlite":
        refuse = "SELECT RAISE(ABORT, 'events are only ever added')"
        op.execute(f"CREATE TRIGGER event_unchanged BEFORE UPDATE ON event BEGIN {refuse}; END")
        kept = "WHEN EXISTS (SELECT 1 FROM run WHERE id = OLD.run_id)"
        op.execute(f"CREATE TRIGGER event_kept BEFORE DELETE ON event {kept} BEGIN {refuse}; END")
        return
    op.execute(
        """CREATE FUNCTION fleetkeeper_keep_event() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM run WHERE id = OLD.run_id) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'events are only ever added';
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER event_unchanged BEFORE UPDATE OR DELETE ON event "
        "FOR EACH ROW EXECUTE FUNCTION fleetkeeper_keep_event()"
    )
    op.execute(
        "CREATE TRIGGER event_not_emptied BEFORE TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION fleetkeeper_keep_event()"
    )
