"""How much happens at once: on this host, behind one cable of it, and in bytes in memory.

Only what loads the host counts, and only while it does: a phone that waits for a person, a restart
or its own return holds nothing, so it delays nobody. Turns are given in the order in which they
were asked for.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from droidrack.core.ids import UsbPath


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The bounds of one run."""

    phones: int = 64  # phones with a call under way; each costs the adb server a few sockets
    transfers: int = 8  # transfers of the whole host: USB controllers saturate at 3-5
    hub_transfers: int = 4  # transfers behind one port of the host: its hubs share one cable
    bytes_in_flight: int = 256 << 20  # content held in memory for transfers


@dataclass(slots=True)
class _Load:
    """One file in memory, for all the phones that it is on its way to."""

    users: int = 0
    content: bytes | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limits:
    """The bounds at work."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._phones = asyncio.Semaphore(settings.phones)
        self._transfers = asyncio.Semaphore(settings.transfers)
        self._cables: dict[str, asyncio.Semaphore] = {}
        self._free_bytes = settings.bytes_in_flight
        self._freed = asyncio.Condition()
        self._loads: dict[str, _Load] = {}

    @asynccontextmanager
    async def phone(self) -> AsyncIterator[None]:
        """A turn for one call to one phone."""
        async with self._phones:
            yield

    @asynccontextmanager
    async def transfer(self, usb: UsbPath | None, size_bytes: int) -> AsyncIterator[None]:
        """A turn for one transfer with room for its content."""
        await self._reserve(size_bytes)
        try:
            async with self._way(usb):
                yield
        finally:
            await self._give_back(size_bytes)

    @asynccontextmanager
    async def shipment(
        self, usb: UsbPath | None, key: str, size_bytes: int, load: Callable[[], Awaitable[bytes]]
    ) -> AsyncIterator[bytes]:
        """A turn for one transfer of a file that goes to many phones, and its content.

        A wave of phones shares one copy: it is read for the first of them and dropped after the
        last. `key` names the content. Memory comes before the way: who has the way never waits for
        memory that somebody holds who waits for the way.
        """
        shared = self._loads.setdefault(key, _Load())
        shared.users += 1
        try:
            async with shared.turn:
                if shared.content is None:
                    shared.content = await self._loaded(size_bytes, load)
            async with self._way(usb):
                yield shared.content
        finally:
            shared.users -= 1
            if not shared.users:
                del self._loads[key]
                if shared.content is not None:
                    await self._give_back(size_bytes)

    @asynccontextmanager
    async def _way(self, usb: UsbPath | None) -> AsyncIterator[None]:
        """The cable first: who waits for a busy hub holds no turn of the host's."""
        port = usb.partition(".")[0] if usb else "network"
        if port not in self._cables:
            self._cables[port] = asyncio.Semaphore(self._settings.hub_transfers)
        async with self._cables[port], self._transfers:
            yield

    async def _loaded(self, size_bytes: int, load: Callable[[], Awaitable[bytes]]) -> bytes:
        await self._reserve(size_bytes)
        try:
            return await load()
        except BaseException:
            await self._give_back(size_bytes)
            raise

    async def _reserve(self, size_bytes: int) -> None:
        """Room in memory. What is larger than the whole budget gets it alone."""
        size = min(size_bytes, self._settings.bytes_in_flight)
        async with self._freed:
            await self._freed.wait_for(lambda: self._free_bytes >= size)
            self._free_bytes -= size

    async def _give_back(self, size_bytes: int) -> None:
        self._free_bytes += min(size_bytes, self._settings.bytes_in_flight)
        async with self._freed:
            self._freed.notify_all()
