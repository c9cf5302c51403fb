"""What a SIM may send per hour, day and month, and when the next one begins."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from droidrack.core.quota import Calendar, calendar_of, reach, spent
from droidrack.core.settings import Quota
from droidrack.core.tally import Tally

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BERLIN, LONDON = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London")
NOWHERE = timedelta()


def utc(text: str) -> datetime:
    """A moment such as 2026-03-29 01:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        ("2026-03-28 12:00", "2026-03-27 23:00", "2026-03-28 23:00"),
        ("2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00"),  # 23 hours
        ("2026-03-30 12:00", "2026-03-29 22:00", "2026-03-30 22:00"),
        ("2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),  # 25 hours
        ("2026-10-24 22:00", "2026-10-24 22:00", "2026-10-25 23:00"),
        ("2026-10-24 21:59", "2026-10-23 22:00", "2026-10-24 22:00"),
    ],
)
def test_day_follows_the_clocks_of_its_zone(now: str, begins: str, ends: str) -> None:
    """A day is as long as its zone makes it."""
    assert (utc(begins), utc(ends)) == Calendar(BERLIN).day(utc(now))


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        # 02:30 does not exist on 29 March: it is where the clocks would have been.
        ("2026-03-29 01:15", "2026-03-28 01:30", "2026-03-29 01:30"),
        ("2026-03-29 12:00", "2026-03-29 01:30", "2026-03-30 00:30"),
        # 02:30 exists twice on 25 October: the first one counts.
        ("2026-10-25 01:00", "2026-10-25 00:30", "2026-10-26 01:30"),
    ],
)
def test_day_resets_once_where_clocks_skip_or_repeat_its_time(
    now: str, begins: str, ends: str
) -> None:
    """There is exactly one reset a day."""
    assert (utc(begins), utc(ends)) == Calendar(BERLIN, time(2, 30)).day(utc(now))


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        ("2026-01-31 12:00", "2026-01-31 06:00", "2026-02-28 06:00"),
        ("2026-02-28 12:00", "2026-02-28 06:00", "2026-03-31 05:00"),
        ("2026-04-29 12:00", "2026-03-31 05:00", "2026-04-30 05:00"),
        ("2028-02-28 12:00", "2028-01-31 06:00", "2028-02-29 06:00"),
        ("2026-12-31 12:00", "2026-12-31 06:00", "2027-01-31 06:00"),
        ("2027-01-30 12:00", "2026-12-31 06:00", "2027-01-31 06:00"),
    ],
)
def test_month_that_begins_on_the_31st_begins_on_the_last_day(
    now: str, begins: str, ends: str
) -> None:
    """Short months, leap years, the turn of the year and summer time."""
    assert (utc(begins), utc(ends)) == Calendar(LONDON, time(6, 0), 31).month(utc(now))


def test_calendar_is_made_of_the_settings() -> None:
    """Time and day of the reset come from the file."""
    quota = Quota(reset_time="06:30", reset_day=15)
    assert Calendar(BERLIN, time(6, 30), 15) == calendar_of(quota, BERLIN)


def ask(quota: Quota, past: Tally, segments: int = 1, number: str = "new") -> str | None:
    """What is spent at noon, in UTC; None: it may go."""
    found = spent(
        past,
        quota,
        calendar_of(quota, UTC),
        segments=segments,
        number=number,
        now=NOON,
        ahead=NOWHERE,
    )
    return f"{found.detail} until {found.until:%d %H:%M}" if found else None


def past(*sends: tuple[float, int, str]) -> Tally:
    """Sends as (hours before noon, segments, number)."""
    made = Tally()
    for hours, segments, number in sends:
        made.note(NOON - timedelta(hours=hours), segments, number)
    return made


def test_quota_without_limits_stops_nothing() -> None:
    """Zero means without limit."""
    assert None is ask(Quota(), past((0, 10_000, "a")))
    assert timedelta() == reach(Quota())


def test_quota_per_hour_looks_at_any_sixty_minutes() -> None:
    """It is free again when enough of the hour is over."""
    sent = past((1, 9, "a"), (0.5, 3, "a"), (0.25, 2, "a"))
    assert None is ask(Quota(segments_per_hour=10), sent, 5)
    assert "10 segments per hour until 01 12:30" == ask(Quota(segments_per_hour=10), sent, 6)


def test_quota_per_day_and_month_look_at_the_calendar() -> None:
    """Yesterday's segments and last month's messages are over."""
    sent = past((30, 50, "a"), (13, 50, "a"), (11, 3, "a"), (1, 2, "b"))
    assert None is ask(Quota(segments_per_day=6), sent, 1)
    assert "5 of 6 segments of the day until 02 00:00" == ask(Quota(segments_per_day=6), sent, 2)
    assert None is ask(Quota(messages_per_month=3), sent)
    assert "2 of 2 messages of the month until 01 00:00" == ask(
        Quota(messages_per_month=2), sent, 1
    )


def test_quota_of_recipients_stops_newcomers_only() -> None:
    """A number that was reached in the period costs nothing more."""
    sent = past((13, 1, "old"), (2, 1, "a"), (1, 1, "b"))
    quota = Quota(recipients_per_day=2)
    assert "2 of 2 recipients of the day until 02 00:00" == ask(quota, sent)
    assert None is ask(quota, sent, number="a")
    assert ask(quota, sent, number="old") is not None
    assert None is ask(Quota(recipients_per_day=3), sent)
    assert ask(Quota(recipients_per_month=2), sent, number="old") is not None


@pytest.mark.parametrize("ahead_h", [-13, 13, 24 * 40])
def test_quota_of_two_clocks_is_the_stricter_one(ahead_h: int) -> None:
    """A jump over midnight opens no new day, neither way."""
    quota = Quota(segments_per_day=5)
    found = spent(
        past((6, 5, "a")),
        quota,
        calendar_of(quota, UTC),
        segments=1,
        number="a",
        now=NOON,
        ahead=timedelta(hours=ahead_h),
    )
    assert found is not None
    assert found.until >= utc("2026-05-02 00:00")


def test_send_as_a_day_begins_counts_whatever_a_restart_makes_of_its_date() -> None:
    """What waited for a day goes out as it begins; dated a moment before it is still the day's."""
    tally = Tally()
    for moment in ("2026-05-01 23:58:59", "2026-05-01 23:59:59.999999"):
        tally.note(utc(moment), 1, moment)
    asked = {"segments": 1, "number": "new", "now": utc("2026-05-02 12:00"), "ahead": NOWHERE}
    calendar = Calendar(UTC)

    assert spent(tally, Quota(segments_per_day=1), calendar, **asked) is not None
    assert spent(tally, Quota(segments_per_day=2), calendar, **asked) is None
