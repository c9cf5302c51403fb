"""The delay between tries."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.backoff import next_delay_s


class Fixed:
    """Dice that always fall the same way."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        """The fixed throw."""
        return self.value


def test_next_delay_doubles_up_to_the_ceiling() -> None:
    """Without luck each delay is half of 2, 4, 8 … and then of the ceiling."""
    delays = [next_delay_s(n, Fixed(0.0), base=2.0, ceiling=10.0) for n in range(1, 6)]
    assert [1.0, 2.0, 4.0, 5.0, 5.0] == delays


@given(
    attempt_no=st.integers(1, 10**9),
    throw=st.floats(0, 1, exclude_max=True),
    base=st.floats(0.01, 60),
    room=st.floats(0, 3_600),
)
def test_next_delay_stays_between_half_the_base_and_the_ceiling(
    attempt_no: int, throw: float, base: float, room: float
) -> None:
    """However often it failed, the delay is positive and bounded."""
    ceiling = base + room
    delay_s = next_delay_s(attempt_no, Fixed(throw), base=base, ceiling=ceiling)
    assert base / 2 <= delay_s <= ceiling


def test_next_delay_spreads_phones_that_failed_together() -> None:
    """35: 500 phones that failed in one second come back over half a period, not at once."""
    dice = random.Random(7)
    delays = sorted(next_delay_s(3, dice, base=2.0, ceiling=60.0) for _ in range(500))
    seconds = [sum(start <= delay < start + 1 for delay in delays) for start in (4, 5, 6, 7)]
    assert (500, True) == (sum(seconds), max(seconds) < 200)


@pytest.mark.parametrize(
    ("attempt_no", "base", "ceiling"), [(0, 1.0, 2.0), (1, 0.0, 2.0), (1, 3.0, 2.0)]
)
def test_next_delay_with_impossible_arguments_is_our_bug(
    attempt_no: int, base: float, ceiling: float
) -> None:
    """A ValueError, not a delay of nothing."""
    with pytest.raises(ValueError, match="attempt_no"):
        next_delay_s(attempt_no, Fixed(0.5), base=base, ceiling=ceiling)
