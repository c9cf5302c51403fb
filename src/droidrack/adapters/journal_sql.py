"""The journal over SQL: the port's calls, each handed to a lane as one unit of work.

Writes share commits in `journal_writer.GroupLane`; reads have a connection of their own, so that a
slow disk delays nobody who only looks. What a call means stands in `journal_rules`, its statements
in `journal_reads` and `journal_writes`, the database's own ways in `journal_store`.

This module brings SQLAlchemy (0.2 s): import it where a journal is really opened.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from droidrack.adapters import journal_reads as reads
from droidrack.adapters import journal_writes as writes
from droidrack.adapters.audit_anchor import Anchor
from droidrack.adapters.audit_sql import Book, SqlAudit, last
from droidrack.adapters.clock import SystemClock
from droidrack.adapters.inbox_sql import SqlInbox
from droidrack.adapters.journal_revision import known_revision, require_head
from droidrack.adapters.journal_schema import HEAD
from droidrack.adapters.journal_seal import Opening, last_opening
from droidrack.adapters.journal_seal import check as check_seal
from droidrack.adapters.journal_seal import keep as keep_seal
from droidrack.adapters.journal_store import Store, store_for, translated
from droidrack.adapters.journal_writer import (
    CommitHook,
    GroupLane,
    InlineLane,
    Lane,
    Outcome,
    Unit,
    Work,
    run_units,
)
from droidrack.adapters.optout_sql import SqlOptOuts
from droidrack.adapters.usage_sql import SqlUsage
from droidrack.core.attempt import Attempt, Evidence
from droidrack.core.audit import AuditEntry, Pen
from droidrack.core.errors import JournalDamaged, JournalError, RackError
from droidrack.core.ids import DeviceUuid, Iccid, MessageUid
from droidrack.core.message import Message, MessageState
from droidrack.core.report import StatusReport
from droidrack.ports import Accepted, Event, Life, OutboxRow, PhoneRecord, SimRecord, Tally

T = TypeVar("T")

PRUNE_BATCH = 200
"""Messages per transaction while pruning: 33 ms measured, so that no send waits long for it."""


class SqlJournal:
    """`ports.Journal` on SQLite (a path) or PostgreSQL (a URL).

    Args:
        location: file path, or a SQLAlchemy URL.
        inline: run everything at once on the calling thread. For simulation in virtual time, where
            a thread would be the one thing that does not replay.
        observe: only look, without the lock: beside a controller that writes. Nothing is created or
            migrated; every writing call raises JournalError.
        accept_any: take the journal as it is once, even where its seal says that a newer one was
            used here (see `journal_seal`). The operator's word only.
        on_commit: called around every commit with "before" or "after" and the names of its units;
            an OSError it raises counts as a failed write. For crash tests.
        pen: makes what writes the audit; called when the journal is opened to be written.
    """

    def __init__(
        self,
        location: str | Path,
        *,
        inline: bool = False,
        observe: bool = False,
        accept_any: bool = False,
        on_commit: CommitHook | None = None,
        pen: Callable[[], Pen] = Pen,
    ) -> None:
        self._store: Store = store_for(location)
        self._book = Book(pen, Anchor(self._store.anchor))
        self.audit = SqlAudit(lambda: self._writes, lambda: self._reads, self._book)
        self.usage = SqlUsage(self._write, self._read)
        self.optouts = SqlOptOuts(lambda: self._writes, lambda: self._reads)
        self.inbox = SqlInbox(self._write, self._read, self._book.append)
        self._seal = self._store.seal
        self._accept_any = accept_any
        self._inline = inline
        self._observe = observe
        self._on_commit = on_commit or _no_hook
        self._threads: list[ThreadPoolExecutor] = []
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        self._writes: Lane = InlineLane(self._commit)
        self._reads: Lane = InlineLane(self._look)
        self._damage: JournalDamaged | None = None

    async def open(self) -> None:
        """Take the lock, migrate, check; after JournalDamaged: try to come back."""
        if (self._writer or (self._observe and self._reader)) and self._damage is None:
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
        self._store.release()

    async def remember_phone(self, record: PhoneRecord) -> None:
        """See the port."""
        await self._writes.submit("phone", partial(writes.remember_phone, record=record))

    async def phones(self) -> tuple[PhoneRecord, ...]:
        """See the port."""
        return await self._reads.submit("phones", reads.all_phones)

    async def bind_sim(self, record: SimRecord) -> None:
        """See the port."""
        await self._writes.submit("sim", partial(writes.bind_sim, record=record))

    async def unbind_sim(self, device: DeviceUuid, sim_uid: str) -> None:
        """See the port."""
        work = partial(writes.unbind_sim, device=device, sim_uid=sim_uid)
        await self._writes.submit("sim", work)

    async def sims(self, device: DeviceUuid) -> tuple[SimRecord, ...]:
        """See the port."""
        return await self._reads.submit("sims", partial(reads.bound_sims, device=device))

    async def accept(self, device: DeviceUuid, messages: Sequence[Message]) -> tuple[Accepted, ...]:
        """See the port."""
        if not messages:
            return ()
        work = partial(writes.accept, device=device, offered=tuple(messages))
        return await self._writes.submit("accept", work)

    async def waiting(self, device: DeviceUuid, *, limit: int) -> tuple[Message, ...]:
        """See the port."""
        work = partial(reads.waiting, device=device, limit=limit)
        return await self._reads.submit("waiting", work)

    async def open_attempt(self, attempt: Attempt, audit: Sequence[AuditEntry] = ()) -> None:
        """See the port."""
        work = self._audited(audit, partial(writes.open_attempt, attempt=attempt))
        await self._writes.submit("attempt", work)

    async def open_attempts(self, device: DeviceUuid) -> tuple[tuple[Attempt, MessageState], ...]:
        """See the port."""
        work = partial(reads.open_attempts, device=device)
        return await self._reads.submit("open-attempts", work)

    async def claimed_rows(self, device: DeviceUuid, since: datetime) -> frozenset[int]:
        """See the port."""
        work = partial(reads.claimed_rows, device=device, since=since)
        return await self._reads.submit("claimed-rows", work)

    async def rowless_attempts(self, device: DeviceUuid, since: datetime) -> tuple[Attempt, ...]:
        """See the port."""
        work = partial(reads.rowless_attempts, device=device, since=since)
        return await self._reads.submit("rowless", work)

    async def settle(
        self,
        uid: MessageUid,
        state: MessageState,
        *,
        code: str,
        evidence: Sequence[Evidence],
        report: StatusReport | None,
        at: datetime,
        audit: Sequence[AuditEntry] = (),
    ) -> MessageState:
        """See the port."""
        work = partial(
            writes.settle,
            uid=uid,
            target=state,
            code=code,
            proofs=tuple(evidence),
            report=report,
            at=at,
        )
        return await self._writes.submit("settle", self._audited(audit, work))

    async def message(self, uid: MessageUid) -> Message | None:
        """See the port."""
        return await self._reads.submit("message", partial(reads.one_message, uid=uid))

    async def life(self, uid: MessageUid) -> Life | None:
        """See the port."""
        return await self._reads.submit("life", partial(reads.one_life, uid=uid))

    async def messages(
        self,
        *,
        device: DeviceUuid | None = None,
        states: Iterable[MessageState] = (),
        limit: int = 100,
    ) -> tuple[Life, ...]:
        """See the port."""
        work = partial(reads.lives, device=device, states=tuple(states), limit=limit)
        return await self._reads.submit("messages", work)

    async def outbox(self, device: DeviceUuid, *, limit: int) -> tuple[OutboxRow, ...]:
        """See the port."""
        work = partial(reads.waiting_reports, device=device, limit=limit)
        return await self._reads.submit("outbox", work)

    async def reported(self, ids: Sequence[int], at: datetime) -> None:
        """See the port."""
        await self._writes.submit("reported", partial(writes.reported, ids=tuple(ids), at=at))

    async def park(self, id: int, reason: str, at: datetime) -> None:
        """See the port."""
        await self._writes.submit("park", partial(writes.park, id_=id, reason=reason, at=at))

    async def messages_sent_since(self, iccid: Iccid, since: datetime) -> int:
        """See the port."""
        work = partial(reads.messages_sent_since, iccid=iccid, since=since)
        return await self._reads.submit("sent", work)

    async def record(self, event: Event) -> None:
        """See the port."""
        await self._writes.submit("event", partial(writes.record, event=event))

    async def events(
        self,
        *,
        limit: int,
        phones: Collection[str] = (),
        since: datetime | None = None,
        after: int = 0,
    ) -> tuple[Event, ...]:
        """See the port."""
        ask = partial(reads.latest_events, limit=limit, names=phones, since=since, after=after)
        return await self._reads.submit("events", ask)

    async def tallies(self) -> Mapping[DeviceUuid, Tally]:
        """See the port."""
        return await self._reads.submit("tallies", reads.all_tallies)

    async def prune(self, before: datetime) -> int:
        """See the port. One transaction per `PRUNE_BATCH`, space given back in between."""
        pruned = 0
        find = partial(reads.old_messages, before=before, limit=PRUNE_BATCH)
        while old := await self._reads.submit("old-messages", find):
            gone = await self._writes.submit("prune", partial(writes.prune_messages, old=old))
            await self._writes.submit("reclaim", self._store.reclaim)
            pruned += gone
            if gone == 0:  # All of them owe a report again: they are for the next time.
                break
        find_reports = partial(reads.old_reports, before=before, limit=PRUNE_BATCH)
        while ids := await self._reads.submit("old-reports", find_reports):
            await self._writes.submit("prune", partial(writes.prune_reports, ids=ids))
        await self.inbox.prune(before)
        drop_events = partial(writes.prune_events, before=before, limit=PRUNE_BATCH)
        while await self._writes.submit("prune", drop_events):
            await self._writes.submit("reclaim", self._store.reclaim)
        return pruned

    def _audited(self, entries: Sequence[AuditEntry], work: Work[T]) -> Work[T]:
        """The work with its audit lines: whole or absent together."""

        def both(connection: Connection) -> T:
            value = work(connection)
            self._book.append(connection, entries)
            return value

        return both if entries else work

    def _write(self, name: str, work: Work[T]) -> Awaitable[T]:
        """By the lane of the moment: an opening makes new ones."""
        return self._writes.submit(name, work)

    def _read(self, name: str, work: Work[T]) -> Awaitable[T]:
        return self._reads.submit(name, work)

    def _start_lanes(self) -> None:
        if self._inline:
            return
        self._threads = [
            ThreadPoolExecutor(1, thread_name_prefix=f"journal-{role}")
            for role in ("write", "read")
        ]
        self._writes = GroupLane(self._commit, self._threads[0])
        self._reads = GroupLane(self._look, self._threads[1])

    async def _drop(self) -> None:
        """Let go of the connections, keep the lock."""
        await self._writes.finish()
        await self._reads.finish()
        for thread in self._threads:
            thread.shutdown()
        self._threads = []
        self._writes, self._reads = InlineLane(self._commit), InlineLane(self._look)
        for connection in (self._reader, self._writer):
            if connection is not None:
                _close(connection)
        self._reader = self._writer = None

    def holder(self) -> str:
        """Who writes this journal now; "" where nobody does. The journal need not be open."""
        try:
            return self._store.holder()
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self._store.name) from error

    def _open(self) -> None:
        try:
            if self._observe:
                self._reader = self._store.watch()
                with self._reader.begin():
                    require_head(self._reader, self._store.name)
                return
            self._store.acquire()
            self._writer = self._store.connect(writing=True)
            with self._writer.begin():
                self._store.check(self._writer)
                self._migrate(self._writer)
                opening = writes.count_opening(self._writer)
                if self._seal is not None and not self._accept_any:
                    check_seal(self._store.name, opening, last_opening(self._seal))
                self._book.opened(self._writer, SystemClock().now())
                head = last(self._writer)
            self._book.anchor.replace(self._book.pen, head)
            if self._seal is not None:
                keep_seal(self._seal, Opening(opening.journal, opening.count + 1))
            self._accept_any = False  # Once: a journal swapped meanwhile is another question.
            self._reader = self._store.connect(writing=False)
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self._store.name) from error

    def _migrate(self, connection: Connection) -> None:
        if known_revision(connection, self._store.name) == HEAD:
            return
        # Alembic costs more than the rest of the start; it is needed on the first one only.
        from droidrack.adapters.journal_migration import upgrade  # noqa: PLC0415 - see above

        upgrade(connection)

    def _commit(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """One transaction. Any failure of the database is the end of writing until `open`."""
        connection = self._usable(self._writer)
        names = tuple(unit.name for unit in units)
        try:
            with connection.begin():
                outcomes = run_units(connection, units)
                head = self._book.settled(connection)
                self._on_commit("before", names)
            if head is not None:
                self._book.anchor.keep(self._book.pen, head)
            self._on_commit("after", names)
        except (SQLAlchemyError, OSError) as error:
            raise self._failed(error) from error
        return outcomes

    def _look(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """One snapshot, taken after every commit its callers can know of."""
        connection = self._reader
        if connection is None:
            raise self._damage or _closed(self._store.name)
        try:
            with connection.begin():
                return run_units(connection, units)
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
                f"{self._store.name}: opened to look only",
                hint="nothing was written; this is a mistake in droidrack",
            )
        if connection is None:
            raise _closed(self._store.name)
        return connection

    def _failed(self, error: SQLAlchemyError | OSError) -> JournalError:
        failure = translated(error, self._store.name)
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
