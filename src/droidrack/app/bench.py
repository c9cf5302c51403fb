"""One phone at hand: what a command that an operator types needs of a phone.

Finding it, knowing it without it being there, and sending one message through the very same rooms
as a controller does: journal, door, pace, attempt, confirm. Only the panel is not asked and not
told.
"""

import asyncio
import uuid
from collections.abc import Sequence

from droidrack.app.arrival import Arrival, Seen, matches, survey
from droidrack.app.confirming import Confirming
from droidrack.app.handset import Handset
from droidrack.app.listening import Listening
from droidrack.app.sending import Sending
from droidrack.app.world import World
from droidrack.core.attempt import Evidence, EvidenceKind
from droidrack.core.door import SimReading
from droidrack.core.errors import ConfigError, PhoneGone
from droidrack.core.identity import device_uuid, is_dummy
from droidrack.core.ids import DeviceUuid, MessageUid, UsbPath
from droidrack.core.message import SETTLED, Message, MessageState
from droidrack.core.settings import PhoneSettings
from droidrack.core.transport import READY, advice
from droidrack.ports import Bus, Life, PhoneRecord, SimRecord

FIND_S = 10.0
"""A fresh adb server lists its phones within about a second; trust and slow hubs take some more."""

ROUND_S = 0.7
"""How long one look waits for the lists to settle."""

POLL_S = 0.2

Found = Arrival | PhoneGone


async def find(
    buses: Sequence[Bus], wanted: Sequence[PhoneSettings], *, deadline_s: float = FIND_S
) -> dict[str, Found]:
    """The attached phones that these entries mean, by the entries' names.

    Looks again and again until all are here or the time is over. A phone that is not here, or not
    usable, or not the only one that fits, is a PhoneGone that says what was seen instead.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + deadline_s
    while True:
        seen = await survey(buses, settle_s=ROUND_S)
        found = {phone.name: _pick(seen, phone) for phone in wanted}
        if loop.time() >= ends_at or all(isinstance(x, Arrival) for x in found.values()):
            return found


def _pick(seen: Sequence[Seen], wanted: PhoneSettings) -> Found:
    fitting = [
        entry.arrival
        for entry in seen
        if entry.arrival and matches(wanted, entry.sighting, entry.arrival.serialno)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        serials = ", ".join(str(arrival.sighting.serial) for arrival in fitting)
        return PhoneGone(
            f"{wanted.name}: {len(fitting)} attached phones fit this entry: {serials}",
            hint="tell them apart by `usb` in devices.toml; `droidrack devices` shows the ports",
        )
    for entry in seen:
        if _named(wanted, entry):
            return _unusable(wanted, entry)
    others = f"{len(seen)} other phone(s) are" if seen else "no phone at all is"
    return PhoneGone(
        f"{wanted.name}: not attached; {others} on the adb server's list",
        hint="check cable, power and USB debugging; `droidrack devices` shows what is there",
    )


def _named(wanted: PhoneSettings, entry: Seen) -> bool:
    """Whether the list itself shows an unusable phone to be the wanted one."""
    return entry.sighting.serial == wanted.serial or (
        bool(wanted.usb) and entry.sighting.usb == wanted.usb and not wanted.serial
    )


def _unusable(wanted: PhoneSettings, entry: Seen) -> PhoneGone:
    state = entry.sighting.state
    if state == READY:
        return PhoneGone(
            f"{wanted.name}: attached, but it does not say who it is: {entry.complaint}",
            hint="it may still be booting or frozen: look at its screen, restart it if need be",
        )
    known = advice(state)
    return PhoneGone(
        f"{wanted.name}: attached, but adb shows it as {state}: {known.meaning}",
        hint=known.remedy,
    )


def known_device(records: Sequence[PhoneRecord], phone: PhoneSettings) -> tuple[DeviceUuid, ...]:
    """Who a phone may be that is not asked itself, the likeliest first.

    The journal's record of the name, then what the serial in the configuration implies, if it is
    the hardware's.
    """
    named = sorted((r for r in records if r.name == phone.name), key=lambda r: r.seen_at)
    devices = [record.device for record in reversed(named)]
    if phone.serial and (phone.usb or not is_dummy(phone.serial)):
        devices.append(device_uuid(phone.serial, UsbPath(phone.usb) if phone.usb else None))
    return tuple(dict.fromkeys(devices))


# --- Sending one message ----------------------------------------------------------------------


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


def bench_uid() -> MessageUid:
    """A uid that no panel gives; `core/report.py` knows its form."""
    return MessageUid(f"bench-{uuid.uuid4()}")


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
        PhoneError: the phone left or did not answer; the journal knows how far the message came.
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
        raise _first(failures) from failures
    finally:
        await _take_back(world, message.uid)
        await journal.unbind_sim(handset.device, message.sim_uid)
    return await _life(world, message.uid)


async def _remember(world: World, handset: Handset, phone: PhoneSettings) -> None:
    """Note who this phone is; a gateway that the journal knows stays."""
    known = {record.device: record for record in await world.journal.phones()}
    record = known.get(handset.device)
    await world.journal.remember_phone(
        PhoneRecord(
            device=handset.device,
            name=phone.name,
            serial=handset.serialno,
            gateway_uid=record.gateway_uid if record else "",
            fingerprint=handset.identity.fingerprint,
            seen_at=world.clock.now(),
        )
    )


async def _walk(world: World, handset: Handset, phone: PhoneSettings, uid: MessageUid) -> None:
    """Run the rooms until the message has its verdict; others of this phone stay waiting."""
    listening = Listening(world, handset)
    confirming = Confirming(world, handset, listening, on_settled=_nobody)
    sending = Sending(
        world, handset, phone.pacing, on_open=confirming.opened, on_settled=_nobody, only=uid
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


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = failures
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


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
