"""Who asked for no more messages.

Numbers stand in the list in their canonical form (`core/numbering.py`), so that a national number
and its international form are one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from droidrack.core.ids import MessageUid, Msisdn
from droidrack.core.message import Message


class OptOutSource(StrEnum):
    """How a number came onto the list."""

    STOP = "stop"  # The recipient's own text.
    OPERATOR = "operator"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class OptOut:
    """One number of the list. `confirmation` is the message that confirmed it, if one was let."""

    number: Msisdn  # canonical
    since: datetime  # aware, UTC
    source: OptOutSource
    note: str = ""
    confirmation: MessageUid | None = None


def may_confirm(entry: OptOut, message: Message, now: datetime, within_s: float) -> bool:
    """Whether a message may go as the one that confirms an opt-out.

    Only after the recipient's own text, only what the panel handed over since, only soon, and only
    one. `within_s` 0: never.
    """
    return (
        within_s > 0
        and entry.source is OptOutSource.STOP
        and message.received_at >= entry.since
        and now - entry.since <= timedelta(seconds=within_s)
        and entry.confirmation in (None, message.uid)
    )
