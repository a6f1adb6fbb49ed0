"""Who guards the name of a host, and which software it runs."""
# ruff: noqa: INP001  (Alembic loads its scripts by path)

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what tells one machine's host from another's of the same name."""
    op.add_column("hosts", sa.Column("guard", sa.Text(), nullable=False, server_default=""))
    op.add_column("hosts", sa.Column("software", sa.Text(), nullable=False, server_default="{}"))
