"""A message and its states.

The table below is the whole life of a message: a move that is not in it does not exist. States only
move forward. Two moves deserve their sentence:

- SENDING and SUBMITTED go back to ACCEPTED only when the message certainly did not go out: the
  phone never heard of the attempt (`Effect.NONE`), or it proved the failure and the cause passes by
  itself (`core/retry.py`).
- UNKNOWN is left by late evidence only. It never goes back to SENDING by itself: a message of
  which we do not know whether it went out may be waiting behind a dialog and go out later.

There is no DELIVERED: without a delivery receipt nobody asked the network.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from droidrack.core.ids import Body, MessageUid, Msisdn


class MessageState(StrEnum):
    """Where a message stands. Values are what the journal stores."""

    ACCEPTED = "accepted"  # In the journal, not yet handed to a phone.
    SENDING = "sending"  # The attempt is on disk; the call has not answered.
    SUBMITTED = "submitted"  # The call did not throw. That is all it says.
    SENT = "sent"  # The phone says that its radio sent it.
    FAILED = "failed"  # It certainly was not sent, with a reason.
    EXPIRED = "expired"  # Its time ran out before any call.
    CANCELLED = "cancelled"  # Taken back before any call.
    UNKNOWN = "unknown"  # It may have been sent. Evidence may still come.


S = MessageState

TRANSITIONS: dict[MessageState, frozenset[MessageState]] = {
    S.ACCEPTED: frozenset({S.SENDING, S.FAILED, S.EXPIRED, S.CANCELLED}),
    S.SENDING: frozenset({S.ACCEPTED, S.SUBMITTED, S.SENT, S.FAILED, S.UNKNOWN}),
    S.SUBMITTED: frozenset({S.ACCEPTED, S.SENT, S.FAILED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.SENT, S.FAILED}),
    S.SENT: frozenset(),
    S.FAILED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
}

OPEN = frozenset({S.SENDING, S.SUBMITTED})
"""States with an attempt that still needs its verdict."""

SETTLED = frozenset(state for state, exits in TRANSITIONS.items() if not exits)
"""States that nothing leaves. A later contrary proof is journaled as a finding, never hidden."""


def may_move(current: MessageState, target: MessageState) -> bool:
    """Whether the table holds this move."""
    return target in TRANSITIONS[current]


class Priority(IntEnum):
    """Order of sending: smaller goes first."""

    HIGH = 0
    NORMAL = 1
    LOW = 2

    @property
    def word(self) -> str:
        """As the panel and devices.toml name it."""
        return self.name.lower()

    @classmethod
    def from_wire(cls, text: object) -> "Priority":
        """The panel's word; anything unknown counts as normal."""
        word = text.strip().lower() if isinstance(text, str) else ""
        return {"high": cls.HIGH, "low": cls.LOW}.get(word, cls.NORMAL)


@dataclass(frozen=True, slots=True)
class Message:
    """One outbound text as the panel handed it over."""

    uid: MessageUid
    number: Msisdn
    body: Body
    sim_uid: str
    priority: Priority
    received_at: datetime  # aware, UTC
    valid_until: datetime | None = None  # aware, UTC; None: no expiry
