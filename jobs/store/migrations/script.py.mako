"""${message}."""

from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the store from version ${down_revision} to ${up_revision}."""
    ${upgrades if upgrades else "pass"}
