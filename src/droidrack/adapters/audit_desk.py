"""The audit for who does not hold the journal: a command beside a controller that runs.

It writes lines and nothing else, each in a transaction of its own, on the same chain: the database
lets one writer in at a time, and each of them begins at the newest line there is.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from droidrack.adapters.audit_anchor import Anchor
from droidrack.adapters.audit_sql import Book
from droidrack.adapters.journal_revision import require_head
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.adapters.journal_store import Store, store_for, translated
from droidrack.core.audit import AuditEntry, Pen
from droidrack.core.errors import JournalError


class AuditDesk:
    """Appends to the audit of the journal at `location`, which is made where there is none."""

    def __init__(self, location: str | Path, pen: Callable[[], Pen]) -> None:
        self._location, self._pen = location, pen
        self._store: Store = store_for(location)
        self._book = Book(pen, Anchor(self._store.anchor))
        self._connection: Connection | None = None

    async def open(self) -> None:
        """Make sure that lines can be written, before anything is done that needs one.

        Raises:
            JournalError: the journal is not there to be written, or a controller of another
                version has it.
            VaultError: the key is lost.
        """
        try:
            self._connect()
        except JournalError:
            # New, or of an older version: whoever comes first makes it, under the lock.
            journal = SqlJournal(self._location, pen=self._pen)
            await journal.open()
            await journal.close()
            self._connect()

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write lines; they are on disk when this returns."""
        if self._connection is None:
            raise JournalError(f"{self._store.name}: the audit is not open", hint="call open()")
        try:
            with self._connection.begin():
                self._book.append(self._connection, entries)
                move_anchor = self._book.settled(self._connection)
            move_anchor()
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self._store.name) from error

    async def close(self) -> None:
        """Let go. Idempotent."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._store.release()

    def _connect(self) -> None:
        try:
            connection = self._store.beside()
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self._store.name) from error
        try:
            with connection.begin():
                require_head(connection, self._store.name, self._store.seal)
        except SQLAlchemyError as error:
            connection.close()
            raise translated(error, self._store.name) from error
        except JournalError:
            connection.close()
            raise
        self._book.pen  # noqa: B018 - its key has to be there before the act, not after
        self._connection = connection
