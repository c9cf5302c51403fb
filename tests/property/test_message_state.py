"""Whatever is asked of a message, in whatever order and however often, it only moves forward."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidrack.adapters.journal_rules import settlement
from droidrack.core.attempt import Evidence, EvidenceKind
from droidrack.core.ids import MessageUid
from droidrack.core.message import OPEN, SETTLED, TRANSITIONS, MessageState
from droidrack.core.report import UnknownAs, report_for

S = MessageState
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
RANK = {S.ACCEPTED: 0, S.SENDING: 1, S.SUBMITTED: 2, S.UNKNOWN: 3}
"""How far along a state is; settled ones are 4. Only `Effect.NONE` leads from 1 back to 0."""

STATES = st.sampled_from(S)
VERDICTS = st.sampled_from([state for state in S if state is not S.SENDING])
KINDS = st.lists(st.sampled_from(EvidenceKind), max_size=3)


def rank(state: MessageState) -> int:
    """See `RANK`."""
    return RANK.get(state, 4)


@given(start=STATES, wishes=st.lists(st.tuples(STATES, KINDS), max_size=30))
def test_states_follow_the_table_over_any_wishes(
    start: MessageState, wishes: list[tuple[MessageState, list[EvidenceKind]]]
) -> None:
    """Any wishes in any order: each step is in the table or none, and nothing leaves a settled."""
    state = start
    for target, kinds in wishes:
        evidence = [Evidence(kind, NOON) for kind in kinds]
        if (state, target) == (S.ACCEPTED, S.SENDING):
            state = target  # By opening an attempt.
            continue
        decided = settlement(state, target, evidence, None, None)
        assert decided.state is (target if decided.moved else state)
        assert decided.moved == (target in TRANSITIONS[state])
        late_answer = target is S.SUBMITTED  # After its proof: no contradiction.
        assert bool(decided.finding) == (
            not decided.moved and target is not state and not late_answer
        )
        if state in SETTLED:
            assert decided.state is state
        if rank(decided.state) < rank(state):
            assert state in (S.SENDING, S.SUBMITTED)
            assert S.ACCEPTED is decided.state
        state = decided.state


@given(state=STATES, target=VERDICTS, kinds=KINDS, times=st.integers(2, 5))
def test_repeated_verdict_changes_and_tells_nothing_new(
    state: MessageState, target: MessageState, kinds: list[EvidenceKind], times: int
) -> None:
    """The same verdict again is no second move and no second report."""
    uid = MessageUid("m1")
    evidence = [Evidence(kind, NOON) for kind in kinds]
    report = report_for(uid, target, "CODE", NOON, UnknownAs.FAILED)
    first = settlement(state, target, evidence, report, None)
    told = first.report
    for _ in range(times):
        again = settlement(first.state, target, evidence, report, told)
        assert not again.moved
        assert again.state is first.state
        if told is not None:
            assert again.report is None


@given(state=STATES, target=VERDICTS, kinds=KINDS)
def test_attempt_is_void_only_where_nothing_happened(
    state: MessageState, target: MessageState, kinds: list[EvidenceKind]
) -> None:
    """Pace forgets an attempt only if its call was not made or refused."""
    decided = settlement(state, target, [Evidence(kind, NOON) for kind in kinds], None, None)
    if decided.void:
        assert state in OPEN
        assert decided.moved
        nothing = {EvidenceKind.CALL_NOT_MADE, EvidenceKind.CALL_REFUSED}
        assert target is S.ACCEPTED or (target is S.FAILED and nothing & set(kinds))


def test_settling_into_sending_is_our_bug() -> None:
    """There is no SENDING without an attempt on disk."""
    with pytest.raises(ValueError, match="open_attempt"):
        settlement(S.ACCEPTED, S.SENDING, [], None, None)
