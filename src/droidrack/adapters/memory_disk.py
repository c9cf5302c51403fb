"""What a memory journal leaves behind when its controller dies, and what may be done to it.

The counterpart of the SQL journal's tables and statements: `journal_memory` has the calls.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from droidrack.adapters import journal_rules as rules
from droidrack.adapters.audit_memory import AuditPages
from droidrack.adapters.inbox_memory import InboxShelf
from droidrack.adapters.optout_memory import Listed
from droidrack.adapters.usage_memory import Holds
from droidrack.core.attempt import Attempt, Evidence
from droidrack.core.ids import DeviceUuid, MessageUid
from droidrack.core.message import OPEN, SETTLED, Message, MessageState
from droidrack.core.report import StatusReport
from droidrack.ports import Event, Life, PhoneRecord, SimRecord, StateChange, Tally

PRUNABLE = SETTLED | {MessageState.UNKNOWN}


@dataclass(slots=True)
class Record:
    """A message and its history."""

    order: int
    message: Message
    device: DeviceUuid
    changes: list[StateChange]
    attempts: list[Attempt] = field(default_factory=list)
    evidence: list[tuple[int, Evidence]] = field(default_factory=list)
    void: set[int] = field(default_factory=set)  # Numbers of attempts that never reached a radio.
    sent_at: datetime | None = None

    @property
    def state(self) -> MessageState:
        """As it stands now."""
        return self.changes[-1].state


@dataclass(slots=True)
class Report:
    """A line of the outbox."""

    id: int
    device: DeviceUuid
    report: StatusReport
    acknowledged_at: datetime | None = None
    parked_at: datetime | None = None
    parked: str = ""

    @property
    def waits(self) -> bool:
        """Whether the panel still has to hear it."""
        return self.acknowledged_at is None and self.parked_at is None


class MemoryDisk:
    """What a controller leaves behind when it dies."""

    def __init__(self) -> None:
        self.holder: object | None = None  # Whoever has the lock.
        self.phones: dict[DeviceUuid, PhoneRecord] = {}
        self.sims: dict[tuple[DeviceUuid, str], SimRecord] = {}
        self.records: dict[MessageUid, Record] = {}
        self.reports: dict[int, Report] = {}
        self.pruned: dict[MessageUid, StatusReport | None] = {}
        self.events: list[Event] = []
        self.tried: list[tuple[MessageUid, int]] = []  # Attempts, in the order of writing.
        self.holds: Holds = {}
        self.inbox = InboxShelf()
        self.optouts: Listed = {}
        self.audit = AuditPages()
        self.orders = count(1)
        self.event_ids = count(1)

    def crash(self) -> None:
        """The controller's process ends: its lock goes, what it committed stays."""
        self.holder = None

    def log(self, event: Event) -> None:
        """Append an event."""
        self.events.append(replace(event, id=next(self.event_ids)))

    def last_report(self, uid: MessageUid) -> Report | None:
        """The newest report of a message, whatever became of it."""
        return next((row for row in reversed(self.reports.values()) if row.report.uid == uid), None)

    def queue(self, device: DeviceUuid, report: StatusReport) -> None:
        """Append a report."""
        row = Report(next(self.orders), device, report)
        self.reports[row.id] = row

    def admit(self, device: DeviceUuid, message: Message) -> str:
        """Store a message unless it is known; its fate."""
        if message.uid in self.pruned:
            return rules.KNOWN
        if record := self.records.get(message.uid):
            return rules.fate(record.message, message)
        arrival = StateChange(message.received_at, MessageState.ACCEPTED, "")
        self.records[message.uid] = Record(next(self.orders), message, device, [arrival])
        return rules.NEW

    def repeat_report(self, device: DeviceUuid, uid: MessageUid) -> None:
        """The panel offered a known message again: queue what it was told, if it was told."""
        if last := self.last_report(uid):
            heard, closed = last.acknowledged_at is not None, last.parked_at is not None
            report = rules.repeat(last.report, acknowledged=heard, parked=closed)
        else:
            report = self.pruned.get(uid)
        if report:
            self.queue(device, report)

    def record_of(self, uid: MessageUid) -> Record:
        """A message; ValueError where there is none: that is our bug."""
        if uid not in self.records:
            raise ValueError(f"message {uid} is not in the journal")
        return self.records[uid]

    def tally(self, device: DeviceUuid) -> Tally:
        """The work of one phone."""
        mine = [record for record in self.records.values() if record.device == device]
        arrived = [r.message.received_at for r in mine if r.state is MessageState.ACCEPTED]
        owed = [
            row.report.at for row in self.reports.values() if row.waits and row.device == device
        ]
        return Tally(
            waiting=len(arrived),
            open=sum(record.state in OPEN for record in mine),
            unknown=sum(record.state is MessageState.UNKNOWN for record in mine),
            unreported=len(owed),
            waiting_since=min(arrived, default=None),
            unreported_since=min(owed, default=None),
        )

    def is_old(self, record: Record, before: datetime) -> bool:
        """Whether a message may be forgotten: nothing happened since, nobody is owed anything."""
        uid = record.message.uid
        owed = any(row.waits for row in self.reports.values() if row.report.uid == uid)
        moments = (record.message.received_at, record.changes[-1].at)
        return record.state in PRUNABLE and max(moments) < before and not owed

    def is_stray(self, row: Report, before: datetime) -> bool:
        """A closed report of a message that was pruned: the panel asked for it once more."""
        closed = [at for at in (row.acknowledged_at, row.parked_at) if at is not None]
        return row.report.uid not in self.records and any(at < before for at in closed)

    def life(self, record: Record) -> Life:
        """All that is known of a message."""
        uid = record.message.uid
        return Life(
            message=record.message,
            device=record.device,
            state=record.state,
            code=record.changes[-1].code,
            changes=tuple(record.changes),
            attempts=tuple(record.attempts),
            evidence=tuple(record.evidence),
            reports=tuple(
                (row.report, row.acknowledged_at, row.parked)
                for row in self.reports.values()
                if row.report.uid == uid
            ),
        )
