"""The life of a message, as its table has it."""

import pytest

from droidrack.core.message import OPEN, SETTLED, TRANSITIONS, MessageState, Priority, may_move

S = MessageState


def test_transitions_are_those_of_the_design() -> None:
    """Every legal move, written out a second time: a change of the table is a change of promise."""
    moves = {f"{state.name}>{target.name}" for state in S for target in TRANSITIONS[state]}
    expected = """
        ACCEPTED>SENDING ACCEPTED>FAILED ACCEPTED>EXPIRED ACCEPTED>CANCELLED
        SENDING>ACCEPTED SENDING>SUBMITTED SENDING>SENT SENDING>FAILED SENDING>UNKNOWN
        SUBMITTED>ACCEPTED SUBMITTED>SENT SUBMITTED>FAILED SUBMITTED>UNKNOWN
        UNKNOWN>SENT UNKNOWN>FAILED
    """
    assert set(expected.split()) == moves


def test_states_without_an_exit_are_settled() -> None:
    """Settled states, open states and the two in between share out all states."""
    assert {S.SENT, S.FAILED, S.EXPIRED, S.CANCELLED} == SETTLED
    assert set(S) == SETTLED | OPEN | {S.ACCEPTED, S.UNKNOWN}


@pytest.mark.parametrize("state", S)
def test_may_move_to_itself_is_no_move(state: MessageState) -> None:
    """Staying is not in the table."""
    assert not may_move(state, state)


def test_doubt_never_leads_back_to_the_radio() -> None:
    """From UNKNOWN, and from what is settled, no path leads to another call."""
    for state in (S.UNKNOWN, *SETTLED):
        assert S.SENDING not in reachable(state)
        assert S.ACCEPTED not in reachable(state)


def reachable(state: MessageState) -> set[MessageState]:
    """Every state that some path from here ends in."""
    found: set[MessageState] = set()
    edge = [state]
    while edge:
        fresh = TRANSITIONS[edge.pop()] - found
        found |= fresh
        edge += fresh
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("high", Priority.HIGH),
        (" HIGH ", Priority.HIGH),
        ("low", Priority.LOW),
        ("normal", Priority.NORMAL),
        ("urgent", Priority.NORMAL),
        (None, Priority.NORMAL),
        (3, Priority.NORMAL),
    ],
)
def test_priority_from_wire_takes_what_it_knows(text: object, expected: Priority) -> None:
    """An unknown word of the panel is an ordinary message, not an error."""
    assert expected is Priority.from_wire(text)


def test_priority_sorts_the_urgent_first() -> None:
    """Sending order is ascending."""
    assert [Priority.HIGH, Priority.NORMAL, Priority.LOW] == sorted(Priority)
