"""What one phone sent lately, kept over its plugging-ins.

The journal is asked once per phone and controller, because its dates are the host's clock's. After
that only ages count: a clock that jumps while a phone is away must not open a fresh window.
"""

from collections import deque
from datetime import datetime

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

    async def recall(self, journal: Journal, device: DeviceUuid, since: datetime) -> None:
        """Take up what this phone sent in earlier lives of the controller."""
        if device == self._device:
            return
        history = await journal.segments_since(device, since)
        self._sent = deque(((self._steady.of(at), n) for at, n in history), maxlen=SENT_KEPT)
        self._device = device

    def note(self, segments: int) -> None:
        """A message is handed to the phone now."""
        self._sent.append((self._steady.now(), segments))

    def wait_s(self, segments: int) -> float:
        """Seconds until a message of so many segments may go; 0: now."""
        now = self._steady.now()
        return (next_allowed_at(self._sent, segments, now, self._settings) - now).total_seconds()
