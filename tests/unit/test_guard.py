"""How far a phone's own limit on messages is believed."""

import pytest

from droidrack.core.guard import (
    ANDROIDS_OWN,
    MARGIN_S,
    GuardReading,
    guard_windows,
    kept_readings,
    read_guard,
)
from droidrack.core.pacing import Window


def readings(*told: tuple[str, int | None, int | None]) -> tuple[GuardReading, ...]:
    """What is kept after these readings, one after another."""
    kept: tuple[GuardReading, ...] = ()
    for boot_id, count, interval_ms in told:
        kept = kept_readings(kept, GuardReading(boot_id, count, interval_ms))
    return kept


def binding(*told: tuple[str, int | None, int | None]) -> set[Window]:
    """The windows that bind after these readings."""
    windows = guard_windows(readings(*told))
    return {Window(window.segments, window.seconds - MARGIN_S) for window in windows}


@pytest.mark.parametrize(
    ("count", "interval", "expected"),
    [
        ("null\n", "null\n", (None, None)),
        ("10\n", "120000\n", (10, 120_000)),
        ("-1", "x", (-1, None)),
        ("", "9999999999999", (None, None)),
    ],
)
def test_guard_settings_are_read_as_android_reads_them(
    count: str, interval: str, expected: tuple[int | None, int | None]
) -> None:
    """What is no number counts as not set."""
    reading = read_guard("boot", count, interval)
    assert expected == (reading.count, reading.interval_ms)


def test_guard_without_settings_is_androids_own() -> None:
    """30 parts in 60 s, also where nobody looked."""
    assert (Window(30, 61.0),) == guard_windows(())
    assert {ANDROIDS_OWN} == binding(("a", None, None))


def test_guard_that_was_lowered_binds_at_once() -> None:
    """The phone process may start at any time and read it."""
    assert {ANDROIDS_OWN, Window(10, 60.0)} == binding(("a", 10, None))


def test_guard_that_was_raised_makes_nobody_faster() -> None:
    """Neither before a reboot nor after it."""
    assert {ANDROIDS_OWN} == binding(("a", 999, None))
    assert ANDROIDS_OWN in binding(("a", 999, None), ("b", 999, None))


def test_guard_that_was_widened_again_is_believed_after_a_reboot_only() -> None:
    """The process may still hold the small number."""
    changed = [("a", 10, None), ("a", None, None)]
    assert Window(10, 60.0) in binding(*changed)
    assert Window(10, 60.0) in binding(*changed, ("a", None, None))
    assert Window(10, 60.0) not in binding(*changed, ("b", None, None))


def test_guard_whose_values_may_be_mixed_counts_at_its_strictest() -> None:
    """In doubt the smallest count within the longest interval that may be in force."""
    assert {ANDROIDS_OWN, Window(10, 3600.0)} == binding(("a", 10, 60_000), ("a", 100, 3_600_000))


def test_guard_read_alike_in_two_boots_is_taken_as_it_is() -> None:
    """A hundred in an hour is a hundred in an hour, not thirty."""
    told = [("a", 100, 3_600_000), ("b", 100, 3_600_000)]
    assert {ANDROIDS_OWN, Window(30, 3600.0)} == binding(told[0])
    assert {ANDROIDS_OWN, Window(100, 3600.0)} == binding(*told)
    assert {ANDROIDS_OWN, Window(100, 3600.0)} == binding(*told, told[1], ("c", *told[0][1:]))


def test_guard_changed_back_and_forth_remembers_what_binds() -> None:
    """A few readings stand for all of a boot."""
    told = [("a", count, count * 1000) for count in (50, 7, 90, 20)]
    assert 4 >= len(readings(*told))
    assert Window(7, 90.0) in binding(*told)
