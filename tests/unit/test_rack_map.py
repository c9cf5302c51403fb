"""The rack's map, over directories shaped like sysfs."""

from pathlib import Path

from sysfs_tree import SysfsTree

from droidrack.adapters.sysfs import usb_tree
from droidrack.core.ids import UsbPath
from droidrack.core.presence import Presence
from droidrack.core.rack_map import Listed, Spot, as_json, described, find_socket, map_rack
from droidrack.core.settings import PhoneSettings, PortSettings
from droidrack.core.usb import UsbTree

PORTS = (PortSettings("1-2.1", "shelf 1 / 1"), PortSettings("1-2.3", "shelf 1 / 3"))
P = Presence


def shelf(tmp_path: Path) -> UsbTree:
    """A USB 3 hub with three phones and a nested hub with a fourth; a second controller."""
    tree = SysfsTree(tmp_path)
    tree.controller("0000:00:14.0", {1: 480, 2: 5000})
    tree.controller("0000:03:00.0", {3: 480})
    tree.pair(("usb1-port2", "usb2-port1"))
    tree.hub("1-2")
    tree.hub("2-1", speed=5000, peer="1-2")
    tree.hub("1-2.4", product="Nested Hub")
    tree.phone("2-1.1", "FAST", speed=5000)
    tree.phone("1-2.2", "QUIET", adb=False)
    tree.phone("1-2.3", "SLOW")
    tree.phone("1-2.4.1", "DEEP")
    tree.phone("3-1", "STRANGE")
    found = usb_tree(tree.root)
    assert found is not None
    return found


def by_phone(spots: tuple[Spot, ...]) -> dict[str, Spot]:
    """Lines by the phone's name, else by its serial."""
    return {spot.phone or spot.serial: spot for spot in spots}


def test_map_joins_phone_label_hub_and_controller(tmp_path: Path) -> None:
    """Whatever names the phone in its entry: port or serial, slow side or fast."""
    phones = (
        PhoneSettings("bay-3", serial="SLOW"),
        PhoneSettings("bay-1", usb="1-2.1"),
        PhoneSettings("bay-4", serial="DEEP"),
    )
    listed = (
        Listed("SLOW", "device", UsbPath("1-2.3"), phone="bay-3"),
        Listed("FAST", "device", UsbPath("2-1.1"), phone="bay-1"),
        Listed("DEEP", "offline", UsbPath("1-2.4.1"), phone="bay-4"),
    )
    spots = map_rack(phones, PORTS, listed, shelf(tmp_path))

    assert ["bay-1", "bay-3", "bay-4", ""] == [spot.phone for spot in spots]
    one, three, four, stranger = spots
    assert ("1-2.1", "shelf 1 / 1", "1-2 USB2.0 Hub", 1) == (one.usb, one.label, one.hub, one.depth)
    assert ("1-2.3", "shelf 1 / 3", P.HERE) == (three.usb, three.label, three.diagnosis.presence)
    assert ("1-2.4 Nested Hub", 2, P.UNUSABLE) == (four.hub, four.depth, four.diagnosis.presence)
    assert "0000:00:14.0" == one.controller
    assert ("STRANGE", "3-1", "0000:03:00.0") == (
        stranger.serial,
        stranger.usb,
        stranger.controller,
    )


def test_map_names_where_an_expected_phone_is_missing(tmp_path: Path) -> None:
    """Not on USB, without debugging, or not taken up by adb: each at its socket."""
    phones = (
        PhoneSettings("gone", usb="1-2.4.3"),
        PhoneSettings("quiet", serial="QUIET"),
        PhoneSettings("lost", serial="SLOW"),
        PhoneSettings("never", serial="NOWHERE"),
        PhoneSettings("net", serial="192.0.2.7:5555"),
    )
    spots = by_phone(map_rack(phones, (), (), shelf(tmp_path)))

    assert {
        "gone": (P.NOT_IN_TREE, "1-2.4.3"),
        "quiet": (P.NO_DEBUGGING, "1-2.2"),
        "lost": (P.NOT_IN_ADB, "1-2.3"),
        "never": (P.NOT_IN_TREE, ""),
        "net": (P.TREE_UNKNOWN, ""),
    } == {name: (spots[name].diagnosis.presence, spots[name].usb) for name in map(str, (
        "gone", "quiet", "lost", "never", "net"))}  # fmt: skip


def test_map_without_a_tree_shows_what_adb_shows() -> None:
    """Virtual phones, a container, another system: nothing is called missing from USB."""
    phones = (PhoneSettings("a", serial="A"), PhoneSettings("b", serial="B"))
    listed = (Listed("127.0.0.1:5001", "device", None, serialno="A", phone="a"),)
    spots = by_phone(map_rack(phones, (), listed, None))

    assert (P.HERE, P.TREE_UNKNOWN) == tuple(spots[n].diagnosis.presence for n in ("a", "b"))
    assert "A" == spots["a"].serial


def test_map_serial_on_several_devices_names_no_socket(tmp_path: Path) -> None:
    """Which of them is meant is not guessed."""
    tree = SysfsTree(tmp_path)
    tree.controller("0000:00:14.0", {1: 480})
    tree.phone("1-1", "SAME")
    tree.phone("1-2", "SAME")

    assert find_socket(PhoneSettings("x", serial="SAME"), usb_tree(tree.root)) is None
    assert "1-2" == find_socket(PhoneSettings("x", usb="1-2"), usb_tree(tree.root))


def test_map_line_for_scripts_has_null_for_nothing(tmp_path: Path) -> None:
    """An empty text would be a value."""
    (spot,) = map_rack((PhoneSettings("a", serial="A"),), (), (), None)
    shown = as_json(spot)

    assert (None, None, "not in adb, USB unknown") == (
        shown["usb"],
        shown["controller"],
        shown["presence"],
    )


def test_described_socket_shows_its_label() -> None:
    """What a message says of a place."""
    assert ["shelf 1 / 3 (1-2.3)", "1-2.9", ""] == [
        described(PORTS, usb) for usb in ("1-2.3", "1-2.9", None)
    ]
