"""The pace is never exceeded: in no window, over no gap, by no clock."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.pacing import next_allowed_at
from droidrack.core.settings import Pacing

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
# Milliseconds, so that sums in float seconds stay exact to the microsecond.
PACINGS = st.builds(
    lambda gap, window, segments: Pacing(gap / 1000, window / 1000, segments),
    st.integers(0, 5_000),
    st.integers(1_000, 90_000),
    st.integers(1, 30),
)
PAST = st.lists(
    st.tuples(
        st.integers(-200_000, 100_000).map(lambda ms: NOON + timedelta(milliseconds=ms)),
        st.integers(1, 10),
    ),
    max_size=20,
)


@given(
    PACINGS,
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 30)), min_size=1, max_size=30),
)
def test_sends_at_the_earliest_moment_keep_every_window_and_gap(
    pacing: Pacing, wishes: list[tuple[int, int]]
) -> None:
    """A sender that never waits longer than it must stays within the limits all the time."""
    now, sends = NOON, list[tuple[datetime, int]]()
    for idle_ms, wanted in wishes:
        now += timedelta(milliseconds=idle_ms)
        segments = min(wanted, pacing.window_segments)
        now = next_allowed_at(sends, segments, now, pacing)
        sends.append((now, segments))
    window = timedelta(seconds=pacing.window_s)
    for start, _ in sends:
        inside = [count for at, count in sends if start <= at < start + window]
        assert sum(inside) <= pacing.window_segments
    for (before, count), (later, _) in pairwise(sends):
        assert later - before >= timedelta(seconds=pacing.min_gap_s * count)


@given(PACINGS, PAST, st.integers(1, 40), st.integers(0, 100_000))
def test_wait_is_never_negative_and_its_end_is_an_end(
    pacing: Pacing, history: list[tuple[datetime, int]], segments: int, later_ms: int
) -> None:
    """Whoever waited as long as told may go then, and at any later time."""
    history = [(at, count) for at, count in history if at <= NOON]
    allowed = next_allowed_at(history, segments, NOON, pacing)
    assert allowed >= NOON
    later = allowed + timedelta(milliseconds=later_ms)
    assert later == next_allowed_at(history, segments, later, pacing)


@given(PACINGS, PAST, st.integers(1, 40), st.integers(0, 200_000))
def test_clock_set_back_never_shortens_a_wait(
    pacing: Pacing, history: list[tuple[datetime, int]], segments: int, back_ms: int
) -> None:
    """After a jump into the past the phone waits at least as long as it had to before."""
    history = [(at, count) for at, count in history if at <= NOON]
    earlier = NOON - timedelta(milliseconds=back_ms)
    before = next_allowed_at(history, segments, NOON, pacing) - NOON
    assert next_allowed_at(history, segments, earlier, pacing) - earlier >= before


@given(PACINGS, PAST, st.integers(1, 40), st.tuples(st.just(NOON), st.integers(1, 10)))
def test_one_more_send_never_shortens_the_wait(
    pacing: Pacing, history: list[tuple[datetime, int]], segments: int, extra: tuple[datetime, int]
) -> None:
    """More traffic in the past means no earlier next send."""
    fewer = next_allowed_at(history, segments, NOON, pacing)
    assert next_allowed_at([*history, extra], segments, NOON, pacing) >= fewer
