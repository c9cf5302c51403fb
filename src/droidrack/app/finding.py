"""Which attached phone an entry of the configuration means, and who it is when it is not attached.

For commands that an operator types: they look for some seconds, say exactly what was seen instead,
and end. A controller waits for arrivals instead (`app/rack.py`).
"""

import asyncio
from collections.abc import Sequence

from droidrack.app.arrival import Arrival, Seen, matches, survey
from droidrack.app.recognising import who_is
from droidrack.app.world import World
from droidrack.core.errors import PhoneError, PhoneGone, ProfileError
from droidrack.core.identity import device_uuid, is_dummy
from droidrack.core.ids import DeviceUuid, UsbPath
from droidrack.core.settings import PhoneSettings
from droidrack.core.transport import READY, advice
from droidrack.ports import Bus, PhoneRecord, StoredSession, Vault

FIND_S = 10.0
"""A fresh adb server lists its phones within about a second; trust and slow hubs take some more."""

ROUND_S = 0.7
"""How long one look waits for the lists to settle."""

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
    """Whether the list itself shows a phone that does not speak to be the wanted one."""
    return entry.arrival is None and (
        entry.sighting.serial == wanted.serial
        or (bool(wanted.usb) and entry.sighting.usb == wanted.usb)
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


def known_devices(records: Sequence[PhoneRecord], phone: PhoneSettings) -> tuple[DeviceUuid, ...]:
    """Who a phone may be that is not asked itself, the likeliest first.

    The journal's record of the name, then what the serial in the configuration implies, if it is
    the hardware's.
    """
    named = sorted((r for r in records if r.name == phone.name), key=lambda r: r.seen_at)
    devices = [record.device for record in reversed(named)]
    if phone.serial and (phone.usb or not is_dummy(phone.serial)):
        devices.append(device_uuid(phone.serial, UsbPath(phone.usb) if phone.usb else None))
    return tuple(dict.fromkeys(devices))


def stored_session(
    vault: Vault, records: Sequence[PhoneRecord], phone: PhoneSettings
) -> tuple[DeviceUuid, StoredSession] | None:
    """The session that the vault keeps for an entry; None where it keeps none.

    Raises:
        VaultError: the vault cannot be trusted.
    """
    for device in known_devices(records, phone):
        session = vault.load(device)
        if session is not None:
            return device, session
    return None


async def attached_device(
    world: World, buses: Sequence[Bus], phone: PhoneSettings
) -> DeviceUuid | None:
    """Who the attached phone is that an entry means, after one look; None: there is no such."""
    found = (await find(buses, [phone], deadline_s=0))[phone.name]
    if not isinstance(found, Arrival):
        return None
    try:
        return (await who_is(world, found)).device
    except (ProfileError, PhoneError):
        return None
