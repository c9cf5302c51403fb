"""Waiting for one of two things, in whatever time the loop has."""

import asyncio
from collections.abc import Awaitable


async def until(event: asyncio.Event, work: Awaitable[None]) -> None:
    """Do some work until it ends or fails, or the event happens."""
    working = asyncio.ensure_future(work)
    happening = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({working, happening}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
    finally:
        for task in (working, happening):
            task.cancel()
        await asyncio.gather(working, happening, return_exceptions=True)


class Bell:
    """Tells any number of listeners that there is something new."""

    def __init__(self) -> None:
        self._listeners: list[asyncio.Event] = []

    def listen(self) -> asyncio.Event:
        """An event of one's own that `ring` sets; whoever waits for it clears it."""
        event = asyncio.Event()
        self._listeners.append(event)
        return event

    def ring(self) -> None:
        """Wake all who listen."""
        for event in self._listeners:
            event.set()
