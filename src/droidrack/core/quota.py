"""How much a SIM may send: per hour, per day, per month.

An hour is the last 60 minutes, whatever the time of day. Days and months begin at the site's reset
time in its zone: at one moment each, also where the clocks skip that time or show it twice; a reset
day that a month does not have is its last day.

A clock that jumps must not open a new day. So two clocks are asked, the one that only counts and
the host's, and what either of them calls today is today: being wrong makes a SIM slower.

What a quota stops, waits. It is never moved to another SIM.
"""

from calendar import monthrange
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from droidrack.core.pacing import windows_per
from droidrack.core.settings import Per, Quota, Settings
from droidrack.core.tally import Tally

HOUR = timedelta(hours=1)
DAY = timedelta(hours=27)
"""A day whose clocks are put back, by up to two hours, with an hour for ours."""

LONGEST = timedelta(days=33)
"""No month of any zone is longer, with a day for its clocks and one for ours."""

BORDER = timedelta(minutes=1)
"""What went out so shortly before a period counts for it, too. What waits for a period goes out as
it begins; a restart dates it anew, by a clock that may have been corrected, and may date it before.
"""

Begins = Callable[[datetime], tuple[datetime, datetime]]
"""The period around a moment: when it began, and when the next one begins."""


@dataclass(frozen=True, slots=True)
class Spent:
    """A quota that has no room for a message."""

    detail: str
    until: datetime  # In the counting clock: it may have room then.
    newcomers_only: bool  # Messages to numbers that were reached already may pass.


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the days and months of a quota begin."""

    zone: tzinfo
    reset: time = time()
    reset_day: int = 1

    def day(self, now: datetime) -> tuple[datetime, datetime]:
        """The day around a moment, in UTC."""
        today = now.astimezone(self.zone).date()
        return _around(now, [self._begin(today + timedelta(days=n)) for n in (-2, -1, 0, 1, 2)])

    def month(self, now: datetime) -> tuple[datetime, datetime]:
        """The month around a moment, in UTC."""
        today = now.astimezone(self.zone).date()
        return _around(now, [self._begin(self._reset_date(today, n)) for n in (-2, -1, 0, 1, 2)])

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, self.reset, self.zone).astimezone(UTC)

    def _reset_date(self, today: date, months: int) -> date:
        count = today.year * 12 + today.month - 1 + months
        year, month = divmod(count, 12)
        last = monthrange(year, month + 1)[1]
        return date(year, month + 1, min(self.reset_day, last))


def limits(quota: Quota) -> bool:
    """Whether there is any limit."""
    return any(
        (
            quota.segments_per_hour,
            quota.segments_per_day,
            quota.messages_per_month,
            quota.recipients_per_day,
            quota.recipients_per_month,
        )
    )


def reach(quota: Quota) -> timedelta:
    """How far back its counts look."""
    if quota.messages_per_month or quota.recipients_per_month:
        return LONGEST
    if quota.segments_per_day or quota.recipients_per_day:
        return DAY
    return HOUR if quota.segments_per_hour else timedelta()


def calendar_of(quota: Quota, zone: tzinfo) -> Calendar:
    """The calendar that a site's settings mean; `zone` is the one that they name."""
    hours, minutes = quota.reset_time.split(":")
    return Calendar(zone, time(int(hours), int(minutes)), quota.reset_day)


def spent(
    tally: Tally,
    quota: Quota,
    calendar: Calendar,
    *,
    segments: int,
    number: Hashable,
    now: datetime,
    ahead: timedelta,
) -> Spent | None:
    """The first quota that a message does not fit into; None: it fits into all.

    `tally` and `now` are in the clock that only counts; the host's is `ahead` of it.
    """
    if not limits(quota):
        return None
    for found in _checks(tally, quota, calendar, segments, number, now, ahead):
        if found is not None:
            return found
    return None


def _checks(
    tally: Tally,
    quota: Quota,
    calendar: Calendar,
    segments: int,
    number: Hashable,
    now: datetime,
    ahead: timedelta,
) -> Iterator[Spent | None]:
    if quota.segments_per_hour:
        free_at = tally.room_at(quota.segments_per_hour - segments, HOUR, now)
        if free_at > now:
            yield Spent(f"{quota.segments_per_hour} segments per hour", free_at, False)
    day = _period(calendar.day, now, ahead)
    month = _period(calendar.month, now, ahead)
    if quota.segments_per_day:
        used = tally.segments_since(day[0])
        if used + segments > quota.segments_per_day:
            text = f"{used} of {quota.segments_per_day} segments of the day"
            yield Spent(text, day[1], False)
    if quota.messages_per_month:
        used = tally.messages_since(month[0])
        if used >= quota.messages_per_month:
            text = f"{used} of {quota.messages_per_month} messages of the month"
            yield Spent(text, month[1], False)
    for most, begins, until, name in (
        (quota.recipients_per_day, calendar.day, day[1], "day"),
        (quota.recipients_per_month, calendar.month, month[1], "month"),
    ):
        # Who was reached in the longer period only is a new recipient of the shorter one.
        for since in _starts(begins, now, ahead) if most else ():
            used = 0 if tally.reached_since(number, since) else tally.recipients_since(since, most)
            if used >= most:
                yield Spent(f"{used} of {most} recipients of the {name}", until, True)


def _period(begins: Begins, now: datetime, ahead: timedelta) -> tuple[datetime, datetime]:
    """The period by both clocks together, in the counting one, with the border before it."""
    until = max(begins(now)[1], begins(now + ahead)[1] - ahead)
    return min(_starts(begins, now, ahead)), until


def _starts(begins: Begins, now: datetime, ahead: timedelta) -> tuple[datetime, datetime]:
    """Where the period began by either clock."""
    return begins(now)[0] - BORDER, begins(now + ahead)[0] - ahead - BORDER


def _around(now: datetime, begins: list[datetime]) -> tuple[datetime, datetime]:
    past = [moment for moment in begins if moment <= now]
    return max(past), min(moment for moment in begins if moment > now)


def card_span(settings: Settings) -> timedelta:
    """How far back anybody may ask what a card sent: it may come to any phone of the site."""
    spans = [timedelta()]
    for phone in settings.phones:
        spans += [timedelta(seconds=w.seconds) for w in windows_per(phone.pacing, Per.SIM)]
        spans += [reach(quota) for quota in (phone.quota, *(s.quota for s in phone.slots)) if quota]
    return max(spans)
