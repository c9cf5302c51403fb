"""The USB tree of a host, as its kernel shows it: controllers, hubs, ports and what hangs on them.

Pure: `adapters/sysfs.py` reads the files. A socket of a USB 3 hub has two ports in the kernel, one
in each of two trees (`1-2.3` and `2-2.3`), and the same phone turns up under one or the other with
its cable. The kernel names each the other's *peer*; the path on the slower tree is taken as the
name of the place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from droidrack.core.ids import UsbPath

ADB_INTERFACE = "ff4201"
"""Class, subclass and protocol of the interface that USB debugging adds."""

SUPER_SPEED_MBPS = 5000

_DEVICE = re.compile(r"(\d+)-(\d+(?:\.\d+)*)")
_ROOT = re.compile(r"usb(\d+)")
_PORT = re.compile(r"(?:usb(\d+)|(\d+-[\d.]+))-port(\d+)")


@dataclass(frozen=True, slots=True)
class RawDevice:
    """One directory of `/sys/bus/usb/devices`, as read; texts without their line end.

    `name` is the directory's (`usb1`, `1-2.3`); `interfaces` are (class, subclass, protocol and
    count of endpoints) in hex as the files hold them; `peers` maps a port's directory to its
    peer's, both by their last part (`1-2-port3`).
    """

    name: str
    attributes: Mapping[str, str]
    interfaces: tuple[tuple[str, str], ...] = ()  # ("ff4201", "02")
    peers: Mapping[str, str] = field(default_factory=dict)
    controller: str = ""  # of a root hub: the PCI address, or the platform device's name
    driver: str = ""  # of a root hub: the controller's, such as "xhci_hcd"


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """One device. Root hubs have the path `usb1`. "" or 0: the kernel does not say."""

    path: UsbPath
    parent: UsbPath | None
    speed_mbps: float
    vendor: str  # four hex digits
    product: str
    name: str  # maker and product in their own words
    serial: str
    ports: int  # of a hub; 0: it is none
    interfaces: tuple[str, ...]
    endpoints: int  # the control endpoint included
    power_control: str  # "auto": the kernel may suspend it; "on": never
    self_powered: bool | None  # of a hub: whether it says that it has a supply of its own
    max_power_ma: int
    controller: str
    driver: str

    @property
    def is_hub(self) -> bool:
        """Whether others can hang on it."""
        return self.ports > 0

    @property
    def speaks_adb(self) -> bool:
        """Whether USB debugging is on."""
        return ADB_INTERFACE in self.interfaces


@dataclass(frozen=True, slots=True)
class UsbTree:
    """All devices by path, and which ports are two sides of one socket."""

    devices: Mapping[UsbPath, UsbDevice] = field(default_factory=dict)
    peers: Mapping[UsbPath, UsbPath] = field(default_factory=dict)  # both ways
    slow: frozenset[UsbPath] = frozenset()  # root hubs of USB 2
    serials: Mapping[str, tuple[UsbPath, ...]] = field(default_factory=dict)  # of what is no hub

    def place(self, path: UsbPath) -> UsbPath:
        """The socket's name: the path on its USB 2 side, where the kernel names one."""
        peer = self.peers.get(path)
        return peer if peer is not None and _root(peer) in self.slow else path

    def at(self, path: UsbPath) -> UsbDevice | None:
        """What is plugged into a socket, on whichever of its sides; no hub, unless only that."""
        sides = [self.devices.get(path)]
        if (peer := self.peers.get(path)) is not None:
            sides.append(self.devices.get(peer))
        there = [device for device in sides if device is not None]
        return min(there, key=lambda device: device.is_hub, default=None)

    def above(self, path: UsbPath) -> Iterator[UsbDevice]:
        """The hubs between a socket and the host, nearest first, root hub last."""
        step: UsbPath | None = parent_of(path)
        while step is not None:
            if (hub := self.devices.get(step)) is not None:
                yield hub
            step = parent_of(step)

    def controller(self, path: UsbPath) -> UsbDevice | None:
        """The root hub that a path hangs on."""
        return self.devices.get(_root(path))

    def leaves(self) -> tuple[UsbDevice, ...]:
        """Everything that is no hub, by path."""
        return tuple(
            self.devices[path] for path in sorted(self.devices, key=natural)
            if not self.devices[path].is_hub
        )  # fmt: skip

    def below(self, hub: UsbPath) -> tuple[UsbDevice, ...]:
        """Everything that hangs on a hub, at any depth."""
        return tuple(
            device
            for path, device in self.devices.items()
            if path != hub and hub in ancestors(path)
        )


def parse_usb(raws: Iterable[RawDevice]) -> UsbTree:
    """The tree. A directory that is no device (an interface, a stranger) is passed over."""
    devices: dict[UsbPath, UsbDevice] = {}
    peers: dict[UsbPath, UsbPath] = {}
    roots: dict[UsbPath, RawDevice] = {}
    rest: list[RawDevice] = []
    for raw in raws:
        if _ROOT.fullmatch(raw.name):
            roots[UsbPath(raw.name)] = raw
        elif not _DEVICE.fullmatch(raw.name):
            continue
        rest.append(raw)
        for port, peer in raw.peers.items():
            if (ours := port_path(port)) and (theirs := port_path(peer)):
                peers[ours] = theirs
                peers[theirs] = ours
    for raw in rest:
        path = UsbPath(raw.name)
        devices[path] = _device(raw, path, roots.get(_root(path)))
    serials: dict[str, tuple[UsbPath, ...]] = {}
    for path, device in devices.items():
        if device.serial and not device.is_hub:
            serials[device.serial] = (*serials.get(device.serial, ()), path)
    slow = frozenset(path for path in roots if devices[path].speed_mbps < SUPER_SPEED_MBPS)
    return UsbTree(devices, peers, slow, serials)


def port_path(name: str) -> UsbPath | None:
    """The path of what is plugged into a port: `1-2-port3` → `1-2.3`, `usb1-port2` → `1-2`."""
    match = _PORT.fullmatch(name)
    if match is None:
        return None
    root, hub, port = match.groups()
    return UsbPath(f"{root}-{port}" if root else f"{hub}.{port}")


def parent_of(path: UsbPath) -> UsbPath | None:
    """`1-2.3` → `1-2` → `usb1` → None."""
    if _ROOT.fullmatch(path) or not _DEVICE.fullmatch(path):
        return None
    hub, dot, _ = path.rpartition(".")
    return UsbPath(hub) if dot else _root(path)


def ancestors(path: UsbPath) -> tuple[UsbPath, ...]:
    """Every hub above, nearest first."""
    found: list[UsbPath] = []
    step = parent_of(path)
    while step is not None:
        found.append(step)
        step = parent_of(step)
    return tuple(found)


def natural(path: str) -> tuple[int, ...]:
    """For sorting: port 10 after port 9."""
    return tuple(int(number) for number in re.findall(r"\d+", path))


def common_ancestor(paths: Iterable[UsbPath]) -> UsbPath | None:
    """The nearest hub above all of them; None for none, or for different controllers."""
    lines = [ancestors(path) for path in paths]
    if not lines:
        return None
    return next((hub for hub in lines[0] if all(hub in line for line in lines[1:])), None)


def _root(path: UsbPath) -> UsbPath:
    bus = path.removeprefix("usb").partition("-")[0]
    return UsbPath(f"usb{bus}")


def _device(raw: RawDevice, path: UsbPath, root: RawDevice | None) -> UsbDevice:
    values = raw.attributes
    makers = (values.get("manufacturer", "").strip(), values.get("product", "").strip())
    attributes = _number(values.get("bmAttributes", ""), base=16)
    return UsbDevice(
        path=path,
        parent=parent_of(path),
        speed_mbps=_speed(values.get("speed", "")),
        vendor=values.get("idVendor", ""),
        product=values.get("idProduct", ""),
        name=" ".join(word for word in makers if word),
        serial=values.get("serial", "").strip(),
        ports=_number(values.get("maxchild", "")) or 0,
        interfaces=tuple(kind for kind, _ in raw.interfaces),
        endpoints=1 + sum(_number(count, base=16) or 0 for _, count in raw.interfaces),
        power_control=values.get("power/control", ""),
        # Bit 6 of the configuration's attributes (USB 2.0 specification, table 9-10).
        self_powered=None if attributes is None else bool(attributes & 0x40),
        max_power_ma=_number(values.get("bMaxPower", "").removesuffix("mA")) or 0,
        controller=root.controller if root else "",
        driver=root.driver if root else "",
    )


def _number(text: str, base: int = 10) -> int | None:
    try:
        return int(text.strip(), base)
    except ValueError:
        return None


def _speed(text: str) -> float:
    """`480`, `1.5`, `10000`; 0 where the kernel says "unknown"."""
    try:
        return float(text)
    except ValueError:
        return 0.0
