"""Whether a SIM is active, and what of its signal may be told.

Nothing is invented: a value that a dump did not give is None and is left out on the wire.
"""

from droidrack.core.door import SimBinding, SimReading
from droidrack.core.telephony import PhoneState, Registration, TelephonyRegistry


def is_active(sim: SimReading | None, binding: SimBinding | None) -> bool:
    """Whether messages for this SIM row can be sent: the right card is there and usable."""
    if sim is None or sim.state is None or not sim.state.usable or sim.sub_id is None:
        return False
    return binding is None or binding.iccid is None or binding.iccid == sim.iccid


def radio_of(registry: TelephonyRegistry | None, slot: int) -> PhoneState | None:
    """The part of the registry dump that belongs to a slot; phones are numbered as slots are."""
    if registry is None:
        return None
    return next((phone for phone in registry.phones if phone.phone_id == slot), None)


def signal_dbm(radio: PhoneState | None) -> int | None:
    """Signal strength in dBm; None where the phone does not know one."""
    return radio.signal.dbm if radio is not None and radio.signal is not None else None


def in_service(radio: PhoneState | None) -> bool | None:
    """Whether the network would take a message; None where the phone does not say.

    SMS goes over the circuit or the packet domain (IMS), so either registration will do.
    """
    if radio is None or radio.service is None:
        return None
    domains = (radio.service.voice, radio.service.data)
    if Registration.IN_SERVICE in domains:
        return True
    return None if None in domains else False
