"""Quiet hours: when nobody wants to be woken by a text, by the recipient's own clock.

Asked of the wall clock in each zone that the recipient may be in, so that it is right over the
changes of summer time; the strictest zone wins. Zones come from the host's tables (`zoneinfo`),
which are data like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HORIZON = timedelta(days=2)
"""Quiet hours come every day: a recipient for whom two days hold no moment has none at all. Two and
not one, because a change of summer time may cost an hour once."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day until another, which may be on the next. Equal: never."""

    start: time
    end: time

    def cover(self, moment: time) -> bool:
        """Whether this time of the day is quiet."""
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def quiet_until(now: datetime, hours: QuietHours, zones: Iterable[str]) -> datetime | None:
    """When the quiet hours that hold now are over in every zone; `now` where none holds.

    Args:
        now: aware.
        hours: of each zone's own clock.
        zones: IANA names; one that the host does not know is left out.

    Returns:
        Aware, UTC. None: no moment of the next two days is outside the quiet hours of all zones.
    """
    clocks = [clock for clock in map(_clock, zones) if clock is not None]
    moment = now.astimezone(UTC)
    while moment - now <= HORIZON:
        ends = [_end(moment, hours, clock) for clock in clocks]
        latest = max((end for end in ends if end is not None), default=None)
        if latest is None:
            return moment
        moment = latest
    return None


def _end(moment: datetime, hours: QuietHours, zone: ZoneInfo) -> datetime | None:
    """When one zone's quiet hours end, UTC; None where they do not hold."""
    local = moment.astimezone(zone)
    if not hours.cover(local.time()):
        return None
    day = local.date() if local.time() < hours.end else local.date() + timedelta(days=1)
    end = datetime.combine(day, hours.end, zone).astimezone(UTC)
    # In the hour that comes twice the end may have been passed once already: then its second time.
    return end if end > moment else end.astimezone(zone).replace(fold=1).astimezone(UTC)


@lru_cache(maxsize=512)
def _clock(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError.
        return None
