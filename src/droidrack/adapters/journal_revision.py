"""Which revision a journal is at, and whether this program may touch it."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from droidrack.adapters.journal_schema import HEAD, REVISIONS
from droidrack.adapters.journal_seal import refuse_lost
from droidrack.core.errors import JournalError


def known_revision(connection: Connection, name: str) -> str | None:
    """The journal's revision; None for an empty database.

    Raises:
        JournalError: a newer program wrote it, or the database belongs to something else.
    """
    found = _found(connection, name)
    if found is not None and found not in REVISIONS:
        raise JournalError(
            f"{name}: the journal is at revision {found}, this program knows {HEAD}: a newer "
            "droidrack wrote it",
            hint="run the newer version again, or restore the copy made before the upgrade",
        )
    return found


def require_head(connection: Connection, name: str, seal: Path | None) -> None:
    """JournalError unless the journal has this program's tables: migrating is the writer's."""
    found = known_revision(connection, name)
    if found is None:
        refuse_lost(name, seal)
    if found != HEAD:
        stands = f"at revision {found}" if found else "empty"
        raise JournalError(
            f"{name}: the journal is {stands}, this program reads {HEAD}",
            hint="start the controller of this version once (`droidrack run`): it migrates it",
        )


def _found(connection: Connection, name: str) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    if tables:
        raise JournalError(
            f"{name}: this database belongs to something else (tables {', '.join(tables[:5])})",
            hint="give droidrack a file or a schema of its own",
        )
    return None
