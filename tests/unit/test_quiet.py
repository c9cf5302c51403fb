"""Quiet hours by the recipient's clock."""

from datetime import UTC, datetime, time

import pytest

from droidrack.core.quiet import QuietHours, quiet_until

NIGHT = QuietHours(time(21), time(8))


def until(at: datetime, *zones: str, hours: QuietHours = NIGHT) -> datetime | None:
    """When it is over."""
    return quiet_until(at, hours, zones)


def utc(day: int, hour: int, minute: int = 0, *, month: int = 5) -> datetime:
    """A moment of 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        (utc(1, 18, 59), utc(1, 18, 59)),  # 20:59 in Berlin
        (utc(1, 19), utc(2, 6)),
        (utc(2, 0), utc(2, 6)),
        (utc(2, 5, 59), utc(2, 6)),
        (utc(2, 6), utc(2, 6)),
    ],
)
def test_quiet_hours_over_midnight_end_in_the_morning(at: datetime, end: datetime) -> None:
    """The start is within, the end is not."""
    assert end == until(at, "Europe/Berlin")


def test_quiet_hours_within_a_day_end_on_it() -> None:
    """A site may want its siesta."""
    siesta = QuietHours(time(13), time(15, 30))
    assert utc(1, 13, 30) == until(utc(1, 12), "Europe/Berlin", hours=siesta)
    assert utc(1, 14) == until(utc(1, 14), "Europe/Berlin", hours=siesta)


def test_quiet_hours_of_several_zones_end_with_the_last() -> None:
    """The strictest wins: it is never night anywhere when a text goes."""
    assert utc(2, 7) == until(utc(1, 19), "Europe/Madrid", "Atlantic/Canary")


def test_quiet_hours_that_start_elsewhere_meanwhile_count() -> None:
    """When one zone wakes and another already sleeps, it goes on."""
    assert utc(1, 22) == until(utc(1, 7), "Pacific/Guam", "America/St_Johns", "Pacific/Pago_Pago")


def test_quiet_hours_without_a_common_moment_say_so() -> None:
    """A wait without end is told at once."""
    most = QuietHours(time(12), time(11))
    assert until(utc(1, 9), "Europe/Berlin", "Asia/Tokyo", hours=most) is None


def test_quiet_hours_of_no_length_never_hold() -> None:
    """Equal times switch them off."""
    assert utc(1, 8) == until(utc(1, 8), "UTC", hours=QuietHours(time(8), time(8)))


def test_zone_that_the_host_does_not_know_is_left_out() -> None:
    """Tables of different years name zones differently."""
    assert utc(1, 22) == until(utc(1, 22), "Mars/Olympus")


@pytest.mark.parametrize(
    ("at", "end"),
    [
        # Spring: 02:00 to 03:00 of 29 March does not exist in Berlin; 02:30 is 03:30 then.
        (utc(28, 23, month=3), utc(29, 1, 30, month=3)),
        # Autumn: 02:00 to 03:00 of 25 October comes twice, and 02:30 of it, too.
        (utc(25, 0, 10, month=10), utc(25, 0, 30, month=10)),
        (utc(25, 0, 40, month=10), utc(25, 0, 40, month=10)),
        (utc(25, 1, 10, month=10), utc(25, 1, 30, month=10)),
        (utc(25, 1, 30, month=10), utc(25, 1, 30, month=10)),
    ],
)
def test_quiet_hours_follow_the_wall_clock_over_changes_of_summer_time(
    at: datetime, end: datetime
) -> None:
    """Whoever looks at his clock sees when they end, also on the two odd nights of a year."""
    assert end == until(at, "Europe/Berlin", hours=QuietHours(time(21), time(2, 30)))
