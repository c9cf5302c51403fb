"""Who an attached phone is: what it shows of itself, against the journal's records."""

from dataclasses import dataclass

from droidrack.app.arrival import QUERY_DEADLINE_S, Arrival
from droidrack.app.world import World
from droidrack.core.errors import ProfileError
from droidrack.core.identity import IdentityDoubt, Known, Traits, is_dummy, mark_of, recognise
from droidrack.core.ids import DeviceUuid
from droidrack.ports import PhoneRecord


@dataclass(frozen=True, slots=True)
class Recognised:
    """A phone, and the traits that the journal keeps of it."""

    device: DeviceUuid
    usb: str  # "": not on USB, or not known
    mark: str  # "": not asked, because its serial tells it from all others, or not told


async def who_is(world: World, arrival: Arrival) -> Recognised:
    """The device that an arrival is.

    Raises:
        ProfileError: it cannot be told; the hint says how the operator settles it.
        JournalError: the journal cannot be read.
        PhoneError: the phone left.
    """
    shared = world.shared(arrival.serialno)
    traits, records = await look(world, arrival)
    # Asked again: for a moment a phone that changed its socket may be listed at both.
    shared = shared and world.shared(arrival.serialno)
    known = [known_of(record) for record in records]
    try:
        device = recognise(traits, known, shared=shared)
    except IdentityDoubt as exc:
        raise ProfileError(f"{arrival.sighting.serial}: {exc}", hint=exc.hint) from exc
    # What this time nobody asked or saw stays as it was recorded.
    before = next((record for record in known if record.device == device), None)
    usb, mark = (before.usb, before.mark) if before else ("", "")
    return Recognised(device, traits.usb or usb, traits.mark or mark)


async def look(world: World, arrival: Arrival) -> tuple[Traits, tuple[PhoneRecord, ...]]:
    """What an arrival shows of itself, and every record.

    The mark takes up to a second to ask for (`settings` starts a virtual machine on the phone), so
    only a phone whose serial does not tell it from others is asked.
    """
    records = tuple(await world.records())
    serialno = arrival.serialno
    alike = sum(record.serial == serialno for record in records)
    weak = is_dummy(serialno) or world.shared(serialno) or alike > 1
    fingerprint = arrival.properties.get("ro.build.fingerprint") or ""
    mark = await _mark(arrival) if weak else ""
    return Traits(serialno, arrival.sighting.usb, fingerprint, mark), records


def known_of(record: PhoneRecord) -> Known:
    """A record as the core compares it."""
    return Known(
        record.device, record.name, record.serial, record.usb, record.fingerprint, record.mark
    )


async def _mark(arrival: Arrival) -> str:
    """The mark; "" where the phone refuses: it then goes by its port."""
    asked = await arrival.phone.run("settings get secure android_id", deadline_s=QUERY_DEADLINE_S)
    return mark_of(asked.text) if asked.exit_code == 0 else ""
