"""Verdicts need proofs, and do not depend on the order in which they came."""

import random
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Flight
from droidrack.core.evidence import (
    Deadlines,
    Match,
    RadioWord,
    RowKind,
    StoreRow,
    Witness,
    Witnesses,
    Word,
    judge,
    match,
)
from droidrack.core.ids import DeviceUuid, MessageUid, Msisdn, PhoneId, Slot, SubId
from droidrack.core.matching import same_number
from droidrack.core.message import MessageState, may_move

S, K = MessageState, EvidenceKind
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LIMITS = Deadlines()
MOMENTS = st.integers(0, 20_000).map(lambda tenths: NOON + timedelta(seconds=tenths / 10))
NUMBERS = st.sampled_from(["+15550100001", "15550100001", "+15550100002", "55501"]).map(Msisdn)


@st.composite
def rows(draw: st.DrawFn) -> StoreRow:
    """Any row a phone may show."""
    first = draw(MOMENTS)
    gaps = st.none() | st.sampled_from([0, 0.5, 1, 2, 90])
    again, gone = draw(gaps), draw(gaps)
    return StoreRow(
        row_id=draw(st.integers(8, 16)),
        type=draw(st.sampled_from([1, 2, 2, 2, 4, 5, 6])),
        sub_id=draw(st.sampled_from([SubId(3), SubId(3), SubId(4), None])),
        address=draw(NUMBERS),
        date_ms=None,
        error_code=draw(st.none() | st.integers(-1, 200)),
        creator=draw(st.sampled_from(["com.android.shell", None, "com.example.messages"])),
        first_seen_at=first,
        seen_again_at=None if again is None else first + timedelta(seconds=again),
        vanished_at=None if gone is None else first + timedelta(seconds=gone),
    )


WORDS = st.builds(
    RadioWord,
    st.sampled_from(Word),
    MOMENTS,
    st.sampled_from([77, 78, None]),
    st.sampled_from([None, PhoneId(0), PhoneId(1)]),
    st.sampled_from(["", "SMS_FAIL_RETRY", "NETWORK_REJECT"]),
    st.sampled_from([None, 0, 38]),
    st.sampled_from([None, SubId(3), SubId(9)]),
)
CALLS = st.none() | st.builds(
    Evidence,
    st.sampled_from([K.CALL_RETURNED, K.CALL_REFUSED, K.CALL_NOT_MADE, K.CALL_LOST]),
    MOMENTS,
)
MATCHES = st.one_of(
    st.just(Match()),
    st.just(Match(ambiguous=True)),
    st.builds(Match, rows(), wrong_sim=st.booleans()),
)
WITNESSES = st.builds(
    Witness,
    st.builds(Witnesses, st.booleans(), st.booleans(), st.booleans()),
    MATCHES,
    st.lists(WORDS, max_size=6).map(tuple),
    st.booleans(),
    st.sampled_from([None, "boot-1", "boot-2"]),
    CALLS,
)
ATTEMPTS = st.builds(
    Attempt,
    uid=st.just(MessageUid("m1")),
    number=st.just(1),
    device=st.just(DeviceUuid("phone-a")),
    slot=st.just(Slot(0)),
    sub_id=st.just(SubId(3)),
    iccid=st.none(),
    segments=st.integers(1, 4),
    watermark=st.just(10),
    message_id=st.sampled_from([0, 77]),
    boot_id=st.just("boot-1"),
    opened_at=st.just(NOON),
)
STATES = st.sampled_from(S)


def ours(attempt: Attempt, word: RadioWord, witness: Witness) -> bool:
    """Whether a word may concern the attempt at all."""
    if word.message_id is not None:
        return word.message_id == attempt.message_id
    return witness.exclusive and word.phone_id != PhoneId(1)


def standing_row(witness: Witness) -> bool:
    """Whether there is a sent row that stood for a second."""
    row = witness.store.row
    return row is not None and RowKind.of(row, 1) is RowKind.SENT


@given(ATTEMPTS, STATES, WITNESSES, MOMENTS)
def test_sent_needs_a_positive_witness(
    attempt: Attempt, state: MessageState, witness: Witness, now: datetime
) -> None:
    """SENT: a row that stood for a second, or the radio's final word, or all parts taken."""
    verdict = judge(attempt, state, witness, now, LIMITS)
    if verdict and verdict.state is S.SENT:
        said = any(w.word is Word.SENT and ours(attempt, w, witness) for w in witness.radio)
        taken = {w for w in witness.radio if w.word is Word.TAKEN and ours(attempt, w, witness)}
        all_taken = not witness.can.radio and len(taken) == attempt.segments
        assert said or all_taken or standing_row(witness)
        assert {K.STORE_SENT, K.RADIO_SENT} & {item.kind for item in verdict.evidence}


@given(ATTEMPTS, STATES, WITNESSES, MOMENTS)
def test_failed_needs_proof_that_nothing_is_on_the_air(
    attempt: Attempt, state: MessageState, witness: Witness, now: datetime
) -> None:
    """FAILED: a refusal, or one segment with a failed row or the radio's error; no sign of sent."""
    verdict = judge(attempt, state, witness, now, LIMITS)
    if verdict and verdict.state is S.FAILED:
        words = {w.word for w in witness.radio if ours(attempt, w, witness)}
        refused = witness.call is not None and witness.call.kind is K.CALL_REFUSED
        row = witness.store.row
        broken = (row is not None and row.type == 5) or words & {Word.FAILED, Word.ERROR}
        dropped = any(
            w.word is Word.DROPPED and w.sub_id == attempt.sub_id and ours(attempt, w, witness)
            for w in witness.radio
        )
        assert refused or dropped or (broken and attempt.segments == 1)
        assert not standing_row(witness)


@given(ATTEMPTS, STATES, WITNESSES, MOMENTS)
def test_verdict_is_a_move_of_the_table_or_a_finding(
    attempt: Attempt, state: MessageState, witness: Witness, now: datetime
) -> None:
    """A verdict is legal, or it is a proof against a settled state; it never says what stands."""
    verdict = judge(attempt, state, witness, now, LIMITS)
    if verdict:
        assert verdict.state is not state
        assert verdict.evidence
        finding = verdict.state in (S.SENT, S.FAILED)
        assert may_move(state, verdict.state) or finding


@given(ATTEMPTS, STATES, WITNESSES, MOMENTS, st.randoms(use_true_random=False))
def test_verdict_does_not_depend_on_order_or_repeats(
    attempt: Attempt,
    state: MessageState,
    witness: Witness,
    now: datetime,
    dice: random.Random,
) -> None:
    """Words shuffled and repeated give the same verdict, to the last piece of evidence."""
    words = list(witness.radio) + [word for word in witness.radio if dice.random() < 0.5]
    dice.shuffle(words)
    shuffled = Witness(
        witness.can, witness.store, tuple(words), witness.exclusive, witness.boot_id, witness.call
    )
    expected = judge(attempt, state, witness, now, LIMITS)
    assert expected == judge(attempt, state, shuffled, now, LIMITS)


@given(ATTEMPTS, WITNESSES, MOMENTS, MOMENTS)
def test_time_alone_never_takes_a_proof_back(
    attempt: Attempt, witness: Witness, first: datetime, second: datetime
) -> None:
    """The same facts looked at later: a proof stays, and no proof ends as UNKNOWN."""
    early, late = sorted((first, second))
    before = judge(attempt, S.SUBMITTED, witness, early, LIMITS)
    after = judge(attempt, S.SUBMITTED, witness, late, LIMITS)
    if before:
        assert after
        if before.state in (S.SENT, S.FAILED):
            assert before == after
        elif before.code == "DEADLINE":
            assert after.state in (S.UNKNOWN, S.FAILED)


@given(ATTEMPTS, st.sampled_from([S.SENDING, S.SUBMITTED]), WITNESSES)
def test_every_open_attempt_has_a_verdict_in_the_end(
    attempt: Attempt, state: MessageState, witness: Witness
) -> None:
    """Nothing is stuck: after the deadline there is a verdict, whatever is known."""
    verdict = judge(attempt, state, witness, NOON + timedelta(hours=1), LIMITS)
    assert verdict is not None
    assert verdict.state in (S.SENT, S.FAILED, S.UNKNOWN, S.ACCEPTED)


FLIGHTS = st.builds(
    Flight,
    st.builds(
        Attempt,
        uid=st.integers(0, 99).map(lambda number: MessageUid(f"m{number}")),
        number=st.just(1),
        device=st.just(DeviceUuid("phone-a")),
        slot=st.just(Slot(0)),
        sub_id=st.sampled_from([SubId(3), SubId(4)]),
        iccid=st.none(),
        segments=st.just(1),
        watermark=st.sampled_from([7, 9, 11, None]),
        message_id=st.just(0),
        boot_id=st.sampled_from(["boot-1", "boot-1", "boot-2"]),
        opened_at=st.integers(0, 5000).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    ),
    NUMBERS,
)
FLEETS = st.lists(FLIGHTS, max_size=4, unique_by=lambda flight: flight.attempt.uid)
STORES = st.lists(rows(), max_size=4, unique_by=lambda row: row.row_id)


def matched(fleet: list[Flight], store: list[StoreRow]) -> tuple[Match, ...]:
    """Matches at the default times."""
    return match(fleet, store, second_look_s=1, late_row_s=3600)


@settings(max_examples=300)
@given(FLEETS, STORES)
def test_match_gives_a_row_to_one_attempt_only(fleet: list[Flight], store: list[StoreRow]) -> None:
    """No row proves two attempts; each row is above the watermark and to the number."""
    found = matched(fleet, store)
    taken = [each.row.row_id for each in found if each.row]
    assert len(taken) == len(set(taken))
    for flight, each in zip(fleet, found, strict=True):
        assert not (each.row and each.ambiguous)
        if each.row:
            assert flight.attempt.watermark is not None
            assert each.row.row_id > flight.attempt.watermark
            assert same_number(each.row.address, flight.number)
            strange = each.row.sub_id not in (None, flight.attempt.sub_id)
            assert strange == each.wrong_sim


@settings(max_examples=300)
@given(FLEETS, STORES, st.integers(0, 23), st.integers(0, 23))
def test_match_does_not_depend_on_order(
    fleet: list[Flight], store: list[StoreRow], one: int, other: int
) -> None:
    """Rows and attempts in any order give each attempt the same."""
    expected = dict(
        zip((flight.attempt.uid for flight in fleet), matched(fleet, store), strict=True)
    )
    fleets, stores = list(permutations(fleet)), list(permutations(store))
    shuffled = list(fleets[one % len(fleets)])
    found = matched(shuffled, list(stores[other % len(stores)]))
    assert expected == {
        flight.attempt.uid: each for flight, each in zip(shuffled, found, strict=True)
    }


@st.composite
def played(draw: st.DrawFn) -> tuple[list[Flight], list[StoreRow], set[MessageUid]]:
    """Attempts of which some wrote a row, as a phone would: the truth beside what is seen."""
    fleet = sorted(
        draw(st.lists(FLIGHTS, min_size=1, max_size=5, unique_by=lambda f: f.attempt.uid)),
        key=lambda flight: flight.attempt.opened_at,
    )
    sent: set[MessageUid] = set()
    store: list[StoreRow] = []
    opened = [
        Flight(
            Attempt(
                uid=flight.attempt.uid,
                number=1,
                device=flight.attempt.device,
                slot=flight.attempt.slot,
                sub_id=SubId(3),
                iccid=None,
                segments=1,
                watermark=7,
                message_id=0,
                boot_id="boot-1",
                opened_at=NOON + timedelta(seconds=number),
            ),
            flight.number,
        )
        for number, flight in enumerate(fleet)
    ]
    for row_id, flight in enumerate(draw(st.permutations(opened)), start=8):
        if draw(st.booleans()):
            sent.add(flight.attempt.uid)
            seen = NOON + timedelta(seconds=60)
            again = seen + timedelta(seconds=2)
            creator = "com.android.shell"
            address = flight.number
            store.append(StoreRow(row_id, 2, SubId(3), address, None, None, creator, seen, again))
    return opened, store, sent


@settings(max_examples=500)
@given(played())
def test_match_never_proves_an_attempt_that_wrote_no_row(
    play: tuple[list[Flight], list[StoreRow], set[MessageUid]],
) -> None:
    """Against the truth: a certain match is a message that was sent, whatever else was going on."""
    fleet, store, sent = play
    found = matched(fleet, store)
    for flight, each in zip(fleet, found, strict=True):
        if each.row:
            assert flight.attempt.uid in sent
    if len(sent) == len(fleet) and all(
        one.number == other.number or not same_number(one.number, other.number)
        for one, other in combinations(fleet, 2)
    ):
        assert all(each.row for each in found)
