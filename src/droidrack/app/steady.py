"""A clock for judging: starts at the host's date and then only counts.

The host's clock may jump by hours while attempts are open. Ages, deadlines and the order in which
witnesses spoke must not: they are taken from here. Dates for people and for the panel are not.
"""

from datetime import datetime, timedelta

from droidrack.ports import Clock


class Steady:
    """The host's date at its making plus the time that has passed since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = clock.now()
        self._mono = clock.monotonic()

    def now(self) -> datetime:
        """Aware, UTC; never goes back and never jumps."""
        return self._wall + timedelta(seconds=self._clock.monotonic() - self._mono)

    def of(self, wall: datetime) -> datetime:
        """A date of the journal in this clock. What claims to come from the future is now."""
        return self.now() - max(self._clock.now() - wall, timedelta())

    def date(self, moment: datetime) -> datetime:
        """A moment of this clock as the host's clock has it now, for people and the panel."""
        return self._clock.now() - (self.now() - moment)
