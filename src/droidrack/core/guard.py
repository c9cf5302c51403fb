"""Android's own guard against many messages, as far as it binds one phone.

The phone process lets a package send 30 parts within 60 s, both SIMs together, and asks its owner
on the screen beyond. Two global settings override the numbers, but they are read only when that
process starts: what `settings get` says now may not be in force yet, or not any more. So a reading
counts alone only where the same was read in an earlier boot; else everything that may be in force
counts together, at its strictest. A setting above Android's own numbers never makes anybody faster.

Source: AOSP SmsUsageMonitor, the same in Android 5 to 16.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from droidrack.core.pacing import Window

MAX_COUNT = "sms_outgoing_check_max_count"
INTERVAL_MS = "sms_outgoing_check_interval_ms"

ANDROIDS_OWN = Window(30, 60.0)

MARGIN_S = 1.0
"""Added to the interval: Android still counts what is exactly that old, by a clock of its own."""


@dataclass(frozen=True, slots=True)
class GuardReading:
    """What the two settings said in one boot; None: not set, or not a number."""

    boot_id: str
    count: int | None
    interval_ms: int | None

    @property
    def window(self) -> Window:
        """The guard that starts with these settings."""
        count = ANDROIDS_OWN.segments if self.count is None else max(self.count, 0)
        if self.interval_ms is None:
            return Window(count, ANDROIDS_OWN.seconds)
        return Window(count, max(self.interval_ms, 0) / 1000)


def read_guard(boot_id: str, count: str, interval_ms: str) -> GuardReading:
    """A reading from the answers of `settings get global …` (`null` where nothing is set)."""
    return GuardReading(boot_id, _number(count), _number(interval_ms))


def kept_readings(earlier: Iterable[GuardReading], now: GuardReading) -> tuple[GuardReading, ...]:
    """What has to be remembered, oldest first, with `now` at the end.

    The last reading of an earlier boot, and of this one the smallest count and longest interval.
    """
    readings = list(earlier)
    before = [reading for reading in readings if reading.boot_id != now.boot_id][-1:]
    here = [*(reading for reading in readings if reading.boot_id == now.boot_id), now]
    smallest = min(here, key=lambda reading: reading.window.segments)
    longest = max(here, key=lambda reading: reading.window.seconds)
    kept = dict.fromkeys((*before, smallest, longest))
    kept.pop(now, None)
    return (*kept, now)


def guard_windows(readings: Iterable[GuardReading]) -> tuple[Window, ...]:
    """The windows that bind, given `kept_readings`, oldest first; none read: Android's own."""
    return tuple(Window(w.segments, w.seconds + MARGIN_S) for w in _windows(readings))


def _windows(readings: Iterable[GuardReading]) -> tuple[Window, ...]:
    known = list(readings)
    if not known:
        return (ANDROIDS_OWN,)
    now = known[-1]
    here = {reading.window for reading in known if reading.boot_id == now.boot_id}
    before = [reading.window for reading in known if reading.boot_id != now.boot_id]
    if before == [now.window] and here == {now.window}:
        return tuple({ANDROIDS_OWN, now.window})
    possible = {*here, *before, ANDROIDS_OWN}
    strictest = Window(
        min(window.segments for window in possible), max(window.seconds for window in possible)
    )
    return tuple({ANDROIDS_OWN, strictest})


def _number(text: str) -> int | None:
    """As Android reads it: what is no number counts as not set."""
    text = text.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else None
