"""How long to wait after the panel did not answer well."""

from droidrack.core.backoff import next_delay_s
from droidrack.ports import Dice

BUSY_CEILING_S = 900.0
"""A `Retry-After` beyond this is not obeyed literally: a mistyped date must not end the service."""


class Pause:
    """Backoff of one loop towards the panel; grows with failures in a row."""

    def __init__(self, dice: Dice, *, base_s: float = 1.0, ceiling_s: float = 60.0) -> None:
        self._dice = dice
        self._base_s = base_s
        self._ceiling_s = ceiling_s
        self._failures = 0

    def reset(self) -> None:
        """The panel answered well."""
        self._failures = 0

    def after_failure(self) -> float:
        """Seconds to wait now."""
        self._failures += 1
        return next_delay_s(self._failures, self._dice, base=self._base_s, ceiling=self._ceiling_s)

    def after_busy(self, retry_after_s: float | None) -> float:
        """Seconds to wait after a 429: what the panel asked for, else the backoff's."""
        if retry_after_s is None:
            return self.after_failure()
        return min(max(retry_after_s, 0.0), BUSY_CEILING_S)
