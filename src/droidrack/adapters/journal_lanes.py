"""The journal's connections: one that writes, one that reads, each with its lane and its thread.

Opening takes the lock, migrates, checks the seal and the audit's anchor; whatever fails in writing
is the end of writing until the next opening. What the lanes run, `journal_sql` says.

This module brings SQLAlchemy (0.2 s): import it where a journal is really opened.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from droidrack.adapters import journal_writes as writes
from droidrack.adapters.audit_anchor import Anchor
from droidrack.adapters.audit_sql import Book, last
from droidrack.adapters.clock import SystemClock
from droidrack.adapters.journal_revision import known_revision, require_head
from droidrack.adapters.journal_schema import HEAD
from droidrack.adapters.journal_seal import Mark, Seal, refuse_lost
from droidrack.adapters.journal_seal import check as check_seal
from droidrack.adapters.journal_store import Store, store_for, translated
from droidrack.adapters.journal_writer import (
    CommitHook,
    GroupLane,
    InlineLane,
    Lane,
    Outcome,
    Unit,
    look_with,
    run_units,
)
from droidrack.core.audit import Pen
from droidrack.core.errors import JournalDamaged, JournalError, RackError


class JournalLanes:
    """The lanes of one journal, as they are now: an opening makes new ones.

    The arguments are those of `journal_sql.SqlJournal`.
    """

    def __init__(
        self,
        location: str | Path,
        *,
        inline: bool,
        observe: bool,
        accept_any: bool,
        on_commit: CommitHook | None,
        pen: Callable[[], Pen],
    ) -> None:
        self.store: Store = store_for(location)
        self.book = Book(pen, Anchor(self.store.anchor))
        self._seal = Seal(self.store.seal)
        self._mark = Mark("", 0)  # Of the last commit.
        self._accept_any = accept_any
        self._inline = inline
        self._observe = observe
        self._on_commit = on_commit or _no_hook
        self._threads: list[ThreadPoolExecutor] = []
        self.writer: Connection | None = None
        self.reader: Connection | None = None
        self.writes: Lane = InlineLane(self._commit)
        self.reads: Lane = InlineLane(self._look)
        self._damage: JournalDamaged | None = None

    async def open(self) -> None:
        """Take the lock, migrate, check; after JournalDamaged: try to come back."""
        if (self.writer or (self._observe and self.reader)) and self._damage is None:
            return
        await self._drop()
        self._start_lanes()
        try:
            if self._threads:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads[0], self._open)
            else:
                self._open()
        except (RackError, asyncio.CancelledError):
            await self.close()
            raise
        self._damage = None

    async def close(self) -> None:
        """Finish what is queued, then release everything."""
        await self._drop()
        self.store.release()

    def _start_lanes(self) -> None:
        if self._inline:
            return
        self._threads = [
            ThreadPoolExecutor(1, thread_name_prefix=f"journal-{role}")
            for role in ("write", "read")
        ]
        self.writes = GroupLane(self._commit, self._threads[0])
        self.reads = GroupLane(self._look, self._threads[1])

    async def _drop(self) -> None:
        """Let go of the connections, keep the lock."""
        await self.writes.finish()
        await self.reads.finish()
        for thread in self._threads:
            thread.shutdown()
        self._threads = []
        self.writes, self.reads = InlineLane(self._commit), InlineLane(self._look)
        for connection in (self.reader, self.writer):
            if connection is not None:
                _close(connection)
        self.reader = self.writer = None

    def holder(self) -> str:
        """Who writes this journal now; "" where nobody does. The journal need not be open."""
        try:
            return self.store.holder()
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self.store.name) from error

    def _open(self) -> None:
        try:
            if self._observe:
                self.reader = self.store.watch()
                with self.reader.begin():
                    require_head(self.reader, self.store.name, self.store.seal)
                return
            if not self._accept_any and not self.store.there():
                # Before `acquire` makes an empty file.
                refuse_lost(self.store.name, self.store.seal)
            self.store.acquire()
            self.writer = self.store.connect(writing=True)
            with self.writer.begin():
                self.store.check(self.writer)
                self._migrate(self.writer)
                mark = self._sealed(self.writer)
                self.book.opened(self.writer, SystemClock().now())
                head = last(self.writer)
            self.book.anchor.replace(self.book.pen, head)
            self._seal.keep(mark)
            self._mark = mark
            self._accept_any = False  # Once: a journal swapped meanwhile is another question.
            self.reader = self.store.connect(writing=False)
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self.store.name) from error

    def _sealed(self, connection: Connection) -> Mark:
        """Check the journal against its seal; its mark with this opening."""
        found = writes.mark_of(connection)
        if not self._accept_any:
            check_seal(self.store.name, found, self._seal.last())
            return writes.count_opening(connection, found)
        with suppress(JournalError):  # What the operator accepts needs no seal that can be read.
            last = self._seal.last()
            # The journal that this one takes the place of is behind from now on.
            found = replace(found, count=max(found.count, last.count if last else 0))
        return writes.count_opening(connection, found)

    def _migrate(self, connection: Connection) -> None:
        if known_revision(connection, self.store.name) == HEAD:
            return
        # Alembic costs more than the rest of the start; it is needed on the first one only.
        from droidrack.adapters.journal_migration import upgrade  # noqa: PLC0415 - see above

        upgrade(connection)

    def _commit(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """One transaction. Any failure of the database is the end of writing until `open`."""
        connection = self._usable(self.writer)
        names = tuple(unit.name for unit in units)
        try:
            with connection.begin():
                before = self.store.changes(connection)
                outcomes = run_units(connection, units)
                mark = self._mark
                if self.store.changes(connection) != before:  # Else the commit costs no write.
                    mark = mark.next()
                    writes.count_commit(connection, mark)
                move_anchor = self.book.settled(connection)
                self._on_commit("before", names)
            move_anchor()
            if mark != self._mark:
                self._seal.move(mark)
                self._mark = mark
            self._on_commit("after", names)
        except (SQLAlchemyError, OSError) as error:
            raise self._failed(error) from error
        return outcomes

    def _look(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """One snapshot, taken after every commit its callers can know of."""
        connection = self.reader
        if connection is None:
            raise self._damage or _closed(self.store.name)
        try:
            with connection.begin():
                return look_with(connection, units)
        except (SQLAlchemyError, OSError) as error:
            raise self._failed(error) from error

    def _usable(self, connection: Connection | None) -> Connection:
        if self._damage is not None:
            raise JournalDamaged(
                f"{self._damage.message}; nothing more is written until it is opened again",
                hint=self._damage.hint,
            )
        if self._observe:
            raise JournalError(
                f"{self.store.name}: opened to look only",
                hint="nothing was written; this is a mistake in droidrack",
            )
        if connection is None:
            raise _closed(self.store.name)
        return connection

    def _failed(self, error: SQLAlchemyError | OSError) -> JournalError:
        failure = translated(error, self.store.name)
        if isinstance(failure, JournalDamaged):
            # After a failed fsync the kernel may count lost pages as written: never go on.
            self._damage = failure
        return failure


def _close(connection: Connection) -> None:
    """Close; what a broken disk has to say about it was said before."""
    try:
        connection.close()
    except SQLAlchemyError:
        connection.invalidate()


def _closed(name: str) -> JournalError:
    return JournalError(f"{name}: the journal is not open", hint="call open() first")


def _no_hook(phase: str, units: tuple[str, ...]) -> Any:
    """Nobody listens."""
