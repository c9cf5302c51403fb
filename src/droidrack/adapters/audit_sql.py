"""The audit over SQL: one table of the journal's database, chained by `core/audit.py`.

Lines are written by the units of the journal's writer, so that they share its transactions and its
commits; the newest line is read again in each, because another program may have written meanwhile
(SQLite serialises writers by `BEGIN IMMEDIATE`, PostgreSQL by the lock below).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from droidrack.adapters.audit_anchor import Anchor
from droidrack.adapters.journal_schema import audit
from droidrack.adapters.journal_writer import Lane
from droidrack.core.audit import (
    AuditEntry,
    AuditKind,
    AuditLine,
    Head,
    Pen,
    checkpoint,
    gap,
    written_at,
)

PRUNE_BATCH = 1_000
"""Lines per transaction while pruning, each of which is read and checked: some 20 ms."""

NEWEST = select(audit).order_by(audit.c.seq.desc()).limit(bindparam("limit"))
FROM = select(audit).where(audit.c.seq > bindparam("after")).order_by(audit.c.seq)
FROM = FROM.limit(bindparam("limit"))
NEW_LINE = insert(audit)
ENDS = select(func.min(audit.c.seq), func.max(audit.c.seq))


class SqlAudit:
    """`ports.Audit` on the lanes of whoever has the connections, as they are now."""

    def __init__(self, write: Callable[[], Lane], read: Callable[[], Lane], book: "Book") -> None:
        self._write, self._read, self._book = write, read, book

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """See the port."""
        if entries:
            await self._write().submit("audit", partial(self._book.append, entries=tuple(entries)))

    async def lines(self, *, after: int = 0, limit: int) -> tuple[AuditLine, ...]:
        """See the port."""
        return await self._read().submit("audit", partial(lines, after=after, limit=limit))

    async def newest(self, limit: int) -> tuple[AuditLine, ...]:
        """See the port."""
        return await self._read().submit("audit", partial(newest, limit=limit))

    async def begin(self, since: datetime) -> int:
        """See the port."""
        return await self._read().submit("audit", partial(begin, since=since))

    async def anchor(self) -> Head | None:
        """See the port."""
        return self._book.anchor.head(self._book.pen)

    async def prune(self, before: datetime, at: datetime) -> int:
        """See the port."""
        work, pruned = partial(self._book.prune, before=before, at=at), 0
        while (gone := await self._write().submit("audit-prune", work)) == PRUNE_BATCH:
            pruned += gone
        return pruned + gone


class Book:
    """Writing lines within a transaction, and the anchor after it.

    Args:
        pen: asked for when it is first needed: its key belongs to the vault, and a journal that is
            only looked at does not touch that.
        anchor: where the newest line is kept outside the database.
    """

    def __init__(self, pen: Callable[[], Pen], anchor: Anchor) -> None:
        self._make_pen = pen
        self._pen: Pen | None = None
        self.anchor = anchor

    @property
    def pen(self) -> Pen:
        """The pen of this host."""
        if self._pen is None:
            self._pen = self._make_pen()
        return self._pen

    def append(self, connection: Connection, entries: Sequence[AuditEntry]) -> None:
        """Write lines in the open transaction; a loss that shows now is a line before them."""
        if not entries:
            return
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE audit IN EXCLUSIVE MODE")
        head, written = last(connection), []
        for entry in (*self._loss(connection, head, entries[0].at), *entries):
            line = self.pen.write(entry, head)
            written.append({"seq": line.seq, "text": line.text, "digest": line.digest})
            head = line.head
        connection.execute(NEW_LINE, written)
        connection.info[GREW] = True

    def opened(self, connection: Connection, now: datetime) -> None:
        """Compare the chain with its anchor; a loss becomes a line of the chain itself."""
        if loss := self._loss(connection, last(connection), now):
            self.append(connection, loss)
            connection.info.pop(LOST)  # Who opens replaces the anchor in any case.

    def _loss(self, connection: Connection, head: Head, now: datetime) -> list[AuditEntry]:
        """A gap's entry where the anchor's line is not in the chain, once for a transaction.

        Asked before every line: lines added to a chain that was cut would move the anchor over it.
        """
        said = self.anchor.text()
        if not self.anchor.kept or connection.info.get(LOST) or (head.seq == 0 and said is None):
            return []
        known = self.pen.unsealed(said or "")
        if known is not None and (known.seq == 0 or _holds(connection, known)):
            return []
        connection.info[LOST] = True
        return [gap(said or "", head, now)]

    def settled(self, connection: Connection) -> Callable[[], None]:
        """What moves the anchor on, to be called once this transaction is on disk."""
        grew, lost = (connection.info.pop(flag, False) for flag in (GREW, LOST))
        if not grew:
            return _stay
        return partial(
            self.anchor.replace if lost else self.anchor.keep, self.pen, last(connection)
        )

    def prune(self, connection: Connection, before: datetime, at: datetime) -> int:
        """Remove the oldest lines, some of them per call; stops at one that was changed.

        A line that is not genuine is evidence: it stays, and so does all that follows it.
        """
        old = []
        newest_one = last(connection).seq
        for line in lines(connection, after=0, limit=PRUNE_BATCH):
            if line.seq == newest_one or not self.pen.genuine(line) or written_at(line) >= before:
                break
            old.append(line)
        if not old or all(line.facts().get("kind") == AuditKind.CHECKPOINT for line in old):
            return 0
        self.append(connection, [checkpoint(old[-1].head, at)])
        connection.execute(delete(audit).where(audit.c.seq <= old[-1].seq))
        return len(old)


GREW = "audit_grew"
"""Key in a connection's `info`: this transaction added lines."""

LOST = "audit_lost"
"""The same: a line of this transaction records a loss, and the anchor may go back."""


def last(connection: Connection) -> Head:
    """The newest line's head; the genesis of an empty chain."""
    row = connection.execute(NEWEST, {"limit": 1}).first()
    return Head() if row is None else Head(row.seq, row.digest)


def lines(connection: Connection, after: int, limit: int) -> tuple[AuditLine, ...]:
    """Lines in order."""
    return _lines(connection.execute(FROM, {"after": after, "limit": limit}))


def newest(connection: Connection, limit: int) -> tuple[AuditLine, ...]:
    """The last lines, in order."""
    return tuple(reversed(_lines(connection.execute(NEWEST, {"limit": limit}))))


def begin(connection: Connection, since: datetime) -> int:
    """The first line written since then, by halving: lines stand in the order of their time."""
    low, high = connection.execute(ENDS).one()
    if low is None:
        return 1
    high += 1
    while low < high:
        middle = (low + high) // 2
        found = lines(connection, after=middle - 1, limit=1)
        if found and written_at(found[0]) < since:
            low = middle + 1
        else:
            high = middle
    return int(low)


def _stay() -> None:
    """No line was added."""


def _lines(rows: Any) -> tuple[AuditLine, ...]:
    return tuple(AuditLine(row.seq, row.text, row.digest) for row in rows)


def _holds(connection: Connection, head: Head) -> bool:
    """Whether the chain has this line; the anchor's is never one of those that were pruned."""
    found = lines(connection, after=head.seq - 1, limit=1)
    return bool(found) and found[0].head == head
