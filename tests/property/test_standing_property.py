"""The states of a phone: what leads where, whatever happens."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.standing import (
    MOVES,
    ON_CABLE,
    REMEDIES,
    WORKING,
    Duty,
    PhoneState,
    Standing,
    may_move,
    moved,
    sighted,
    working,
)

S = PhoneState
START = datetime(2030, 1, 1, tzinfo=UTC)
states = st.sampled_from(PhoneState)
texts = st.text(max_size=8)


def reachable(start: PhoneState, *, without: Collection[PhoneState]) -> set[PhoneState]:
    """Every state that some chain of legal moves leads to."""
    found, edge = {start}, [start]
    while edge:
        for target in MOVES[edge.pop()] - found - set(without):
            found.add(target)
            edge.append(target)
    return found


def test_every_state_has_its_moves_and_its_remedy() -> None:
    """No state is left out of either table."""
    assert set(PhoneState) == set(MOVES) == set(REMEDIES)


@given(states)
def test_cable_takes_a_phone_from_any_state(state: PhoneState) -> None:
    """Whatever a phone was about to do, it may be unplugged, and come back."""
    assert MOVES[state] >= ON_CABLE - {state}
    assert S.READY in reachable(state, without=())


@pytest.mark.parametrize("gate", [S.MEETING, S.UNPROVEN, S.RECOVERING])
@pytest.mark.parametrize("start", sorted(ON_CABLE))
def test_nothing_carries_traffic_past_a_gate(start: PhoneState, gate: PhoneState) -> None:
    """A phone that arrives is met, proven and recovered before it can be ready."""
    assert {S.READY, S.DEGRADED}.isdisjoint(reachable(start, without={gate}))


@given(st.lists(st.tuples(states, texts, texts), max_size=30))
def test_standing_follows_the_table_and_keeps_its_beginning(
    steps: list[tuple[PhoneState, str, str]],
) -> None:
    """Any order of moves: an illegal one raises and changes nothing; `since` is the state's own."""
    standing = Standing(S.ABSENT, "", START)
    for number, (state, cause, evidence) in enumerate(steps, start=1):
        at = START + timedelta(seconds=number)
        if state is not standing.state and not may_move(standing.state, state):
            with pytest.raises(ValueError, match="no move leads"):
                moved(standing, state, at=at, cause=cause)
            continue
        after = moved(standing, state, at=at, cause=cause, evidence=evidence)
        assert (state, cause, evidence) == (after.state, after.cause, after.evidence)
        assert (standing.since if state is standing.state else at) == after.since
        assert REMEDIES[state] == after.remedy
        standing = after


@given(st.builds(Duty, texts, texts, texts, st.lists(st.text(min_size=1, max_size=8), max_size=3)))
def test_phone_on_duty_always_shows_a_working_state(duty: Duty) -> None:
    """Ready means that nothing else is to be said; a person's pause comes before all."""
    state, cause = working(duty)
    assert state in WORKING
    assert (state is S.READY) == (not cause)
    assert (state is S.PAUSED) == bool(duty.paused)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("device", None),
        ("unauthorized", S.UNAUTHORIZED),
        ("authorizing", S.UNAUTHORIZED),
        ("no permissions (missing udev rules?)", S.NO_PERMISSIONS),
        ("offline", S.OFFLINE),
        ("recovery", S.OFFLINE),
        ("a word of a later adb", S.OFFLINE),
    ],
)
def test_word_of_adb_names_the_state(word: str, state: PhoneState | None) -> None:
    """Every word but "device" is a state in which no command runs."""
    assert state is sighted(word)
