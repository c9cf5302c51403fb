"""What becomes of messages at the radio, scripted by tests and demos.

A message takes its fate when it is handed to the dispatcher: the next one scripted for its slot,
else the slot's standing one, else it is simply sent.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What the modem does with a message."""

    SENT = "sent"  # It goes out and the modem says so.
    RIL_ERROR = "ril-error"  # The modem refuses with `ril_error`.
    LOST = "lost"  # It does not go out and the modem never answers.
    ANSWER_LOST = "answer-lost"  # It goes out, but the modem never answers: no row, no log line.
    DIALOG = "dialog"  # It waits behind the limit dialog, however few were sent before it.
    PROMPT = "prompt"  # It waits behind a question of the maker's permission keeper.


class Row(StrEnum):
    """What becomes of the message's row in the SMS store."""

    KEPT = "kept"
    NEVER = "never"  # The provider fails to write it (full disk, locked storage).
    DELETED = "deleted"  # Written, and deleted by somebody `flip_s` later.


@dataclass(frozen=True, slots=True)
class Fate:
    """The course of one message. The default is a message that is sent."""

    outcome: Outcome = Outcome.SENT
    ril_error: str = "GENERIC_FAILURE"  # A name of RIL_ERRORS.
    error_code: int = -1  # Network cause (3GPP TS 24.011 RP-cause), −1: none.
    fails: int | None = None  # With RIL_ERROR: tries that fail before one succeeds; None: all.
    failing_part: int | None = None  # With RIL_ERROR: only this part (from 0) fails.
    latency_s: float | None = None  # Radio time of each part; None: by the phone's dice.
    row: Row = Row.KEPT
    row_delay_s: float = 0.0  # From the modem's answer to the row.
    row_after_s: float = 0.0  # From the log's word that it is persisted to the row.
    row_sub_id: int | None = None  # The row names this subscription, whatever the message used.
    flip_s: float | None = None  # A failed row shows as sent for this long; None: by the dice.
    silent: bool = False  # None of its lines appear in the radio log.


SENT = Fate()

RIL_ERRORS: dict[str, tuple[int, int]] = {
    "RADIO_NOT_AVAILABLE": (1, 9),
    "GENERIC_FAILURE": (2, 124),
    "REQUEST_NOT_SUPPORTED": (6, 114),
    "CANCELLED": (7, 119),
    "OP_NOT_ALLOWED_DURING_VOICE_CALL": (8, 123),
    "SMS_SEND_FAIL_RETRY": (10, 101),
    "SIM_ABSENT": (11, 120),
    "FDN_CHECK_FAILURE": (14, 6),
    "NO_MEMORY": (37, 105),
    "INTERNAL_ERR": (38, 113),
    "SYSTEM_ERR": (39, 108),
    "MODEM_ERR": (40, 111),
    "INVALID_STATE": (41, 103),
    "NO_RESOURCES": (42, 118),
    "INVALID_ARGUMENTS": (44, 104),
    "INVALID_MODEM_STATE": (46, 115),
    "NETWORK_ERR": (49, 112),
    "REQUEST_RATE_LIMITED": (50, 106),
    "NETWORK_REJECT": (53, 102),
    "OPERATION_NOT_ALLOWED": (54, 117),
    "INVALID_SMS_FORMAT": (56, 107),
    "ENCODING_ERR": (57, 109),
    "INVALID_SMSC_ADDRESS": (58, 110),
    "NETWORK_NOT_READY": (60, 116),
    "ACCESS_BARRED": (68, 122),
}
"""What a modem may answer to SEND_SMS: its number in `ril.h`, and the `SmsManager.RESULT_…` that
Android 11 and later make of it. Before 7 a modem knew the numbers up to 17 only."""


class FaultScript:
    """The fates that wait for one phone's messages."""

    def __init__(self, slots: int) -> None:
        self._next: list[deque[Fate]] = [deque() for _ in range(slots)]
        self._standing: list[Fate] = [SENT] * slots

    def script(self, *fates: Fate, slot: int | None = None) -> None:
        """Give these fates to the next messages of a slot (None: of each slot), in this order."""
        for index in self._slots(slot):
            self._next[index].extend(fates)

    def always(self, fate: Fate, slot: int | None = None) -> None:
        """Give this fate to every message of a slot (None: of each) for which none is scripted."""
        for index in self._slots(slot):
            self._standing[index] = fate

    def take(self, slot: int) -> Fate:
        """The fate of the message that is being handed over now."""
        return self._next[slot].popleft() if self._next[slot] else self._standing[slot]

    def _slots(self, slot: int | None) -> range:
        return range(len(self._next)) if slot is None else range(slot, slot + 1)
