"""Phones keep the traits by which one without a serial of its own is known again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add socket and mark; phones recorded earlier have none until they are seen again."""
    for name in ("usb", "mark"):
        op.add_column("phones", sa.Column(name, sa.Text(), nullable=False, server_default=""))
