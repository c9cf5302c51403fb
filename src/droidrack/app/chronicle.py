"""What happened to phones, for the operator: one line in the log, one event in the journal.

Whoever notices something says it at once and goes on; the journal is written from here, in order.
Nothing in it is needed to send: what a damaged journal cannot take is dropped, oldest first.
"""

import asyncio
from collections import deque

from droidrack.core.ids import DeviceUuid
from droidrack.core.redact import redact
from droidrack.ports import Clock, Event, Journal

KEPT_LIMIT = 10_000
"""Events that wait for the journal; 500 phones that flap twice a minute fill it in ten minutes."""


class Chronicle:
    """The way of events into the journal."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self._clock = clock
        self._journal = journal
        self._waiting: deque[Event] = deque(maxlen=KEPT_LIMIT)
        self._told = asyncio.Event()
        self._writing = asyncio.Lock()  # At a stop two may want to flush: each event once.

    def note(self, kind: str, text: str, *, phone: str, device: DeviceUuid | None = None) -> None:
        """Something happened. `text` is redacted once more, for others' words may be in it."""
        self._waiting.append(Event(self._clock.now(), device, kind, redact(text), phone))
        self._told.set()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._told.wait()
            self._told.clear()
            await self.flush()

    async def flush(self) -> None:
        """Return once everything that was noted is on disk."""
        async with self._writing:
            while self._waiting:
                event = self._waiting[0]
                await self._journal.record(event)
                # It may have been pushed out by newer ones meanwhile.
                if self._waiting and self._waiting[0] is event:
                    self._waiting.popleft()
