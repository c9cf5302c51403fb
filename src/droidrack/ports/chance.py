"""Time and chance, so that a test may hold both."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, so that it can be invented.

    1. `monotonic` MUST never go back; `now` MAY jump with the host's clock.
    2. `monotonic` of two processes MUST count from the same moment where both give the same
       `boot`; "" where that cannot be promised.
    """

    def now(self) -> datetime:
        """Wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        ...

    def boot(self) -> str:
        """Names the run of this host that `monotonic` counts in."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait."""
        ...


class Dice(Protocol):
    """Chance, so that it can be replayed. `random.Random` fits."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def getrandbits(self, k: int, /) -> int:
        """Draw `k` random bits."""
        ...
