"""How much happens at once: on this host, behind one hub, and in bytes on their way.

Only what loads the host counts: a phone that waits for a person, a restart or its own return holds
nothing, so it delays nobody.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from droidrack.core.ids import UsbPath


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The bounds of one run."""

    phones: int = 64  # phones with a step under way; each costs the adb server a few sockets
    transfers: int = 8  # transfers of the whole host: USB controllers saturate at 3-5
    hub_transfers: int = 4  # transfers behind one hub: it shares one cable
    bytes_in_flight: int = 256 << 20  # content held in memory for transfers


class Limits:
    """The bounds at work."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._phones = asyncio.Semaphore(settings.phones)
        self._transfers = asyncio.Semaphore(settings.transfers)
        self._hubs: dict[str, asyncio.Semaphore] = {}
        self._free_bytes = settings.bytes_in_flight
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def phone(self) -> AsyncIterator[None]:
        """A turn for one step of one phone."""
        async with self._phones:
            yield

    @asynccontextmanager
    async def transfer(self, usb: UsbPath | None, size_bytes: int) -> AsyncIterator[None]:
        """A turn for one transfer. One larger than the whole budget gets it alone."""
        size = min(size_bytes, self._settings.bytes_in_flight)
        async with AsyncExitStack() as stack:
            # The hub first: who waits for a busy hub holds no turn of the host's.
            await stack.enter_async_context(self._hub(usb))
            await stack.enter_async_context(self._transfers)
            async with self._freed:
                await self._freed.wait_for(lambda: self._free_bytes >= size)
                self._free_bytes -= size
            try:
                yield
            finally:
                self._free_bytes += size
                async with self._freed:
                    self._freed.notify_all()

    def _hub(self, usb: UsbPath | None) -> asyncio.Semaphore:
        hub = usb.rpartition(".")[0] if usb and "." in usb else usb or "network"
        if hub not in self._hubs:
            self._hubs[hub] = asyncio.Semaphore(self._settings.hub_transfers)
        return self._hubs[hub]
