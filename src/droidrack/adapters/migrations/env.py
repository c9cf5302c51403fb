"""Alembic's entry: it executes this file to run migrations on the connection it was given.

The one module of the package that acts when it is executed, because Alembic wants it so.
"""

from alembic import context

from droidrack.adapters.journal_schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a column by rebuilding its table.
    transaction_per_migration=False,  # All or nothing; the caller holds the transaction.
)
context.run_migrations()
