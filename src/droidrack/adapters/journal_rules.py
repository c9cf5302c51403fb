"""The rules of the journal, written once for every implementation of the port.

What is stored, and how, is the affair of each journal; what a call *means* is decided here, by pure
functions of what the journal holds and what it is asked. Rejected: the rules in SQL (`ON CONFLICT`,
triggers), because two dialects and a dictionary would then each have their own truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.core.attempt import Attempt, Evidence, EvidenceKind
from droidrack.core.ids import DeviceUuid
from droidrack.core.message import Message, MessageState, may_move
from droidrack.core.report import StatusReport

NEW, KNOWN, CONFLICT = "new", "known", "conflict"
"""The fates of `ports.Accepted`."""

SUPERSEDED = "superseded"
"""Why a report was taken out of the outbox when a newer one replaced it."""

FINDING = "finding"
"""Kind of the event that keeps a proof which came against a settled state."""

NOTHING_HAPPENED = frozenset({EvidenceKind.CALL_NOT_MADE, EvidenceKind.CALL_REFUSED})
"""Evidence that an attempt never reached the radio."""


def fate(first: Message, offered: Message) -> str:
    """What an offered message is, given the first version of the same uid.

    Priority, expiry and time of reception may change from offer to offer; who gets what, and
    through which SIM, may not.
    """
    same = (first.number, first.body, first.sim_uid) == (
        offered.number,
        offered.body,
        offered.sim_uid,
    )
    return KNOWN if same else CONFLICT


def check_attempt(
    attempt: Attempt, device: DeviceUuid, state: MessageState, attempts_before: int
) -> None:
    """Raise ValueError unless this attempt may be opened: anything else is our bug."""
    if state is not MessageState.ACCEPTED:
        raise ValueError(f"message {attempt.uid} is {state}: an attempt needs it accepted")
    if attempt.device != device:
        raise ValueError(f"message {attempt.uid} belongs to {device}, not to {attempt.device}")
    if attempt.number != attempts_before + 1:
        raise ValueError(
            f"message {attempt.uid}: attempt {attempts_before + 1} is next, not {attempt.number}"
        )


@dataclass(frozen=True, slots=True)
class Settlement:
    """What `settle` has to write beside the evidence, which is kept whatever comes out."""

    state: MessageState  # The one that stands afterwards.
    moved: bool
    void: bool  # The attempt certainly never reached the radio.
    finding: str  # Text of the event, "" for none.
    report: StatusReport | None  # To be queued, replacing one not yet acknowledged.


def settlement(
    current: MessageState,
    target: MessageState,
    evidence: Sequence[Evidence],
    report: StatusReport | None,
    last: StatusReport | None,
) -> Settlement:
    """Decide a move.

    Args:
        current: where the message stands.
        target: where the verdict wants it.
        evidence: what the witnesses said.
        report: what the panel is to be told.
        last: the newest report ever queued for this message, whatever became of it.

    Returns:
        A legal move with its report. The same state again queues a report only where that says
        something the last one did not: an UNKNOWN whose hold is over is told to the panel, a
        verdict found twice is not told twice. A move outside the table leaves the state.
    """
    kinds = {item.kind for item in evidence}
    if target is current:
        news = report if report and not _same_meaning(report, last) else None
        return Settlement(current, moved=False, void=False, finding="", report=news)
    if target is MessageState.SUBMITTED and current is not MessageState.SENDING:
        # The call's answer came after its proof: late, and no contradiction.
        return Settlement(current, moved=False, void=False, finding="", report=None)
    if not may_move(current, target):
        text = f"{current} stands against {target} ({', '.join(sorted(kinds)) or 'no evidence'})"
        return Settlement(current, moved=False, void=False, finding=text, report=None)
    if target is MessageState.SENDING:
        raise ValueError("only `open_attempt` leads to sending: there is no attempt without it")
    back = target in (MessageState.ACCEPTED, MessageState.FAILED)
    void = current is MessageState.SENDING and back and bool(kinds & NOTHING_HAPPENED)
    return Settlement(target, moved=True, void=void, finding="", report=report)


def repeat(last: StatusReport, *, acknowledged: bool, parked: bool) -> StatusReport | None:
    """The report to queue again when the panel offers a known uid once more.

    One that still waits will be told anyway, and one the panel refused for good would only be
    refused again.
    """
    return last if acknowledged and not parked else None


def _same_meaning(report: StatusReport, last: StatusReport | None) -> bool:
    return last is not None and (report.status, report.error) == (last.status, last.error)
