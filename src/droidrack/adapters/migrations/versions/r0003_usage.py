"""Pace and quotas: a clock that cannot be turned, sends by card, queues by SIM row, holds."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0005"

INSTANT = sa.BigInteger()  # Microseconds since 1970 UTC.


def upgrade() -> None:
    """Add what is counted, and the ways to find it."""
    op.add_column("attempts", sa.Column("host_boot", sa.Text()))
    op.add_column("attempts", sa.Column("host_us", sa.BigInteger()))
    op.create_index("attempts_phone", "attempts", ["device", "id"])
    op.create_index("attempts_sim", "attempts", ["card_id", "id"])
    op.drop_index("messages_queue", "messages")
    op.create_index("messages_queue", "messages", ["device", "state", "sim_uid", "priority", "id"])
    op.create_table(
        "holds",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("sim_uid", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("device", "sim_uid", name=op.f("holds_pkey")),
    )
