"""Where a phone is: the kernel's tree, the adb server's list and the inventory, side by side.

Three faults look alike to whoever asks adb alone, and each has its own remedy: a phone that the
kernel does not see (cable, hub, power), one that it sees without USB debugging or that no adb
server took up, and one that adb shows in a state in which it runs no command.
"""

from dataclasses import dataclass
from enum import StrEnum

from droidrack.core.transport import READY, advice


class Presence(StrEnum):
    """What the three views say together."""

    HERE = "here"
    NOT_IN_TREE = "not on USB"  # Expected, and the kernel sees nothing at its socket.
    NO_DEBUGGING = "no USB debugging"  # The kernel sees it without an ADB interface.
    NOT_IN_ADB = "not in adb"  # It offers USB debugging; no adb server of ours has it.
    UNUSABLE = "unusable"  # adb shows it in a state that runs no command.
    TREE_UNKNOWN = "not in adb, USB unknown"  # No tree on this host, or no socket known.
    STRANGER = "not in the inventory"


@dataclass(frozen=True, slots=True)
class View:
    """One phone in the three views."""

    expected: bool  # The inventory (`devices.toml`) has an entry for it.
    in_tree: bool | None  # The kernel sees a device; None: that cannot be told.
    debugging: bool  # … and it offers an ADB interface.
    adb_state: str = ""  # As the adb server's list says; "": it is not listed.


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the views say, in words, and what a person can do; "" where nothing is to do."""

    presence: Presence
    seen: str
    remedy: str = ""


_HERE = Diagnosis(Presence.HERE, "here")
_NOT_IN_TREE = Diagnosis(
    Presence.NOT_IN_TREE,
    "the kernel sees nothing at its socket",
    "check its cable, then the hub and the hub's supply; a phone with an empty battery shows up "
    "after some minutes of charging",
)
_NO_DEBUGGING = Diagnosis(
    Presence.NO_DEBUGGING,
    "the kernel sees it, but without USB debugging",
    "switch USB debugging on in its developer options (an update may have switched it off); if it "
    "only charges, choose another USB mode on its screen",
)
_NOT_IN_ADB = Diagnosis(
    Presence.NOT_IN_ADB,
    "the kernel sees it with USB debugging, and the adb server does not have it",
    "end every other adb server of this host (`adb kill-server`), for a phone belongs to one at a "
    "time; if there is none, plug the phone in again",
)
_TREE_UNKNOWN = Diagnosis(
    Presence.TREE_UNKNOWN,
    "the adb server does not show it; whether it is on USB cannot be told here",
    "check its cable, hub and power, and USB debugging; with `usb` or its hardware serial in "
    "devices.toml, droidrack can look at its socket",
)
_STRANGER = Diagnosis(
    Presence.STRANGER,
    "here, but no entry of devices.toml means it",
    "add a [[phones]] table with its serial or port, or take it off the rack",
)


def diagnose(view: View) -> Diagnosis:
    """What is wrong with a phone, judged by all three views.

    The adb server's word counts most: what it shows is there, whatever the tree says (a phone on
    the network is in no tree). Then the tree decides; a stranger is named only where it is well.
    """
    if view.adb_state == READY:
        return _HERE if view.expected else _STRANGER
    if view.adb_state:
        known = advice(view.adb_state)
        return Diagnosis(
            Presence.UNUSABLE, f"adb shows it as {view.adb_state}: {known.meaning}", known.remedy
        )
    if view.in_tree is None:
        return _TREE_UNKNOWN
    if not view.in_tree:
        return _NOT_IN_TREE
    return _NOT_IN_ADB if view.debugging else _NO_DEBUGGING
