"""The truth table of `core/evidence.py`, row by row."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from droidrack.core.attempt import Attempt, Evidence, EvidenceKind
from droidrack.core.codes import CODES
from droidrack.core.evidence import (
    Deadlines,
    Match,
    RadioWord,
    StoreRow,
    Witness,
    Witnesses,
    Word,
    confirm_by,
    judge,
)
from droidrack.core.ids import DeviceUuid, MessageUid, Msisdn, PhoneId, Slot, SubId
from droidrack.core.message import MessageState, may_move

S, K = MessageState, EvidenceKind
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LIMITS = Deadlines()
ALL = Witnesses(store=True, radio=True, message_ids=True)
RADIO_ID = 77


def at(seconds: float) -> datetime:
    """A moment after the attempt was opened."""
    return NOON + timedelta(seconds=seconds)


def attempt(**changes: Any) -> Attempt:
    """An attempt like any other."""
    fields: dict[str, Any] = {
        "uid": MessageUid("m1"),
        "number": 1,
        "device": DeviceUuid("phone-a"),
        "slot": Slot(0),
        "sub_id": SubId(3),
        "iccid": None,
        "segments": 1,
        "watermark": 10,
        "message_id": RADIO_ID,
        "boot_id": "boot-1",
        "opened_at": NOON,
    }
    return Attempt(**{**fields, **changes})


def row(type_: int = 2, **changes: Any) -> StoreRow:
    """A row that was seen twice."""
    fields: dict[str, Any] = {
        "row_id": 11,
        "type": type_,
        "sub_id": SubId(3),
        "address": Msisdn("+15550100001"),
        "date_ms": None,
        "error_code": None,
        "creator": "com.android.shell",
        "first_seen_at": at(5),
        "seen_again_at": at(7),
    }
    return StoreRow(**{**fields, **changes})


def word(
    kind: Word, seconds: float = 4, message_id: int | None = RADIO_ID, **more: Any
) -> RadioWord:
    """A word of the radio log."""
    return RadioWord(kind, at(seconds), message_id, **more)


def verdict_of(
    witness: Witness,
    state: MessageState = S.SUBMITTED,
    *,
    seconds: float = 20,
    of: Attempt | None = None,
) -> tuple[str | None, str, set[EvidenceKind]]:
    """State, code and kinds of evidence; a None state: no verdict."""
    verdict = judge(of or attempt(), state, witness, at(seconds), LIMITS)
    if verdict is None:
        return None, "", set()
    assert may_move(state, verdict.state)
    assert not verdict.code or verdict.code in CODES
    return verdict.state, verdict.code, {item.kind for item in verdict.evidence}


NOTHING = (None, "", set())
SEEN_ONCE = {"seen_again_at": None}
VANISHED = {"seen_again_at": None, "vanished_at": at(7)}
REFUSED = Evidence(K.CALL_REFUSED, at(1))
RETURNED = Evidence(K.CALL_RETURNED, at(1))
NOT_MADE = Evidence(K.CALL_NOT_MADE, at(1))
LOST = Evidence(K.CALL_LOST, at(1))


@pytest.mark.parametrize(
    ("witness", "expected"),
    [
        (Witness(ALL, Match(row())), (S.SENT, "", {K.STORE_SENT})),
        (Witness(ALL, Match(row(**SEEN_ONCE))), NOTHING),
        (Witness(ALL, Match(row(seen_again_at=at(5.9)))), NOTHING),
        (Witness(ALL, Match(row(seen_again_at=at(6)))), (S.SENT, "", {K.STORE_SENT})),
        (Witness(ALL, Match(row(vanished_at=at(90)))), (S.SENT, "", {K.STORE_SENT})),
        (Witness(ALL, Match(row(**VANISHED))), NOTHING),
        (Witness(ALL, Match(row(4))), NOTHING),
        (Witness(ALL, Match(row(6))), NOTHING),
        (Witness(ALL, Match(row(5))), (S.FAILED, "STORE_FAILED", {K.STORE_FAILED})),
        (Witness(ALL, Match(ambiguous=True)), NOTHING),
        (
            Witness(ALL, Match(row(sub_id=SubId(4)), wrong_sim=True)),
            (S.SENT, "", {K.STORE_SENT, K.WRONG_SIM}),
        ),
    ],
)
def test_judge_store_row_gives_what_it_proves(witness: Witness, expected: object) -> None:
    """A row of type 2 counts when it stands for a second, one of type 5 at once, others never."""
    assert expected == verdict_of(witness)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([word(Word.SENT)], (S.SENT, "", {K.RADIO_SENT})),
        ([word(Word.FAILED)], (S.FAILED, "RADIO_FAILED", {K.RADIO_FAILED})),
        (
            [word(Word.FAILED, error="NETWORK_REJECT")],
            (S.FAILED, "RIL_NETWORK_REJECT", {K.RADIO_FAILED}),
        ),
        ([word(Word.FAILED, error="10")], (S.FAILED, "SMS_NETWORK_REJECT", {K.RADIO_FAILED})),
        ([word(Word.DROPPED, sub_id=SubId(3))], (S.FAILED, "SIM_CHANGED", {K.RADIO_FAILED})),
        ([word(Word.DROPPED, sub_id=SubId(9))], NOTHING),
        ([word(Word.DROPPED)], NOTHING),
        ([word(Word.SENT, message_id=78)], NOTHING),
        ([word(Word.FAILED, message_id=78)], NOTHING),
        ([word(Word.SENT, message_id=None)], NOTHING),
        (
            [word(Word.ERROR, error="SMS_FAIL_RETRY"), word(Word.SENT, 9)],
            (S.SENT, "", {K.RADIO_SENT}),
        ),
    ],
)
def test_judge_radio_word_counts_for_its_own_message(
    words: list[RadioWord], expected: object
) -> None:
    """The radio's final words count by message id, and for nobody else."""
    assert expected == verdict_of(Witness(ALL, radio=tuple(words)))


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({"error": "NETWORK_REJECT", "cause": 38}, "NETWORK_REJECT cause 38 by message id"),
        ({"error": "NETWORK_REJECT", "cause": 0}, "NETWORK_REJECT by message id"),
        ({"error": "NETWORK_REJECT"}, "NETWORK_REJECT by message id"),
    ],
)
def test_judge_failure_tells_the_networks_cause(said: dict[str, Any], detail: str) -> None:
    """The ledger shows why the network refused, where the phone knows; 0 is no cause."""
    witness = Witness(ALL, radio=(word(Word.ERROR, **said), word(Word.FAILED, 5)))
    verdict = judge(attempt(), S.SUBMITTED, witness, at(20), LIMITS)
    assert verdict is not None
    assert ("RIL_NETWORK_REJECT", detail) == (verdict.code, verdict.evidence[0].detail)


@pytest.mark.parametrize(
    ("exclusive", "said", "expected"),
    [
        (True, word(Word.SENT, message_id=None), S.SENT),
        (True, word(Word.SENT, message_id=None, phone_id=PhoneId(0)), S.SENT),
        (True, word(Word.SENT, message_id=None, phone_id=PhoneId(1)), None),
        (True, word(Word.SENT, -1, message_id=None), None),
        (True, word(Word.SENT, message_id=78), None),
        (False, word(Word.SENT, message_id=None), None),
    ],
)
def test_judge_nameless_word_needs_an_exclusive_flight(
    *, exclusive: bool, said: RadioWord, expected: MessageState | None
) -> None:
    """A word without an id counts only live, alone in flight, and from the right modem."""
    can = Witnesses(store=False, radio=True, message_ids=False)
    witness = Witness(can, radio=(said,), exclusive=exclusive)
    assert expected == verdict_of(witness, of=attempt(message_id=0))[0]


@pytest.mark.parametrize(
    ("errors", "seconds", "expected"),
    [
        (["NETWORK_REJECT"], 13, None),
        (["NETWORK_REJECT"], 14, S.FAILED),
        (["SMS_FAIL_RETRY"] * 3, 30, None),
        (["SMS_FAIL_RETRY"] * 4, 30, S.FAILED),
    ],
)
def test_judge_modem_error_is_final_when_nothing_follows(
    errors: list[str], seconds: float, expected: MessageState | None
) -> None:
    """An error ends a message once Android has no try left and stays silent for the grace."""
    words = tuple(
        word(Word.ERROR, 4 + number / 1000, error=name) for number, name in enumerate(errors)
    )
    assert expected == verdict_of(Witness(ALL, radio=words), seconds=seconds + 0.01)[0]


@pytest.mark.parametrize(
    "witness",
    [
        Witness(ALL, Match(row(5))),
        Witness(ALL, radio=(word(Word.FAILED),)),
    ],
)
def test_judge_failed_part_of_a_long_message_is_unknown(witness: Witness) -> None:
    """Some parts of a long message may be on the air: not sent whole, not certainly unsent."""
    assert S.UNKNOWN == verdict_of(witness, of=attempt(segments=3))[0]


def test_judge_modem_error_of_a_long_message_waits() -> None:
    """Errors of several parts cannot be told apart: other witnesses and the deadline decide."""
    witness = Witness(ALL, radio=(word(Word.ERROR, error="NETWORK_REJECT"),))
    assert NOTHING == verdict_of(witness, of=attempt(segments=2), seconds=60)


def test_judge_vanished_row_confirms_an_error() -> None:
    """A row that vanished after the modem's error is the failure path, at once."""
    errors = (word(Word.ERROR, error="NETWORK_REJECT"),)
    witness = Witness(ALL, Match(row(**VANISHED)), errors)
    expected = (S.FAILED, "RIL_NETWORK_REJECT", {K.STORE_FAILED})
    assert expected == verdict_of(witness, seconds=8)


@pytest.mark.parametrize(
    ("call", "state", "expected"),
    [
        (RETURNED, S.SENDING, S.SUBMITTED),
        (RETURNED, S.SUBMITTED, None),
        (RETURNED, S.UNKNOWN, None),
        (REFUSED, S.SENDING, S.FAILED),
        (NOT_MADE, S.SENDING, S.ACCEPTED),
        (NOT_MADE, S.SUBMITTED, None),
        (NOT_MADE, S.UNKNOWN, None),
        (LOST, S.SENDING, None),
        (None, S.SENDING, None),
    ],
)
def test_judge_reply_of_the_call_proves_refusal_only(
    call: Evidence | None, state: MessageState, expected: MessageState | None
) -> None:
    """A call that returned proves nothing; one refused or not made proves that nothing went out."""
    assert expected == verdict_of(Witness(ALL, call=call), state)[0]


@pytest.mark.parametrize(
    "witness",
    [
        Witness(ALL, Match(row()), (word(Word.FAILED),)),
        Witness(ALL, Match(row(5)), (word(Word.SENT),)),
        Witness(ALL, Match(row()), call=REFUSED),
        Witness(ALL, radio=(word(Word.SENT),), call=NOT_MADE),
    ],
)
def test_judge_contrary_proofs_are_unknown(witness: Witness) -> None:
    """Where one witness says sent and another says not, nobody is believed."""
    assert (S.UNKNOWN, "OUTCOME_UNKNOWN") == verdict_of(witness, S.SENDING)[:2]
    assert NOTHING == verdict_of(witness, S.UNKNOWN)


@pytest.mark.parametrize("state", [S.SENDING, S.SUBMITTED])
@pytest.mark.parametrize(
    ("witness", "code"),
    [
        (Witness(ALL), "DEADLINE"),
        (Witness(ALL, boot_id="boot-1"), "DEADLINE"),
        (Witness(ALL, boot_id="boot-2"), "REBOOT"),
        (Witness(ALL, Match(row(**SEEN_ONCE))), "DEADLINE"),
        (Witness(ALL, Match(row(**VANISHED))), "DEADLINE"),
        (Witness(ALL, Match(ambiguous=True)), "DEADLINE"),
        (Witness(Witnesses(store=False, radio=False, message_ids=False)), "DEADLINE"),
    ],
)
def test_judge_without_proof_waits_and_then_is_unknown(
    state: MessageState, witness: Witness, code: str
) -> None:
    """No proof is no failure: the attempt waits its whole time, also over a reboot."""
    assert NOTHING == verdict_of(witness, state, seconds=239.9)
    assert (S.UNKNOWN, code) == verdict_of(witness, state, seconds=240)[:2]
    assert NOTHING == verdict_of(witness, S.UNKNOWN, seconds=9e5)


@pytest.mark.parametrize("state", [S.SENDING, S.SUBMITTED])
def test_judge_after_a_long_absence_waits_for_the_second_look(state: MessageState) -> None:
    """A row that says sent, met for the first time after the deadline, gets its second look."""
    met = Match(row(first_seen_at=at(3600), seen_again_at=None))
    assert NOTHING == verdict_of(Witness(ALL, met), state, seconds=3600)
    assert NOTHING == verdict_of(Witness(ALL, met), state, seconds=3659)
    assert (S.UNKNOWN, "DEADLINE") == verdict_of(Witness(ALL, met), state, seconds=3660)[:2]
    stands = Match(row(first_seen_at=at(3600), seen_again_at=at(3602)))
    assert S.SENT is verdict_of(Witness(ALL, stands), state, seconds=3602)[0]
    queued = Match(row(6, first_seen_at=at(3600), seen_again_at=None))
    assert S.UNKNOWN is verdict_of(Witness(ALL, queued), state, seconds=3600)[0]


def test_judge_row_after_a_reboot_is_sent() -> None:
    """A row that stands outweighs the reboot that came between."""
    assert S.SENT is verdict_of(Witness(ALL, Match(row()), boot_id="boot-2"), seconds=999)[0]


@pytest.mark.parametrize(
    ("witness", "expected"),
    [
        (Witness(ALL, Match(row())), S.SENT),
        (Witness(ALL, radio=(word(Word.SENT),)), S.SENT),
        (Witness(ALL, radio=(word(Word.FAILED),)), S.FAILED),
    ],
)
def test_judge_late_proof_corrects_unknown(witness: Witness, expected: MessageState) -> None:
    """UNKNOWN is left by proof, however late."""
    assert expected is verdict_of(witness, S.UNKNOWN, seconds=9e6)[0]


def test_judge_proof_against_a_settled_state_is_given() -> None:
    """What speaks against a settled state is handed to the journal, which keeps it as a finding."""
    verdict = judge(attempt(), S.FAILED, Witness(ALL, Match(row())), at(600), LIMITS)
    assert verdict is not None
    assert S.SENT is verdict.state
    assert judge(attempt(), S.SENT, Witness(ALL, Match(row())), at(600), LIMITS) is None


def test_judge_void_attempt_gets_no_verdict() -> None:
    """A message that went back to ACCEPTED has no open attempt."""
    assert judge(attempt(), S.ACCEPTED, Witness(ALL), at(9e5), LIMITS) is None


def test_confirm_by_grows_with_the_segments() -> None:
    """Every further segment has its own time on the air."""
    assert at(240) == confirm_by(attempt(), LIMITS)
    assert at(290) == confirm_by(attempt(segments=6), LIMITS)


@pytest.mark.parametrize(("taken", "expected"), [(1, None), (2, S.SENT), (3, None)])
def test_judge_android_5_0_message_is_sent_when_the_modem_took_every_part(
    taken: int, expected: MessageState | None
) -> None:
    """The release logs no verdict; each part's good answer is the only word, counted exactly."""
    witness = Witness(
        can=Witnesses(store=False, radio=False, message_ids=False),
        radio=tuple(word(Word.TAKEN, 4 + part, None) for part in range(taken)),
        exclusive=True,
    )

    verdict = judge(attempt(message_id=0, segments=2), S.SUBMITTED, witness, at(20), LIMITS)

    assert expected == (verdict.state if verdict else None)


def test_judge_part_taken_proves_nothing_where_a_verdict_is_logged() -> None:
    """From Android 5.1 on the verdict is awaited: a taken part may still be retried or fail."""
    witness = Witness(can=ALL, radio=(word(Word.TAKEN),), exclusive=True)

    assert judge(attempt(), S.SUBMITTED, witness, at(20), LIMITS) is None
