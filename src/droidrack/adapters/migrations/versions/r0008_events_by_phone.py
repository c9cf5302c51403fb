"""Events name the phone that they concern, also one that was never met."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the name; earlier events have none."""
    op.add_column("events", sa.Column("phone", sa.Text(), nullable=False, server_default=""))
