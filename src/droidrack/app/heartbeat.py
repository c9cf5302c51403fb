"""The path of a heartbeat: tick, read, parse, compose, report.

One shell round trip reads everything; parsing is done here. Each section gives a value or nothing,
so one bad dump never blanks the rest. A heartbeat that could not be told is dropped: the next one
is newer.
"""

from droidrack.app.handset import Handset
from droidrack.app.pairing import bind_rows
from droidrack.app.panel_line import Call
from droidrack.app.pause import Pause
from droidrack.app.session import SessionKeeper
from droidrack.app.world import World
from droidrack.core.door import SimBinding, SimReading
from droidrack.core.errors import (
    AnswerCut,
    PanelBusy,
    PanelRefused,
    PanelUnavailable,
    ParseError,
    PhoneRefused,
    PhoneTimeout,
)
from droidrack.core.ids import Token
from droidrack.core.parse.telephony_registry import parse_telephony_registry
from droidrack.core.pulse import is_active, radio_of, signal_dbm
from droidrack.core.telephony import TelephonyRegistry
from droidrack.ports import PanelSim, SimPulse

READ_DEADLINE_S = 20.0
"""The slowest dumpsys of a loaded phone seen in the field took 8 s."""

DAY_S = 24 * 3600.0


class Heartbeat:
    """The heartbeat room of one phone. SessionOver ends `run`, and PhoneError does."""

    def __init__(self, world: World, handset: Handset, session: SessionKeeper) -> None:
        self._world = world
        self._handset = handset
        self._session = session
        self._unknown_layouts: set[str] = set()

    async def run(self, token: Token) -> None:
        """Beat for ever."""
        try:
            await self._beat_on(token)
        finally:
            self._world.panel_line.leave(self._handset.device, Call.HEARTBEAT)

    async def _beat_on(self, token: Token) -> None:
        world = self._world
        pause = Pause(world.dice)
        while True:
            delay_s = world.settings.intervals.heartbeat_s
            try:
                await self.beat(token)
            except PanelBusy as busy:
                delay_s = max(delay_s, pause.after_busy(busy.retry_after_s))
            except PanelUnavailable:
                pass  # The line to the panel told it; the next one is newer.
            except (PhoneTimeout, PhoneRefused, AnswerCut, ParseError) as error:
                # One slow or cut answer must not end a send: whoever sends finds out for himself.
                world.tell("phone not read", device=self._handset.device, reason=error.message)
            await world.clock.sleep(delay_s)

    async def beat(self, token: Token) -> None:
        """Read the phone once and tell the panel about each of its SIM rows."""
        registry = await self._read_registry()
        self._handset.note_service(registry)
        sims = {sim.slot: sim for sim in await self._handset.refresh_sims(0)}
        # A card may have come meanwhile: it gets its row and its binding.
        session = await self._session.pair(self._handset)
        await bind_rows(self._world, self._handset, session)
        bindings = await self._handset.bindings()
        for row in session.sims:
            pulse = await self._pulse(row, sims.get(row.slot), bindings.get(row.uid), registry)
            try:
                with self._world.panel_line.asking(self._handset.device, Call.HEARTBEAT):
                    await self._world.panel.heartbeat(token, pulse)
            except PanelRefused as refusal:
                self._world.tell("heartbeat refused", sim=row.uid, reason=refusal.message)

    async def _read_registry(self) -> TelephonyRegistry | None:
        sections = await self._handset.ask(
            {"registry": "dumpsys telephony.registry"}, deadline_s=READ_DEADLINE_S
        )
        try:
            return parse_telephony_registry(sections["registry"].text)
        except ParseError as error:
            if error.reason not in self._unknown_layouts:
                self._unknown_layouts.add(error.reason)
                self._world.tell("dump not understood", device=self._handset.device, why=error)
            return None

    async def _pulse(
        self,
        row: PanelSim,
        sim: SimReading | None,
        binding: SimBinding | None,
        registry: TelephonyRegistry | None,
    ) -> SimPulse:
        iccid = sim.iccid if sim is not None else None
        sent = None
        if iccid is not None:
            sent = await self._world.journal.messages_sent_since(iccid, self._world.ago(DAY_S))
        return SimPulse(
            sim_uid=row.uid,
            active=is_active(sim, binding),
            signal_dbm=signal_dbm(radio_of(registry, row.slot)),
            messages_sent_24h=sent,
            imsi=sim.imsi if sim is not None else None,
        )
