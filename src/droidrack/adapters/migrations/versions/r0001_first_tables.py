"""The first tables of the journal.

Frozen: types are spelt out, so that a later change of `journal_schema` does not change the past.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()  # Microseconds since 1970 UTC.
WAITING = sa.text("acknowledged_at IS NULL AND parked_at IS NULL")


def upgrade() -> None:
    """Create everything."""
    _create_meta()
    _create_messages()
    _create_history()
    _create_attempts()
    _create_outbox()


def _create_meta() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("meta_pkey")),
    )
    op.create_table(
        "phones",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("gateway_uid", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("phones_pkey")),
    )
    op.create_table(
        "cards",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("iccid", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("cards_pkey")),
        sa.UniqueConstraint("iccid", name=op.f("cards_iccid_key")),
    )
    op.create_table(
        "sims",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("sim_uid", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("card_id", BIG_ID),
        sa.Column("label", sa.LargeBinary(), nullable=False),
        sa.Column("bound_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("sims_card_id_fkey")),
        sa.PrimaryKeyConstraint("device", "sim_uid", name=op.f("sims_pkey")),
    )
    op.create_table(
        "events",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("device", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("events_pkey")),
    )
    op.create_index("events_at", "events", ["at"])


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sim_uid", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("valid_until", INSTANT),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("messages_pkey")),
        sa.UniqueConstraint("uid", name=op.f("messages_uid_key")),
    )
    op.create_index("messages_device", "messages", ["device", "id"])
    op.create_index("messages_queue", "messages", ["device", "state", "priority", "id"])
    op.create_index("messages_received", "messages", ["received_at"])
    op.create_index("messages_state", "messages", ["state", "id"])
    op.create_table(
        "known_uids",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("status", sa.Text()),
        sa.Column("at", INSTANT),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("uid", name=op.f("known_uids_pkey")),
        sqlite_with_rowid=False,
    )


def _create_history() -> None:
    op.create_table(
        "changes",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("message_id", BIG_ID, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("changes_message_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("changes_pkey")),
    )
    op.create_index("changes_message", "changes", ["message_id"])
    op.create_table(
        "evidence",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("message_id", BIG_ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("row_id", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("evidence_message_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("evidence_pkey")),
    )
    op.create_index("evidence_message", "evidence", ["message_id"])


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("message_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("sub_id", sa.Integer(), nullable=False),
        sa.Column("card_id", BIG_ID),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("watermark", sa.BigInteger()),
        sa.Column("radio_id", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("void", sa.Boolean(), nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("attempts_message_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("attempts_card_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("attempts_pkey")),
        sa.UniqueConstraint("message_id", "number", name=op.f("attempts_message_id_number_key")),
    )
    op.create_index("attempts_pace", "attempts", ["device", "opened_at"])
    op.create_index("attempts_card", "attempts", ["card_id", "sent_at"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("parked_at", INSTANT),
        sa.Column("parked", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_uid", "outbox", ["uid"])
    op.create_index(
        "outbox_waiting", "outbox", ["device", "id"], sqlite_where=WAITING, postgresql_where=WAITING
    )
