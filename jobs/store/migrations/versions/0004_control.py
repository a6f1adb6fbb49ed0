"""How batches and pools are controlled, who did it, and whom to tell."""
# ruff: noqa: INP001  (Alembic loads its scripts by path)

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add pauses that end, limits, deadlines, rests, and the tables of actions and notices."""
    op.add_column("batches", sa.Column("paused_until", sa.Double()))
    op.add_column("batches", sa.Column("paused_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("batches", sa.Column("max_running", sa.Integer()))
    op.add_column("batches", sa.Column("deadline", sa.Double()))
    op.add_column(
        "batches", sa.Column("notify", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("pools", sa.Column("paused_reason", sa.Text()))
    op.add_column("pools", sa.Column("paused_until", sa.Double()))
    op.add_column("hosts", sa.Column("rests_until", sa.Double()))
    op.add_column("hosts", sa.Column("rests_because", sa.Text()))
    _actions()
    _notices()
    _in_flight()


def _in_flight() -> None:
    """How many jobs of each batch a pool has is now answered by the index alone."""
    columns = ["pool", "batch_id", "state", "suspect"]
    where = sa.text("state IN ('dispatched', 'running')")
    op.drop_index("jobs_in_flight", table_name="jobs")
    op.create_index("jobs_in_flight", "jobs", columns, sqlite_where=where, postgresql_where=where)


def _actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False, server_default=""),
        sa.Column("pool", sa.Text(), nullable=False, server_default=""),
        sa.Column("detail", sa.Text(), nullable=False, server_default="{}"),
    )
    op.create_index("ix_actions_batch_id", "actions", ["batch_id"], unique=False)


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, server_default=""),
        sa.Column("tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", sa.Double(), nullable=False, server_default=sa.text("0")),
    )
