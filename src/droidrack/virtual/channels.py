"""Byte channels inside the phone: what stands behind standard input and output."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

Fetch = Callable[[], Awaitable[bytes]]
"""Some bytes; `b""` at the end and from then on."""

Sink = Callable[[bytes], Awaitable[None]]
"""Takes bytes; BrokenPipeError once nobody reads them."""


class Source:
    """Standard input with one buffer, so that a `read` takes its line and not a byte more."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._buffer = b""

    async def read(self, size: int) -> bytes:
        """Up to `size` bytes."""
        if not self._buffer and size:
            self._buffer = await self._fetch()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    async def line(self) -> bytes:
        """Up to and with the next LF, or to the end of the input."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            more = await self._fetch()
            if not more:
                end = searched - 1
                break
            self._buffer += more
        taken, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
        return taken


def source_of(content: bytes) -> Source:
    """A source that holds just these bytes."""
    rest = [content]

    async def fetch() -> bytes:
        return rest.pop() if rest else b""

    return Source(fetch)


async def discard(written: bytes) -> None:
    """The sink behind /dev/null."""


@dataclass(frozen=True, slots=True)
class Terminals:
    """The three standard streams of one command; a `Console`."""

    source: Source
    out: Sink
    err: Sink

    async def read(self, size: int) -> bytes:
        """Standard input."""
        return await self.source.read(size)

    async def stdout(self, data: bytes) -> None:
        """Standard output."""
        await self.out(data)

    async def stderr(self, data: bytes) -> None:
        """Standard error."""
        await self.err(data)

    def to(self, out: Sink) -> "Terminals":
        """The same with another standard output."""
        return replace(self, out=out)


class Pipe:
    """A bounded pipe between two commands."""

    _CAPACITY = 16  # Writes in flight; the kernel's 64 KiB in spirit.

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(self._CAPACITY)
        self._reading = True
        self._ended = False

    async def write(self, chunk: bytes) -> None:
        """The writer's end."""
        if not self._reading:
            raise BrokenPipeError("the reader has gone")
        if chunk:
            await self._queue.put(chunk)

    async def fetch(self) -> bytes:
        """The reader's end."""
        if self._ended:
            return b""
        chunk = await self._queue.get()
        self._ended = not chunk
        return chunk

    async def close_writer(self) -> None:
        """No more will come."""
        if self._reading:
            await self._queue.put(b"")

    def close_reader(self) -> None:
        """Nobody reads any more: a waiting writer gets room, the next write breaks."""
        self._reading = False
        while not self._queue.empty():
            self._queue.get_nowait()
