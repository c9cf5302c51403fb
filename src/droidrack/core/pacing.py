"""When may this phone send again?

Counted in segments over a sliding window, because Android's own guard counts them so (30 parts per
60 000 ms and package, both SIMs together), and with a gap after each message so that a burst does
not reach the radio at once. A message whose parts do not fit into the window waits whole.

The history comes from the journal and so survives restarts. Entries that lie in the future (the
host's clock was set back) count as if they were made now: a clock can make us slower, never faster.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from droidrack.core.settings import Pacing

History = Sequence[tuple[datetime, int]]
"""(time, segments) of sends that may have reached the radio, in any order."""


def next_allowed_at(history: History, segments: int, now: datetime, pacing: Pacing) -> datetime:
    """The earliest moment at which a message of `segments` parts may be handed to the radio.

    Returns a time not before `now`. A message larger than the whole window waits for an empty one.
    """
    window = timedelta(seconds=pacing.window_s)
    known = sorted((min(at, now), count) for at, count in history)
    past = [(at, count) for at, count in known if at > now - window]
    # Of every entry, not of the last one only: an earlier one may have been larger.
    gaps = (at + timedelta(seconds=pacing.min_gap_s * count) for at, count in known)
    earliest = max([now, *gaps])
    room = max(pacing.window_segments - segments, 0)
    used = sum(count for _, count in past)
    for at, count in past:
        if used <= room:
            break
        used -= count
        earliest = max(earliest, at + window)
    return earliest
