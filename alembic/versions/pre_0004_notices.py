"""The tables of notices and of the outbox, and the triggers that keep what people answered append-only."""

import sqlalchemy as sa

from alembic import op

revision = "pre_0004"
down_revision = "pre_0003"

TIME = sa.DateTime(timezone=True)
ROOM = {"fillfactor": 70}  # a row that is rewritten at each claim stays on its page


def upgrade() -> None:
    notices()
    outbox()
    queues()
    told()
    answers()
    clicks()
    guard_answers()


def text(name: str, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, autoincrement=False)


def big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def truth(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def time(name: str, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, TIME, nullable=null)


def index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def notices() -> None:
    about = ("id", "kind", "via", "address", "audience", "owners", "timezone", "day")
    words = ("why", "why_then", "thread", "following", "subject")
    op.create_table(
        "notice",
        *(text(name) for name in about),
        time("at"),
        *(text(name) for name in words),
        truth("is_urgent"),
        *(text(name) for name in ("entries", "message", "blocks", "digest")),
        text("said", null=True),
        time("stored_at"),
        time("edited_at", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
    )
    op.create_index("ix_notice_stored_at", "notice", ["stored_at"])


def outbox() -> None:
    op.create_table(
        "outbox",
        *(text(name) for name in ("key", "notice_id", "doing", "via", "address")),
        truth("is_urgent"),
        text("state"),
        time("stored_at"),
        time("not_before"),
        time("due", null=True),
        text("waits_for", null=True),
        number("attempts"),
        big("epoch"),
        text("worker", null=True),
        time("lease_until", null=True),
        time("sending_since", null=True),
        text("sending"),
        text("channel", null=True),
        text("ts", null=True),
        text("url"),
        time("sent_at", null=True),
        text("error"),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name="fk_outbox_notice_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name="pk_outbox"),
        postgresql_with=ROOM,
    )
    for column in ("notice_id", "state", "sent_at"):
        op.create_index(f"ix_outbox_{column}", "outbox", [column])
    line = ["via", "address", "is_urgent", "due", "stored_at", "key"]
    index_where("ix_outbox_line", "outbox", line, "due IS NOT NULL")
    index_where("ix_outbox_lease_until", "outbox", ["lease_until"], "lease_until IS NOT NULL")
    index_where("ix_outbox_waits_for", "outbox", ["waits_for"], "waits_for IS NOT NULL")


def queues() -> None:
    op.create_table(
        "outbox_queue",
        text("via"),
        text("address"),
        *(time(name, null=True) for name in ("due", "urgent_due", "since", "served_at", "free_at")),
        sa.PrimaryKeyConstraint("via", "address", name="pk_outbox_queue"),
        sqlite_with_rowid=False,
        postgresql_with=ROOM,
    )
    for column in ("due", "urgent_due"):
        name = f"ix_outbox_queue_{column}"
        index_where(name, "outbox_queue", ["via", column, "since"], f"{column} IS NOT NULL")
    op.create_table(
        "chat_pace",
        text("via"),
        time("free_at"),
        sa.PrimaryKeyConstraint("via", name="pk_chat_pace"),
        postgresql_with=ROOM,
    )


def told() -> None:
    op.create_table(
        "told",
        *(text(name) for name in ("cluster", "fingerprint", "owner")),
        number("rung"),
        time("first_at"),
        time("last_at"),
        number("times"),
        number("opened"),
        time("announced", null=True),
        text("notice"),
        text("code"),
        time("mended", null=True),
        text("levels"),
        sa.PrimaryKeyConstraint("cluster", "fingerprint", name="pk_told"),
        sqlite_with_rowid=False,
        postgresql_with=ROOM,
    )


def answers() -> None:
    op.create_table(
        "answer",
        *(text(name) for name in ("id", "kind", "person", "identity")),
        time("at"),
        text("until", null=True),
        *(text(name) for name in ("reason", "mode", "of", "code", "notice", "signature")),
        sa.PrimaryKeyConstraint("id", name="pk_answer"),
    )
    op.create_index("ix_answer_at", "answer", ["at"])
    op.create_table(
        "answer_item",
        text("answer_id"),
        number("idx"),
        text("cluster"),
        text("fingerprint"),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name="fk_answer_item_answer_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("answer_id", "idx", name="pk_answer_item"),
    )
    op.create_index("ix_answer_item_cluster_fingerprint", "answer_item", ["cluster", "fingerprint"])


def clicks() -> None:
    op.create_table(
        "contact",
        *(text(name) for name in ("key", "reach", "slack", "name", "email", "timezone")),
        time("asked_at"),
        sa.PrimaryKeyConstraint("key", name="pk_contact"),
    )
    op.create_table(
        "recheck",
        *(text(name) for name in ("id", "clusters", "person", "notice")),
        time("at"),
        text("worker", null=True),
        time("lease_until", null=True),
        time("done_at", null=True),
        text("result"),
        sa.PrimaryKeyConstraint("id", name="pk_recheck"),
    )
    index_where("ix_recheck_waiting", "recheck", ["at"], "done_at IS NULL")
    op.create_table(
        "wave_thread",
        text("run"),
        text("notice"),
        big("seen"),
        text("state"),
        sa.PrimaryKeyConstraint("run", name="pk_wave_thread"),
    )


ITEM_STANDS = """EXISTS (
    SELECT 1 FROM answer_item i JOIN told t ON t.cluster = i.cluster AND t.fingerprint = i.fingerprint
    WHERE i.answer_id = OLD.id
)"""
ASKED = "EXISTS (SELECT 1 FROM answer a WHERE a.id = OLD.of)"
MATTERS = f"OLD.kind = 'unmute' OR {ITEM_STANDS} OR {ASKED}"
"""An answer still matters while one of its items is on record as told, or while the question that it answers is there.

One that unmutes a check always does: what it overrules is counted from answers of any age.
"""
OF_ANSWER = "EXISTS (SELECT 1 FROM answer WHERE id = OLD.answer_id)"


def guard_answers() -> None:
    if op.get_bind().dialect.name == "sqlite":
        guard_on_sqlite()
    else:
        guard_on_postgresql()


def guard_on_sqlite() -> None:
    refuse = "SELECT RAISE(ABORT, 'answers are only ever added')"
    for table, kept in (("answer", MATTERS), ("answer_item", OF_ANSWER)):
        op.execute(f"CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table} BEGIN {refuse}; END")
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} WHEN {kept} BEGIN {refuse}; END")


def guard_on_postgresql() -> None:
    for table, kept in (("answer", MATTERS), ("answer_item", OF_ANSWER)):
        op.execute(
            f"""CREATE FUNCTION fleetkeeper_keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN
                    IF NOT ({kept}) THEN
                        RETURN OLD;
                    END IF;
                END IF;
                RAISE EXCEPTION 'answers are only ever added';
            END $$"""
        )
        op.execute(
            f"CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION fleetkeeper_keep_{table}()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION fleetkeeper_keep_{table}()"
        )
