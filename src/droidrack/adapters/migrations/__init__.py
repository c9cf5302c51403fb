"""Alembic's scripts: how an older journal becomes today's; run by `journal_migration`."""
