"""The host's clock."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Clock of the operating system; its sleeps run on the current event loop."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
