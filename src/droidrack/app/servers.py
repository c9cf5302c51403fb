"""The adb servers that do not answer: whose phones are away with them, told once for each outage.

A phone whose adb server is away is not ill: nothing is known of it. The server is named instead,
as a hub is that lost its phones. A restart takes a server a second or two and is no news.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from droidrack.app.world import World
from droidrack.ports import Outage

GRACE_S = 3.0
"""A server that is restarted answers again within that."""


@dataclass(slots=True)
class Absence:
    """One outage of one adb server."""

    outage: Outage
    since: datetime
    begun: float  # The same moment, in the monotonic clock.
    told: bool = False


class Servers:
    """Of one rack, by the index of the bus."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._away: dict[int, Absence] = {}
        self._homes: dict[str, int] = {}  # Which bus showed each phone last.

    @property
    def lost(self) -> tuple[Absence, ...]:
        """The outages that were told and last."""
        return tuple(absence for absence in self._away.values() if absence.told)

    def note(self, bus: int, outage: Outage | None, phones: Iterable[str]) -> bool:
        """A bus yielded a list. `phones`: whom it shows, or showed before an outage.

        Returns:
            Whether what `of` says may be another thing now.
        """
        self._homes.update(dict.fromkeys(phones, bus))
        if outage is not None:
            clock = self._world.clock
            self._away.setdefault(bus, Absence(outage, clock.now(), clock.monotonic()))
            return True
        absence = self._away.pop(bus, None)
        if absence is not None and absence.told:
            self._tell_back(absence)
        return absence is not None or bool(self._away)

    def of(self, phone: str) -> Outage | None:
        """The outage that takes a phone away; one that was never seen may be on any server."""
        home = self._homes.get(phone)
        if home is not None:
            absence = self._away.get(home)
        else:
            absence = next(iter(self._away.values()), None)
        return absence.outage if absence is not None else None

    def look(self) -> None:
        """Tell of each server that stays away, once."""
        world = self._world
        grace_s = min(GRACE_S, world.settings.repair.patience_s)
        for absence in self._away.values():
            if absence.told or world.clock.monotonic() - absence.begun < grace_s:
                continue
            absence.told = True
            outage, since = absence.outage, absence.since.isoformat(timespec="seconds")
            text = (
                f"the adb server at {outage.server} does not answer since {since}, and nothing is "
                f"known of its phones ({outage.seen}): {outage.remedy}"
            )
            world.tell("adb server lost", at=outage.server, since=since, reason=text)
            world.chronicle.note("adb-server-lost", text, phone="")

    def _tell_back(self, absence: Absence) -> None:
        world, server = self._world, absence.outage.server
        away_s = world.clock.monotonic() - absence.begun
        text = f"the adb server at {server} answers again, after {away_s:.0f} s"
        world.tell("adb server back", at=server, what=text)
        world.chronicle.note("adb-server-back", text, phone="")
