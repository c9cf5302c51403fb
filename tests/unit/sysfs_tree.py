"""Builds a directory shaped like sysfs, with the kernel's names, files and links.

The shape is that of a Linux 5.15 host: devices nest below their controller's PCI device, everything
else are links; a hub's ports lie in its interface, and each names its peer on the other speed.
"""

from dataclasses import dataclass
from pathlib import Path

HUB2, HUB3 = ("09", "00", "01"), ("09", "00", "00")
MTP, ADB = ("ff", "ff", "00"), ("ff", "42", "01")


@dataclass
class SysfsTree:
    """A tree that tests plug devices into."""

    root: Path

    def __post_init__(self) -> None:
        (self.root / "bus/usb/devices").mkdir(parents=True)

    def controller(self, pci: str, buses: dict[int, int], *, driver: str = "xhci_hcd") -> None:
        """A controller with its root hubs: bus number → speed in Mbit/s (480 or 5000), 8 ports."""
        home = self.root / "devices/pci0000:00" / pci
        home.mkdir(parents=True)
        drivers = self.root / "bus/pci/drivers" / driver
        drivers.mkdir(parents=True, exist_ok=True)
        (home / "driver").symlink_to(drivers)
        for bus, speed in buses.items():
            hub = HUB2 if speed < 5000 else HUB3
            self._device(home / f"usb{bus}", f"{bus}-0", speed, [hub], maxchild=8)
            self._ports(home / f"usb{bus}", f"{bus}-0:1.0", f"usb{bus}", 8)

    def hub(
        self, path: str, *, ports: int = 4, speed: int = 480, product: str = "USB2.0 Hub",
        bus_powered: bool = False, peer: str = "",
    ) -> None:  # fmt: skip
        """A hub at a path; `peer`: the path of its other half, whose ports are this one's peers."""
        home = self._home(path)
        kind = HUB2 if speed < 5000 else HUB3
        values = {"product": product, "idVendor": "2109", "idProduct": "2817"}
        values["bmAttributes"] = "a0" if bus_powered else "e0"
        self._device(home, path, speed, [kind], maxchild=ports, **values)
        self._ports(home, f"{path}:1.0", path, ports)
        if peer:
            self.pair(*((f"{path}-port{n}", f"{peer}-port{n}") for n in range(1, ports + 1)))

    def pair(self, *ports: tuple[str, str]) -> None:
        """Make ports each other's peers, by their directories' names."""
        for one, other in ports:
            for here, there in ((one, other), (other, one)):
                (self._port(here) / "peer").symlink_to(self._port(there))

    def phone(
        self, path: str, serial: str, *, adb: bool = True, speed: int = 480, control: str = "auto"
    ) -> None:
        """A phone at a path, with USB debugging or without."""
        kinds = [MTP, ADB] if adb else [MTP]
        values = {"serial": serial, "product": "Virtual Phone", "manufacturer": "Example"}
        values |= {"idVendor": "18d1", "idProduct": "4ee7", "power/control": control}
        self._device(self._home(path), path, speed, kinds, maxchild=0, **values)

    def unplug(self, path: str) -> None:
        """The kernel shows it no more."""
        (self.root / "bus/usb/devices" / path).unlink()

    def _home(self, path: str) -> Path:
        hub, dot, _ = path.rpartition(".")
        parent = hub if dot else f"usb{path.partition('-')[0]}"
        return (self.root / "bus/usb/devices" / parent).resolve() / path

    def _device(
        self, home: Path, name: str, speed: int, kinds: list[tuple[str, str, str]],
        *, maxchild: int, **values: str,
    ) -> None:  # fmt: skip
        (home / "power").mkdir(parents=True)
        facts = {"speed": str(speed), "maxchild": str(maxchild), "bMaxPower": "500mA"}
        facts |= {"bmAttributes": "80", "power/control": "auto", **values}
        for key, value in facts.items():
            (home / key).write_text(f"{value}\n")
        for number, kind in enumerate(kinds):
            part = home / f"{name}:1.{number}"
            part.mkdir()
            names = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
            for key, value in zip(names, kind, strict=True):
                (part / key).write_text(f"{value}\n")
            (part / "bNumEndpoints").write_text("01\n" if kind[0] == "09" else "02\n")
            (self.root / "bus/usb/devices" / part.name).symlink_to(part)
        (self.root / "bus/usb/devices" / home.name).symlink_to(home)
        if not home.name.startswith("usb"):
            hub, dot, number = name.rpartition(".")
            bus, _, first = name.partition("-")
            port = f"{hub}-port{number}" if dot else f"usb{bus}-port{first}"
            (home / "port").symlink_to(next(home.parent.glob(f"*:1.0/{port}")))

    def _ports(self, home: Path, part: str, hub: str, count: int) -> None:
        for number in range(1, count + 1):
            (home / part / f"{hub}-port{number}").mkdir()

    def _port(self, name: str) -> Path:
        return next((self.root / "devices").rglob(name))
