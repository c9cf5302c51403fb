"""Is there room for one more message, on this phone and on this SIM, now?

One picture of everything that is counted: pace windows of phone and card, the gap since the last
send, the phone's own guard, the card's quotas. Taken for each look and never kept.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from droidrack.core.guard import guard_windows
from droidrack.core.ids import Msisdn
from droidrack.core.pacing import Window, next_allowed_at
from droidrack.core.quota import Calendar, Spent, spent
from droidrack.core.settings import Quota
from droidrack.core.tally import Tally


@dataclass(frozen=True, slots=True)
class Allowance:
    """What was sent and what may be. `now` is of the clock that only counts, as the tallies are."""

    now: datetime
    ahead: timedelta  # by which the host's clock is ahead of it
    phone: Tally
    card: Tally
    phone_windows: tuple[Window, ...] = ()
    card_windows: tuple[Window, ...] = ()
    guard: tuple[Window, ...] = field(default_factory=lambda: guard_windows(()))
    rests: datetime | None = None  # the gap after the last send ends then
    quota: Quota = field(default_factory=Quota)
    calendar: Calendar | None = None  # None: no quota that has one

    @property
    def most_at_once(self) -> int:
        """Segments of the largest message that the phone sends without asking its owner."""
        return min(window.segments for window in self.guard)

    def card_free_at(self, segments: int) -> datetime:
        """When the card's windows have room."""
        return next_allowed_at(self.card, segments, self.now, self.card_windows)

    def phone_free_at(self, segments: int) -> datetime:
        """When the gap is over, and the phone's windows and Android's have room."""
        windows = (*self.phone_windows, *self.guard)
        free_at = next_allowed_at(self.phone, segments, self.now, windows)
        return max(free_at, self.rests) if self.rests else free_at

    def quota_spent(self, segments: int, number: Msisdn) -> Spent | None:
        """The quota of the SIM that has no room; `number` as lists know it."""
        if self.calendar is None:
            return None
        return spent(
            self.card,
            self.quota,
            self.calendar,
            segments=segments,
            number=number,
            now=self.now,
            ahead=self.ahead,
        )

    def date(self, moment: datetime) -> datetime:
        """A moment of the counting clock as the host's clock shows it."""
        return moment + self.ahead
