"""A clock for judging: starts at the host's date and then only counts.

The host's clock may jump by hours while attempts are open. Ages, deadlines and the order in which
witnesses spoke must not: they are taken from here. Dates for people and for the panel are not.
"""

from datetime import datetime, timedelta

from droidrack.core.attempt import Tick
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

    def of(self, wall: datetime, tick: Tick | None = None) -> datetime:
        """A date of the journal in this clock. What claims to come from the future is now.

        `tick`, where it is of this boot of the host, says it without the host's date.
        """
        if tick is not None and tick.boot == self._clock.boot():
            return self.now() - timedelta(seconds=max(self._clock.monotonic() - tick.seconds, 0.0))
        return self.now() - max(self._clock.now() - wall, timedelta())

    def tick(self) -> Tick | None:
        """This moment, for those who read it after a restart."""
        boot = self._clock.boot()
        return Tick(boot, self._clock.monotonic()) if boot else None

    def ahead(self) -> timedelta:
        """By how much the host's clock shows a later time than this one."""
        return self._clock.now() - self.now()

    def date(self, moment: datetime) -> datetime:
        """A moment of this clock as the host's clock has it now, for people and the panel."""
        return self._clock.now() - (self.now() - moment)
