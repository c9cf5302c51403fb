"""One phone's life: it arrives, is met, paired, recovered, works, and leaves.

A pulled cable is a pause, not an end: the journal keeps every open attempt, and reports go out
without the phone. The rooms of a phone run side by side and share nothing with other phones.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from droidrack.app.arrival import Arrival
from droidrack.app.asking import Asking
from droidrack.app.confirming import Confirming
from droidrack.app.handset import Handset
from droidrack.app.heartbeat import Heartbeat
from droidrack.app.inbound import Receiving
from droidrack.app.intake import Intake
from droidrack.app.listening import Listening
from droidrack.app.pace import Pace
from droidrack.app.pairing import remember
from droidrack.app.pause import Pause
from droidrack.app.probing import until_proven
from droidrack.app.reconciling import Reconciling
from droidrack.app.reporting import Reporting
from droidrack.app.sending import Sending
from droidrack.app.session import SessionKeeper
from droidrack.app.waiting import until
from droidrack.app.world import World
from droidrack.core.errors import (
    ParseError,
    PhoneError,
    ProfileError,
    SessionOver,
    VaultError,
)
from droidrack.core.ids import DeviceUuid, Serial, Token
from droidrack.core.settings import PhoneSettings
from droidrack.ports import StoredSession


class PhoneState(StrEnum):
    """Where a phone stands, as the operator sees it."""

    ABSENT = "absent"
    UNAUTHORIZED = "unauthorized"
    NO_PERMISSIONS = "no permissions"
    OFFLINE = "offline"
    MEETING = "meeting"  # It is here and being asked who and how it is.
    UNSUPPORTED = "unsupported"
    NEEDS_PAIRING = "needs pairing"
    UNPROVEN = "unproven"  # Its read-only calls have not agreed with its dumps yet.
    RECOVERING = "recovering"
    QUARANTINED = "quarantined"  # A message left on a wrong SIM: nothing is sent until lifted.
    READY = "ready"
    DRAINING = "draining"
    TROUBLED = "troubled"  # It is here but does not work; the cause says why.


QUARANTINE_CHECK_S = 5.0
"""How often a quarantined phone looks whether the operator lifted it."""

_FROM_SIGHTING = {
    "unauthorized": PhoneState.UNAUTHORIZED,
    "authorizing": PhoneState.UNAUTHORIZED,
    "no permissions": PhoneState.NO_PERMISSIONS,
    "offline": PhoneState.OFFLINE,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """State of a phone with its cause."""

    state: PhoneState
    cause: str
    since: datetime


class Worker:
    """Looks after one configured phone, for as long as the controller runs."""

    def __init__(self, world: World, settings: PhoneSettings) -> None:
        self._world = world
        self.settings = settings
        self.session = SessionKeeper(world, settings)
        self._standing = Standing(PhoneState.ABSENT, "not seen yet", world.clock.now())
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
        self._draining = False
        self._halted = ""

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
        """Where the phone stands. One that works without a session needs pairing."""
        state = self._standing.state
        if state not in (PhoneState.READY, PhoneState.NEEDS_PAIRING) or self.session.current:
            return self._standing
        cause = self.session.complaint or "not paired yet"
        return Standing(PhoneState.NEEDS_PAIRING, cause, self.session.since)

    # --- What the rack tells ------------------------------------------------------------------

    def attach(self, arrival: Arrival) -> None:
        """The phone is here."""
        self._arrival = arrival
        self.adb_serial = arrival.sighting.serial
        self._moved.set()

    def detach(self, arrival: Arrival) -> None:
        """This plugging-in is over."""
        if self._arrival is arrival:
            self._arrival = None
            self._moved.set()
            self.vanished()

    def vanished(self) -> None:
        """The adb server shows the phone no more."""
        if self._arrival is None and not self._draining:  # At the end all are let go; none left.
            self._stand(PhoneState.ABSENT, "it left the adb server's list")

    def sighted(self, adb_state: str) -> None:
        """The adb server shows the phone in a state; only the unusable ones tell something."""
        state = next((s for word, s in _FROM_SIGHTING.items() if adb_state.startswith(word)), None)
        if state is not None and self._arrival is None:
            self._stand(state, f"adb says {adb_state}")

    def drain(self) -> None:
        """Take no new messages and start no new call."""
        self._draining = True
        if self._intake is not None:
            self._intake.drain()
        if self._sending is not None:
            self._sending.drain()

    async def calm(self) -> None:
        """Return once no call is in flight."""
        if self._sending is not None:
            await self._sending.calm()

    # --- Its life -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve for ever."""
        await self._recall_device()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._report())
            group.create_task(self._serve())

    async def _recall_device(self) -> None:
        """Reports of earlier runs go out before the phone is seen again."""
        for record in await self._world.journal.phones():
            if record.name == self.name:
                self._know(record.device)

    def _know(self, device: DeviceUuid) -> None:
        if device != self.device:
            self.device = device
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

    async def _serve(self) -> None:
        pause = Pause(self._world.dice)
        while True:
            self._moved.clear()
            arrival = self._arrival
            if arrival is None:
                await self._moved.wait()
                continue
            self._worked = failed = False
            try:
                await until(self._moved, self._be_on_duty(arrival))
            except* (PhoneError, ParseError, ProfileError) as failures:
                failed = self._arrival is arrival  # One that left is absent, not troubled.
                if failed:
                    self._explain(failures)
            finally:
                self.handset = self._intake = self._sending = None
            if self._worked or not failed:
                pause.reset()
            if failed:
                await until(self._moved, self._world.clock.sleep(pause.after_failure()))

    def _explain(self, failures: BaseExceptionGroup[BaseException]) -> None:
        first: BaseException = failures
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        unsupported = isinstance(first, ProfileError)
        self._stand(PhoneState.UNSUPPORTED if unsupported else PhoneState.TROUBLED, str(first))

    async def _be_on_duty(self, arrival: Arrival) -> None:
        self._stand(PhoneState.MEETING, "reading who it is")
        handset = await Handset.meet(self._world, arrival)
        with self._world.sole(handset.device, self.name):
            await self._serve_phone(arrival, handset)

    async def _serve_phone(self, arrival: Arrival, handset: Handset) -> None:
        self.handset = handset
        self._know(handset.device)
        # A phone that lost its session goes on with what it took; one that never had one took none.
        if self.session.current or not await handset.bindings():
            self._stand(PhoneState.NEEDS_PAIRING, "")
            await self._pair(handset)
        self._stand(PhoneState.UNPROVEN, "its read-only calls are being checked")
        handset = await until_proven(
            self._world, arrival, handset, lambda why: self._stand(PhoneState.UNPROVEN, why)
        )
        self.handset = handset
        self._stand(PhoneState.RECOVERING, "looking for the outcome of earlier attempts")
        await self._work(handset)

    async def _work(self, handset: Handset) -> None:
        world, device = self._world, handset.device
        reporting = self._reporting
        if reporting is None:
            raise AssertionError("a phone on duty has a device")
        listening = Listening(world, handset)
        confirming = Confirming(world, handset, listening, on_settled=reporting.wake)
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
        )
        confirming.asked = lambda: bool(asking.package)
        confirming.on_free = sending.wake
        confirming.on_retry = sending.retry
        confirming.on_wrong_sim = self._stop_sending
        if self._draining:
            sending.drain()
        self._sending = sending
        intake = Intake(world, device, on_new=sending.wake, on_known=reporting.wake)
        self._intake = intake
        heartbeat = Heartbeat(world, handset, self.session)
        async with asyncio.TaskGroup() as group:
            group.create_task(listening.run())
            group.create_task(self._while_paired(handset, heartbeat.run))
            if world.settings.inbound.enabled:
                receiving = Receiving(world, handset, on_new=world.arrived.ring)
                group.create_task(receiving.run())
                # A STOP that came while nobody looked counts before the first new call.
                await receiving.looked.wait()
            await confirming.recover()
            group.create_task(confirming.run())
            group.create_task(Reconciling(world, handset).run())
            group.create_task(self._follow_commands(handset))
            group.create_task(asking.run())
            await self._while_quarantined(device)
            self._stand(PhoneState.READY, "")
            self._worked = True
            group.create_task(sending.run())
            group.create_task(self._while_paired(handset, intake.run))

    async def _while_quarantined(self, device: DeviceUuid) -> None:
        """Wait until the operator lets this phone send again."""
        while reason := self._world.notebook.quarantine(device) or self._halted:
            self._stand(PhoneState.QUARANTINED, reason)
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

    def _stand(self, state: PhoneState, cause: str) -> None:
        if (state, cause) == (self._standing.state, self._standing.cause):
            return
        if state is not self._standing.state:
            self._world.tell("phone state", phone=self.name, state=state.value, cause=cause)
            self._standing = Standing(state, cause, self._world.clock.now())
        else:
            self._standing = replace(self._standing, cause=cause)
