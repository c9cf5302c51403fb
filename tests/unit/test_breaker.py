"""The circuit breaker of a SIM."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.breaker import (
    CLOSED,
    FAILURE_LIMIT,
    FIRST_HOLD_S,
    LONGEST_HOLD_S,
    NETWORK_CODES,
    Breaker,
    after_failure,
    after_success,
    held,
    hold_s,
    inconclusive,
    tried,
)
from droidrack.core.codes import CODES

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CODE = "RIL_GENERIC_FAILURE"


def later(seconds: float) -> datetime:
    """A moment after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def opened() -> Breaker:
    """A breaker that has just opened for the first time."""
    breaker = CLOSED
    for _ in range(FAILURE_LIMIT):
        breaker = after_failure(breaker, CODE, NOW)
    return breaker


def test_breaker_counts_known_codes_only() -> None:
    """Every code it counts is one that a verdict may carry."""
    assert set(CODES) >= NETWORK_CODES


def test_breaker_opens_at_the_limit_and_names_the_cause() -> None:
    """One failure less holds nothing."""
    almost = CLOSED
    for _ in range(FAILURE_LIMIT - 1):
        almost = after_failure(almost, CODE, NOW)
    assert "" == held(almost, NOW)
    reason = held(after_failure(almost, CODE, NOW), NOW)
    assert f"{FAILURE_LIMIT} failures" in reason
    assert CODE in reason


def test_success_between_failures_starts_the_count_anew() -> None:
    """Only failures in a row count."""
    breaker = opened()
    assert CLOSED == after_success(breaker)


def test_bad_numbers_never_open_it() -> None:
    """A list of numbers that nobody has says nothing of the SIM."""
    breaker = CLOSED
    for _ in range(50):
        breaker = after_failure(breaker, "RIL_NETWORK_REJECT", NOW)
    assert CLOSED == breaker


def test_hold_ends_with_one_trial() -> None:
    """After the hold one message passes, and the next one only when that one is judged."""
    breaker = opened()
    assert held(breaker, later(FIRST_HOLD_S - 1))
    assert "" == held(breaker, later(FIRST_HOLD_S))
    on_trial = tried(breaker)
    assert "being tried" in held(on_trial, later(FIRST_HOLD_S))
    assert "" == held(inconclusive(on_trial), later(FIRST_HOLD_S))
    assert "" == held(after_success(on_trial), later(FIRST_HOLD_S))


def test_failed_trial_holds_for_twice_as_long() -> None:
    """The hold grows with each failed trial up to its ceiling."""
    again = after_failure(tried(opened()), CODE, later(FIRST_HOLD_S))
    assert held(again, later(FIRST_HOLD_S + 2 * FIRST_HOLD_S - 1))
    assert "" == held(again, later(FIRST_HOLD_S + 2 * FIRST_HOLD_S))
    assert LONGEST_HOLD_S == hold_s(99)


def test_latecomers_do_not_prolong_the_hold() -> None:
    """What was on its way when the breaker opened is counted and changes no time."""
    breaker = opened()
    assert breaker.until == after_failure(breaker, CODE, later(5)).until


@given(
    st.lists(
        st.tuples(st.sampled_from(["sent", "failed", "nothing", "try"]), st.integers(0, 4000)),
        max_size=40,
    )
)
def test_breaker_never_holds_longer_than_its_ceiling(steps: list[tuple[str, int]]) -> None:
    """Whatever happens, a SIM whose trial is judged is free again within the ceiling."""
    breaker, now = CLOSED, NOW
    for what, seconds in steps:
        now += timedelta(seconds=seconds)
        if what == "sent":
            breaker = after_success(breaker)
        elif what == "failed":
            breaker = after_failure(breaker, CODE, now)
        elif what == "nothing":
            breaker = inconclusive(breaker)
        elif not held(breaker, now):
            breaker = tried(breaker)
    free_at = now + timedelta(seconds=LONGEST_HOLD_S)
    assert "" == held(inconclusive(breaker), free_at)
