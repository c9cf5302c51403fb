"""The host's clock."""

import asyncio
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@cache
def _boot() -> str:
    """Linux counts `time.monotonic` from the boot that this names; others promise nothing."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


class SystemClock:
    """Clock of the operating system; its sleeps run on the current event loop."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot(self) -> str:
        return _boot()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
