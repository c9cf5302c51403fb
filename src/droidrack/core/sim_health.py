"""How a SIM is, for status, metrics and alarms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from droidrack.core.door import SimReading
from droidrack.core.ids import Iccid, Slot
from droidrack.core.pulse import in_service, radio_of, signal_dbm
from droidrack.core.telephony import SimState, TelephonyRegistry
from droidrack.core.vitals import Alarm

_FAULTS = frozenset(
    {
        SimState.NETWORK_LOCKED,
        SimState.PERM_DISABLED,
        SimState.CARD_IO_ERROR,
        SimState.CARD_RESTRICTED,
    }
)


@dataclass(frozen=True, slots=True)
class SimHealth:
    """One slot with what the network makes of it. None: the phone does not say."""

    slot: Slot
    state: SimState | None
    iccid: Iccid | None = None
    operator: str | None = None
    roaming: bool | None = None
    in_service: bool | None = None
    signal_dbm: int | None = None
    technology: str | None = None
    hold: str = ""  # Why nothing is sent from it; "" where it may.


def sim_health(
    sims: Iterable[SimReading], registry: TelephonyRegistry | None, holds: Mapping[Slot, str]
) -> tuple[SimHealth, ...]:
    """All slots of a phone, from its last readings."""
    return tuple(_one(sim, registry, holds.get(sim.slot, "")) for sim in sims)


def _one(sim: SimReading, registry: TelephonyRegistry | None, hold: str) -> SimHealth:
    radio = radio_of(registry, sim.slot)
    service = radio.service if radio is not None else None
    return SimHealth(
        slot=sim.slot,
        state=sim.state,
        iccid=sim.iccid,
        operator=(service.operator_long or service.operator_short) if service else None,
        roaming=service.roaming if service else None,
        in_service=in_service(radio) if radio else sim.in_service,
        signal_dbm=signal_dbm(radio),
        technology=(service.voice_rat or service.data_rat) if service else None,
        hold=hold,
    )


def sim_alarms(sims: Iterable[SimHealth]) -> tuple[Alarm, ...]:
    """What is alarming about SIMs. An empty slot is none: many phones have a spare one."""
    return tuple(alarm for sim in sims for alarm in _alarms(sim))


def _alarms(sim: SimHealth) -> Iterable[Alarm]:
    slot, where = sim.slot, f"slot {sim.slot}"
    if sim.state is SimState.PIN_REQUIRED:
        yield Alarm("sim-pin", f"{where} wants its PIN", slot)
    elif sim.state is SimState.PUK_REQUIRED:
        yield Alarm("sim-puk", f"{where} wants its PUK", slot)
    elif sim.state in _FAULTS:
        yield Alarm("sim-fault", f"{where} is {sim.state}", slot)
    elif sim.state is not None and sim.state.usable and sim.in_service is False:
        yield Alarm("sim-no-service", f"{where} is not registered with a network", slot)
    if sim.roaming:
        yield Alarm("sim-roaming", f"{where} is roaming", slot)
    if sim.hold:
        yield Alarm("sim-held", f"{where}: {sim.hold}", slot)
