"""One message by hand, through the very same rooms as a controller's messages.

Journal, door, pace, attempt, confirmation: only the panel is not asked and not told.
"""

import asyncio
import uuid
from datetime import datetime, timedelta

from droidrack.app.arrival import Arrival
from droidrack.app.confirming import Confirming
from droidrack.app.handset import Handset
from droidrack.app.listening import Listening
from droidrack.app.pace import Pace
from droidrack.app.probing import until_proven
from droidrack.app.sending import Sending
from droidrack.app.world import World
from droidrack.core.attempt import Evidence, EvidenceKind
from droidrack.core.door import SimReading
from droidrack.core.errors import (
    ConfigError,
    PhoneError,
    PhoneRefused,
    ProfileError,
    first_of,
)
from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import SETTLED, Message, MessageState, Priority
from droidrack.core.settings import PhoneSettings
from droidrack.ports import Life, PhoneRecord, SimRecord

BENCH_ROW = "bench"
"""Stands where a message names one of the panel's SIM rows."""

POLL_S = 0.2
"""How often the verdict is looked for; the rooms themselves are woken."""


PROOF_S = 60.0
"""A phone that was just plugged in may need half of it until its calls and dumps agree."""


async def meet_ready(world: World, arrival: Arrival) -> Handset:
    """Get to know a phone and see that it may carry traffic, as a controller does.

    Raises:
        PhoneRefused: it is quarantined.
        ProfileError: it is unsupported or barred, or its calls and dumps do not agree.
        PhoneError, ParseError: it does not answer, or not as a phone does.
    """
    handset = await Handset.meet(world, arrival)
    stopped = world.notebook.quarantine(handset.device)
    if stopped:
        raise PhoneRefused(
            f"{handset.phone.serial}: stopped: {stopped}",
            serial=handset.phone.serial,
            hint="check its SIMs first; nothing is sent through it until it is resumed",
        )
    doubts: list[str] = []
    try:
        async with asyncio.timeout(PROOF_S):
            return await until_proven(world, arrival, handset, doubts.append)
    except TimeoutError as exc:
        raise ProfileError(
            f"{handset.phone.serial}: not proven yet: {doubts[-1] if doubts else 'no answer'}",
            hint="wait until it has booted and shows its network; `droidrack probe` shows more",
        ) from exc


def choose_sim(handset: Handset, slot: int | None) -> SimReading:
    """The card to send from: the named slot's, or the only one there is.

    Raises:
        ConfigError: the slot holds no card, or several do and none was named.
    """
    cards = [sim for sim in handset.sims if sim.sub_id is not None]
    there = ", ".join(str(sim.slot) for sim in cards) or "none"
    fitting = [sim for sim in cards if slot is None or sim.slot == slot]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise ConfigError(
            "no slot holds a card" if slot is None else f"slot {slot} holds no card",
            hint=f"slots with a card: {there}",
        )
    raise ConfigError("several slots hold a card", hint=f"choose one with --slot: {there}")


def bench_message(number: Msisdn, body: Body, now: datetime, wait_s: float) -> Message:
    """A message for `send_one`: ahead of all others, and void once nobody waits for it."""
    return Message(
        uid=MessageUid(f"bench-{uuid.uuid4()}"),  # `core/report.py` knows this form.
        number=number,
        body=body,
        sim_uid=BENCH_ROW,
        priority=Priority.HIGH,
        received_at=now,
        valid_until=now + timedelta(seconds=wait_s),
    )


async def send_one(
    world: World,
    handset: Handset,
    phone: PhoneSettings,
    message: Message,
    sim: SimReading,
    *,
    wait_s: float,
) -> Life:
    """Send one message on one card and wait for its verdict; the journal must be open.

    Returns after `wait_s` at the latest, whatever became of it. A message that no phone has heard
    of by then is cancelled: it must not go out by surprise when a controller is started later. One
    that a phone has heard of keeps its open attempt, and the next controller looks for its outcome.

    Raises:
        PhoneError: the phone left or did not answer before the verdict was known; the journal
            knows how far the message came.
    """
    journal = world.journal
    await _remember(world, handset, phone)
    await journal.bind_sim(
        SimRecord(handset.device, message.sim_uid, sim.slot, sim.iccid, "bench", world.clock.now())
    )
    await journal.accept(handset.device, [message])
    try:
        async with asyncio.timeout(wait_s):
            await _walk(world, handset, phone, message.uid)
    except TimeoutError:
        pass
    except BaseExceptionGroup as failures:
        failure = first_of(failures)
        # The witnesses may have spoken while the answer of the call was being given up.
        proven = _over((await _life(world, message.uid)).state)
        if not (proven and isinstance(failure, PhoneError)):
            raise failure from failures
    finally:
        await _take_back(world, message.uid)
        await journal.unbind_sim(handset.device, message.sim_uid)
    return await _life(world, message.uid)


async def _remember(world: World, handset: Handset, phone: PhoneSettings) -> None:
    """Note who this phone is; a gateway that the journal knows stays."""
    record = await world.journal.phone(handset.device)
    await world.journal.remember_phone(
        PhoneRecord(
            device=handset.device,
            name=phone.name,
            serial=handset.serialno,
            gateway_uid=record.gateway_uid if record else "",
            fingerprint=handset.identity.fingerprint,
            usb=handset.recognised.usb,
            mark=handset.recognised.mark,
            seen_at=world.clock.now(),
        )
    )


async def _walk(world: World, handset: Handset, phone: PhoneSettings, uid: MessageUid) -> None:
    """Run the rooms until the message has its verdict; others of this phone stay waiting."""
    listening = Listening(world, handset)
    confirming = Confirming(world, handset, listening, on_settled=_nobody)
    sending = Sending(
        world,
        handset,
        phone,
        Pace(world, phone),
        on_open=confirming.opened,
        on_answer=confirming.answered,
        on_settled=_nobody,
        only=uid,
    )
    confirming.on_free = sending.wake
    async with asyncio.TaskGroup() as group:
        rooms = [group.create_task(listening.run())]
        await confirming.recover()
        rooms += [group.create_task(confirming.run()), group.create_task(sending.run())]
        while not _over((await _life(world, uid)).state):
            await world.clock.sleep(POLL_S)
        for room in rooms:
            room.cancel()


def _nobody() -> None:
    """No report waits for being told."""


def _over(state: MessageState) -> bool:
    return state in SETTLED or state is MessageState.UNKNOWN


async def _take_back(world: World, uid: MessageUid) -> None:
    """Cancel the message if no phone has heard of it."""
    if (await _life(world, uid)).state is not MessageState.ACCEPTED:
        return
    now = world.clock.now()
    why = Evidence(EvidenceKind.POLICY, now, "the bench ended before the phone was free to send")
    await world.journal.settle(
        uid, MessageState.CANCELLED, code="CANCELLED", evidence=[why], report=None, at=now
    )


async def _life(world: World, uid: MessageUid) -> Life:
    life = await world.journal.life(uid)
    if life is None:
        raise AssertionError("an accepted message is in the journal")
    return life
