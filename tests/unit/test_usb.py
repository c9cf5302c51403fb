"""The kernel's USB tree, from directories of its shape."""

from pathlib import Path

import pytest
from sysfs_tree import SysfsTree

from droidrack.adapters.sysfs import place, usb_tree
from droidrack.core.ids import UsbPath
from droidrack.core.usb import UsbTree, common_ancestor, natural, parent_of, port_path


def rack(tmp_path: Path) -> SysfsTree:
    """Two controllers; on the first a USB 3 hub with a nested one, on the second a plain hub."""
    tree = SysfsTree(tmp_path)
    tree.controller("0000:00:14.0", {1: 480, 2: 5000})
    tree.controller("0000:03:00.0", {3: 480})
    # Port 2 of the slow root hub and port 1 of the fast one are one socket.
    tree.pair(("usb1-port2", "usb2-port1"))
    tree.hub("1-2", ports=4)
    tree.hub("2-1", ports=4, speed=5000, product="USB3.0 Hub", peer="1-2")
    tree.hub("1-2.4", ports=7, bus_powered=True)
    tree.hub("3-5", ports=10)
    tree.phone("1-2.3", "R5CT000001")
    tree.phone("2-1.1", "R5CT000002", speed=5000)
    tree.phone("1-2.4.7", "0123456789ABCDEF")
    tree.phone("3-5.10", "0123456789ABCDEF", adb=False, control="on")
    return tree


def read(tree: SysfsTree) -> UsbTree:
    """As the adapter reads it."""
    found = usb_tree(tree.root)
    assert found is not None
    return found


def test_tree_phones_and_hubs_are_told_apart(tmp_path: Path) -> None:
    """Interfaces are no devices; hubs are those with ports."""
    tree = read(rack(tmp_path))

    assert ["1-2.3", "1-2.4.7", "2-1.1", "3-5.10"] == [leaf.path for leaf in tree.leaves()]
    hubs = {path for path, device in tree.devices.items() if device.is_hub}
    assert {"usb1", "usb2", "usb3", "1-2", "2-1", "1-2.4", "3-5"} == hubs


def test_tree_device_has_its_facts(tmp_path: Path) -> None:
    """Words, serial, interfaces, endpoints, power control, controller and driver."""
    tree = read(rack(tmp_path))
    phone, quiet = tree.devices[UsbPath("1-2.3")], tree.devices[UsbPath("3-5.10")]

    assert ("Example Virtual Phone", "R5CT000001", "18d1") == (
        phone.name,
        phone.serial,
        phone.vendor,
    )
    assert (True, 5, "auto") == (phone.speaks_adb, phone.endpoints, phone.power_control)
    assert (False, 3, "on") == (quiet.speaks_adb, quiet.endpoints, quiet.power_control)
    assert ("0000:00:14.0", "xhci_hcd", 480) == (phone.controller, phone.driver, phone.speed_mbps)
    assert "0000:03:00.0" == quiet.controller
    assert (True, False) == (
        tree.devices[UsbPath("1-2")].self_powered,
        tree.devices[UsbPath("1-2.4")].self_powered,
    )


def test_tree_two_sides_of_a_socket_are_one_place(tmp_path: Path) -> None:
    """A phone on the fast side of a socket is found by the slow side's name, and the reverse."""
    tree = read(rack(tmp_path))

    assert "1-2.1" == tree.place(UsbPath("2-1.1"))
    assert "1-2.3" == tree.place(UsbPath("1-2.3"))
    found = tree.at(UsbPath("1-2.1"))
    assert found is not None
    assert "R5CT000002" == found.serial
    assert tree.at(UsbPath("1-2.2")) is None
    assert "3-5.10" == tree.place(UsbPath("3-5.10"))


def test_place_agrees_with_the_tree(tmp_path: Path) -> None:
    """The short way to a socket's name gives the same as the whole tree."""
    built = rack(tmp_path)
    tree = read(built)

    for leaf in tree.leaves():
        assert tree.place(leaf.path) == place(leaf.path, built.root)
    assert "1-2.1" == place(UsbPath("2-1.1"), built.root)
    assert "9-9" == place(UsbPath("9-9"), built.root)


def test_tree_hubs_above_are_nearest_first(tmp_path: Path) -> None:
    """The nesting is what the depth is counted from."""
    tree = read(rack(tmp_path))

    assert ["1-2.4", "1-2", "usb1"] == [hub.path for hub in tree.above(UsbPath("1-2.4.7"))]
    assert {"1-2.3", "1-2.4", "1-2.4.7"} == {d.path for d in tree.below(UsbPath("1-2"))}


def test_tree_absent_where_the_host_shows_none(tmp_path: Path) -> None:
    """A container has no USB bus: that is said, not taken for an empty one."""
    assert usb_tree(tmp_path) is None
    SysfsTree(tmp_path / "empty")
    assert read(SysfsTree(tmp_path / "bare")) == UsbTree()


def test_tree_device_that_leaves_while_it_is_read_spoils_nothing(tmp_path: Path) -> None:
    """Its link points nowhere by then; the others are read."""
    tree = rack(tmp_path)
    (tree.root / "bus/usb/devices/1-7").symlink_to(tmp_path / "gone")

    assert "R5CT000001" == read(tree).devices[UsbPath("1-2.3")].serial


@pytest.mark.parametrize(
    ("name", "path"),
    [("1-2-port3", "1-2.3"), ("usb1-port12", "1-12"), ("1-2.4-port7", "1-2.4.7"), ("x", None)],
)
def test_port_path_is_that_of_what_is_plugged_in(name: str, path: str | None) -> None:
    """Ports of root hubs are named after the bus."""
    assert path == port_path(name)


def test_parent_of_walks_up_to_the_root() -> None:
    """And ends there."""
    assert ("1-2", "usb1", None) == (
        parent_of(UsbPath("1-2.3")),
        parent_of(UsbPath("1-2")),
        parent_of(UsbPath("usb1")),
    )


@pytest.mark.parametrize(
    ("paths", "hub"),
    [
        (["1-2.3", "1-2.4.7"], "1-2"),
        (["1-2.3", "1-3"], "usb1"),
        (["1-2.3", "2-1"], None),
        (["1-2.3"], "1-2"),
        (["1-12.3", "1-1.3"], "usb1"),
        ([], None),
    ],
)
def test_common_ancestor_is_the_nearest_hub_above_all(paths: list[str], hub: str | None) -> None:
    """By whole port numbers, never by the letters they begin with."""
    assert hub == common_ancestor([UsbPath(path) for path in paths])


def test_natural_order_counts() -> None:
    """Port 10 comes after port 9."""
    assert ["1-2.9", "1-2.10", "2-1"] == sorted(["2-1", "1-2.10", "1-2.9"], key=natural)
