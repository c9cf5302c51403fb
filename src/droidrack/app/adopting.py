"""`droidrack adopt`: the operator says who a phone is that cannot be told from its like.

A phone without a serial of its own that shows another mark in a known port is either the recorded
one after a factory reset, or another of its kind. Only a person knows.
"""

from dataclasses import replace

from droidrack.app.arrival import Arrival
from droidrack.app.recognising import known_of, look
from droidrack.app.world import World
from droidrack.core.errors import ConfigError, ProfileError
from droidrack.core.identity import ELSEWHERE, IdentityDoubt, recognise
from droidrack.core.ids import DeviceUuid
from droidrack.ports import Event


async def adopt(world: World, arrival: Arrival, *, same: bool) -> DeviceUuid:
    """Settle who an attached phone is; the journal must be open.

    Args:
        world: everything outside.
        arrival: the phone.
        same: it is the recorded one, which was reset; else it is another one, and the recorded one
            is in no known port from now on.

    Returns:
        Who it is now.

    Raises:
        ConfigError: there is no doubt about it.
        ProfileError: it cannot be settled like this.
    """
    traits, records = await look(world, arrival)
    shared = world.shared(arrival.serialno)
    try:
        known = recognise(traits, [known_of(record) for record in records], shared=shared)
    except IdentityDoubt as doubt:
        if doubt.device is None:
            raise ProfileError(str(doubt), hint=doubt.hint) from doubt
        device = doubt.device
    else:
        raise ConfigError(
            f"there is no doubt who this phone is: {known}", hint="nothing has to be settled"
        )
    record = next(record for record in records if record.device == device)
    settled = replace(record, mark=traits.mark) if same else replace(record, usb=ELSEWHERE)
    await world.journal.remember_phone(settled)
    now = [known_of(settled if each is record else each) for each in records]
    found = recognise(traits, now, shared=shared)
    what = "the recorded phone after a reset" if same else "another phone of its kind"
    text = f"the phone at {traits.usb} is {what}, by the operator's word"
    await world.journal.record(Event(world.clock.now(), found, "phone-adopted", text, record.name))
    return found
