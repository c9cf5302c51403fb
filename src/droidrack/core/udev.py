"""The udev rules of a rack: who may open its phones, and that no phone is put to sleep.

Text only; `droidrack service install` shows it and writes it. A rule is tied to the ADB interface
and not to a list of makers' vendor ids, because such lists are never complete. The file's number
lies above 50, where udev's own rules read the interfaces of a device, and below 73, where systemd
acts on `uaccess`.
"""

import re
from collections.abc import Iterable

RULES_PATH = "/etc/udev/rules.d/51-droidrack.rules"

RELOAD = (
    "udevadm control --reload",
    "udevadm trigger --subsystem-match=usb --action=change",
)
"""Makes a new rules file hold for phones that are plugged in already."""

DEFAULT_GROUP = "plugdev"

_PHONE = (
    'ACTION!="remove", SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", '
    'ENV{ID_USB_INTERFACES}=="*:ff4201:*"'
)
"""A device with an ADB interface: class ff, subclass 42, protocol 01."""

_GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HUB_ID = re.compile(r"[0-9a-f]{4}")


def access_rule(group: str = DEFAULT_GROUP) -> str:
    """One line: the members of `group`, and who sits at the host, may open phones."""
    return f'{_PHONE}, MODE="0660", GROUP="{_checked(_GROUP, group)}", TAG+="uaccess"'


def autosuspend_rule() -> str:
    """One line: the kernel never suspends a phone.

    A suspended phone wakes late or not at all, and then it is `offline` for adb.
    """
    return f'{_PHONE}, TEST=="power/control", ATTR{{power/control}}="on"'


def hub_rules(vendor: str, product: str, group: str = DEFAULT_GROUP) -> str:
    """Lines that let `group` switch the ports of one kind of hub, for uhubctl without root.

    From Linux 6.0 on uhubctl writes a file `disable` of each port; before, it asks the hub itself.

    Args:
        vendor: four hex digits, as `lsusb` shows them.
        product: likewise.
        group: a group of this host.

    Raises:
        ValueError: not four hex digits, or no group's name.
    """
    ids = f'ATTR{{idVendor}}=="{_checked(_HUB_ID, vendor)}"'
    ids += f', ATTR{{idProduct}}=="{_checked(_HUB_ID, product)}"'
    group = _checked(_GROUP, group)
    hub = f'ACTION!="remove", SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", {ids}'
    # $sys and $devpath are filled in by udev, the asterisks by the shell.
    files = "$sys$devpath/*:1.0/*-port*/disable"
    opened = f"chgrp -f {group} {files} && chmod -f g+w {files} || true"
    return f'{hub}, MODE="0660", GROUP="{group}"\n{hub}, RUN+="/bin/sh -c \'{opened}\'"'


def rules_text(
    *, group: str = DEFAULT_GROUP, hubs: Iterable[tuple[str, str]] = (), autosuspend: bool = True
) -> str:
    """The whole file for `RULES_PATH`.

    Args:
        group: whose members may open phones; the service's user belongs to it.
        hubs: (vendor, product) of hubs whose ports may be switched, each once.
        autosuspend: keep phones awake on the bus.
    """
    lines = [
        "# Written by `droidrack service install`.",
        "# Phones: any USB device with an ADB interface, whoever made it.",
        access_rule(group),
    ]
    if autosuspend:
        lines += ["# No autosuspend: a suspended phone falls `offline`.", autosuspend_rule()]
    for vendor, product in sorted(set(hubs)):
        lines += [
            f"# Port power of hub {vendor}:{product}, for uhubctl.",
            hub_rules(vendor, product, group),
        ]
    return "\n".join(lines) + "\n"


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{text!r} is nothing a udev rule may hold here")
    return text
