"""When to try again: a pure function of how often it failed.

The delay doubles up to a ceiling. Half of it is fixed and half is chance: the fixed half keeps a
failing panel from being hammered, the other spreads phones that failed in the same second.
"""

from typing import Protocol


class Chance(Protocol):
    """A source of chance; `random.Random` and the Dice port fit."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...


# 2 ** 32 times any base is past every ceiling in use; larger powers would only overflow a float.
_LARGEST_POWER = 32


def next_delay_s(attempt_no: int, dice: Chance, *, base: float, ceiling: float) -> float:
    """Seconds to wait after the `attempt_no`-th failure in a row.

    Args:
        attempt_no: 1 after the first failure.
        dice: source of the jitter.
        base: seconds of the first delay before jitter, > 0.
        ceiling: seconds no delay exceeds, >= base.

    Returns:
        Within [d/2, d) for d = min(ceiling, base * 2 ** (attempt_no - 1)).
    """
    if attempt_no < 1 or not 0 < base <= ceiling:
        raise ValueError("attempt_no counts from 1, and 0 < base <= ceiling")
    whole = min(ceiling, base * 2.0 ** min(attempt_no - 1, _LARGEST_POWER))
    return whole * (0.5 + 0.5 * dice.random())
