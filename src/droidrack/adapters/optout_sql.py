"""The opt-out list over SQL: one table of the journal's database, on the lanes of its holder.

More than one program writes it: the controller (a recipient's STOP) and an operator's command.
SQLite serialises writers by `BEGIN IMMEDIATE`, PostgreSQL by the lock below, so that reading before
writing is safe.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from sqlalchemy import (
    Column,
    Connection,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from droidrack.adapters.journal_schema import Instant, Utf8, metadata
from droidrack.adapters.journal_writer import Lane
from droidrack.core.ids import MessageUid, Msisdn
from droidrack.core.optout import OptOut, OptOutSource

BATCH = 500
"""Numbers per statement: SQLite binds 999 values at least, PostgreSQL 65535."""

optouts = Table(
    "optouts",
    metadata,
    Column("number", Utf8, primary_key=True),  # Canonical.
    Column("since", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("note", Utf8, nullable=False),
    Column("confirmation", Text),  # The uid of the one message that confirmed it.
)


AMONG = select(optouts).where(optouts.c.number.in_(bindparam("numbers", expanding=True)))


class SqlOptOuts:
    """`ports.OptOuts` on the lanes of whoever has the connections."""

    def __init__(self, writes: Callable[[], Lane], reads: Callable[[], Lane]) -> None:
        self._writes, self._reads = writes, reads

    async def add(self, entries: Sequence[OptOut]) -> int:
        """See the port."""
        return await self._writes().submit("optout", partial(add_entries, entries=tuple(entries)))

    async def remove(self, number: Msisdn) -> bool:
        """See the port."""
        return await self._writes().submit("optout", partial(remove_entry, number=number))

    async def among(self, numbers: Iterable[Msisdn]) -> Mapping[Msisdn, OptOut]:
        """See the port."""
        wanted = tuple({number.reveal() for number in numbers})
        if not wanted:
            return {}
        return await self._reads().submit("optouts", partial(entries_among, wanted=wanted))

    async def entries(self, *, after: Msisdn | None = None, limit: int) -> tuple[OptOut, ...]:
        """See the port."""
        return await self._reads().submit("optouts", partial(_entries, after=after, limit=limit))

    async def confirm(self, number: Msisdn, uid: MessageUid) -> bool:
        """See the port."""
        return await self._writes().submit("optout", partial(_confirm, number=number, uid=uid))


def add_entries(connection: Connection, entries: tuple[OptOut, ...]) -> int:
    """Put numbers on the list within the open transaction; how many were new."""
    first = {entry.number.reveal(): entry for entry in reversed(entries)}
    _alone(connection)
    listed = entries_among(connection, tuple(first))
    rows = [
        {"number": number, "since": e.since, "source": e.source.value, "note": e.note}
        for number, e in first.items()
        if e.number not in listed
    ]
    if rows:
        connection.execute(insert(optouts), rows)
    return len(rows)


def remove_entry(connection: Connection, number: Msisdn) -> bool:
    """Take a number off the list within the open transaction; whether it was on it."""
    gone = connection.execute(delete(optouts).where(optouts.c.number == number.reveal()))
    return gone.rowcount > 0


def entries_among(connection: Connection, wanted: tuple[str, ...]) -> dict[Msisdn, OptOut]:
    """Those of some numbers that are on the list."""
    found: dict[Msisdn, OptOut] = {}
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        for row in connection.execute(AMONG, {"numbers": some}):
            entry = _entry(row)
            found[entry.number] = entry
    return found


def _entries(connection: Connection, after: Msisdn | None, limit: int) -> tuple[OptOut, ...]:
    asked = select(optouts).order_by(optouts.c.number).limit(limit)
    if after is not None:
        asked = asked.where(optouts.c.number > after.reveal())
    return tuple(_entry(row) for row in connection.execute(asked))


def _confirm(connection: Connection, number: Msisdn, uid: MessageUid) -> bool:
    _alone(connection)
    entry = entries_among(connection, (number.reveal(),)).get(number)
    if entry is None or entry.confirmation not in (None, uid):
        return False
    this = update(optouts).where(optouts.c.number == number.reveal())
    connection.execute(this.values(confirmation=uid))
    return True


def _alone(connection: Connection) -> None:
    """Keep other programs from writing until the end of this transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE optouts IN EXCLUSIVE MODE")


def _entry(row: Row[tuple[object, ...]]) -> OptOut:
    return OptOut(
        Msisdn(row.number),
        row.since,
        OptOutSource(row.source),
        row.note,
        None if row.confirmation is None else MessageUid(row.confirmation),
    )
