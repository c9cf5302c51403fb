"""One phone's life: it arrives, is met, paired, recovered, works, and leaves.

A pulled cable is a pause, not an end: the journal keeps every open attempt, and reports go out
without the phone. The rooms of a phone run side by side and share nothing with other phones.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from droidrack.app.arrival import Arrival
from droidrack.app.asking import Asking
from droidrack.app.booting import until_booted
from droidrack.app.confirming import Confirming
from droidrack.app.duty_lease import while_leased
from droidrack.app.handset import Handset
from droidrack.app.health import Health, note_new_build
from droidrack.app.heartbeat import Heartbeat
from droidrack.app.inbound import Receiving
from droidrack.app.intake import Intake
from droidrack.app.listening import Listening
from droidrack.app.overdue import Overdue
from droidrack.app.oversight import Oversight
from droidrack.app.pace import Pace
from droidrack.app.pairing import remember
from droidrack.app.pause import Pause
from droidrack.app.place import Place
from droidrack.app.probing import until_proven
from droidrack.app.reconciling import Reconciling
from droidrack.app.reporting import Reporting
from droidrack.app.sending import Sending
from droidrack.app.session import SessionKeeper
from droidrack.app.waiting import until
from droidrack.app.world import World
from droidrack.core.errors import (
    BridgeDown,
    ParseError,
    PhoneError,
    PhoneGone,
    ProfileError,
    RackError,
    SessionOver,
    VaultError,
)
from droidrack.core.ids import DeviceUuid, Serial, Token, UsbPath
from droidrack.core.message import OPEN
from droidrack.core.settings import PhoneSettings
from droidrack.core.standing import PhoneState, Standing, sighted, working
from droidrack.core.transport import advice
from droidrack.ports import Outage, StoredSession

RESTART_S = 180.0
"""A phone that was told to restart is gone by then; the slowest shutdown seen took a minute."""

QUARANTINE_CHECK_S = 5.0
"""How often a quarantined phone looks whether the operator lifted it."""

LAST_WORD_S = 30.0
"""A message is confirmed within seconds; one that takes longer is settled after the lease."""

LAST_WORD_LOOK_S = 0.5


class Worker:
    """Looks after one configured phone, for as long as the controller runs."""

    def __init__(self, world: World, settings: PhoneSettings) -> None:
        self._world = world
        self.settings = settings
        self.session = SessionKeeper(world, settings)
        self.oversight = Oversight(world, settings.name)
        self.session.on_change = self.oversight.on_change = self._refresh
        self._place = Place(world, settings.name, UsbPath(settings.usb) if settings.usb else None)
        self.device: DeviceUuid | None = None
        self.handset: Handset | None = None
        self.adb_serial: Serial | None = None  # Of the phone that was here last.
        self._pace = Pace(world, settings)
        self._arrival: Arrival | None = None
        self._moved = asyncio.Event()  # Somebody arrived or left.
        self._renewed = asyncio.Event()  # It is another phone than before.
        self._reporting: Reporting | None = None
        self._intake: Intake | None = None
        self._sending: Sending | None = None
        self._worked = False  # This duty came as far as working: a later fault is a new one.
        self._door = asyncio.Lock()  # Who holds it decides about the waiting messages.
        self._draining = False
        self._halted = ""
        self._silences = 0  # How many ask for one at present.
        self._duty: Arrival | None = None  # Whose duty runs; another one may be here already.
        self._working = False
        self.dismissed = asyncio.Event()  # Its entry is gone: its phone looks for another place.
        self._outage: Outage | None = None  # Of its adb server.
        self._left_boot, self._left_at = "", 0.0  # The boot that it was told to leave, and when.

    @property
    def name(self) -> str:
        """The operator's name for this phone."""
        return self.settings.name

    @property
    def occupied(self) -> bool:
        """Whether a phone is attached now."""
        return self._arrival is not None

    @property
    def standing(self) -> Standing:
        """Where the phone stands. Why it is not paired changes while it waits."""
        standing = self._place.standing
        if standing.state not in (PhoneState.NEEDS_PAIRING, PhoneState.SESSION_OVER):
            return standing
        return replace(standing, cause=self._unpaired() or standing.cause)

    @property
    def outage(self) -> Outage | None:
        """Why its adb server shows no phone; None while it answers."""
        return self._outage

    @property
    def socket(self) -> UsbPath | None:
        """The USB socket where it is, was seen last, or belongs; None: not known."""
        return self._place.socket

    @property
    def boot_id(self) -> str:
        """Of the phone's present boot; "" where it is not known."""
        return self.handset.boot_id if self.handset is not None else ""

    @property
    def guest(self) -> Arrival | None:
        """The phone that is attached now, on duty or not."""
        return self._arrival

    @property
    def arrival(self) -> Arrival | None:
        """The phone's present plugging-in, while its duty runs."""
        return self._arrival if self._duty is self._arrival else None

    @property
    def sending(self) -> Sending | None:
        """The sending room, while there is one."""
        return self._sending

    # --- What the rack tells ------------------------------------------------------------------

    def attach(self, arrival: Arrival) -> None:
        """The phone is here."""
        self._arrival = arrival
        self.adb_serial = arrival.sighting.serial
        self._place.socket = arrival.sighting.usb or self._place.socket
        self._moved.set()

    def detach(self, arrival: Arrival) -> None:
        """This plugging-in is over."""
        if self._arrival is arrival:
            self._arrival = None
            self._moved.set()
            self.vanished()

    def vanished(self) -> None:
        """The adb server shows the phone no more."""
        if self._arrival is not None or self._draining:  # At the end all are let go; none left.
            return
        if (outage := self._outage) is not None:
            cause = f"its adb server at {outage.server} does not answer"
            evidence, remedy = BridgeDown.code, outage.remedy
            self._stand(PhoneState.ABSENT, cause, evidence=evidence, remedy=remedy)
        else:
            self._stand(PhoneState.ABSENT, "it left the adb server's list")

    def served(self, outage: Outage | None) -> None:
        """Whether its adb server answers (None), from now on; one that is absent says why."""
        if outage == self._outage:
            return
        self._outage = outage
        if self._place.standing.state is not PhoneState.ABSENT:
            return
        self.vanished()
        if outage is None and self._arrival is None and not self._draining:
            self._stand(PhoneState.ABSENT, "its adb server answers again and does not show it yet")

    def sighted(self, adb_state: str) -> None:
        """The adb server shows the phone in a state; only the unusable ones tell something."""
        state = sighted(adb_state)
        if state is not None and self._arrival is None:
            known = advice(adb_state)
            self._stand(state, known.meaning, evidence=f"adb: {adb_state}", remedy=known.remedy)

    def mute(self, error: RackError) -> None:
        """The adb server calls the phone well, and it does not say who it is."""
        if self._arrival is None:
            self._place.fail(error, device=self.device)

    def restarting(self) -> None:
        """It was told to restart: it is not back before its boot is another one."""
        self._left_boot, self._left_at = self.boot_id, self._world.clock.monotonic()
        self._working = False
        self._stand_on_duty(PhoneState.BOOTING, "it was told to restart")
        self._moved.set()

    def _leaving(self) -> str:
        """The boot it still has to leave; a phone that stays in it for long will not restart."""
        waited_s = self._world.clock.monotonic() - self._left_at
        return self._left_boot if waited_s < RESTART_S else ""

    def drain(self, why: str = "the controller is stopping") -> None:
        """Take no new messages and start no new call."""
        self._draining = True
        self.oversight.stop(why)
        if self._intake is not None:
            self._intake.drain()
        if self._sending is not None:
            self._sending.drain()

    async def calm(self) -> None:
        """Return once no call is in flight."""
        if self._sending is not None:
            await self._sending.calm()

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """While it is open no call is in flight and none is started, also by a new duty."""
        self._silences += 1
        try:
            await self.calm()
            yield
        finally:
            self._silences -= 1
            self._refresh()

    def _withheld(self) -> str:
        """Why no new call may be made now; "": it may."""
        return "an operator's act has the phone" if self._silences else self.oversight.halted()

    # --- Its life -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve for ever."""
        await self._recall_device()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._report())
            group.create_task(self._settle_overdue())
            group.create_task(self._serve())

    async def _recall_device(self) -> None:
        """Reports of earlier runs go out before the phone is seen again."""
        for record in await self._world.journal.phones(name=self.name):
            self._know(record.device)

    def _know(self, device: DeviceUuid) -> None:
        if device != self.device:
            self.oversight.conduct.replaced()
            self.device = self.oversight.device = device
            self._reporting = Reporting(self._world, device)
            self._renewed.set()
        self.session.recall(device)

    async def _report(self) -> None:
        while True:
            session = await self.session.valid()
            reporting = self._reporting
            if reporting is None:
                raise AssertionError("a session without a device")
            self._renewed.clear()
            try:
                await until(self._renewed, reporting.run(session.token))
            except SessionOver as over:
                self.session.over(session.token, over)

    async def _settle_overdue(self) -> None:
        overdue = Overdue(
            self._world,
            door=self._door,
            watched=lambda: self._sending is not None,
            on_settled=lambda: self._reporting.wake() if self._reporting else None,
        )
        await overdue.run(self._not_anothers)

    def _not_anothers(self) -> DeviceUuid | None:
        """The device, unless the phone was moved to another entry's socket and serves there."""
        if self.device is None or self._world.on_duty.get(self.device, self.name) != self.name:
            return None
        return self.device

    async def _serve(self) -> None:
        pause = Pause(self._world.dice)
        while True:
            self._moved.clear()
            arrival = self._arrival
            if arrival is None:
                await self._moved.wait()
                continue
            self._worked = failed = False
            self._duty = arrival
            try:
                await until(self._moved, self._be_on_duty(arrival))
            except* (PhoneError, ParseError, ProfileError) as failures:
                failed = self._arrival is arrival  # One that left is absent, not troubled.
                if failed:
                    self._place.fail(failures, device=self.device)
            finally:
                self.handset = self._intake = None
                self.oversight.forget()
            if self._worked or not failed:
                pause.reset()
            if failed:
                await until(self._moved, self._world.clock.sleep(pause.after_failure()))

    async def _be_on_duty(self, arrival: Arrival) -> None:
        world = self._world
        await until_booted(world, arrival, self._leaving, self._stand_on_duty)
        self._left_boot = ""
        self._stand_on_duty(PhoneState.MEETING, "reading who it is")
        handset = await Handset.meet(self._world, arrival)
        with self._world.sole(handset.device, self.name):
            await self._serve_phone(arrival, handset)

    async def _serve_phone(self, arrival: Arrival, handset: Handset) -> None:
        self.handset = handset
        self._know(handset.device)
        await note_new_build(self._world, handset, self.name)
        # A phone that lost its session goes on with what it took; one that never had one took none.
        if self.session.current or not await handset.bindings():
            if not self.session.current:
                self._stand_on_duty(PhoneState.NEEDS_PAIRING, self._unpaired())
            await self._pair(handset)
        self._stand_on_duty(PhoneState.UNPROVEN, "its read-only calls are being checked")
        handset = await until_proven(
            self._world, arrival, handset, partial(self._stand_on_duty, PhoneState.UNPROVEN)
        )
        self.handset = handset
        await while_leased(
            self._world.lessee,
            handset.device,
            lambda: self._be_at_work(handset),
            let_go=lambda: self._let_go(handset.device),
            waiting=lambda why: self._stand_on_duty(PhoneState.LEASED, why),
        )

    async def _let_go(self, device: DeviceUuid) -> None:
        """Start no new call, wait until none is in flight, and a while for their verdicts.

        The phone may be restarted next: what is in the air would be lost, or its proof.
        """
        if self._sending is not None:
            self._sending.drain()
        await self.calm()
        clock, journal = self._world.clock, self._world.journal
        until = clock.monotonic() + LAST_WORD_S
        while clock.monotonic() < until:
            if not any(state in OPEN for _, state in await journal.open_attempts(device)):
                return
            await clock.sleep(LAST_WORD_LOOK_S)

    async def _be_at_work(self, handset: Handset) -> None:
        try:
            await self._work(handset)
        finally:
            self._sending = None
            self._working = False  # Lent out, say: a wish shows when it works again.

    async def _work(self, handset: Handset) -> None:
        self._stand_on_duty(PhoneState.RECOVERING, "looking for the outcome of earlier attempts")
        world, device = self._world, handset.device
        reporting = self._reporting
        if reporting is None:
            raise AssertionError("a phone on duty has a device")
        listening = Listening(world, handset)
        conduct = self.oversight.conduct
        confirming = Confirming(
            world, handset, listening, on_settled=reporting.wake, conduct=conduct
        )
        asking = Asking(world, handset)
        sending = Sending(
            world,
            handset,
            self.settings,
            self._pace,
            on_open=confirming.opened,
            on_answer=confirming.answered,
            on_settled=reporting.wake,
            asking=asking,
            conduct=conduct,
            halted=self._withheld,
            door=self._door,
        )
        confirming.asked = lambda: bool(asking.package)
        confirming.on_free = sending.wake
        confirming.on_retry = sending.retry
        confirming.on_wrong_sim = self._stop_sending
        if self._draining:
            sending.drain()
        self._sending = sending
        intake = Intake(
            world,
            device,
            on_new=sending.wake,
            on_known=reporting.wake,
            closed=self.oversight.closed,
        )
        self._intake = intake
        heartbeat = Heartbeat(world, handset, self.session)
        async with asyncio.TaskGroup() as group:

            def beside(room: Callable[[], Awaitable[None]]) -> None:
                group.create_task(self._after_calls(room))

            beside(listening.run)
            beside(Health(world, handset, self.oversight, asking).run)
            beside(partial(self._while_paired, handset, heartbeat.run))
            if world.settings.inbound.enabled:
                receiving = Receiving(world, handset, self.settings, on_new=world.arrived.ring)
                beside(receiving.run)
                # A STOP that came while nobody looked counts before the first new call.
                await receiving.looked.wait()
            await confirming.recover()
            beside(confirming.run)
            beside(Reconciling(world, handset).run)
            beside(partial(self._follow_commands, handset))
            beside(asking.run)
            await self._while_quarantined(device)
            self._working = self._worked = True
            self._refresh()
            group.create_task(sending.run())
            beside(partial(self._while_paired, handset, intake.run))

    async def _after_calls(self, room: Callable[[], Awaitable[None]]) -> None:
        """A room beside the calls: its failure ends the duty, once the call in flight has ended.

        A call has a deadline of its own, and what it answers is worth more than a moment. Not so
        where the phone is gone: then the call has nothing to wait for.
        """
        try:
            await room()
        except PhoneGone:
            raise
        except (PhoneError, ParseError, ProfileError, VaultError):
            if self._sending is not None:
                self._sending.drain()
            await self.calm()
            raise

    async def _while_quarantined(self, device: DeviceUuid) -> None:
        """Wait until the operator lets this phone send again."""
        while reason := self._world.notebook.quarantine(device) or self._halted:
            self._stand_on_duty(PhoneState.QUARANTINED, reason)
            await self._world.clock.sleep(QUARANTINE_CHECK_S)

    async def _stop_sending(self, reason: str) -> None:
        """A message left on a wrong SIM: not one more goes out until the operator says so."""
        if self._sending is not None:
            self._sending.drain()
        try:
            if self.device is not None:
                self._world.notebook.set_quarantine(self.device, reason)
        except VaultError as error:
            # Not on disk, so it lasts as long as this controller; the operator is told by both.
            self._halted = f"{reason} ({error.message})"
        await self.calm()
        self._moved.set()  # The duty begins anew, and stops before its first new call.

    async def _while_paired(
        self, handset: Handset, room: Callable[[Token], Awaitable[None]]
    ) -> None:
        while not self._draining:
            session = await self._pair(handset)
            try:
                await room(session.token)
            except SessionOver as over:
                self.session.over(session.token, over)

    async def _pair(self, handset: Handset) -> StoredSession:
        """A session, with the panel's SIM rows bound to the cards."""
        session = await self.session.pair(handset)
        await remember(self._world, handset, self.settings, session)
        return session

    async def _follow_commands(self, handset: Handset) -> None:
        """Know a SIM row that an operator's command made before a message for it comes."""
        while True:
            session = await self.session.changed_beside(handset.device)
            await remember(self._world, handset, self.settings, session)

    # --- How it stands ------------------------------------------------------------------------

    def _unpaired(self) -> str:
        """Why there is no session; "" where there is one."""
        return "" if self.session.current else self.session.complaint or "not paired yet"

    def _refresh(self) -> None:
        """A wish, an alarm or the session changed: a phone at work may show otherwise now."""
        if self._working:
            self._stand_on_duty(*working(self.oversight.duty(self._unpaired())))
        if self._sending is not None:
            self._sending.wake()

    def _stand_on_duty(self, state: PhoneState, cause: str) -> None:
        """What a duty says of its phone; one that is over says nothing more."""
        ends = self._moved.is_set()  # It is cancelled within the next turns of the loop.
        if self._arrival is not None and self._duty is self._arrival and not ends:
            self._stand(state, cause)

    def _stand(
        self, state: PhoneState, cause: str, *, evidence: str = "", remedy: str = ""
    ) -> None:
        self._place.move(state, cause, device=self.device, evidence=evidence, remedy=remedy)
