"""An attempt to send, what the world said about it, and the verdict.

An attempt is on disk before the phone hears of it. Evidence is everything a witness said; the
verdict is drawn from it by `core/evidence.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from droidrack.core.ids import DeviceUuid, Iccid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.message import MessageState


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment of a clock that nobody can turn: seconds counted in one boot of the host."""

    boot: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the phone's SMS service, as it was intended.

    `watermark` is the highest row id of the phone's SMS store before the call (None: the shell may
    not read the store on this release), so evidence is "a row above the watermark" and the phone's
    clock does not matter. `message_id` is the non-zero 63-bit id handed to Android (API 30 and
    later), which its radio log repeats; 0 where the release has no such argument.
    """

    uid: MessageUid
    number: int  # 1, 2, 3 … within the message
    device: DeviceUuid
    slot: Slot
    sub_id: SubId
    iccid: Iccid | None
    segments: int
    watermark: int | None
    message_id: int
    boot_id: str
    opened_at: datetime  # aware, UTC
    tick: Tick | None = None  # The same moment by a clock that does not jump; None: not known.


@dataclass(frozen=True, slots=True)
class Flight:
    """An attempt that wants a verdict, and whom it was for."""

    attempt: Attempt
    number: Msisdn


class EvidenceKind(StrEnum):
    """Which witness spoke, and what about. Values are what the journal stores."""

    CALL_RETURNED = "call-returned"  # The binder reply: the method did not throw. Proves nothing.
    CALL_REFUSED = "call-refused"  # An exception or a refusal: certainly not sent.
    CALL_NOT_MADE = "call-not-made"  # The request never left this host.
    CALL_LOST = "call-lost"  # No answer, or a cut one: outcome unknown.
    STORE_SENT = "store-sent"  # A row of type 2, seen twice.
    STORE_FAILED = "store-failed"  # A row of type 5, or a sent row that vanished.
    RADIO_SENT = "radio-sent"  # The radio log persisted it as sent.
    RADIO_FAILED = "radio-failed"  # The radio log persisted it as failed, or dropped it.
    RADIO_ERROR = "radio-error"  # The modem's last error; Android's own final word has not come.
    DEADLINE = "deadline"  # Nobody said anything in time.
    REBOOT = "reboot"  # The phone restarted meanwhile.
    POLICY = "policy"  # Refused by us before any call.
    WRONG_SIM = "wrong-sim"  # The row's subscription is not the one that was asked.


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing a witness said. `detail` holds no number, no body, no token."""

    kind: EvidenceKind
    at: datetime  # aware, UTC, this host's clock
    detail: str = ""
    row_id: int | None = None  # of the phone's SMS store, where the witness is a row


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a message goes and why."""

    state: MessageState
    code: str  # from core/codes.py; "" for SENT
    evidence: tuple[Evidence, ...]
