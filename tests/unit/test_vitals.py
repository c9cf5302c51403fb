"""What of a phone's condition rings."""

from dataclasses import replace

import pytest

from droidrack.core.battery import Battery
from droidrack.core.ids import Slot
from droidrack.core.settings import HealthSettings
from droidrack.core.sim_health import SimHealth, sim_alarms
from droidrack.core.telephony import SimState
from droidrack.core.vitals import ALARMS, Vitals, alarms_of, dialog_alarms

LIMITS = HealthSettings()
CELL = Battery(
    level=80, scale=100, status=2, health=2, usb_powered=True, voltage_mv=4100, temperature_c=30.0
)
WELL = Vitals(CELL, 5_000_000_000, 1.0, "ACTIVE", "com.example.sms", False, 0.0, "com.example.sms")


def kinds(vitals: Vitals, *ringing: str) -> list[str]:
    """The kinds of alarm."""
    return [alarm.kind for alarm in alarms_of(vitals, LIMITS, ringing)]


def with_cell(**changes: object) -> Vitals:
    """A phone that is well but for its battery."""
    return replace(WELL, battery=replace(CELL, **changes))  # type: ignore[arg-type]


def test_phone_that_is_well_rings_nothing() -> None:
    """The usual values are no news."""
    assert [] == kinds(WELL)


@pytest.mark.parametrize(
    ("vitals", "kind"),
    [
        (with_cell(temperature_c=40.0), "battery-warm"),
        (with_cell(temperature_c=45.0), "battery-hot"),
        (with_cell(level=20), "battery-low"),
        (with_cell(status=3), "battery-not-charging"),
        (with_cell(health=4), "battery-health"),
        (with_cell(voltage_mv=3500), "battery-voltage"),
        (replace(WELL, full_for_s=3 * 86400.0), "battery-full-for-days"),
        (replace(WELL, storage_free_bytes=499_000_000), "storage-low"),
        (replace(WELL, clock_offset_s=-121.0), "clock-off"),
        (replace(WELL, doze="IDLE"), "doze"),
        (replace(WELL, sms_app="com.example.other"), "sms-app-changed"),
        (Vitals(), "unreadable"),
    ],
)
def test_each_limit_rings_its_own_alarm(vitals: Vitals, kind: str) -> None:
    """One thing wrong, one alarm, with something to do about it."""
    (alarm,) = alarms_of(vitals, LIMITS)
    assert kind == alarm.kind
    assert alarm.text
    assert alarm.remedy


def test_window_that_asks_rings_and_leaves_the_stop_to_the_door() -> None:
    """Two brakes for one window would each have its own patience."""
    (alarm,) = dialog_alarms("com.android.phone")
    assert ("limit-dialog", False) == (alarm.kind, alarm.stops)
    assert "com.android.phone" in alarm.text
    assert () == dialog_alarms("")


@pytest.mark.parametrize(("kind", "stops"), [("battery-hot", True), ("battery-warm", False)])
def test_sending_waits_for_heat_only_at_the_upper_limit(kind: str, stops: bool) -> None:
    """40 °C is told, 45 °C stops."""
    assert stops is ALARMS[kind].stops


def test_alarm_of_heat_ends_with_a_margin() -> None:
    """A value that trembles around the limit rings once."""
    assert ["battery-hot"] == kinds(with_cell(temperature_c=43.5), "battery-hot")
    assert ["battery-warm"] == kinds(with_cell(temperature_c=42.9), "battery-hot")
    assert ["battery-warm"] == kinds(with_cell(temperature_c=38.5), "battery-warm")
    assert [] == kinds(with_cell(temperature_c=37.9), "battery-warm")


def test_values_that_were_not_told_ring_nothing() -> None:
    """Absent is not zero: a dump without a battery is not an empty one."""
    assert [] == kinds(Vitals(clock_offset_s=0.0))


@pytest.mark.parametrize(
    ("sim", "kind"),
    [
        (SimHealth(Slot(1), SimState.PIN_REQUIRED), "sim-pin"),
        (SimHealth(Slot(1), SimState.PUK_REQUIRED), "sim-puk"),
        (SimHealth(Slot(1), SimState.CARD_IO_ERROR), "sim-fault"),
        (SimHealth(Slot(1), SimState.READY, in_service=False), "sim-no-service"),
        (SimHealth(Slot(1), SimState.READY, roaming=True), "sim-roaming"),
        (SimHealth(Slot(1), SimState.READY, hold="why"), "sim-held"),
    ],
)
def test_each_trouble_of_a_sim_rings_for_its_slot(sim: SimHealth, kind: str) -> None:
    """The slot is part of the alarm, so that two SIMs ring apart."""
    (alarm,) = sim_alarms([sim])
    assert (kind, Slot(1)) == alarm.key


@pytest.mark.parametrize("state", [None, SimState.ABSENT, SimState.LOADED])
def test_slot_that_is_empty_or_well_rings_nothing(state: SimState | None) -> None:
    """A spare slot is no trouble."""
    assert () == sim_alarms([SimHealth(Slot(0), state, in_service=None)])
