"""The pace is never exceeded: in no window and over no gap, by whatever the past was."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.pacing import Window, next_allowed_at, rest_until
from droidrack.core.settings import Pacing
from droidrack.core.tally import Tally

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
# Milliseconds, so that sums in float seconds stay exact to the microsecond.
WINDOWS = st.lists(
    st.builds(
        lambda segments, ms: Window(segments, ms / 1000),
        st.integers(1, 30),
        st.integers(1_000, 90_000),
    ),
    min_size=1,
    max_size=4,
)
PACINGS = st.builds(
    lambda gap, jitter: Pacing(gap / 1000, jitter_s=jitter / 1000),
    st.integers(0, 5_000),
    st.integers(0, 3_000),
)
PAST = st.lists(
    st.tuples(
        st.integers(-200_000, 0).map(lambda ms: NOON + timedelta(milliseconds=ms)),
        st.integers(1, 10),
    ),
    max_size=20,
)


def tally(sends: list[tuple[datetime, int]]) -> Tally:
    """What was sent, told in order."""
    made = Tally()
    for at, segments in sorted(sends):
        made.note(at, segments)
    return made


@given(
    WINDOWS,
    PACINGS,
    st.lists(
        st.tuples(st.integers(0, 20_000), st.integers(1, 30), st.floats(0, 1)),
        min_size=1,
        max_size=30,
    ),
)
def test_sends_at_the_earliest_moment_keep_every_window_and_gap(
    windows: list[Window], pacing: Pacing, wishes: list[tuple[int, int, float]]
) -> None:
    """A sender that never waits longer than it must stays within all limits all the time."""
    now, sends, past = NOON, list[tuple[datetime, int]](), Tally()
    rests: datetime | None = None
    for idle_ms, wanted, chance in wishes:
        now += timedelta(milliseconds=idle_ms)
        segments = min([wanted, *(window.segments for window in windows)])
        now = max(next_allowed_at(past, segments, now, windows), rests or now)
        sends.append((now, segments))
        past.note(now, segments)
        past.forget(now - timedelta(seconds=90))
        rests = rest_until(now, segments, pacing, chance, rests)
    for window in windows:
        for start, _ in sends:
            end = start + timedelta(seconds=window.seconds)
            assert sum(count for at, count in sends if start <= at < end) <= window.segments
    for (before, count), (later, _) in pairwise(sends):
        assert later - before >= timedelta(seconds=pacing.min_gap_s * count)


@given(WINDOWS, PAST, st.integers(1, 40), st.integers(0, 100_000))
def test_wait_is_never_negative_and_its_end_is_an_end(
    windows: list[Window], sends: list[tuple[datetime, int]], segments: int, later_ms: int
) -> None:
    """Whoever waited as long as told may go then, and at any later time."""
    past = tally(sends)
    allowed = next_allowed_at(past, segments, NOON, windows)
    assert allowed >= NOON
    later = allowed + timedelta(milliseconds=later_ms)
    assert later == next_allowed_at(past, segments, later, windows)


@given(WINDOWS, PAST, st.integers(1, 40), st.integers(0, 200_000))
def test_clock_set_back_never_shortens_a_wait(
    windows: list[Window], sends: list[tuple[datetime, int]], segments: int, back_ms: int
) -> None:
    """After a jump into the past the phone waits at least as long as it had to before."""
    past = tally(sends)
    earlier = NOON - timedelta(milliseconds=back_ms)
    before = next_allowed_at(past, segments, NOON, windows) - NOON
    assert next_allowed_at(past, segments, earlier, windows) - earlier >= before


@given(WINDOWS, PAST, st.integers(1, 40), st.integers(1, 10))
def test_one_more_send_never_shortens_the_wait(
    windows: list[Window], sends: list[tuple[datetime, int]], segments: int, extra: int
) -> None:
    """More traffic in the past means no earlier next send."""
    fewer = next_allowed_at(tally(sends), segments, NOON, windows)
    more = next_allowed_at(tally([*sends, (NOON, extra)]), segments, NOON, windows)
    assert more >= fewer
