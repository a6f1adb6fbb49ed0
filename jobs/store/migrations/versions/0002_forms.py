"""Forms of answers, why a batch is paused, what troubles a host, and rates over time."""
# ruff: noqa: INP001  (Alembic loads its scripts by path)

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what answers in JSON, a pause, a park and a chart need."""
    op.add_column("results", sa.Column("form", sa.Text(), nullable=False, server_default="text"))
    op.add_column("batches", sa.Column("delivered_at", sa.Double()))
    op.add_column("batches", sa.Column("paused_reason", sa.Text()))
    op.add_column(
        "batches",
        sa.Column("max_failures", sa.Double(), nullable=False, server_default=sa.text("0.5")),
    )
    op.add_column("batches", sa.Column("files", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("hosts", sa.Column("trouble", sa.Text()))
    op.add_column("hosts", sa.Column("troubled_since", sa.Double()))
    op.add_column("hosts", sa.Column("parked_until", sa.Double()))
    _tallies()
    _samples()


def _tallies() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "tallies",
        sa.Column("id", number, primary_key=True),
        sa.Column("pool", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("jobs", "input_tokens", "output_tokens")
        ),
    )


def _samples() -> None:
    op.create_table(
        "samples",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("jobs", "input_tokens", "output_tokens", "running", "queued")
        ),
        sa.PrimaryKeyConstraint("pool", "at"),
        sqlite_with_rowid=False,
    )
