"""Whether a port really cuts the power: the phone in it is the only witness that counts.

Many hubs accept the command, report the port as off, break the data lines and go on feeding the
phone. So a phone's own battery service is read: Android writes each change of the charger into its
event log (`battery_status: [status,health,present,plugged,technology]`), also while no host is
there. A proof holds for one port of one hub; another hub in its place has to be proven anew.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from droidrack.core.ids import UsbPath
from droidrack.core.usb import UsbTree, parent_of

READ_LOG = "logcat -b events -d -v threadtime -s battery_status"
"""Asks a phone for the changes of its charger."""

_CHANGE = re.compile(r"battery_status[^\[]*\[\d+,\d+,\d+,(\d+),")


class PortVerdict(StrEnum):
    """What the phone said."""

    CUTS = "cuts"
    LIES = "lies"  # The phone went away for the host, and was fed all the time.
    DEAD_SWITCH = "does nothing"  # The phone did not even go away.
    UNKNOWN = "unknown"  # The phone does not tell.


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found out about one port."""

    port: UsbPath
    hub: str  # `fingerprint_of` the hub at the time
    verdict: PortVerdict
    phone: str  # who witnessed it
    at: datetime


def fingerprint_of(tree: UsbTree, port: UsbPath) -> str:
    """What tells the hub of a port from another one; "" where there is none in the tree."""
    hub = tree.devices.get(parent_of(port) or UsbPath(""))
    if hub is None:
        return ""
    return f"{hub.vendor}:{hub.product} {hub.serial} {hub.ports} {hub.controller}"


def judge(before: str, after: str, *, went_away: bool) -> PortVerdict:
    """What a phone's event log proves about the port it was in.

    Args:
        before: `READ_LOG`'s answer just before the port was switched off.
        after: the same after it was on again and the phone was back.
        went_away: whether the adb server lost the phone meanwhile.
    """
    changes = _fresh(before, after)
    if "0" in changes[:-1]:  # Unplugged, and a charger again afterwards.
        return PortVerdict.CUTS
    if not went_away:
        return PortVerdict.DEAD_SWITCH
    if not _lines(before):
        return PortVerdict.UNKNOWN  # A silent log proves nothing: some builds drop this tag.
    return PortVerdict.LIES


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if _CHANGE.search(line)]


def _fresh(before: str, after: str) -> list[str]:
    """The `plugged` values of lines that were not there before, oldest first."""
    known = set(_lines(before))
    return [
        match[1] for line in _lines(after) if line not in known and (match := _CHANGE.search(line))
    ]
