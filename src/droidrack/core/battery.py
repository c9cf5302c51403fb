"""What a phone knows about its battery, in SI-like units with the unit in each name."""

from dataclasses import dataclass

STATUS_NAMES = {1: "UNKNOWN", 2: "CHARGING", 3: "DISCHARGING", 4: "NOT_CHARGING", 5: "FULL"}
"""`BatteryManager.BATTERY_STATUS_*`."""

HEALTH_NAMES = {
    1: "UNKNOWN",
    2: "GOOD",
    3: "OVERHEAT",
    4: "DEAD",
    5: "OVER_VOLTAGE",
    6: "UNSPECIFIED_FAILURE",
    7: "COLD",
}
"""`BatteryManager.BATTERY_HEALTH_*`."""


@dataclass(frozen=True, slots=True)
class Battery:
    """One reading of `dumpsys battery`. None: this release does not print it.

    `level` counts up to `scale` (100 on every phone seen). Makers do not agree on the unit of
    `charge_counter_uah`; the name says what the platform defines.
    """

    level: int | None = None
    scale: int | None = None
    status: int | None = None
    health: int | None = None
    present: bool | None = None
    ac_powered: bool | None = None
    usb_powered: bool | None = None
    wireless_powered: bool | None = None
    dock_powered: bool | None = None
    max_charging_current_ua: int | None = None
    max_charging_voltage_uv: int | None = None
    charge_counter_uah: int | None = None
    voltage_mv: int | None = None
    temperature_c: float | None = None
    technology: str | None = None

    @property
    def status_name(self) -> str | None:
        """Android's word for `status`."""
        return STATUS_NAMES.get(self.status) if self.status is not None else None

    @property
    def health_name(self) -> str | None:
        """Android's word for `health`."""
        return HEALTH_NAMES.get(self.health) if self.health is not None else None

    @property
    def percent(self) -> float | None:
        """Charge in percent of full."""
        if self.level is None or not self.scale:
            return None
        return 100 * self.level / self.scale
