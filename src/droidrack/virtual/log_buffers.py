"""The phone's log: bounded ring buffers that `logcat` reads and follows."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

BUFFERS = ("main", "system", "radio", "events", "crash")
LINES_KEPT = 4000  # About what the default 256 KiB hold.


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `number` grows over all buffers, so that they can be merged in order."""

    number: int
    at: datetime  # The phone's clock, aware.
    buffer: str
    level: str  # V D I W E F
    tag: str
    text: str
    pid: int
    tid: int


class LogBuffers:
    """All buffers of one phone. Cleared by a reboot, which also ends every follower."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._kept: dict[str, deque[LogLine]] = {name: deque(maxlen=LINES_KEPT) for name in BUFFERS}
        self._count = 0
        self._boot = 0
        self._waiters: list[asyncio.Future[None]] = []
        self.silenced: set[str] = set()
        """Buffers whose lines are dropped, as some makers' builds do."""

    def write(
        self, buffer: str, level: str, tag: str, text: str, *, pid: int = 1500, tid: int = 1500
    ) -> None:
        """Add a line and wake the followers."""
        if buffer in self.silenced:
            return
        self._count += 1
        line = LogLine(self._count, self._now(), buffer, level, tag, text, pid, tid)
        self._kept[buffer].append(line)
        self._wake()

    def lines(self, buffers: Iterable[str], after: int = 0) -> list[LogLine]:
        """The kept lines with a number above `after`, oldest first."""
        kept = [line for name in buffers for line in self._kept[name] if line.number > after]
        return sorted(kept, key=lambda line: line.number)

    def clear(self, buffers: Iterable[str]) -> None:
        """Forget the lines of some buffers, as `logcat -c` does."""
        for name in buffers:
            self._kept[name].clear()

    def end(self) -> None:
        """Forget everything and end every follower: the phone goes down."""
        self._boot += 1
        self.clear(BUFFERS)
        self._wake()

    async def follow(self, buffers: tuple[str, ...], after: int) -> AsyncIterator[LogLine]:
        """New lines as they come, until the phone goes down or the caller stops."""
        boot = self._boot
        while boot == self._boot:
            fresh = self.lines(buffers, after)
            for line in fresh:
                after = line.number
                yield line
            if not fresh:
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.append(waiter)
                await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
