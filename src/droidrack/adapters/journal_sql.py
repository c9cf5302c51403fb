"""The journal over SQL: the port's calls, each handed to a lane as one unit of work.

Writes share commits in `journal_writer.GroupLane`; reads have a connection of their own, so that a
slow disk delays nobody who only looks. What a call means stands in `journal_rules`, its statements
in `journal_reads` and `journal_writes`, the database's own ways in `journal_store`; `journal_lanes`
opens the connections.

This module brings SQLAlchemy (0.2 s): import it where a journal is really opened.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from droidrack.adapters import journal_reads as reads
from droidrack.adapters import journal_writes as writes
from droidrack.adapters.audit_sql import SqlAudit
from droidrack.adapters.inbox_sql import SqlInbox
from droidrack.adapters.journal_lanes import JournalLanes
from droidrack.adapters.journal_writer import CommitHook, Work
from droidrack.adapters.optout_sql import SqlOptOuts
from droidrack.adapters.usage_sql import SqlUsage
from droidrack.core.attempt import Attempt, Evidence, Flight
from droidrack.core.audit import AuditEntry, Pen
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
        self._lanes = JournalLanes(
            location,
            inline=inline,
            observe=observe,
            accept_any=accept_any,
            on_commit=on_commit,
            pen=pen,
        )
        self._book = self._lanes.book
        self.audit = SqlAudit(lambda: self._lanes.writes, lambda: self._lanes.reads, self._book)
        self.usage = SqlUsage(self._write, self._read)
        self.optouts = SqlOptOuts(lambda: self._lanes.writes, lambda: self._lanes.reads)
        self.inbox = SqlInbox(self._write, self._read, self._book.append)

    async def open(self) -> None:
        """Take the lock, migrate, check; after JournalDamaged: try to come back."""
        await self._lanes.open()

    async def close(self) -> None:
        """Finish what is queued, then release everything."""
        await self._lanes.close()

    def holder(self) -> str:
        """Who writes this journal now; "" where nobody does. The journal need not be open."""
        return self._lanes.holder()

    async def remember_phone(self, record: PhoneRecord) -> None:
        """See the port."""
        await self._write("phone", partial(writes.remember_phone, record=record))

    async def phones(self, *, name: str = "") -> tuple[PhoneRecord, ...]:
        """See the port."""
        return await self._read("phones", partial(reads.phones_named, name=name))

    async def phone(self, device: DeviceUuid) -> PhoneRecord | None:
        """See the port."""
        return await self._read("phone", partial(reads.one_phone, device=device))

    async def bind_sim(self, record: SimRecord) -> None:
        """See the port."""
        await self._write("sim", partial(writes.bind_sim, record=record))

    async def unbind_sim(self, device: DeviceUuid, sim_uid: str) -> None:
        """See the port."""
        work = partial(writes.unbind_sim, device=device, sim_uid=sim_uid)
        await self._write("sim", work)

    async def sims(self, device: DeviceUuid) -> tuple[SimRecord, ...]:
        """See the port."""
        return await self._read("sims", partial(reads.bound_sims, device=device))

    async def accept(self, device: DeviceUuid, messages: Sequence[Message]) -> tuple[Accepted, ...]:
        """See the port."""
        if not messages:
            return ()
        work = partial(writes.accept, device=device, offered=tuple(messages))
        return await self._write("accept", work)

    async def backlog(self, device: DeviceUuid) -> int:
        """See the port."""
        return await self._read("backlog", partial(reads.backlog, device=device))

    async def waiting(self, device: DeviceUuid, *, limit: int) -> tuple[Message, ...]:
        """See the port."""
        work = partial(reads.waiting, device=device, limit=limit)
        return await self._read("waiting", work)

    async def open_attempt(self, attempt: Attempt, audit: Sequence[AuditEntry] = ()) -> None:
        """See the port."""
        work = self._audited(audit, partial(writes.open_attempt, attempt=attempt))
        await self._write("attempt", work)

    async def open_attempts(self, device: DeviceUuid) -> tuple[tuple[Flight, MessageState], ...]:
        """See the port."""
        work = partial(reads.open_attempts, device=device)
        return await self._read("open-attempts", work)

    async def claimed_rows(self, device: DeviceUuid, since: datetime) -> frozenset[int]:
        """See the port."""
        work = partial(reads.claimed_rows, device=device, since=since)
        return await self._read("claimed-rows", work)

    async def rowless_attempts(self, device: DeviceUuid, since: datetime) -> tuple[Flight, ...]:
        """See the port."""
        work = partial(reads.rowless_attempts, device=device, since=since)
        return await self._read("rowless", work)

    async def last_watermark(self, device: DeviceUuid) -> int | None:
        """See the port."""
        return await self._read("last-watermark", partial(reads.last_watermark, device=device))

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
        return await self._write("settle", self._audited(audit, work))

    async def tries(self, uid: MessageUid) -> int:
        """See the port."""
        return await self._read("tries", partial(reads.tries_of, uid=uid))

    async def life(self, uid: MessageUid) -> Life | None:
        """See the port."""
        return await self._read("life", partial(reads.one_life, uid=uid))

    async def messages(
        self,
        *,
        device: DeviceUuid | None = None,
        states: Iterable[MessageState] = (),
        limit: int = 100,
    ) -> tuple[Life, ...]:
        """See the port."""
        work = partial(reads.lives, device=device, states=tuple(states), limit=limit)
        return await self._read("messages", work)

    async def outbox(self, device: DeviceUuid, *, limit: int) -> tuple[OutboxRow, ...]:
        """See the port."""
        work = partial(reads.waiting_reports, device=device, limit=limit)
        return await self._read("outbox", work)

    async def reported(self, ids: Sequence[int], at: datetime) -> None:
        """See the port."""
        await self._write("reported", partial(writes.reported, ids=tuple(ids), at=at))

    async def park(self, id: int, reason: str, at: datetime) -> None:
        """See the port."""
        await self._write("park", partial(writes.park, id_=id, reason=reason, at=at))

    async def messages_sent_since(self, iccid: Iccid, since: datetime) -> int:
        """See the port."""
        work = partial(reads.messages_sent_since, iccid=iccid, since=since)
        return await self._read("sent", work)

    async def record(self, event: Event) -> None:
        """See the port."""
        await self._write("event", partial(writes.record, event=event))

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
        return await self._read("events", ask)

    async def tallies(self) -> Mapping[DeviceUuid, Tally]:
        """See the port."""
        return await self._read("tallies", reads.all_tallies)

    async def prune(self, before: datetime) -> int:
        """See the port. One transaction per `PRUNE_BATCH`, space given back in between."""
        pruned = 0
        find = partial(reads.old_messages, before=before, limit=PRUNE_BATCH)
        while old := await self._read("old-messages", find):
            gone = await self._write("prune", partial(writes.prune_messages, old=old))
            await self._write("reclaim", self._lanes.store.reclaim)
            pruned += gone
            if gone == 0:  # All of them owe a report again: they are for the next time.
                break
        find_reports = partial(reads.old_reports, before=before, limit=PRUNE_BATCH)
        while ids := await self._read("old-reports", find_reports):
            await self._write("prune", partial(writes.prune_reports, ids=ids))
        await self.inbox.prune(before)
        drop_events = partial(writes.prune_events, before=before, limit=PRUNE_BATCH)
        while await self._write("prune", drop_events):
            await self._write("reclaim", self._lanes.store.reclaim)
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
        return self._lanes.writes.submit(name, work)

    def _read(self, name: str, work: Work[T]) -> Awaitable[T]:
        return self._lanes.reads.submit(name, work)
