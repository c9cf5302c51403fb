"""What the panel is told about a message, decided in one place.

The panel knows `sent` and `failed`. UNKNOWN is held while evidence may still come; after its hold
it is told as the site's config says, and late evidence corrects the report.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from droidrack.core.ids import MessageUid
from droidrack.core.message import MessageState


class WireStatus(StrEnum):
    """The panel's two words."""

    SENT = "sent"
    FAILED = "failed"


class UnknownAs(StrEnum):
    """How a site wants unproven messages told to the panel."""

    FAILED = "failed"  # with the code OUTCOME_UNKNOWN; the default
    SENT = "sent"
    HOLD = "hold"  # never told until proven


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One line for `update-statuses`."""

    uid: MessageUid
    status: WireStatus
    at: datetime  # aware, UTC: when the phone's radio did it, or when the refusal was certain
    error: str = ""  # a code of core/codes.py with FAILED, else ""


OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"

_BENCH_UID = re.compile(r"bench-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def from_bench(uid: str) -> bool:
    """Whether a message came from `droidrack send`: the panel knows nothing of it."""
    return _BENCH_UID.fullmatch(uid) is not None


def report_for(
    uid: MessageUid, state: MessageState, code: str, at: datetime, unknown_as: UnknownAs
) -> StatusReport | None:
    """The report that a message in `state` owes the panel; None: nothing to say (yet)."""
    if from_bench(uid):
        return None
    if state is MessageState.SENT:
        return StatusReport(uid, WireStatus.SENT, at)
    if state in (MessageState.FAILED, MessageState.EXPIRED, MessageState.CANCELLED):
        return StatusReport(uid, WireStatus.FAILED, at, code or state.name)
    if state is MessageState.UNKNOWN and unknown_as is not UnknownAs.HOLD:
        if unknown_as is UnknownAs.SENT:
            return StatusReport(uid, WireStatus.SENT, at)
        return StatusReport(uid, WireStatus.FAILED, at, OUTCOME_UNKNOWN)
    return None
