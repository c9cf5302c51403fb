"""The opt-out list."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create its table."""
    op.create_table(
        "optouts",
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),  # Microseconds since 1970 UTC.
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("confirmation", sa.Text()),
        sa.PrimaryKeyConstraint("number", name=op.f("optouts_pkey")),
    )
