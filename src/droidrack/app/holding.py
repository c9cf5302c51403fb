"""Which SIM rows of a phone are held, why, and since when: for the operator and for the journal.

Written down when a reason comes, changes or goes, not at every look.
"""

from datetime import datetime

from droidrack.app.world import World
from droidrack.core.case import Hold, Rule
from droidrack.core.codes import CODES
from droidrack.core.ids import DeviceUuid
from droidrack.ports import Event, HoldRecord

TOLD_AFTER_S = 60.0
"""A wait for the pace that is longer than Android's own window is one of the site's making."""

WAITS_FOR_SIM = frozenset({Rule.SIM, Rule.DIALOG})
"""Holds that share one patience, `sim_wait_s`."""


class Holding:
    """The held SIM rows of one phone."""

    def __init__(self, world: World, device: DeviceUuid) -> None:
        self._world = world
        self._device = device
        self._known: dict[str, tuple[str, str]] = {}  # Code and detail, as the journal has them.
        self._sim_since: dict[str, datetime] = {}  # In the steady clock.
        self._quota_since: dict[str, datetime] = {}

    async def recall(self) -> None:
        """Take up what an earlier life left written: it stands or is lifted at the first look."""
        for record in await self._world.journal.usage.holds():
            if record.device == self._device:
                self._known[record.sim_uid] = record.code, record.detail

    @property
    def rows(self) -> frozenset[str]:
        """The SIM rows that are written down as held."""
        return frozenset(self._known)

    def held_s(self, sim_uid: str) -> float:
        """How long the SIM itself, or its phone, has been holding this row."""
        return self._seconds(self._sim_since.get(sim_uid))

    def spent_s(self, sim_uid: str) -> float:
        """How long a quota has been holding this row."""
        return self._seconds(self._quota_since.get(sim_uid))

    def _seconds(self, since: datetime | None) -> float:
        return (self._world.steady.now() - since).total_seconds() if since else 0.0

    def decided(self, sim_uid: str, hold: Hold | None, *, asking: bool) -> None:
        """The door looked at a message of this row and refused nothing; None: it lets it pass.

        `asking`: the phone shows a window that asks.
        """
        rule = hold.rule if hold else ""
        now = self._world.steady.now()
        if rule in WAITS_FOR_SIM:
            self._sim_since.setdefault(sim_uid, now)
            return
        if rule == Rule.QUIET_HOURS and asking:
            return  # Of two reasons the door names the recipient's night; the window stands.
        self._sim_since.pop(sim_uid, None)
        if rule == Rule.QUOTA:
            self._quota_since.setdefault(sim_uid, now)
        elif hold is None:
            self._quota_since.pop(sim_uid, None)

    async def seen(self, sim_uid: str, hold: Hold | None) -> None:
        """The first hold that a look at this row's messages found, or that there was none."""
        if hold is not None and not self.is_news(hold):
            hold = None
        before = self._known.get(sim_uid)
        if hold is None and before is None:
            return
        if hold is None:
            await self._lift(sim_uid)
        elif before != (hold.code, hold.detail):
            await self._write(sim_uid, hold, news=before is None or before[0] != hold.code)

    def is_news(self, hold: Hold) -> bool:
        """Whether anybody wants to be told of it: the usual wait for the pace is none."""
        if hold.rule != Rule.PACE or hold.until is None:
            return True
        return (hold.until - self._world.clock.now()).total_seconds() >= TOLD_AFTER_S

    async def _write(self, sim_uid: str, hold: Hold, *, news: bool) -> None:
        world, now = self._world, self._world.clock.now()
        record = HoldRecord(self._device, sim_uid, hold.code, hold.detail, now)
        await world.journal.usage.hold(record)
        self._known[sim_uid] = hold.code, hold.detail
        if news:
            remedy = CODES[hold.code].remedy
            text = f"SIM row {sim_uid} is held: {hold.code}: {hold.detail}. {remedy}"
            await world.journal.record(Event(now, self._device, "sim-held", text))
            world.tell("SIM held", device=self._device, sim=sim_uid, code=hold.code, why=text)

    async def _lift(self, sim_uid: str) -> None:
        world = self._world
        code, _ = self._known[sim_uid]
        await world.journal.usage.release(self._device, sim_uid)
        del self._known[sim_uid]
        text = f"SIM row {sim_uid} is held no more: {code}"
        await world.journal.record(Event(world.clock.now(), self._device, "sim-released", text))
        world.tell("SIM released", device=self._device, sim=sim_uid, code=code)
