"""What became of an attempt, judged from what its witnesses said.

A pure function of everything known: the same facts give the same verdict in any order, and more
facts never take a proof back. Two witnesses can prove something, a third only hints:

| what is known | verdict |
| --- | --- |
| a row of type 2 for this attempt alone, still there a second later | SENT |
| the radio log persisted it as sent | SENT |
| Android 5.0, which logs no verdict: the modem took every part | SENT |
| a row of type 5, or the radio log persisted it as failed | FAILED, if it had one segment |
| the modem's final error and nothing after it for `radio_grace_s` | FAILED, if it had one segment |
| the same, but it had several segments: some may be on the air | UNKNOWN |
| the call was refused, or dropped because its subscription is inactive | FAILED |
| the call never left this host | ACCEPTED, from SENDING only |
| proofs of both kinds | UNKNOWN |
| the call returned | SUBMITTED, from SENDING only |
| a row seen once; a row that vanished; a tie between equal messages; nothing | wait |
| any of these when `confirm_s` is over, a reboot meanwhile or not | UNKNOWN |

A sent row on another subscription is SENT with `WRONG_SIM` evidence: the operator has to know.

A row that vanished is not a proof of failure by itself. Android's failure path makes a row
invisible to the shell, but so does a person or an app that deletes it, and a message told as failed
must not be out there. It does confirm an error that the radio log gave.

Radio words are tied to an attempt by our message id (API 30 and later), or, where they name none,
by the caller's word that this attempt was the only one in flight while they were heard live.

UNKNOWN is left by proof only, whenever it comes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Verdict
from droidrack.core.codes import ril_code, sms_result_code
from droidrack.core.ids import PhoneId, SubId
from droidrack.core.matching import (
    NOTHING,
    TYPE_SENT,
    Match,
    RowKind,
    StoreRow,
    match,
    same_number,
)
from droidrack.core.message import OPEN, MessageState

__all__ = [
    "Deadlines",
    "Match",
    "RadioWord",
    "RowKind",
    "StoreRow",
    "Witness",
    "Witnesses",
    "Word",
    "confirm_by",
    "judge",
    "match",
    "same_number",
]

OUTCOME_UNKNOWN, DEADLINE, REBOOT = "OUTCOME_UNKNOWN", "DEADLINE", "REBOOT"
STORE_FAILED, RADIO_FAILED, SIM_CHANGED = "STORE_FAILED", "RADIO_FAILED", "SIM_CHANGED"
PHONE_REFUSED = "PHONE_REFUSED"

RETRYABLE = frozenset({"SMS_FAIL_RETRY", "SMS_SEND_FAIL_RETRY", "10"})
"""RIL errors after which Android tries again by itself; RIL_E_SMS_SEND_FAIL_RETRY is 10."""

TRIES = 4
"""SMSDispatcher: the first try and MAX_SEND_RETRIES = 3 more, 2 s apart."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long to wait, in seconds.

    `confirm_s` outlasts the radio: a try ends at the latest when the network's acknowledgement is
    overdue (TR1M, 45 s, 3GPP TS 24.011), so four tries with 2 s between take 186 s; about 160 s
    were seen in the field on a SIM without a plan. `per_segment_s` comes on top for each further
    segment (30 segments were seen to need 30 to 60 s). `unknown_hold_s`: rows were seen up to ten
    minutes late. `late_row_s` concerns ties, see `core/matching.py`. `row_grace_s`: so long a
    verdict waits for the second look at a row, which takes seconds.
    """

    confirm_s: float = 240.0
    per_segment_s: float = 10.0
    unknown_hold_s: float = 600.0
    second_look_s: float = 1.0
    radio_grace_s: float = 10.0
    late_row_s: float = 3600.0
    row_grace_s: float = 60.0


class Word(StrEnum):
    """What the radio log says about one message."""

    SENT = "sent"  # Persisted as sent: the final word.
    FAILED = "failed"  # Persisted as failed: the final word.
    ERROR = "error"  # The modem refused a try; Android may try again.
    TAKEN = "taken"  # The modem took one part. The only word of Android 5.0.
    # Of a part without an id, whose ever it is:
    HANDED = "handed"  # It was handed to the radio.
    AGAIN = "again"  # The same for a further try.
    ANSWERED = "answered"  # The radio answered. A refusal is an ERROR.
    DROPPED = "dropped"  # Thrown away before the modem: the subscription is not active.


@dataclass(frozen=True, slots=True)
class RadioWord:
    """One word of the radio log. `message_id` None: the log does not say whose it is."""

    word: Word
    at: datetime  # When this host heard it.
    message_id: int | None = None
    phone_id: PhoneId | None = None
    error: str = ""
    cause: int | None = None  # Why the network refused, by its own number (3GPP TS 24.011).
    sub_id: SubId | None = None  # The subscription that was dropped.


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What this release of Android shows the shell."""

    store: bool
    radio: bool
    message_ids: bool


@dataclass(frozen=True, slots=True)
class Witness:
    """Everything said about one attempt so far.

    `exclusive` MUST be true only where the attempt was the only one in flight on its phone and SIM
    while all `radio` words without an id were heard, live and not from the log's past. `boot_id` is
    the phone's now, None while nobody asked.
    """

    can: Witnesses
    store: Match = NOTHING
    radio: tuple[RadioWord, ...] = ()
    exclusive: bool = False
    boot_id: str | None = None
    call: Evidence | None = None


def confirm_by(attempt: Attempt, limits: Deadlines) -> datetime:
    """When an attempt without proof becomes UNKNOWN."""
    more = limits.per_segment_s * (attempt.segments - 1)
    return attempt.opened_at + timedelta(seconds=limits.confirm_s + more)


def wants_second_look(found: Match, now: datetime, limits: Deadlines) -> bool:
    """Whether a row says "sent" and has not stood long enough yet: the next look proves it."""
    row = found.row
    return (
        row is not None
        and row.type == TYPE_SENT
        and RowKind.of(row, limits.second_look_s) is RowKind.FRESH
        and now - row.first_seen_at < timedelta(seconds=limits.row_grace_s)
    )


def judge(
    attempt: Attempt, state: MessageState, witness: Witness, now: datetime, limits: Deadlines
) -> Verdict | None:
    """Say where the message of an attempt goes.

    Args:
        attempt: the latest of its message.
        state: where the message stands.
        witness: all that is known, not only what is new.
        now: should come from a clock that does not jump while attempts are open.
        limits: how long to wait.

    Returns:
        None: it stays where it is for now. A verdict against a settled state is a finding, which
        the journal keeps.
    """
    if state is MessageState.ACCEPTED:
        return None  # The attempt is void: the phone never heard of it.
    verdict = _proven(attempt, witness, now, limits)
    if verdict and verdict.state is MessageState.ACCEPTED and state is not MessageState.SENDING:
        verdict = None  # A call that was answered was made.
    if verdict is None and state in OPEN:
        verdict = _unproven(attempt, state, witness, now, limits)
    if verdict is None or verdict.state is state:
        return None
    proof = verdict.state in (MessageState.SENT, MessageState.FAILED)
    if state not in OPEN and not proof:
        return None  # Only a proof says anything about a message that was judged before.
    return verdict


def _proven(attempt: Attempt, witness: Witness, now: datetime, limits: Deadlines) -> Verdict | None:
    sent = tuple(_proofs_of_sent(attempt, witness, limits))
    unsent = tuple(_proofs_of_refusal(attempt, witness))
    failed = tuple(_proofs_of_failure(attempt, witness, limits))
    if not sent and not failed:
        failed = tuple(_final_error(attempt, witness, now, limits))
    if sent and (unsent or failed):
        return Verdict(MessageState.UNKNOWN, OUTCOME_UNKNOWN, sent + _plain(unsent + failed))
    if sent:
        return Verdict(MessageState.SENT, "", sent + _wrong_sim(attempt, witness))
    if unsent:
        code, evidence = unsent[0][0], _plain(unsent)
        not_made = evidence[0].kind is EvidenceKind.CALL_NOT_MADE
        target = MessageState.ACCEPTED if not_made else MessageState.FAILED
        return Verdict(target, code, evidence)
    if failed and attempt.segments > 1:
        return Verdict(MessageState.UNKNOWN, OUTCOME_UNKNOWN, _plain(failed))
    if failed:
        return Verdict(MessageState.FAILED, failed[0][0], _plain(failed))
    return None


def _unproven(
    attempt: Attempt, state: MessageState, witness: Witness, now: datetime, limits: Deadlines
) -> Verdict | None:
    # Whoever comes back after the deadline sees a row for the first time that has stood for long.
    if now >= confirm_by(attempt, limits) and not wants_second_look(witness.store, now, limits):
        evidence = [Evidence(EvidenceKind.DEADLINE, now, _why(witness))]
        code = DEADLINE
        if witness.boot_id not in (None, attempt.boot_id):
            evidence.append(Evidence(EvidenceKind.REBOOT, now))
            code = REBOOT
        return Verdict(MessageState.UNKNOWN, code, tuple(evidence))
    call = witness.call
    if state is MessageState.SENDING and call and call.kind is EvidenceKind.CALL_RETURNED:
        return Verdict(MessageState.SUBMITTED, "", (call,))
    return None


def _why(witness: Witness) -> str:
    """Why nothing was proven, for the operator."""
    if witness.store.ambiguous:
        return "equal messages cannot be told apart"
    if row := witness.store.row:
        return f"row {row.row_id} {'vanished' if row.vanished_at else 'was seen once'}"
    return "" if witness.can.store or witness.can.radio else "no witness on this release"


_Coded = tuple[str, Evidence]


def _plain(coded: tuple[_Coded, ...]) -> tuple[Evidence, ...]:
    return tuple(evidence for _, evidence in coded)


def _proofs_of_sent(attempt: Attempt, witness: Witness, limits: Deadlines) -> Iterator[Evidence]:
    row = witness.store.row
    if row is not None and RowKind.of(row, limits.second_look_s) is RowKind.SENT:
        seen_at = row.seen_again_at or row.first_seen_at
        yield Evidence(EvidenceKind.STORE_SENT, seen_at, row_id=row.row_id)
    taken = _words(attempt, witness, Word.TAKEN)
    if not witness.can.radio and len(taken) == attempt.segments:
        yield Evidence(EvidenceKind.RADIO_SENT, taken[-1].at, "the modem took every part")
    if words := _words(attempt, witness, Word.SENT):
        yield Evidence(EvidenceKind.RADIO_SENT, words[0].at, _tie(words[0]))


def _proofs_of_refusal(attempt: Attempt, witness: Witness) -> Iterator[_Coded]:
    """Proofs that no part of the message can be on the air."""
    dropped = _words(attempt, witness, Word.DROPPED)
    for word in [said for said in dropped if said.sub_id == attempt.sub_id][:1]:
        yield SIM_CHANGED, Evidence(EvidenceKind.RADIO_FAILED, word.at, "subscription inactive")
    call = witness.call
    if call and call.kind in (EvidenceKind.CALL_REFUSED, EvidenceKind.CALL_NOT_MADE):
        yield PHONE_REFUSED, call


def _proofs_of_failure(attempt: Attempt, witness: Witness, limits: Deadlines) -> Iterator[_Coded]:
    """Proofs that at least one part of the message is not on the air."""
    errors = _words(attempt, witness, Word.ERROR)
    for word in _words(attempt, witness, Word.FAILED)[:1]:
        told = word if word.error or not errors else errors[-1]
        detail = f"{_reason(told)} {_tie(word)}".strip()
        yield _failure_code(told.error), Evidence(EvidenceKind.RADIO_FAILED, word.at, detail)
    row = witness.store.row
    if row is None:
        return
    at = row.vanished_at or row.seen_again_at or row.first_seen_at
    detail = f"error {row.error_code}" if row.error_code and row.error_code > 0 else ""
    kind = RowKind.of(row, limits.second_look_s)
    if kind is RowKind.FAILED:
        yield STORE_FAILED, Evidence(EvidenceKind.STORE_FAILED, at, detail, row.row_id)
    elif kind is RowKind.VANISHED and errors:
        detail = f"vanished after {_reason(errors[-1])}"
        found = Evidence(EvidenceKind.STORE_FAILED, at, detail, row.row_id)
        yield ril_code(errors[-1].error), found


def _failure_code(name: str) -> str:
    """The code for what the radio log called the error: IMS gives an SmsManager result instead."""
    if not name:
        return RADIO_FAILED
    return sms_result_code(int(name)) if name.isascii() and name.isdigit() else ril_code(name)


def _final_error(
    attempt: Attempt, witness: Witness, now: datetime, limits: Deadlines
) -> Iterator[_Coded]:
    """The modem's last error, where Android does not try again and says nothing more.

    For one segment only: errors of several parts cannot be counted apart.
    """
    errors = _words(attempt, witness, Word.ERROR)
    if not errors or attempt.segments > 1:
        return
    last = errors[-1]
    final = last.error not in RETRYABLE or len(errors) >= TRIES
    if final and now - last.at >= timedelta(seconds=limits.radio_grace_s):
        evidence = Evidence(EvidenceKind.RADIO_ERROR, last.at, f"{_reason(last)} {_tie(last)}")
        yield ril_code(last.error), evidence


def _words(attempt: Attempt, witness: Witness, word: Word) -> list[RadioWord]:
    """This attempt's words of one kind, oldest first."""
    found = {said for said in witness.radio if said.word is word and _tied(attempt, said, witness)}
    return sorted(found, key=lambda said: (said.at, said.error))


def _tied(attempt: Attempt, said: RadioWord, witness: Witness) -> bool:
    if said.message_id is not None:
        return said.message_id == attempt.message_id != 0
    return (
        witness.exclusive
        and said.at >= attempt.opened_at
        and (said.phone_id is None or int(said.phone_id) == int(attempt.slot))
    )


def _reason(said: RadioWord) -> str:
    """What the phone called the error, and the network's cause where it gave one."""
    return f"{said.error} cause {said.cause}" if said.cause else said.error


def _tie(said: RadioWord) -> str:
    return "by message id" if said.message_id is not None else "alone in flight"


def _wrong_sim(attempt: Attempt, witness: Witness) -> tuple[Evidence, ...]:
    row = witness.store.row
    if row is None or not witness.store.wrong_sim:
        return ()
    detail = f"subscription {row.sub_id} instead of {attempt.sub_id}"
    return (Evidence(EvidenceKind.WRONG_SIM, row.first_seen_at, detail, row.row_id),)
