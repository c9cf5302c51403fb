"""The journal: what is known of every message, on disk."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from droidrack.core.attempt import Attempt, Evidence, Flight
from droidrack.core.audit import AuditEntry
from droidrack.core.ids import DeviceUuid, Iccid, MessageUid, Slot
from droidrack.core.message import Message, MessageState
from droidrack.core.report import StatusReport
from droidrack.ports.audit import Audit
from droidrack.ports.inbox import Inbox
from droidrack.ports.optouts import OptOuts
from droidrack.ports.usage import Usage


@dataclass(frozen=True, slots=True)
class Accepted:
    """What `accept` did with one message."""

    uid: MessageUid
    fate: str  # "new", "known", "conflict" (known uid with another number, text or SIM)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A report that the panel has not acknowledged."""

    id: int
    report: StatusReport


@dataclass(frozen=True, slots=True)
class PhoneRecord:
    """A phone that was paired once."""

    device: DeviceUuid
    name: str
    serial: str  # ro.serialno
    gateway_uid: str
    fingerprint: str
    seen_at: datetime
    usb: str = ""  # the socket it was in; "": not known
    mark: str = ""  # `core.identity.mark_of` its ANDROID_ID


@dataclass(frozen=True, slots=True)
class SimRecord:
    """Which SIM the panel means by one of its rows: the card that was in the slot when bound."""

    device: DeviceUuid
    sim_uid: str
    slot: Slot
    iccid: Iccid | None  # None: this phone does not tell the shell its ICCIDs
    label: str
    bound_at: datetime


@dataclass(frozen=True, slots=True)
class StateChange:
    """One line of a message's life."""

    at: datetime
    state: MessageState
    code: str


@dataclass(frozen=True, slots=True)
class Life:
    """Everything the journal holds about one message."""

    message: Message
    device: DeviceUuid
    state: MessageState
    code: str
    changes: tuple[StateChange, ...]
    attempts: tuple[Attempt, ...]
    evidence: tuple[tuple[int, Evidence], ...]  # (attempt number, evidence)
    reports: tuple[tuple[StatusReport, datetime | None, str], ...]  # (report, acknowledged, parked)


@dataclass(frozen=True, slots=True)
class Event:
    """Something the operator should be able to look up later. Holds no secret."""

    at: datetime
    device: DeviceUuid | None
    kind: str
    text: str
    phone: str = ""  # The operator's name for it; "": it concerns the rack.
    id: int = field(default=0, compare=False)  # The journal's, growing; 0: not recorded yet.


@dataclass(frozen=True, slots=True)
class Tally:
    """How much of one phone's work stands where."""

    waiting: int = 0  # ACCEPTED: to be sent.
    open: int = 0  # SENDING and SUBMITTED: to be judged.
    unknown: int = 0
    unreported: int = 0  # Outcomes that the panel has not acknowledged.
    waiting_since: datetime | None = None  # Arrival of the oldest one that is to be sent.
    unreported_since: datetime | None = None


class Journal(Protocol):
    """The durable memory.

    1. Every writing call MUST be on disk, whole, when it returns, and MUST NOT be there at all if
       it raised before its commit. A call cut by cancellation is whole or absent.
    2. `open` MUST raise JournalBusy while another controller has the journal; the lock MUST die
       with its process.
    3. Any failure to write MUST raise JournalDamaged (JournalBusy for a lock), never pass silently.
       After JournalDamaged the journal MUST refuse further writes until `open` succeeds again.
    4. `accept` MUST keep the first version of a uid for good; for a known uid whose outcome was
       already reported it MUST queue that report again (once, however often it is offered).
    5. `open_attempt` MUST move ACCEPTED → SENDING in the same transaction that stores the attempt,
       and MUST raise ValueError for a message in any other state: that is our bug. It is the only
       way to SENDING; `settle` MUST raise ValueError for it.
    6. `settle` MUST write evidence, state, history and report in one transaction; MUST follow
       `core.message.TRANSITIONS`; a move to the same state adds evidence, and its report only
       where that tells the panel something new (an UNKNOWN whose hold is over); a move the table
       does not hold MUST be stored as a `finding` event, with its evidence and without its report,
       and leave the state as it is. It returns the state that stands afterwards.
    7. A message has at most one unacknowledged report: a newer one replaces it. Reports MUST be
       handed out in the order they were written.
    8. Reads see all committed writes.
    9. `prune` MUST keep every uid known for good, with its last acknowledged report, and MUST NOT
       touch a message that is still to be sent, judged or reported.
    """

    @property
    def usage(self) -> Usage:
        """What pace and quotas count, and which SIM rows are held."""
        ...

    @property
    def optouts(self) -> OptOuts:
        """Who asked for no more messages."""
        ...

    @property
    def inbox(self) -> Inbox:
        """The texts that arrived, in the same storage."""
        ...

    @property
    def audit(self) -> Audit:
        """The audit, in the same storage: its lines go into the same transactions."""
        ...

    async def open(self) -> None:
        """Take the lock, migrate, check."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...

    async def remember_phone(self, record: PhoneRecord) -> None:
        """Insert or update a phone."""
        ...

    async def phones(self, *, name: str = "") -> tuple[PhoneRecord, ...]:
        """All phones ever paired, or those that had a name, by name."""
        ...

    async def phone(self, device: DeviceUuid) -> PhoneRecord | None:
        """One of them."""
        ...

    async def bind_sim(self, record: SimRecord) -> None:
        """Insert or replace the binding of one of the panel's SIM rows."""
        ...

    async def unbind_sim(self, device: DeviceUuid, sim_uid: str) -> None:
        """Drop a binding. Idempotent."""
        ...

    async def sims(self, device: DeviceUuid) -> tuple[SimRecord, ...]:
        """The bindings of a phone, by slot."""
        ...

    async def accept(self, device: DeviceUuid, messages: Sequence[Message]) -> tuple[Accepted, ...]:
        """Store what the panel handed over; one transaction."""
        ...

    async def backlog(self, device: DeviceUuid) -> int:
        """How many of its messages are ACCEPTED."""
        ...

    async def waiting(self, device: DeviceUuid, *, limit: int) -> tuple[Message, ...]:
        """ACCEPTED messages, at most `limit` of each SIM row, so that no row hides another.

        In sending order: priority, then order of arrival.
        """
        ...

    async def open_attempt(self, attempt: Attempt, audit: Sequence[AuditEntry] = ()) -> None:
        """Write the intent to send. The phone may be called only after this returned."""
        ...

    async def open_attempts(self, device: DeviceUuid) -> tuple[tuple[Flight, MessageState], ...]:
        """The latest attempt of every message in SENDING, SUBMITTED or UNKNOWN, oldest first."""
        ...

    async def claimed_rows(self, device: DeviceUuid, since: datetime) -> frozenset[int]:
        """Rows that proved the outcome of an attempt opened since then. A doubt claims none."""
        ...

    async def rowless_attempts(self, device: DeviceUuid, since: datetime) -> tuple[Flight, ...]:
        """Attempts opened since then that were proven SENT without a store row.

        Their row may still come, and must then prove nothing for another attempt.
        """
        ...

    async def last_watermark(self, device: DeviceUuid) -> int | None:
        """The watermark of the phone's latest attempt that has one."""
        ...

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
        """Move a message, with its proof, its report and its audit lines."""
        ...

    async def tries(self, uid: MessageUid) -> int:
        """How many attempts a message has had; 0 also where nobody knows it."""
        ...

    async def life(self, uid: MessageUid) -> Life | None:
        """The whole life of a message."""
        ...

    async def messages(
        self,
        *,
        device: DeviceUuid | None = None,
        states: Iterable[MessageState] = (),
        limit: int = 100,
    ) -> tuple[Life, ...]:
        """Newest first; `states` empty: all."""
        ...

    async def outbox(self, device: DeviceUuid, *, limit: int) -> tuple[OutboxRow, ...]:
        """Reports the panel has not acknowledged, oldest first."""
        ...

    async def reported(self, ids: Sequence[int], at: datetime) -> None:
        """The panel acknowledged these."""
        ...

    async def park(self, id: int, reason: str, at: datetime) -> None:
        """The panel will never take this report: keep it, show it, do not offer it again."""
        ...

    async def messages_sent_since(self, iccid: Iccid, since: datetime) -> int:
        """Messages of this SIM proven sent since then, on whatever phone it sat."""
        ...

    async def record(self, event: Event) -> None:
        """Append an event."""
        ...

    async def events(
        self,
        *,
        limit: int,
        phones: Collection[str] = (),
        since: datetime | None = None,
        after: int = 0,
    ) -> tuple[Event, ...]:
        """Newest first: not older than `since`, with an id above `after`.

        `phones`: only of those of these names, as they are called now or were then; empty: all.
        """
        ...

    async def tallies(self) -> Mapping[DeviceUuid, Tally]:
        """The work of every phone that has any."""
        ...

    async def prune(self, before: datetime) -> int:
        """Forget numbers, bodies and history older than this; the number of messages forgotten.

        `before` must lie further back than the longest window that is counted. An UNKNOWN that
        owes no report is forgotten, too: evidence does not come after so long.
        """
        ...
