"""The rack's map: phone ↔ socket and its label ↔ hub ↔ controller, with what is wrong where.

Joins the configuration, the kernel's tree and the adb servers' lists. Phones stand in the order of
their sockets, so that the printed map reads like the shelf.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.core.ids import UsbPath
from droidrack.core.presence import Diagnosis, View, diagnose
from droidrack.core.settings import PhoneSettings, PortSettings
from droidrack.core.usb import UsbDevice, UsbTree, ancestors, natural


@dataclass(frozen=True, slots=True)
class Listed:
    """A phone on an adb server's list, with the entry it fits."""

    serial: str  # adb's
    state: str
    usb: UsbPath | None
    serialno: str = ""  # ro.serialno, where it was asked
    phone: str = ""  # the entry's name; "": it fits none


@dataclass(frozen=True, slots=True)
class Spot:
    """One line of the map. "" where a thing is not known, or there is none."""

    phone: str  # the entry's name
    serial: str
    usb: str
    label: str
    hub: str  # path and name of the nearest hub
    depth: int  # hubs between phone and root hub
    controller: str  # PCI address
    adb_state: str
    diagnosis: Diagnosis


def label_of(ports: Sequence[PortSettings], usb: str | None) -> str:
    """What is written beside a socket; "" where nothing is."""
    return next((port.label for port in ports if usb and port.usb == usb), "")


def described(ports: Sequence[PortSettings], usb: str | None) -> str:
    """A socket for a message: `shelf 2 / 7 (1-2.3)`, `1-2.3`, or "" for none."""
    label = label_of(ports, usb)
    return f"{label} ({usb})" if label else usb or ""


def map_rack(
    phones: Sequence[PhoneSettings],
    ports: Sequence[PortSettings],
    listed: Sequence[Listed],
    tree: UsbTree | None,
) -> tuple[Spot, ...]:
    """Every phone that is expected, listed, or offers USB debugging; each once.

    Args:
        phones: the inventory.
        ports: labels of sockets.
        listed: what the adb servers show.
        tree: the kernel's; None where the host shows none.
    """
    entries = {entry.phone: entry for entry in listed if entry.phone}
    spots = [_expected(phone, entries.get(phone.name), ports, tree) for phone in phones]
    spots += [
        _spot("", entry, _socket(entry, tree), ports, tree, expected=False)
        for entry in listed
        if not entry.phone
    ]
    taken = {spot.usb for spot in spots}
    for device in tree.leaves() if tree else ():
        if device.speaks_adb and tree and (place := tree.place(device.path)) not in taken:
            entry = Listed(device.serial, "", place)
            spots.append(_spot("", entry, place, ports, tree, expected=False))
    return tuple(sorted(spots, key=lambda spot: (not spot.usb, natural(spot.usb), spot.phone)))


def find_socket(phone: PhoneSettings, tree: UsbTree | None) -> UsbPath | None:
    """Where an expected phone is or belongs: its entry's port, or where the kernel sees its serial.

    A serial that several devices show names no socket.
    """
    if phone.usb:
        return tree.place(UsbPath(phone.usb)) if tree else UsbPath(phone.usb)
    if tree is None or not phone.serial:
        return None
    found = tree.serials.get(phone.serial, ())
    return tree.place(found[0]) if len(found) == 1 else None


def view_of(
    phone: PhoneSettings, adb_state: str, usb: UsbPath | None, tree: UsbTree | None
) -> View:
    """An expected phone in the three views; `usb` where adb shows it, None: adb does not say."""
    socket = usb or find_socket(phone, tree)
    if tree is None:
        return View(True, None, False, adb_state)
    if socket is None:
        # Its serial stands on no device: then it is not there. A phone on the network is in no
        # tree anyhow.
        named = bool(phone.serial) and ":" not in phone.serial
        return View(True, False if named else None, False, adb_state)
    device = tree.at(socket)
    there = device is not None and not device.is_hub
    return View(True, there, there and device is not None and device.speaks_adb, adb_state)


def _expected(
    phone: PhoneSettings, entry: Listed | None, ports: Sequence[PortSettings], tree: UsbTree | None
) -> Spot:
    socket = (_socket(entry, tree) if entry else None) or find_socket(phone, tree)
    shown = entry or Listed(phone.serial, "", socket)
    return _spot(phone.name, shown, socket, ports, tree, expected=True, phone=phone)


def _socket(entry: Listed, tree: UsbTree | None) -> UsbPath | None:
    return tree.place(entry.usb) if tree and entry.usb else entry.usb


def _spot(
    name: str,
    entry: Listed,
    socket: UsbPath | None,
    ports: Sequence[PortSettings],
    tree: UsbTree | None,
    *,
    expected: bool,
    phone: PhoneSettings | None = None,
) -> Spot:
    if phone is not None:
        view = view_of(phone, entry.state, socket, tree)
    else:
        device = tree.at(socket) if tree and socket else None
        view = View(expected, device is not None, bool(device and device.speaks_adb), entry.state)
    hub, controller = _way(socket, tree)
    return Spot(
        phone=name,
        serial=entry.serialno or entry.serial,
        usb=socket or "",
        label=label_of(ports, socket),
        hub=f"{hub.path} {hub.name}".strip() if hub else "",
        depth=sum(path[:3] != "usb" for path in ancestors(socket)) if socket else 0,
        controller=controller,
        adb_state=entry.state,
        diagnosis=diagnose(view),
    )


def _way(socket: UsbPath | None, tree: UsbTree | None) -> tuple[UsbDevice | None, str]:
    """The nearest hub above a socket, and its controller."""
    above = list(tree.above(socket)) if tree and socket else []
    return (above[0], above[-1].controller) if above else (None, "")


def as_json(spot: Spot) -> dict[str, str | int | None]:
    """A line for scripts; None where the map has nothing."""
    return {
        "phone": spot.phone or None,
        "serial": spot.serial or None,
        "usb": spot.usb or None,
        "label": spot.label or None,
        "hub": spot.hub or None,
        "depth": spot.depth if spot.usb else None,
        "controller": spot.controller or None,
        "adb_state": spot.adb_state or None,
        "presence": spot.diagnosis.presence.value,
        "seen": spot.diagnosis.seen,
        "remedy": spot.diagnosis.remedy or None,
    }
