"""When may a phone, or a SIM, send again?

Counted in segments over sliding windows, several at once, because Android's own guard counts them
so, and with a gap after each message so that a burst does not reach the radio at once. A message
whose parts do not fit into a window waits whole; one that is larger than a window waits for an
empty one. Some windows are the phone's (Android's guard knows packages, not SIMs) and some are the
card's, and follow it to another phone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from droidrack.core.settings import Pacing, Per
from droidrack.core.tally import Tally


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many segments within so long."""

    segments: int
    seconds: float


def windows_per(pacing: Pacing, per: Per) -> tuple[Window, ...]:
    """The site's windows of each phone, or of each SIM."""
    own = tuple(Window(w.segments, w.seconds) for w in pacing.window if w.per is per)
    if per is Per.SIM:
        return own
    return (Window(pacing.window_segments, pacing.window_s), *own)


def next_allowed_at(
    tally: Tally, segments: int, now: datetime, windows: Iterable[Window]
) -> datetime:
    """The earliest moment, not before `now`, at which so many segments fit into every window."""
    moments = (
        tally.room_at(window.segments - segments, timedelta(seconds=window.seconds), now)
        for window in windows
    )
    return max(moments, default=now)


def rest_until(
    at: datetime, segments: int, pacing: Pacing, chance: float, rests: datetime | None = None
) -> datetime:
    """When the gap after a send is over; never before `rests`, the end of the earlier gaps.

    `chance`, 0 to 1, says where within the jitter this gap ends.
    """
    gap_s = pacing.min_gap_s * segments + pacing.jitter_s * chance
    end = at + timedelta(seconds=gap_s)
    return max(end, rests) if rests else end
