"""When a phone or a SIM may send again: gaps, windows, and entries that lie about their time."""

from datetime import UTC, datetime, timedelta

import pytest

from droidrack.core.pacing import Window, next_allowed_at, rest_until, windows_per
from droidrack.core.settings import PaceWindow, Pacing, Per
from droidrack.core.tally import TRIM, Tally

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MINUTE = Window(25, 60.0)


def after(seconds: float) -> datetime:
    """So many seconds after noon (before it, where negative)."""
    return NOON + timedelta(seconds=seconds)


def tally(*sends: tuple[float, int]) -> Tally:
    """Sends as (seconds after noon, segments)."""
    made = Tally()
    for seconds, segments in sends:
        made.note(after(seconds), segments)
    return made


def test_pace_without_history_allows_at_once() -> None:
    """Nothing was sent, nothing to wait for; a message larger than the window goes, too."""
    assert NOON == next_allowed_at(tally(), 1, NOON, [MINUTE])
    assert NOON == next_allowed_at(tally(), 99, NOON, [MINUTE])
    assert NOON == next_allowed_at(tally((-1, 99)), 99, NOON, [])


def test_pace_waits_until_the_oldest_leave_the_window() -> None:
    """With the window full, the next one goes when enough of it is old."""
    past = tally((-50, 10), (-40, 10), (-30, 5))
    assert after(10) == next_allowed_at(past, 1, NOON, [MINUTE])
    assert after(10) == next_allowed_at(past, 10, NOON, [MINUTE])
    assert after(20) == next_allowed_at(past, 11, NOON, [MINUTE])
    assert after(30) == next_allowed_at(past, 25, NOON, [MINUTE])


def test_pace_keeps_the_strictest_of_several_windows() -> None:
    """All windows hold at once."""
    past = tally((-500, 30), (-30, 20))
    hour = Window(50, 3600.0)
    assert NOON == next_allowed_at(past, 5, NOON, [MINUTE])
    assert after(3100) == next_allowed_at(past, 5, NOON, [MINUTE, hour])


def test_pace_lets_an_oversized_message_wait_for_an_empty_window() -> None:
    """It can never fit, so it goes when nothing else is in the window."""
    assert after(55) == next_allowed_at(tally((-5, 1)), 30, NOON, [MINUTE])


def test_pace_forgets_what_left_the_window() -> None:
    """A send exactly one window ago is over."""
    assert NOON == next_allowed_at(tally((-60, 25)), 25, NOON, [MINUTE])


def test_pace_counts_the_future_as_now() -> None:
    """An entry from the future makes the phone wait one window, not until that future."""
    assert after(60) == next_allowed_at(tally((3600, 25)), 1, NOON, [MINUTE])


@pytest.mark.parametrize(("segments", "gap_s"), [(1, 3), (2, 6), (6, 18)])
def test_rest_is_a_gap_for_each_segment(segments: int, gap_s: float) -> None:
    """The gap after a long message is as long as the message."""
    assert after(gap_s) == rest_until(NOON, segments, Pacing(), 0.5)


def test_rest_ends_no_earlier_than_an_earlier_one() -> None:
    """A small message after a large one does not shorten the large one's gap."""
    large = rest_until(NOON, 6, Pacing(), 0.0)
    assert after(18) == rest_until(after(3), 1, Pacing(), 0.0, large)


def test_rest_is_lengthened_by_chance_and_never_shortened() -> None:
    """Jitter only adds."""
    pacing = Pacing(jitter_s=2.0)
    assert [after(3), after(4), after(5)] == [
        rest_until(NOON, 1, pacing, chance) for chance in (0.0, 0.5, 1.0)
    ]


def test_windows_are_told_apart_by_whose_sends_they_count() -> None:
    """The main window is the phone's; the others are whose the site says."""
    pacing = Pacing(window=(PaceWindow(9, 90.0), PaceWindow(8, 80.0, Per.PHONE)))
    assert (Window(25, 60.0), Window(8, 80.0)) == windows_per(pacing, Per.PHONE)
    assert (Window(9, 90.0),) == windows_per(pacing, Per.SIM)


def test_tally_takes_back_what_never_happened() -> None:
    """Counts and recipients are as before the note, also where the number was reached before."""
    past = Tally()
    past.note(after(0), 1, "a")
    past.note(after(1), 2, "b")
    past.note(after(2), 3, "a")
    past.take_back()
    past.take_back()
    assert 3 == past.segments_since(after(0))
    assert 2 == past.recipients_since(after(0), 9)
    assert 1 == past.recipients_since(after(1), 9)
    assert not past.reached_since("a", after(1))


def test_tally_forgets_only_what_nobody_may_ask_for() -> None:
    """What is younger is counted as before."""
    past = Tally()
    for second in range(TRIM + 10):
        past.note(after(second), 1, second)
    past.forget(after(TRIM + 4))
    assert 5 == past.segments_since(after(TRIM + 5)) == past.messages_since(after(TRIM + 5))
    assert 5 == past.recipients_since(after(TRIM + 5), 99)
    assert after(TRIM + 9 + 60) == past.room_at(0, timedelta(seconds=60), after(TRIM + 10))
