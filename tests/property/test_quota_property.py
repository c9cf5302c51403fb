"""No cap is exceeded: not over clock changes, month ends or jumps of the host's clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from droidrack.core.quota import HOUR, Calendar, Spent, spent
from droidrack.core.settings import Quota
from droidrack.core.tally import Tally

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
     "Africa/Casablanca", "Pacific/Apia", "America/St_Johns"]
).map(ZoneInfo)  # fmt: skip
CALENDARS = st.builds(
    Calendar,
    ZONES,
    st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59])),
    st.integers(1, 31),
)
MOMENTS = st.integers(0, 30 * 365 * 24 * 60).map(
    lambda minutes: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
QUOTAS = st.builds(
    Quota,
    segments_per_hour=st.sampled_from([0, 6, 9]),
    segments_per_day=st.sampled_from([0, 6, 20]),
    messages_per_month=st.sampled_from([0, 5, 30]),
    recipients_per_day=st.sampled_from([0, 1, 3]),
    recipients_per_month=st.sampled_from([0, 2, 6]),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.2, 1.0, 5.0, 13.0, 24.0, 24.5, 24 * 7.0, 24 * 30.0]),  # hours pass
        st.sampled_from([0.0] * 6 + [-30.0, -2.0, 2.0, 30.0, 24 * 40.0]),  # the clock jumps
        st.integers(1, 6),
        st.sampled_from("abcdefgh"),
    ),
    max_size=60,
)


@given(CALENDARS, MOMENTS)
@example(Calendar(ZoneInfo("Pacific/Apia")), datetime(2011, 12, 30, 10, 30, tzinfo=UTC))
def test_periods_hold_their_moment_and_follow_each_other(calendar: Calendar, now: datetime) -> None:
    """Each moment is in one day and one month; where one ends the next begins."""
    for period, shortest, longest in (
        (calendar.day, timedelta(hours=22), timedelta(hours=49)),
        (calendar.month, timedelta(days=26), timedelta(days=33)),
    ):
        begins, ends = period(now)
        assert begins <= now < ends
        assert shortest <= ends - begins <= longest
        assert ends == period(ends)[0]
        assert (begins, ends) == period(begins)
        assert (begins, ends) == period(ends - timedelta(microseconds=1))


@example(
    Quota(recipients_per_month=2),
    Calendar(ZoneInfo("UTC"), time(0, 0), 11),
    datetime(2010, 1, 1, 10, 29, tzinfo=UTC),
    [
        (24.5, 30.0, 1, "a"),
        (168.0, 0.0, 1, "a"),
        (5.0, 0.0, 1, "b"),
        (168.0, 0.0, 1, "a"),
        (0.0, 0.0, 1, "c"),
        (0.0, 2.0, 1, "b"),
    ],
)
@given(QUOTAS, CALENDARS, MOMENTS, STEPS)
def test_what_the_quotas_let_pass_keeps_every_cap(
    quota: Quota,
    calendar: Calendar,
    start: datetime,
    steps: list[tuple[float, float, int, str]],
) -> None:
    """Counted plainly at each send, by the calendar of both clocks as they stand then."""
    now, ahead, past = start, timedelta(), Tally()
    sends: list[tuple[datetime, int, str]] = []
    for hours, jump_h, segments, number in steps:
        now += timedelta(hours=hours)
        ahead += timedelta(hours=jump_h)
        wish = {"segments": segments, "number": number, "now": now, "ahead": ahead}
        found = spent(past, quota, calendar, **wish)  # type: ignore[arg-type]
        if found is not None:
            assert found.until > now
            continue
        past.note(now, segments, number)
        sends.append((now, segments, number))
        judge(quota, sends, now - HOUR, calendar.day(now)[0], calendar.month(now)[0])
        shown = now + ahead
        day, month = calendar.day(shown)[0] - ahead, calendar.month(shown)[0] - ahead
        judge(quota, sends, now - HOUR, day, month)


def judge(
    quota: Quota,
    sends: list[tuple[datetime, int, str]],
    hour: datetime,
    day: datetime,
    month: datetime,
) -> None:
    """Every cap, counted from the list, at its last send.

    A clock that jumped may put old recipients into the period; then no new one may join them.
    """
    *earlier, (_, _, number) = sends

    def within(cap: int, used: int) -> None:
        assert not cap or used <= cap

    def few(cap: int, since: datetime) -> None:
        before = {name for at, _, name in earlier if at >= since}
        assert not cap or number in before or len(before) < cap

    within(quota.segments_per_hour, sum(count for at, count, _ in sends if at > hour))
    within(quota.segments_per_day, sum(count for at, count, _ in sends if at >= day))
    within(quota.messages_per_month, sum(1 for at, _, _ in sends if at >= month))
    few(quota.recipients_per_day, day)
    few(quota.recipients_per_month, month)


@given(QUOTAS, CALENDARS, MOMENTS, STEPS)
def test_what_a_quota_stops_goes_when_it_says_at_the_earliest(
    quota: Quota,
    calendar: Calendar,
    start: datetime,
    steps: list[tuple[float, float, int, str]],
) -> None:
    """A message that is stopped is stopped until the moment that was told."""
    now, past = start, Tally()
    for hours, _, segments, number in steps:
        now += timedelta(hours=hours)
        found: Spent | None = None
        while True:
            wish = {"segments": segments, "number": number, "ahead": timedelta()}
            again = spent(past, quota, calendar, now=now, **wish)  # type: ignore[arg-type]
            if again is None:
                break
            just_before = again.until - timedelta(microseconds=1)
            assert spent(past, quota, calendar, now=just_before, **wish) is not None  # type: ignore[arg-type]
            assert found is None or again.until > found.until
            found, now = again, again.until
        past.note(now, segments, number)
