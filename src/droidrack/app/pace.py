"""What phones and SIMs sent lately, kept over plugging-ins and swaps.

The journal is asked once per phone, and once per card, and controller. After that only ages count:
a clock that jumps must not open a fresh window. A phone's sends stay with the phone, because
Android's guard sits there; a card's sends go with the card to another phone.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from droidrack.app.world import World
from droidrack.core.allowance import Allowance
from droidrack.core.case import SimReading
from droidrack.core.guard import guard_windows
from droidrack.core.ids import DeviceUuid, Msisdn, Slot
from droidrack.core.pacing import Window, rest_until, windows_per
from droidrack.core.quota import calendar_of, limits
from droidrack.core.recipient import country_at, list_key
from droidrack.core.settings import Per, PhoneSettings
from droidrack.core.tally import Tally
from droidrack.ports import Send

CardKey = str | tuple[DeviceUuid, Slot]
"""A card by its ICCID; where a phone does not tell it, by its place."""


class Pace:
    """The pace of one phone and of the SIMs in it, by the operator's settings."""

    def __init__(
        self, world: World, settings: PhoneSettings, *, until: datetime | None = None
    ) -> None:
        """`until`: leave out what was sent later; only for a question about another time.

        Whoever sends counts all of it: a clock that was turned back must not hide a send.
        """
        self._world = world
        self._settings = settings
        self._until = until
        self._steady = world.steady
        self._device: DeviceUuid | None = None
        self._span = timedelta()
        self._phone = Tally()
        self._rests: datetime | None = None
        self._guard = guard_windows(())
        self._noted: Tally | None = None  # The card of the call that is being made.

    async def begin(self, device: DeviceUuid, guard: tuple[Window, ...]) -> None:
        """Take up what this phone sent in earlier lives, and how far its own guard lets it go."""
        self._guard = guard
        gap_s = self._settings.pacing.min_gap_s * self._world.settings.policy.max_segments
        windows = (*windows_per(self._settings.pacing, Per.PHONE), *self._guard)
        span = timedelta(seconds=max(gap_s, *(window.seconds for window in windows)))
        if device == self._device and span <= self._span:
            return
        since = self._world.clock.now() - span
        sends = self._counted(await self._world.journal.usage.of_phone(device, since))
        self._phone = tally_of(self._world, sends)
        if device != self._device:
            self._rests = None
        for send in sends:
            at = self._steady.of(send.opened_at, send.tick)
            self._rests = rest_until(at, send.segments, self._settings.pacing, 0.0, self._rests)
        self._device, self._span = device, span

    async def take_up(self, sims: tuple[SimReading, ...]) -> None:
        """Take up what the cards of this phone sent, on whatever phone."""
        world = self._world
        for sim in sims:
            if sim.sub_id is None or self._reaches(sim):
                continue
            found = await self._sends_of(sim)
            if not self._reaches(sim):  # Another phone may have asked meanwhile.
                world.cards[self._key(sim)] = tally_of(world, found, self._country(sim))
                world.reach[self._key(sim)] = world.card_span

    def _reaches(self, sim: SimReading) -> bool:
        """Whether enough of what a card sent is known; a reload may ask for more of it."""
        return self._world.reach.get(self._key(sim), timedelta(-1)) >= self._world.card_span

    def allowance(self, sim: SimReading | None) -> Allowance:
        """The room that there is now for a message on a SIM."""
        pacing = self._settings.pacing
        quota = self._settings.quota if sim is None else self._settings.quota_of(sim.slot)
        card = None if sim is None else self._world.cards.get(self._key(sim))
        return Allowance(
            now=self._steady.now(),
            ahead=self._steady.ahead(),
            phone=self._phone,
            card=card or Tally(),
            phone_windows=windows_per(pacing, Per.PHONE),
            card_windows=windows_per(pacing, Per.SIM),
            guard=self._guard,
            rests=self._rests,
            quota=quota,
            calendar=calendar_of(quota, ZoneInfo(quota.time_zone)) if limits(quota) else None,
        )

    def note(self, sim: SimReading, segments: int, number: Msisdn) -> None:
        """A message is handed to the phone now."""
        now, recipient = self._steady.now(), list_key(number, self._country(sim))
        world, key = self._world, self._key(sim)
        card = self._noted = world.cards.setdefault(key, Tally())
        for tally, span in ((self._phone, self._span), (card, world.card_span)):
            tally.note(now, segments, recipient)
            tally.forget(now - span)
        world.reach[key] = min(world.reach.get(key, world.card_span), world.card_span)
        self._rest(now, segments)

    def answered(self, segments: int) -> None:
        """The call that was noted last has ended: a slow phone may have taken it only now."""
        now = self._steady.now()
        self._phone.slide(now)
        if self._noted is not None:
            self._noted.slide(now)
        self._rest(now, segments)

    def take_back(self) -> None:
        """The phone certainly never heard of the call that was noted last.

        The card has spent nothing; the phone may rest a moment all the same.
        """
        if self._noted is not None:
            self._noted.take_back()
            self._noted = None

    def _rest(self, at: datetime, segments: int) -> None:
        pacing = self._settings.pacing
        chance = self._world.dice.random() if pacing.jitter_s else 0.0
        self._rests = rest_until(at, segments, pacing, chance, self._rests)

    def _country(self, sim: SimReading) -> str:
        return country_at(self._settings, sim.slot, (sim,))

    def _key(self, sim: SimReading) -> CardKey:
        if sim.iccid is not None:
            return sim.iccid.reveal()
        if self._device is None:
            raise AssertionError("a phone begins before its SIMs send")
        return self._device, sim.slot

    async def _sends_of(self, sim: SimReading) -> tuple[Send, ...]:
        world = self._world
        since = world.clock.now() - world.card_span
        if sim.iccid is not None:
            return self._counted(await world.journal.usage.of_card(sim.iccid, since))
        if self._device is None:
            raise AssertionError("a phone begins before its SIMs send")
        sends = self._counted(await world.journal.usage.of_phone(self._device, since))
        return tuple(send for send in sends if send.iccid is None and send.slot == sim.slot)

    def _counted(self, sends: tuple[Send, ...]) -> tuple[Send, ...]:
        return tuple(s for s in sends if self._until is None or s.opened_at <= self._until)


def tally_of(world: World, sends: tuple[Send, ...], country: str | None = None) -> Tally:
    """Sends of the journal, in the clock that only counts.

    `country`: what national numbers are read in; None: recipients are not counted.
    """
    tally = Tally()
    dated = [(world.steady.of(send.opened_at, send.tick), send) for send in sends]
    for at, send in sorted(dated, key=lambda pair: pair[0]):
        recipient = None if country is None else list_key(send.number, country)
        tally.note(at, send.segments, recipient)
    return tally
