"""The inbox: texts that arrived, how far each phone is read, and who still has to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()  # Microseconds since 1970 UTC.
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    """Create its three tables."""
    op.create_table(
        "inbox_marks",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("newest_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("closed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("inbox_marks_pkey")),
    )
    _create_inbound()
    _create_deliveries()


def _create_inbound() -> None:
    op.create_table(
        "inbound",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("text_id", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.Integer()),
        sa.Column("card_id", BIG_ID),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("inbound_card_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("inbound_pkey")),
        sa.UniqueConstraint("text_id", name=op.f("inbound_text_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("inbound_received", "inbound", ["device", "received_at"])
    op.create_index("inbound_seen", "inbound", ["seen_at"])


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("inbound_id", BIG_ID, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbound_id"],
            ["inbound.id"],
            name=op.f("deliveries_inbound_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("deliveries_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_inbound", "deliveries", ["inbound_id"])
    op.create_index(
        "deliveries_open",
        "deliveries",
        ["endpoint", "id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
