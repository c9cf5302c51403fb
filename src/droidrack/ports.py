"""What droidrack needs of the world, as contracts.

Each port is a Protocol whose docstring numbers what an implementation MUST and MAY do; the
contract suites in `tests/contract` check these numbers against every implementation. Errors are
those of `core/errors.py` and nothing else; cancelling the calling task is always allowed and
leaves what the contract says a cut call leaves.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from droidrack.core.attempt import Attempt, Evidence
from droidrack.core.capability import Proof
from droidrack.core.ids import DeviceUuid, Iccid, Imsi, MessageUid, Serial, Slot, Token, UsbPath
from droidrack.core.learn import Codes
from droidrack.core.message import Message, MessageState
from droidrack.core.report import StatusReport

# --- The phone --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that certainly ran to its end.

    `exit_code` is None where the phone cannot tell (shell v1 without a marker). Up to Android 6
    `stderr` is empty and its text is part of `stdout`.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """`stdout` as text with LF line ends; undecodable bytes become U+FFFD."""
        return self.stdout.decode("utf-8", "replace").replace("\r\n", "\n")


class Phone(Protocol):
    """One attached phone, as far as a shell reaches.

    1. `run` MUST return `Completed` only after the command's own end was seen.
    2. `run` MUST raise PhoneGone, PhoneRefused or BridgeDown with `Effect.NONE` when the command
       certainly never reached the phone, and with `Effect.UNKNOWN` (PhoneTimeout, AnswerCut,
       PhoneGone, BridgeDown) whenever the phone may have started it, however likely it did not.
    3. `deadline_s` MUST bound the whole call, the opening phase included.
    4. A cancelled `run` leaves an unknown effect; it MUST NOT leave a socket behind.
    5. `run` MUST carry `command` and `stdin` byte for byte; a command too long for the phone's
       transport MUST be carried another way (over stdin), never cut, never sent as it is.
    6. Calls MAY run at the same time; none MUST wait for another phone's.
    7. `stream` MUST yield the command's stdout as it comes, and end by PhoneGone, AnswerCut or
       BridgeDown when the way to the phone ends; leaving the context MUST end the stream.
    """

    @property
    def serial(self) -> Serial:
        """The transport's name; opaque."""
        ...

    async def run(self, command: str, *, deadline_s: float, stdin: bytes = b"") -> Completed:
        """Run one line (or script) of the phone's shell; quote arguments with `core.shell`."""
        ...

    def stream(self, command: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Run a command that speaks for long, such as `logcat`."""
        ...


class PhoneFiles(Protocol):
    """Transfers to and from a phone. Slow, rare, never on the path of a message.

    1. Every call MUST end by its deadline for the caller, even where the transfer itself hangs.
    2. A failed `push` MUST raise with the phone's own reason in the message.
    3. At most one transfer per phone runs at a time; others MUST wait within their own deadline.
    """

    async def pull(self, remote: str, *, deadline_s: float, limit_bytes: int) -> bytes:
        """A file's content; PhoneRefused when it is absent, unreadable or larger than the limit."""
        ...

    async def push(self, data: bytes, remote: str, *, deadline_s: float, mode: int = 0o644) -> None:
        """Write a file whole."""
        ...

    async def install(self, apk: Path, *, deadline_s: float) -> None:
        """Install or update an APK; PhoneRefused with the package manager's reason."""
        ...

    async def forward(self, remote: str, *, deadline_s: float) -> int:
        """A local TCP port that leads to `remote` (such as `tcp:9008`) on the phone."""
        ...

    async def screenshot(self, *, deadline_s: float) -> bytes:
        """The screen as PNG."""
        ...


@dataclass(frozen=True, slots=True)
class Sighting:
    """One line of the adb server's device list."""

    serial: Serial
    state: str  # "device", "offline", "unauthorized", "no permissions", …
    transport_id: int | None = None
    usb: UsbPath | None = None
    product: str | None = None
    model: str | None = None
    device: str | None = None


class Bus(Protocol):
    """The way to the phones: an adb server.

    1. `watch` MUST yield the whole list at once and after every change, and MUST go on over the
       server's death and return; while the server is away it yields an empty list.
    2. `phone` and `files` MUST address the very transport that was sighted; once that transport is
       gone their calls raise PhoneGone with `Effect.NONE`, even if the serial came back.
    """

    def watch(self) -> AsyncIterator[tuple[Sighting, ...]]:
        """Arrivals and departures."""
        ...

    def phone(self, sighting: Sighting) -> Phone:
        """The phone behind a sighting."""
        ...

    def files(self, sighting: Sighting) -> PhoneFiles:
        """Transfers with the phone behind a sighting."""
        ...


# --- The panel --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Registration:
    """What a phone tells the panel when it is paired."""

    pairing_token: Token
    device_name: str
    device_uuid: DeviceUuid
    android_version: str
    app_version: str


@dataclass(frozen=True, slots=True)
class PanelSim:
    """The panel's record of one SIM slot."""

    uid: str
    slot: Slot
    label: str
    active: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A paired phone."""

    token: Token
    gateway_uid: str
    user_name: str
    sims: tuple[PanelSim, ...]


@dataclass(frozen=True, slots=True)
class SimPulse:
    """One heartbeat of one SIM. A value that could not be read is None and is left out."""

    sim_uid: str
    active: bool | None
    signal_dbm: int | None
    messages_sent_24h: int | None
    imsi: Imsi | None


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item of `pending` that is not a message. `uid` is "" where even that was unreadable."""

    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """One answer to `pending`."""

    messages: tuple[Message, ...]
    refused: tuple[RefusedItem, ...]


class Panel(Protocol):
    """The SMS panel (XSender Android Gateway API).

    1. Every call MUST end by PanelUnavailable at the latest after the configured deadline.
    2. 401 and 403 MUST raise SessionOver; 429, and a 503 that names a delay, PanelBusy with the
       panel's own delay; 408 and 425 PanelUnavailable; 4xx otherwise PanelRefused with the panel's
       field errors; anything else that is not the documented answer PanelUnavailable. A redirect
       MUST NOT be followed.
    3. `pending` MUST refuse a malformed item alone and return the others.
    4. A call MUST NOT be repeated by the adapter itself: repeating is a decision of the app.
    5. Token, numbers and bodies MUST NOT appear in any error.
    6. `report` of an empty batch MUST NOT call the panel.
    7. The effect of PanelUnavailable MUST be UNKNOWN unless the request certainly did not leave.
    """

    async def register(self, registration: Registration) -> Session:
        """Exchange a pairing token for a session. If the answer is lost the token may be spent."""
        ...

    async def logout(self, token: Token) -> None:
        """End the session; the panel keeps the device."""
        ...

    async def create_sim(self, token: Token, slot: Slot, label: str, country: str) -> PanelSim:
        """A SIM row for a slot. `country` is an ISO 3166 code in capitals."""
        ...

    async def update_sim(
        self, token: Token, uid: str, *, label: str, country: str, active: bool
    ) -> PanelSim:
        """Change a SIM row."""
        ...

    async def delete_sim(self, token: Token, uid: str) -> None:
        """Remove a SIM row; active campaigns assigned to it stop."""
        ...

    async def heartbeat(self, token: Token, pulse: SimPulse) -> None:
        """Tell the state of one SIM."""
        ...

    async def pending(self, token: Token, now: datetime) -> Pending:
        """Messages to send now, stamped with `now` as their time of reception."""
        ...

    async def report(self, token: Token, reports: Sequence[StatusReport]) -> None:
        """Tell outcomes. All or nothing: PanelRefused concerns the batch as a whole."""
        ...


# --- The journal ------------------------------------------------------------------------------


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

    async def open(self) -> None:
        """Take the lock, migrate, check."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...

    async def remember_phone(self, record: PhoneRecord) -> None:
        """Insert or update a phone."""
        ...

    async def phones(self) -> tuple[PhoneRecord, ...]:
        """All phones ever paired, by name."""
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

    async def waiting(self, device: DeviceUuid, *, limit: int) -> tuple[Message, ...]:
        """ACCEPTED messages in sending order: priority, then order of arrival."""
        ...

    async def open_attempt(self, attempt: Attempt) -> None:
        """Write the intent to send. The phone may be called only after this returned."""
        ...

    async def open_attempts(self, device: DeviceUuid) -> tuple[tuple[Attempt, MessageState], ...]:
        """The latest attempt of every message in SENDING, SUBMITTED or UNKNOWN, oldest first."""
        ...

    async def claimed_rows(self, device: DeviceUuid, since: datetime) -> frozenset[int]:
        """Rows that proved the outcome of an attempt opened since then. A doubt claims none."""
        ...

    async def rowless_attempts(self, device: DeviceUuid, since: datetime) -> tuple[Attempt, ...]:
        """Attempts opened since then that were proven SENT without a store row.

        Their row may still come, and must then prove nothing for another attempt.
        """
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
    ) -> MessageState:
        """Move a message, with its proof and its report."""
        ...

    async def message(self, uid: MessageUid) -> Message | None:
        """The first version of a message."""
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

    async def segments_since(
        self, device: DeviceUuid, since: datetime
    ) -> tuple[tuple[datetime, int], ...]:
        """(opened_at, segments) of this phone's attempts that may have reached the radio."""
        ...

    async def messages_sent_since(self, iccid: Iccid, since: datetime) -> int:
        """Messages of this SIM proven sent since then, on whatever phone it sat."""
        ...

    async def record(self, event: Event) -> None:
        """Append an event."""
        ...

    async def events(self, *, limit: int) -> tuple[Event, ...]:
        """Newest first."""
        ...

    async def prune(self, before: datetime) -> int:
        """Forget numbers, bodies and history older than this; the number of messages forgotten.

        `before` must lie further back than the longest window that is counted. An UNKNOWN that
        owes no report is forgotten, too: evidence does not come after so long.
        """
        ...


# --- The rest ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What the vault keeps for one phone."""

    token: Token
    gateway_uid: str
    sims: tuple[PanelSim, ...]


class Vault(Protocol):
    """Keeper of session tokens.

    1. `store` MUST be whole or absent after a crash, and readable by the owner only.
    2. A vault others can read MUST be refused with VaultError and the fix.
    """

    def load(self, device: DeviceUuid) -> StoredSession | None:
        """The session of a phone."""
        ...

    def store(self, device: DeviceUuid, session: StoredSession) -> None:
        """Keep a session, replacing an earlier one."""
        ...

    def forget(self, device: DeviceUuid) -> None:
        """Drop a session. Idempotent."""
        ...


class Notebook(Protocol):
    """What was learnt of builds, what phones were proven as, and which must not send.

    1. A note MUST be whole or absent after a crash.
    2. Codes and proofs that cannot be read MUST count as absent: losing them costs a probe.
    3. A quarantine that cannot be read MUST count as one.
    4. Codes of a build without a name ("") MUST NOT be kept.
    5. A failure to write MUST raise VaultError.
    """

    def codes(self, build: str) -> Codes | None:
        """What was read of a build's framework; None: nobody looked yet."""
        ...

    def keep_codes(self, build: str, codes: Codes) -> None:
        """Keep it, replacing what was kept; codes without an interface say that none was found."""
        ...

    def proof(self, device: DeviceUuid) -> Proof | None:
        """As what a phone was proven last."""
        ...

    def keep_proof(self, device: DeviceUuid, proof: Proof) -> None:
        """Keep it, replacing an earlier one."""
        ...

    def quarantine(self, device: DeviceUuid) -> str:
        """Why a phone must not send; "" where it may."""
        ...

    def set_quarantine(self, device: DeviceUuid, reason: str) -> None:
        """Keep a phone from sending, over restarts too; "" lets it send again."""
        ...


class Clock(Protocol):
    """Time, so that it can be invented.

    1. `monotonic` MUST never go back; `now` MAY jump with the host's clock.
    """

    def now(self) -> datetime:
        """Wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait."""
        ...


class Dice(Protocol):
    """Chance, so that it can be replayed. `random.Random` fits."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def getrandbits(self, k: int, /) -> int:
        """Draw `k` random bits."""
        ...
