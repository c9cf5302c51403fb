"""What `dumpsys battery` reads."""

from dataclasses import dataclass


@dataclass(slots=True)
class Battery:
    """The battery of a phone on a hub. Tests and demos write these fields freely."""

    level: int = 87
    temperature_c: float = 28.4
    voltage_mv: int = 4210
    status: int = 2  # 2 charging, 3 discharging, 4 not charging, 5 full.
    health: int = 2  # 2 good, 3 overheat, 4 dead.
    ac: bool = False
    usb: bool = True
    charge_uah: int = 2_761_000
