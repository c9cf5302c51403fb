"""When a phone may send again: the gap, the window, and clocks that jump."""

from datetime import UTC, datetime, timedelta

import pytest

from droidrack.core.pacing import next_allowed_at
from droidrack.core.settings import Pacing

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PACE = Pacing(min_gap_s=3.0, window_s=60.0, window_segments=25)


def after(seconds: float) -> datetime:
    """So many seconds after noon (before it, where negative)."""
    return NOON + timedelta(seconds=seconds)


def test_pace_without_history_allows_at_once() -> None:
    """Nothing was sent, nothing to wait for; a message larger than the window goes, too."""
    assert NOON == next_allowed_at([], 1, NOON, PACE)
    assert NOON == next_allowed_at([], 99, NOON, PACE)


@pytest.mark.parametrize(("segments", "gap_s"), [(1, 3), (2, 6), (6, 18)])
def test_pace_leaves_a_gap_for_each_segment_of_the_last_message(
    segments: int, gap_s: float
) -> None:
    """The gap after a long message is as long as the message."""
    assert after(gap_s) == next_allowed_at([(NOON, segments)], 1, NOON, PACE)
    assert after(gap_s) == next_allowed_at([(NOON, segments)], 1, after(gap_s), PACE)


def test_pace_waits_until_the_oldest_leave_the_window() -> None:
    """With the window full, the next one goes when enough of it is old."""
    history = [(after(-50), 10), (after(-40), 10), (after(-30), 5)]
    assert after(10) == next_allowed_at(history, 1, NOON, PACE)
    assert after(10) == next_allowed_at(history, 10, NOON, PACE)
    assert after(20) == next_allowed_at(history, 11, NOON, PACE)
    assert after(30) == next_allowed_at(history, 25, NOON, PACE)


def test_pace_lets_an_oversized_message_wait_for_an_empty_window() -> None:
    """It can never fit, so it goes when nothing else is in the window."""
    assert after(55) == next_allowed_at([(after(-5), 1)], 30, NOON, PACE)


def test_pace_forgets_what_left_the_window() -> None:
    """A send exactly one window ago is over."""
    assert NOON == next_allowed_at([(after(-60), 25)], 25, NOON, Pacing(min_gap_s=0.0))


def test_pace_counts_the_future_as_now() -> None:
    """A clock set back by an hour makes the phone wait one gap and one window, not an hour."""
    history = [(after(3600), 25)]
    assert after(60) == next_allowed_at(history, 1, NOON, Pacing(min_gap_s=0.0))
    assert after(3) == next_allowed_at([(after(3600), 1)], 1, NOON, PACE)


def test_pace_ignores_the_order_of_the_history() -> None:
    """The journal may hand it over in any order."""
    history = [(after(-50), 10), (after(-40), 10), (after(-30), 5)]
    assert next_allowed_at(history, 1, NOON, PACE) == next_allowed_at(history[::-1], 1, NOON, PACE)
