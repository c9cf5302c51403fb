"""Reads what `droidrack doctor` says of a host: processes, limits, rules, clock, the USB tree.

Nothing is changed and no adb server is spoken to.
"""

import ctypes
import os
import pwd
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from droidrack.adapters.sysfs import SYSFS, usb_tree
from droidrack.core.host_check import AdbServer, HostFacts

PROC = Path("/proc")

RULES_DIRS = (
    Path("/etc/udev/rules.d"),
    Path("/run/udev/rules.d"),
    Path("/usr/lib/udev/rules.d"),
    Path("/lib/udev/rules.d"),
)

_TIME_ERROR = 5
"""`adjtimex` returns it while the clock is not synchronised. Source: sys/timex.h."""

_TIMEX_BYTES = 256
"""`struct timex` has 208 bytes on 64-bit Linux."""

_GIVES_ADB = (":ff4201:", "adb_user", "android_udev", "ID_DEBUG_APPLIANCE")
"""What rules for ADB hold: by interface, systemd's own, or a distribution's list of makers."""


def host_facts(
    home: Path, *, sysfs: Path = SYSFS, proc: Path = PROC, rules: tuple[Path, ...] = RULES_DIRS
) -> HostFacts:
    """The facts of this host. `home`: whose own adb servers are ours (their HOME)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return HostFacts(
        tree=usb_tree(sysfs),
        udev_rules=_rules(rules),
        adb_servers=tuple(_adb_servers(proc, home)),
        files_soft=soft,
        files_hard=hard,
        clock_synchronised=_clock_synchronised(),
    )


def _rules(places: tuple[Path, ...]) -> tuple[str, ...] | None:
    """The files that open phones; None where this host has no udev."""
    there = [place for place in places if place.is_dir()]
    found: dict[Path, str] = {}
    for place in there:
        for path in sorted(place.glob("*.rules")):
            with suppress(OSError):
                text = path.read_text(encoding="utf-8", errors="replace")
                if any(word in text for word in _GIVES_ADB):
                    found[path.resolve()] = str(path)
    return tuple(found.values()) if there else None


def _adb_servers(proc: Path, home: Path) -> Iterator[AdbServer]:
    """Processes whose command line is that of an adb server. Others' may be hidden from us."""
    for entry in sorted(proc.glob("[0-9]*")):
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            owner = entry.stat().st_uid
        except OSError:
            continue
        if Path(words[0]).name != "adb" or not {"fork-server", "server"} & set(words[1:]):
            continue
        yield AdbServer(
            pid=int(entry.name), port=_port(words), user=_user(owner), ours=_is_ours(entry, home)
        )


def _port(words: list[str]) -> int | None:
    """From `-P 5038` or `-L tcp:localhost:5038`."""
    for flag, value in pairwise(words):
        number = value.rpartition(":")[2]
        if flag in ("-P", "-L") and number.isdecimal():
            return int(number)
    return None


def _is_ours(entry: Path, home: Path) -> bool:
    """Whether it was started by a controller of this state directory: it keeps its key there."""
    try:
        environment = (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"HOME=" + str(home.resolve()).encode() in environment


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _clock_synchronised() -> bool | None:
    """What the kernel was told by whoever keeps the clock; None where it cannot be asked."""
    if not sys.platform.startswith("linux") or os.uname().machine not in ("x86_64", "aarch64"):
        return None
    with suppress(OSError, AttributeError):
        # All zero asks and sets nothing, and needs no privilege.
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return None if state < 0 else bool(state != _TIME_ERROR)
    return None
