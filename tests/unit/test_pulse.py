"""What of a SIM may be told in a heartbeat: the truth, or nothing."""

from dataclasses import replace

import pytest

from droidrack.core.door import SimBinding, SimReading
from droidrack.core.ids import Iccid, Slot, SubId
from droidrack.core.parse.telephony_registry import parse_telephony_registry
from droidrack.core.pulse import in_service, is_active, radio_of, signal_dbm
from droidrack.core.telephony import SimState

OURS, OTHER = Iccid("8901260000000000011"), Iccid("8901260000000000029")
SIM = SimReading(Slot(0), SimState.READY, SubId(7), OURS)
BOUND = SimBinding("sim-1", Slot(0), OURS)


@pytest.mark.parametrize(
    ("sim", "binding", "active"),
    [
        (SIM, BOUND, True),
        (replace(SIM, state=SimState.LOADED), BOUND, True),
        (SIM, None, True),
        (SIM, replace(BOUND, iccid=None), True),
        (None, BOUND, False),
        (replace(SIM, state=None), BOUND, False),
        (replace(SIM, state=SimState.ABSENT), BOUND, False),
        (replace(SIM, state=SimState.PIN_REQUIRED), BOUND, False),
        (replace(SIM, sub_id=None), BOUND, False),
        (replace(SIM, iccid=OTHER), BOUND, False),
        (replace(SIM, iccid=None), BOUND, False),
    ],
)
def test_sim_is_active_when_its_own_card_is_usable(
    sim: SimReading | None, binding: SimBinding | None, active: bool
) -> None:
    """Another card in the slot, or none, is not this row's SIM."""
    assert active is is_active(sim, binding)


def registry(service: str, signal: str) -> str:
    """The part of a dump of Android 14 that concerns one slot."""
    return (
        "last known state:\n  Phone Id=0\n"
        f"    mServiceState={{mVoiceRegState={service}, mDataRegState={service}}}\n"
        f"    mSignalStrength=SignalStrength:{{{signal}}}\n"
    )


LTE = (
    "mCdma=Invalid,mGsm=Invalid,mWcdma=Invalid,mTdscdma=Invalid,mLte=CellSignalStrengthLte: "
    "rssi=-67 rsrp=-97 rsrq=-11 rssnr=4 cqiTableIndex=2147483647 cqi=2147483647 "
    "ta=2147483647 level=3 parametersUseForLevel=0,mNr=Invalid,primary=CellSignalStrengthLte"
)


def test_signal_of_a_slot_is_its_own() -> None:
    """The radio is found by its phone id; another slot has none."""
    dump = parse_telephony_registry(registry("0(IN_SERVICE)", LTE))
    assert -97 == signal_dbm(radio_of(dump, 0))
    assert None is radio_of(dump, 1)
    assert None is signal_dbm(radio_of(dump, 1))


def test_signal_without_a_dump_is_not_known() -> None:
    """No dump, no value: never 0 and never the last one."""
    assert None is radio_of(None, 0)
    assert None is signal_dbm(None)
    assert None is in_service(None)


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("0(IN_SERVICE)", True),
        ("1(OUT_OF_SERVICE)", False),
        ("2(EMERGENCY_ONLY)", False),
        ("3(POWER_OFF)", False),
    ],
)
def test_service_is_read_from_either_domain(service: str, expected: bool) -> None:
    """Only a registration carries a message; emergency calls do not."""
    dump = parse_telephony_registry(registry(service, LTE))
    assert expected is in_service(radio_of(dump, 0))
