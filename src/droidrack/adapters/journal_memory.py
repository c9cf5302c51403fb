"""The small honest journal: dictionaries that obey the same contract as the SQL ones.

What survives a crash is a `MemoryDisk`; a `MemoryJournal` is one controller's hold on it. For
tests, simulation and `demo`: nothing outlives the process.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from droidrack.adapters import journal_rules as rules
from droidrack.adapters.audit_memory import AuditPages, MemoryAudit
from droidrack.adapters.inbox_memory import MemoryInbox
from droidrack.adapters.memory_disk import MemoryDisk, Record
from droidrack.adapters.optout_memory import Listed, MemoryOptOuts
from droidrack.adapters.usage_memory import Holds, MemoryUsage
from droidrack.core.attempt import Attempt, Evidence, Flight
from droidrack.core.audit import AuditEntry, Pen
from droidrack.core.errors import JournalBusy, JournalDamaged, JournalError
from droidrack.core.ids import DeviceUuid, Iccid, MessageUid, Msisdn
from droidrack.core.message import OPEN, Message, MessageState
from droidrack.core.report import StatusReport
from droidrack.ports import (
    Accepted,
    Event,
    Life,
    OutboxRow,
    PhoneRecord,
    SimRecord,
    StateChange,
    Tally,
)

__all__ = ["MemoryDisk", "MemoryJournal"]

WANT_VERDICT = OPEN | {MessageState.UNKNOWN}


class MemoryJournal:
    """`ports.Journal` over a `MemoryDisk`.

    `on_commit` is called around every change, as in `SqlJournal`: what it raises "before" keeps
    the change out, what it raises "after" comes too late, and an OSError is a failed write.
    """

    def __init__(
        self,
        disk: MemoryDisk | None = None,
        *,
        on_commit: Callable[[str, tuple[str, ...]], None] | None = None,
        pen: Callable[[], Pen] = Pen,
    ) -> None:
        self._disk = MemoryDisk() if disk is None else disk
        self._on_commit = on_commit
        self._damaged = False
        self._pen = pen()
        self.usage = MemoryUsage(self._sends, lambda: self._held().holds, self._writing_holds)
        self.inbox = MemoryInbox(
            lambda: self._held().inbox,
            lambda: self._held().optouts,
            lambda entries: self._held().audit.append(self._pen, entries),
            self._writing,
        )
        self.optouts = MemoryOptOuts(lambda: self._held().optouts, self._writing_optouts)
        self.audit = MemoryAudit(self._pen, self._audit_to_read, self._writing_audit)

    async def open(self) -> None:
        """Take the disk."""
        if self._disk.holder not in (None, self):
            raise JournalBusy(
                "memory: the journal is held by another controller", hint="close that one first"
            )
        self._disk.holder = self
        self._damaged = False
        self._disk.audit.opened(self._pen)

    async def close(self) -> None:
        """Leave the disk to others."""
        if self._disk.holder is self:
            self._disk.holder = None

    async def remember_phone(self, record: PhoneRecord) -> None:
        """See the port."""
        with self._writing("phone") as disk:
            disk.phones[record.device] = record

    async def phones(self, *, name: str = "") -> tuple[PhoneRecord, ...]:
        """See the port."""
        fitting = [p for p in self._held().phones.values() if name in ("", p.name)]
        return tuple(sorted(fitting, key=lambda p: (p.name, p.device)))

    async def phone(self, device: DeviceUuid) -> PhoneRecord | None:
        """See the port."""
        return self._held().phones.get(device)

    async def bind_sim(self, record: SimRecord) -> None:
        """See the port."""
        with self._writing("sim") as disk:
            disk.sims[record.device, record.sim_uid] = record

    async def unbind_sim(self, device: DeviceUuid, sim_uid: str) -> None:
        """See the port."""
        with self._writing("sim") as disk:
            disk.sims.pop((device, sim_uid), None)

    async def sims(self, device: DeviceUuid) -> tuple[SimRecord, ...]:
        """See the port."""
        found = [sim for sim in self._held().sims.values() if sim.device == device]
        return tuple(sorted(found, key=lambda sim: (sim.slot, sim.sim_uid)))

    async def accept(self, device: DeviceUuid, messages: Sequence[Message]) -> tuple[Accepted, ...]:
        """See the port."""
        if not messages:
            return ()
        with self._writing("accept") as disk:
            known = {m.uid for m in messages if m.uid in disk.records or m.uid in disk.pruned}
            fates = tuple(Accepted(m.uid, disk.admit(device, m)) for m in messages)
            for uid in dict.fromkeys(m.uid for m in messages if m.uid in known):
                disk.repeat_report(device, uid)
        return fates

    async def backlog(self, device: DeviceUuid) -> int:
        """See the port."""
        return len(self._queued(device))

    async def waiting(self, device: DeviceUuid, *, limit: int) -> tuple[Message, ...]:
        """See the port."""
        found = self._queued(device)
        found.sort(key=lambda record: (record.message.priority, record.order))
        seen: Counter[str] = Counter()
        first = []
        for record in found:
            seen[record.message.sim_uid] += 1
            if seen[record.message.sim_uid] <= limit:
                first.append(record.message)
        return tuple(first)

    def _queued(self, device: DeviceUuid) -> list[Record]:
        return [
            record
            for record in self._held().records.values()
            if record.device == device and record.state is MessageState.ACCEPTED
        ]

    async def open_attempt(self, attempt: Attempt, audit: Sequence[AuditEntry] = ()) -> None:
        """See the port."""
        record = self._held().record_of(attempt.uid)
        rules.check_attempt(attempt, record.device, record.state, len(record.attempts))
        with self._writing("attempt") as disk:
            disk.audit.append(self._pen, audit)
            record.attempts.append(attempt)
            disk.tried.append((attempt.uid, attempt.number))
            record.changes.append(StateChange(attempt.opened_at, MessageState.SENDING, ""))

    async def open_attempts(self, device: DeviceUuid) -> tuple[tuple[Flight, MessageState], ...]:
        """See the port."""
        found = [
            (Flight(record.attempts[-1], record.message.number), record.state)
            for record in self._held().records.values()
            if record.device == device and record.state in WANT_VERDICT
        ]
        return tuple(sorted(found, key=lambda pair: pair[0].attempt.opened_at))

    async def claimed_rows(self, device: DeviceUuid, since: datetime) -> frozenset[int]:
        """See the port."""
        return frozenset(
            proof.row_id
            for record, attempt in self._opened_since(device, since)
            if record.state in (MessageState.SENT, MessageState.FAILED)
            for number, proof in record.evidence
            if number == attempt.number and proof.row_id is not None
        )

    async def rowless_attempts(self, device: DeviceUuid, since: datetime) -> tuple[Flight, ...]:
        """See the port."""
        found = [
            Flight(attempt, record.message.number)
            for record, attempt in self._opened_since(device, since)
            if record.state is MessageState.SENT
            and attempt is record.attempts[-1]
            and attempt.number not in record.void
            and not any(
                number == attempt.number and proof.row_id is not None
                for number, proof in record.evidence
            )
        ]
        return tuple(sorted(found, key=lambda flight: flight.attempt.opened_at))

    async def last_watermark(self, device: DeviceUuid) -> int | None:
        """See the port."""
        disk = self._held()
        for uid, number in reversed(disk.tried):
            attempt = disk.records[uid].attempts[number - 1] if uid in disk.records else None
            if attempt and attempt.device == device and attempt.watermark is not None:
                return attempt.watermark
        return None

    def _opened_since(
        self, device: DeviceUuid, since: datetime
    ) -> Iterator[tuple[Record, Attempt]]:
        for record in self._held().records.values():
            for attempt in record.attempts:
                if attempt.device == device and attempt.opened_at >= since:
                    yield record, attempt

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
        disk = self._held()
        record = disk.record_of(uid)
        last = disk.last_report(uid)
        decided = rules.settlement(
            record.state, state, evidence, report, last.report if last else None
        )
        with self._writing("settle"):
            disk.audit.append(self._pen, audit)
            record.evidence += [(len(record.attempts), proof) for proof in evidence]
            if decided.moved:
                record.changes.append(StateChange(at, state, code))
            if decided.void:
                record.void.add(len(record.attempts))
            if decided.moved and state is MessageState.SENT:
                record.sent_at = at
            if decided.finding:
                text = f"{uid}: {decided.finding}"
                disk.log(Event(at, record.device, rules.FINDING, text))
            if decided.report:
                if last and last.waits:
                    last.parked_at, last.parked = at, rules.SUPERSEDED
                disk.queue(record.device, decided.report)
        return decided.state

    async def tries(self, uid: MessageUid) -> int:
        """See the port."""
        record = self._held().records.get(uid)
        return len(record.attempts) if record else 0

    async def life(self, uid: MessageUid) -> Life | None:
        """See the port."""
        disk = self._held()
        record = disk.records.get(uid)
        return disk.life(record) if record else None

    async def messages(
        self,
        *,
        device: DeviceUuid | None = None,
        states: Iterable[MessageState] = (),
        limit: int = 100,
    ) -> tuple[Life, ...]:
        """See the port."""
        disk, wanted = self._held(), frozenset(states) or frozenset(MessageState)
        found = [
            record
            for record in reversed(disk.records.values())
            if device in (None, record.device) and record.state in wanted
        ]
        return tuple(disk.life(record) for record in found[:limit])

    async def outbox(self, device: DeviceUuid, *, limit: int) -> tuple[OutboxRow, ...]:
        """See the port."""
        rows = (row for row in self._held().reports.values() if row.device == device and row.waits)
        return tuple(OutboxRow(row.id, row.report) for row in rows)[:limit]

    async def reported(self, ids: Sequence[int], at: datetime) -> None:
        """See the port."""
        with self._writing("reported") as disk:
            for id_ in ids:
                row = disk.reports.get(id_)
                if row and row.acknowledged_at is None:
                    row.acknowledged_at = at

    async def park(self, id: int, reason: str, at: datetime) -> None:
        """See the port."""
        with self._writing("park") as disk:
            row = disk.reports.get(id)
            if row and row.waits:
                row.parked_at, row.parked = at, reason

    async def messages_sent_since(self, iccid: Iccid, since: datetime) -> int:
        """See the port."""
        return sum(
            1
            for record in self._held().records.values()
            if record.sent_at is not None
            and record.sent_at >= since
            and record.attempts[-1].iccid == iccid
        )

    async def record(self, event: Event) -> None:
        """See the port."""
        with self._writing("event") as disk:
            disk.log(event)

    async def events(
        self,
        *,
        limit: int,
        phones: Collection[str] = (),
        since: datetime | None = None,
        after: int = 0,
    ) -> tuple[Event, ...]:
        """See the port."""
        disk = self._held()
        named = {record.device for record in disk.phones.values() if record.name in phones}
        found = [
            event
            for event in reversed(disk.events)
            if event.id > after
            and (not phones or event.phone in phones or event.device in named)
            and (since is None or event.at >= since)
        ]
        return tuple(found[:limit])

    async def tallies(self) -> Mapping[DeviceUuid, Tally]:
        """See the port."""
        disk = self._held()
        devices = {record.device for record in disk.records.values()}
        devices |= {row.device for row in disk.reports.values() if row.waits}
        tallies = {device: disk.tally(device) for device in devices}
        return {device: tally for device, tally in tallies.items() if tally != Tally()}

    async def prune(self, before: datetime) -> int:
        """See the port."""
        await self.inbox.prune(before)
        with self._writing("prune") as disk:
            gone = [uid for uid, record in disk.records.items() if disk.is_old(record, before)]
            for uid in gone:
                last = disk.last_report(uid)
                heard = last is not None and last.acknowledged_at is not None
                disk.pruned[uid] = last.report if last and heard else None
                del disk.records[uid]
            disk.reports = {
                row.id: row
                for row in disk.reports.values()
                if not (row.report.uid in gone or disk.is_stray(row, before))
            }
            disk.events = [event for event in disk.events if event.at >= before]
        return len(gone)

    def _sends(self) -> Iterator[tuple[Attempt, Msisdn]]:
        disk = self._held()
        for uid, number in reversed(disk.tried):
            record = disk.records.get(uid)
            if record is not None and number not in record.void:
                yield record.attempts[number - 1], record.message.number

    @contextmanager
    def _writing_holds(self, unit: str) -> Iterator[Holds]:
        with self._writing(unit) as disk:
            yield disk.holds

    @contextmanager
    def _writing_optouts(self, unit: str) -> Iterator[Listed]:
        with self._writing(unit) as disk:
            yield disk.optouts

    def _audit_to_read(self) -> AuditPages:
        return self._held().audit

    @contextmanager
    def _writing_audit(self, unit: str) -> Iterator[AuditPages]:
        with self._writing(unit) as disk:
            yield disk.audit

    def _held(self) -> MemoryDisk:
        if self._disk.holder is not self:
            raise JournalError("memory: the journal is not open", hint="call open() first")
        return self._disk

    @contextmanager
    def _writing(self, unit: str) -> Iterator[MemoryDisk]:
        """Around a change that cannot fail: everything that may be refused is checked before."""
        disk = self._held()
        if self._damaged:
            raise JournalDamaged(
                "memory: an earlier write failed; nothing more is written", hint="open it again"
            )
        self._tell("before", unit)
        yield disk
        self._tell("after", unit)

    def _tell(self, phase: str, unit: str) -> None:
        if self._on_commit is None:
            return
        try:
            self._on_commit(phase, (unit,))
        except OSError as error:
            self._damaged = True
            raise JournalDamaged(
                f"memory: the journal cannot be written ({error.strerror})", hint="open it again"
            ) from error
