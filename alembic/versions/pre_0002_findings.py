"""The tables of assessment: findings over time, and when each cluster was last assessed."""

import sqlalchemy as sa

from alembic import op

revision = "pre_0002"
down_revision = "pre_0001"

TIME = sa.DateTime(timezone=True)
ROOM = {"fillfactor": 70}  # a row that is rewritten at each tick stays on its page


def upgrade() -> None:
    op.create_table(
        "finding",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["cluster_id"], ["cluster.id"], name="fk_finding_cluster_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("cluster_id", "fingerprint", name="pk_finding"),
    )
    op.create_index("ix_finding_state", "finding", ["state", "since"])
    op.create_table(
        "assessed",
        sa.Column("cluster_id", sa.Integer(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("unbroken_since", TIME, nullable=True),
        sa.Column("seen_until", TIME, nullable=True),
        sa.ForeignKeyConstraint(["cluster_id"], ["cluster.id"], name="fk_assessed_cluster_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("cluster_id", name="pk_assessed"),
        postgresql_with=ROOM,
    )
