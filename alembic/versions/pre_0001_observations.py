"""The tables of observation: clusters, their parts and history, the cron ledger and the log of migrations."""

import sqlalchemy as sa

from alembic import op

revision = "pre_0001"
down_revision = None

TIME = sa.DateTime(timezone=True)
ROOM = {"fillfactor": 70}  # a row that is rewritten at each tick stays on its page


def upgrade() -> None:
    ledgers()
    subjects()
    parts()
    history()


def ledgers() -> None:
    op.create_table(
        "schema_log",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("applied_at", TIME, nullable=False),
        sa.Column("applied_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_schema_log"),
    )
    op.create_table(
        "cron_fire",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", TIME, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("fired_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("job", "slot", name="pk_cron_fire"),
    )
    op.create_index("ix_cron_fire_fired_at", "cron_fire", ["fired_at"])


def subjects() -> None:
    op.create_table(
        "subject",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subject"),
        sa.UniqueConstraint("key", name="uq_subject_key"),
    )
    op.create_table(
        "scope",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["subject.id"], name="fk_scope_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_scope"),
        sa.UniqueConstraint("account", "region", "partition", name="uq_scope_account_region_partition"),
    )
    op.create_table(
        "cluster",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=True),
        sa.Column("placement", sa.Text(), nullable=False),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("gone_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["id"], ["subject.id"], name="fk_cluster_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["scope_id"], ["scope.id"], name="fk_cluster_scope_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cluster"),
        sa.UniqueConstraint("arn", "created_at", name="uq_cluster_arn_created_at"),
        postgresql_with=ROOM,
    )
    op.create_index("ix_cluster_scope_id", "cluster", ["scope_id"])


def parts() -> None:
    op.create_table(
        "part",
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("deflated", sa.Boolean(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("first_observed", TIME, nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_part_subject_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subject_id", "part", name="pk_part"),
    )
    op.create_table(
        "part_seen",
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("observed_at", TIME, nullable=True),
        sa.Column("gap_reason", sa.Text(), nullable=True),
        sa.Column("gap_detail", sa.Text(), nullable=True),
        sa.Column("gap_since", TIME, nullable=True),
        sa.ForeignKeyConstraint(["subject_id"], ["subject.id"], name="fk_part_seen_subject_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subject_id", "part", name="pk_part_seen"),
        sqlite_with_rowid=False,
        postgresql_with=ROOM,
    )


def history() -> None:
    op.create_table(
        "history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_to", TIME, nullable=True),
        sa.Column("baseline", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["cluster_id"], ["cluster.id"], name="fk_history_cluster_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_index("ix_history_valid_from", "history", ["valid_from"])
    op.create_index("ix_history_valid_to", "history", ["valid_to"])
    still = sa.text("valid_to IS NULL")
    op.create_index(
        "uq_history_open",
        "history",
        ["cluster_id", "part", "item"],
        unique=True,
        sqlite_where=still,
        postgresql_where=still,
    )
