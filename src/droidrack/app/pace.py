"""What one phone sent lately, kept over its plugging-ins.

The journal is asked once per phone and controller, because its dates are the host's clock's. After
that only ages count: a clock that jumps while a phone is away must not open a fresh window.
"""

from collections import deque
from datetime import datetime, timedelta

from droidrack.app.steady import Steady
from droidrack.core.ids import DeviceUuid
from droidrack.core.pacing import next_allowed_at
from droidrack.core.settings import Pacing
from droidrack.ports import Clock, Journal

SENT_KEPT = 1000
"""Sends remembered: no window holds more at any pace that a phone can keep."""


class Pace:
    """The pace of one phone. `settings` are the operator's."""

    def __init__(self, clock: Clock, settings: Pacing) -> None:
        self._clock = clock
        self._settings = settings
        self._steady = Steady(clock)
        self._device: DeviceUuid | None = None
        self._sent: deque[tuple[datetime, int]] = deque(maxlen=SENT_KEPT)

    async def recall(self, journal: Journal, device: DeviceUuid, max_segments: int) -> None:
        """Take up what this phone sent in earlier lives of the controller.

        As early as possible: a host's clock that jumps before this makes the history look old.
        `max_segments`: of one message, whose gap may be longer than the window.
        """
        if device == self._device:
            return
        longest_s = max(self._settings.window_s, self._settings.min_gap_s * max_segments)
        since = self._clock.now() - timedelta(seconds=longest_s)
        history = await journal.segments_since(device, since)
        self._sent = deque(((self._steady.of(at), n) for at, n in history), maxlen=SENT_KEPT)
        self._device = device

    def note(self, segments: int) -> None:
        """A message is handed to the phone now."""
        self._sent.append((self._steady.now(), segments))

    def answered(self) -> None:
        """The call that was noted last has ended: a slow phone may have taken it only now."""
        if self._sent:
            self._sent[-1] = (self._steady.now(), self._sent[-1][1])

    def wait_s(self, segments: int) -> float:
        """Seconds until a message of so many segments may go; 0: now."""
        now = self._steady.now()
        return (next_allowed_at(self._sent, segments, now, self._settings) - now).total_seconds()
