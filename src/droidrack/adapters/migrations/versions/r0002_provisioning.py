"""Provisioning: runs, phones and steps; and leases of phones.

Frozen: types are spelt out, so that a later change of `journal_schema` does not change the past.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()  # Microseconds since 1970 UTC.


def upgrade() -> None:
    """Create everything."""
    _create_leases()
    _create_runs()
    _create_steps()


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _create_leases() -> None:
    op.create_table(
        "leases",
        *_texts("device", "purpose", "holder"),
        sa.Column("expires_at", INSTANT, nullable=False),
        *_texts("asked_by"),
        sa.Column("asked_until", INSTANT),
        sa.PrimaryKeyConstraint("device", name=op.f("leases_pkey")),
    )


def _create_runs() -> None:
    op.create_table(
        "provision_runs",
        *_texts("uid", "kind", "recipe", "version", "digest", "operator", "host"),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        *_texts("outcome"),
        sa.PrimaryKeyConstraint("uid", name=op.f("provision_runs_pkey")),
    )
    op.create_index("provision_runs_started", "provision_runs", ["started_at"])
    op.create_table(
        "provision_phones",
        *_texts("run", "device", "name", "serial", "maker", "model", "fingerprint", "fate"),
        *_texts("port", "cause"),
        sa.Column("started_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["run"],
            ["provision_runs.uid"],
            name=op.f("provision_phones_run_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "device", name=op.f("provision_phones_pkey")),
    )


def _create_steps() -> None:
    op.create_table(
        "provision_steps",
        sa.Column("id", BIG_ID, nullable=False),
        *_texts("run", "device", "step", "key"),
        sa.Column("position", sa.Integer(), nullable=False),
        *_texts("state"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("writes", sa.Integer(), nullable=False),
        *_texts("before", "wanted", "after", "cause", "hint", "screen", "boot_id", "fingerprint"),
        *_texts("by", "files"),
        sa.Column("started_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["run"],
            ["provision_runs.uid"],
            name=op.f("provision_steps_run_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("provision_steps_pkey")),
        sa.UniqueConstraint(
            "run", "device", "step", name=op.f("provision_steps_run_device_step_key")
        ),
    )
    op.create_index("provision_steps_key", "provision_steps", ["device", "key"])
    op.create_index("provision_steps_boot", "provision_steps", ["device", "boot_id"])
