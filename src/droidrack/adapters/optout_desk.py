"""The opt-out list for who does not hold the journal: a command beside a controller that runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from droidrack.adapters.audit_desk import AuditDesk
from droidrack.adapters.journal_store import translated
from droidrack.adapters.optout_sql import SqlOptOuts
from droidrack.core.audit import Pen
from droidrack.core.errors import JournalError

T = TypeVar("T")


class OptOutDesk(AuditDesk):
    """A lane for the list, each unit in a transaction of its own. The controller sees it at once.

    The journal is made where there is none yet: a list may well come before the first phone.
    """

    def __init__(self, location: str | Path, pen: Callable[[], Pen]) -> None:
        super().__init__(location, pen)
        self.optouts = SqlOptOuts(lambda: self, lambda: self)

    async def submit(self, name: str, work: Callable[[Connection], T]) -> T:
        """Run one unit; it is on disk when this returns."""
        if self._connection is None:
            raise JournalError(f"{self._store.name}: {name}: not open", hint="call open()")
        try:
            with self._connection.begin():
                return work(self._connection)
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self._store.name) from error

    async def finish(self) -> None:
        """Nothing ever is on its way."""
