"""How a phone is as hardware and as an Android, and what of it is alarming.

An alarm says what was seen and what to do. Limits have a margin on the way back, so that a value
that trembles around one does not ring all day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from droidrack.core.battery import Battery
from droidrack.core.ids import Slot
from droidrack.core.settings import HealthSettings


class Severity(StrEnum):
    """How much an alarm wants to be heard."""

    NOTE = "note"  # Worth knowing; the phone is as good as before.
    WARNING = "warning"  # It works, and needs a look.
    CRITICAL = "critical"  # It stops, or harms itself.


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something about a phone, or about one of its SIMs, that a person should see."""

    kind: str  # A row of `ALARMS`.
    text: str  # What was seen. Holds no secret.
    slot: Slot | None = None

    @property
    def key(self) -> tuple[str, Slot | None]:
        """What it is about: the same key is the same alarm, whatever its text says now."""
        return (self.kind, self.slot)

    @property
    def severity(self) -> Severity:
        """How much it wants to be heard."""
        return ALARMS[self.kind].severity

    @property
    def remedy(self) -> str:
        """What a person can do."""
        return ALARMS[self.kind].remedy

    @property
    def stops(self) -> bool:
        """Whether nothing is sent from the phone while it lasts."""
        return ALARMS[self.kind].stops


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """What all alarms of a kind share."""

    severity: Severity
    remedy: str
    stops: bool = False


_NOTE, _WARN, _CRIT = Severity.NOTE, Severity.WARNING, Severity.CRITICAL

ALARMS: dict[str, AlarmKind] = {
    "battery-hot": AlarmKind(
        _CRIT, "cool the phone now and look for a swollen battery; sending waits until then", True
    ),
    "battery-warm": AlarmKind(_WARN, "give the shelf air; take the phone out of its case"),
    "battery-low": AlarmKind(_WARN, "check cable and hub: the phone uses more than it gets"),
    "battery-not-charging": AlarmKind(_WARN, "try another cable, port or hub with its own supply"),
    "battery-health": AlarmKind(_CRIT, "replace the battery"),
    "battery-voltage": AlarmKind(_WARN, "replace the battery: it sags although it is charged"),
    "battery-full-for-days": AlarmKind(
        _NOTE, "set the phone's charge limit: a battery that is always full swells"
    ),
    "storage-low": AlarmKind(_WARN, "delete files on the phone: a full disk loses SMS rows"),
    "clock-off": AlarmKind(_WARN, "turn automatic date and time on"),
    "doze": AlarmKind(_NOTE, "turn `stay awake while charging` on in the developer options"),
    "sms-app-changed": AlarmKind(_WARN, "choose the default SMS app again, or accept the new one"),
    "limit-dialog": AlarmKind(
        _CRIT, "answer the question on the phone's screen, and lower the pace"
    ),
    "silent": AlarmKind(
        _CRIT, "look at the phone: it answers but proves no send; restart it, check the SIM's plan"
    ),
    "sim-pin": AlarmKind(_WARN, "enter the SIM's PIN on the phone, or turn the PIN off"),
    "sim-puk": AlarmKind(_CRIT, "enter the PUK by hand; it is never tried from here"),
    "sim-fault": AlarmKind(_WARN, "reseat the SIM, or replace it"),
    "sim-roaming": AlarmKind(_NOTE, "check that the plan covers messages abroad"),
    "sim-no-service": AlarmKind(_WARN, "check coverage, antenna, plan and flight mode"),
    "sim-held": AlarmKind(_WARN, "check credit and plan, then `droidrack resume`"),
    "unreadable": AlarmKind(_WARN, "the phone answers no question about its health: restart it"),
}
"""Every kind of alarm. docs/health.md tells the same."""

HEAT_MARGIN_C = 2.0
LEVEL_MARGIN = 5.0
OVER_VOLTAGE, DEAD, OVERHEAT = 5, 4, 3
DISCHARGING, NOT_CHARGING = 3, 4
FULL_PERCENT = 95.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """One reading of a phone. None: it did not say."""

    battery: Battery | None = None
    storage_free_bytes: int | None = None
    clock_offset_s: float | None = None  # The phone's clock less the host's.
    doze: str | None = None
    sms_app: str | None = None
    asks_a_person: bool | None = None  # A dialog of the phone process is on the screen.
    full_for_s: float = 0.0  # How long the battery has been above `FULL_PERCENT`.
    usual_sms_app: str = ""  # What it was when the phone was first seen; "": not known.

    @property
    def readable(self) -> bool:
        """Whether anything could be read."""
        told = (self.battery, self.storage_free_bytes, self.clock_offset_s, self.doze)
        return any(value is not None for value in told)


def alarms_of(
    vitals: Vitals, limits: HealthSettings, ringing: Iterable[str] = ()
) -> tuple[Alarm, ...]:
    """What is alarming about a phone.

    Args:
        vitals: the reading.
        limits: the site's.
        ringing: the kinds that ring now; they end only with a margin.
    """
    now = frozenset(ringing)
    if not vitals.readable:
        return (Alarm("unreadable", "no answer about battery, storage and clock"),)
    return (*_of_battery(vitals, limits, now), *_of_system(vitals, limits))


def dialog_alarms(package: str) -> tuple[Alarm, ...]:
    """What is alarming about the package that asks on the screen; "": none does.

    It stops nothing by itself: the door holds what waits, for as long as the site has patience.
    """
    if not package:
        return ()
    return (Alarm("limit-dialog", f"a window of {package} asks on the screen; messages wait"),)


def _of_battery(vitals: Vitals, limits: HealthSettings, ringing: frozenset[str]) -> Iterable[Alarm]:
    battery = vitals.battery
    if battery is None:
        return
    yield from _of_heat(battery.temperature_c, limits, ringing)
    percent = battery.percent
    low = limits.low_percent + (LEVEL_MARGIN if "battery-low" in ringing else 0.0)
    if percent is not None and percent <= low:
        yield Alarm("battery-low", f"{percent:.0f} % charged")
    powered = battery.usb_powered or battery.ac_powered
    if powered and battery.status in (DISCHARGING, NOT_CHARGING) and (percent or 0) < FULL_PERCENT:
        yield Alarm("battery-not-charging", f"plugged in, and {battery.status_name}".lower())
    if battery.health in (DEAD, OVER_VOLTAGE, OVERHEAT):
        yield Alarm("battery-health", f"Android calls it {battery.health_name}")
    # Below 3.6 V a lithium cell is nearly empty; a gauge that says half full is wrong about it.
    sagging = battery.voltage_mv is not None and 1000 < battery.voltage_mv < limits.low_voltage_mv
    if sagging and percent is not None and percent >= 50:
        yield Alarm("battery-voltage", f"{battery.voltage_mv} mV at {percent:.0f} %")
    days = vitals.full_for_s / 86400
    if days >= limits.full_days:
        yield Alarm("battery-full-for-days", f"above {FULL_PERCENT:.0f} % for {days:.1f} days")


def _of_heat(
    heat_c: float | None, limits: HealthSettings, ringing: frozenset[str]
) -> Iterable[Alarm]:
    if heat_c is None:
        return
    hot_c = limits.hot_c - (HEAT_MARGIN_C if "battery-hot" in ringing else 0.0)
    warm_c = limits.warm_c - (HEAT_MARGIN_C if "battery-warm" in ringing else 0.0)
    if heat_c >= hot_c:
        yield Alarm("battery-hot", f"{heat_c:.1f} °C")
    elif heat_c >= warm_c:
        yield Alarm("battery-warm", f"{heat_c:.1f} °C")


def _of_system(vitals: Vitals, limits: HealthSettings) -> Iterable[Alarm]:
    free = vitals.storage_free_bytes
    if free is not None and free < limits.storage_free_mb * 1_000_000:
        yield Alarm("storage-low", f"{free // 1_000_000} MB free")
    offset_s = vitals.clock_offset_s
    if offset_s is not None and abs(offset_s) > limits.clock_offset_s:
        yield Alarm("clock-off", f"its clock is {offset_s:+.0f} s off")
    if vitals.doze in ("IDLE", "IDLE_MAINTENANCE"):
        yield Alarm("doze", f"deep doze: {vitals.doze}")
    usual, app = vitals.usual_sms_app, vitals.sms_app
    if usual and app and app != usual:
        yield Alarm("sms-app-changed", f"{app} instead of {usual}")
