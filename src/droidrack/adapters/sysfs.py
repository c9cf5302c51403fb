"""Reads the kernel's USB tree from sysfs.

Files of a device that leaves while it is read are passed over: the next look shows it gone.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from droidrack.core.ids import UsbPath
from droidrack.core.usb import SUPER_SPEED_MBPS, RawDevice, UsbTree, parse_usb, port_path

SYSFS = Path("/sys")

_ATTRIBUTES = (
    "speed",
    "idVendor",
    "idProduct",
    "manufacturer",
    "product",
    "serial",
    "maxchild",
    "bmAttributes",
    "bMaxPower",
    "power/control",
)


def usb_tree(root: Path = SYSFS) -> UsbTree | None:
    """The tree as it is now; None where this host shows none (a container, another system).

    Some 0.3 ms for each device: read when something changed, not in a loop.
    """
    place = root / "bus" / "usb" / "devices"
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return None
    return parse_usb(_raw(entry) for entry in entries if ":" not in entry.name)


def place(path: UsbPath, root: Path = SYSFS) -> UsbPath:
    """The socket's name for a device's path, as `UsbTree.place`, by two small files instead of all.

    The path itself where the kernel names no other side, or is not there to be asked.
    """
    devices = root / "bus" / "usb" / "devices"
    bus = path.partition("-")[0]
    try:
        fast = float(_text(devices / f"usb{bus}" / "speed")) >= SUPER_SPEED_MBPS
        peer = port_path((devices / path / "port" / "peer").readlink().name) if fast else None
    except (OSError, ValueError):
        return path
    return peer or path


def _raw(entry: Path) -> RawDevice:
    interfaces, peers = [], {}
    for part in _parts(entry):
        interfaces.append((_kind(part), _text(part / "bNumEndpoints")))
        for port in sorted(part.glob("*-port*")):
            with suppress(OSError):
                peers[port.name] = (port / "peer").readlink().name
    controller = driver = ""
    if entry.name.startswith("usb"):
        above = entry.resolve().parent
        controller = above.name
        with suppress(OSError):
            driver = (above / "driver").readlink().name
    return RawDevice(
        name=entry.name,
        attributes={name: text for name in _ATTRIBUTES if (text := _text(entry / name))},
        interfaces=tuple(interfaces),
        peers=peers,
        controller=controller,
        driver=driver,
    )


def _parts(entry: Path) -> Iterator[Path]:
    """The interfaces of a device: `1-2:1.0`; those of a root hub: `1-0:1.0`."""
    name = entry.name
    prefix = f"{name.removeprefix('usb')}-0" if name.startswith("usb") else name
    with suppress(OSError):
        yield from sorted(part for part in entry.iterdir() if part.name.startswith(f"{prefix}:"))


def _kind(part: Path) -> str:
    names = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
    return "".join(_text(part / name) for name in names)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
