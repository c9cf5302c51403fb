"""The session of a configured phone, for commands that do not need the phone itself."""

from typing import TYPE_CHECKING

from droidrack.core.errors import BridgeDown, SessionOver
from droidrack.faces.cli.options import note

if TYPE_CHECKING:
    from droidrack.app.world import World
    from droidrack.core.ids import DeviceUuid
    from droidrack.core.settings import PhoneSettings
    from droidrack.ports import StoredSession


async def session_of(
    world: "World", phone: "PhoneSettings"
) -> tuple["DeviceUuid", "StoredSession"]:
    """Who the phone is, and its session; the phone is asked only where nothing else knows it.

    Raises:
        SessionOver: it is not paired.
    """
    from droidrack import compose, compose_journal
    from droidrack.app.finding import attached_device, stored_session

    records = await compose_journal.known_phones(world.settings)
    known = stored_session(world.vault, records, phone)
    if known is not None:
        return known
    try:
        async with compose.open_buses(world.settings, note) as buses:
            device = await attached_device(world, buses, phone)
    except BridgeDown:
        device = None
    session = world.vault.load(device) if device else None
    if device is None or session is None:
        raise SessionOver(
            f"{phone.name} is not paired, as far as this host knows",
            hint=f"pair it with `droidrack pair --phone {phone.name}`; a phone that was paired "
            "from here but never served by a controller must be attached to be recognised",
        )
    return device, session
