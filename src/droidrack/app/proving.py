"""`droidrack usb prove`: does switching this port off take the phone's power away?

The port is switched off and on once, and the phone in it is asked what it felt. Whatever happens
on the way, the port is switched on again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from droidrack.app.arrival import QUERY_DEADLINE_S, identify, survey
from droidrack.core.errors import PhoneGone, RackError
from droidrack.core.ids import UsbPath
from droidrack.core.port_proof import READ_LOG, PortVerdict, judge
from droidrack.core.transport import READY
from droidrack.ports import Bus, Clock, Sighting

Switch = Callable[[UsbPath, str], Awaitable[None]]
"""Switches a port `on` or `off`."""

OFF_S = 10.0
"""The battery service tells of a lost charger within a second; a hub's capacitors take some."""

BACK_S = 60.0
"""A phone enumerates within seconds; some wait until their screen was redrawn."""

LOOK_S = 1.0


async def prove(
    bus: Bus, port: UsbPath, switch: Switch, clock: Clock, *, off_s: float = OFF_S
) -> tuple[PortVerdict, str]:
    """Switch a port off and on, and let its phone testify.

    Returns:
        The verdict, and the hardware serial of the phone.

    Raises:
        PhoneGone: no phone that answers is in this port, or it did not come back.
        PhoneRefused: the port cannot be switched.
    """
    sighting = await _at(bus, port)
    if sighting is None:
        raise PhoneGone(
            f"port {port}: no phone that answers is in it",
            hint="plug a phone in whose USB debugging works; `droidrack map` shows the ports",
        )
    arrival = await identify(bus, sighting)
    before = await arrival.phone.run(READ_LOG, deadline_s=QUERY_DEADLINE_S)
    try:
        await switch(port, "off")
        await clock.sleep(off_s)
        went_away = await _at(bus, port) is None
    finally:
        # A port that stays off would leave the phone to its battery.
        await asyncio.shield(switch(port, "on"))
    back = await _return(bus, port, clock)
    after = await bus.phone(back).run(READ_LOG, deadline_s=QUERY_DEADLINE_S)
    return judge(before.text, after.text, went_away=went_away), arrival.serialno


async def _return(bus: Bus, port: UsbPath, clock: Clock) -> Sighting:
    ends_at = clock.monotonic() + BACK_S
    while clock.monotonic() < ends_at:
        if (sighting := await _at(bus, port)) is not None:
            with suppress(RackError):
                await identify(bus, sighting)
                return sighting
        await clock.sleep(LOOK_S)
    raise PhoneGone(
        f"port {port}: the phone did not come back within {BACK_S:g} s",
        hint="the port was switched on again: replug the phone; nothing was recorded",
    )


async def _at(bus: Bus, port: UsbPath) -> Sighting | None:
    seen = await survey([bus], settle_s=LOOK_S)
    found = [entry.sighting for entry in seen if entry.sighting.usb == port]
    return next((sighting for sighting in found if sighting.state == READY), None)
