"""What a host's facts mean for a rack: USB, adb servers, limits, clock.

The numbers come from racks in the field: phones drop not where the first limit is passed but where
controller, hubs and supply are each near theirs, so it is warned before.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from droidrack.core.checkup import Finding, Severity, fine, warning
from droidrack.core.rack_map import described
from droidrack.core.settings import PortSettings
from droidrack.core.udev import RELOAD, RULES_PATH, access_rule, autosuspend_rule
from droidrack.core.usb import UsbDevice, UsbTree, natural
from droidrack.core.words import counted

ENDPOINTS_SAFE = 64
"""What the firmware of some hosts allows one xHCI controller."""

ENDPOINTS_LIMIT = 96
"""What Intel's 8-series allows; others allow more, none says so beforehand."""

HUBS_IN_A_ROW = 1
"""More are allowed (USB: five), and are where phones begin to drop."""

HUBS_LIMIT = 5
"""USB 2.0 specification, 4.1.1: at most five hubs between a device and its root hub."""

PHONES_ADVISED = 28
"""Four controllers with a seven-port hub each: what one host was seen to carry for long."""

USUAL_PORT = 5037
"""Where every adb tool expects, and if need be starts, its server."""

FILES_BASE = 256
FILES_PER_PHONE = 16
"""Open files: a transport, a tracker, streams and transfers of one phone, with room."""


@dataclass(frozen=True, slots=True)
class AdbServer:
    """An adb server process of this host."""

    pid: int
    port: int | None  # None: its command line does not say, so it is adb's usual one
    user: str
    ours: bool


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What was read of this host. None: it cannot be told here."""

    tree: UsbTree | None
    udev_rules: tuple[str, ...] | None  # the rules files that give access to ADB interfaces
    adb_servers: tuple[AdbServer, ...]
    files_soft: int
    files_hard: int
    clock_synchronised: bool | None


def judge_host(
    facts: HostFacts,
    ports: Sequence[PortSettings],
    phones: int,
    *,
    given: Container[int] = frozenset(),
) -> list[Finding]:
    """Everything worth saying of a host.

    Args:
        facts: as read.
        ports: labels of sockets.
        phones: how many devices.toml names.
        given: ports of adb servers that devices.toml names.
    """
    return [
        *_judge_usb(facts, ports),
        _judge_servers(facts.adb_servers, given),
        _judge_files(facts, phones),
        _judge_clock(facts.clock_synchronised),
    ]


def _judge_usb(facts: HostFacts, ports: Sequence[PortSettings]) -> Iterable[Finding]:
    tree = facts.tree
    if tree is None:
        yield fine("usb", "this host shows no USB tree (a container, or another system)")
        return
    phones = [device for device in tree.leaves() if device.speaks_adb]
    yield _judge_count(phones)
    yield from _judge_controllers(tree)
    yield from _judge_hubs(tree, phones, ports)
    yield _judge_autosuspend(phones)
    yield _judge_rules(facts.udev_rules)


def _judge_count(phones: Sequence[UsbDevice]) -> Finding:
    seen = f"{len(phones)} device(s) with USB debugging"
    if len(phones) <= PHONES_ADVISED:
        return fine("usb", seen)
    remedy = f"more than {PHONES_ADVISED} on one host is a risk: spread them over several"
    return warning("usb", seen, remedy)


def _judge_controllers(tree: UsbTree) -> Iterable[Finding]:
    """Endpoints per controller; its two root hubs share one budget."""
    used: Counter[str] = Counter()
    drivers: dict[str, str] = {}
    for device in tree.devices.values():
        used[device.controller] += device.endpoints
        drivers[device.controller] = device.driver
    for controller in sorted(used):
        driver = drivers[controller]
        seen = f"{used[controller]} endpoints in use, driver {driver or 'not known'}"
        subject = f"usb controller {controller}"
        # Only xHCI keeps a context for each endpoint in memory of its own.
        if "xhci" not in driver or used[controller] <= ENDPOINTS_SAFE:
            yield fine(subject, seen)
        else:
            limit = ENDPOINTS_LIMIT if used[controller] > ENDPOINTS_LIMIT else ENDPOINTS_SAFE
            yield warning(
                subject,
                f"{seen}: more than the {limit} that some controllers have",
                "add a PCIe USB card and move a hub there; the kernel's words for this limit are "
                "`Not enough host controller resources`",
            )


def _judge_hubs(
    tree: UsbTree, phones: Sequence[UsbDevice], ports: Sequence[PortSettings]
) -> Iterable[Finding]:
    deep: dict[str, list[str]] = {}
    for phone in phones:
        hubs = [hub for hub in tree.above(phone.path) if not hub.path.startswith("usb")]
        if len(hubs) > HUBS_IN_A_ROW:
            place = described(ports, tree.place(phone.path))
            deep.setdefault(f"{hubs[0].path} {len(hubs)}", []).append(place)
    for key in sorted(deep, key=natural):
        path, _, depth = key.partition(" ")
        severity = Severity.ERROR if int(depth) > HUBS_LIMIT else Severity.WARN
        yield Finding(
            severity,
            f"usb hub {path}",
            f"it hangs on other hubs, {depth} in a row, with phones at {', '.join(deep[key])}",
            "connect this hub to the host itself: nested hubs are where phones begin to drop",
        )
    for path in sorted(tree.devices, key=natural):
        hub = tree.devices[path]
        loaded = [phone for phone in phones if phone.parent == path]
        if hub.is_hub and hub.self_powered is False and loaded and not path.startswith("usb"):
            yield warning(
                f"usb hub {path}",
                f"{hub.name or 'a hub'} says that it has no supply of its own, and carries "
                f"{len(loaded)} phone(s)",
                "use a hub with its own supply, 2 A and more for each phone",
            )


def _judge_autosuspend(phones: Sequence[UsbDevice]) -> Finding:
    asleep = [phone.path for phone in phones if phone.power_control == "auto"]
    if not asleep:
        return fine("usb autosuspend", "off for every phone")
    return warning(
        "usb autosuspend",
        f"the kernel may suspend {len(asleep)} phone(s): {', '.join(asleep)}",
        f"write this line to {RULES_PATH}: {autosuspend_rule()} — then run "
        f"`{' && '.join(RELOAD)}`, or let `droidrack service install` do both",
    )


def _judge_rules(rules: tuple[str, ...] | None) -> Finding:
    if rules is None:
        return fine("udev rules", "this host has no udev")
    if rules:
        return fine("udev rules", f"phones are opened by {', '.join(rules)}")
    return warning(
        "udev rules",
        "no rule gives access to devices with USB debugging: they may show as `no permissions`",
        f"write this line to {RULES_PATH}: {access_rule()} — then run "
        f"`{' && '.join(RELOAD)}`, or let `droidrack service install` do both",
    )


def _judge_servers(servers: Sequence[AdbServer], given: Container[int]) -> Finding:
    strangers = [s for s in servers if not s.ours and (s.port or USUAL_PORT) not in given]
    if not strangers:
        return fine("adb servers", "no other one on this host")
    shown = "; ".join(
        f"process {server.pid} of {server.user}, port {server.port or USUAL_PORT}"
        for server in strangers
    )
    return warning(
        "adb servers",
        f"{len(strangers)} other adb server(s) run: {shown}",
        "a phone on USB belongs to one server at a time: end one that is not wanted (`adb -P PORT "
        "kill-server` as its user; Android Studio and scrcpy start it again), or use it: "
        "own = false. Droidrack never touches it",
    )


def _judge_files(facts: HostFacts, phones: int) -> Finding:
    needed = FILES_BASE + FILES_PER_PHONE * phones
    seen = f"{facts.files_soft} files may be open (hard limit {facts.files_hard})"
    if facts.files_soft >= needed:
        return fine("open files", seen)
    return Finding(
        Severity.ERROR,
        "open files",
        f"{seen}; {needed} are needed for {counted(phones, 'phone')}",
        "LimitNOFILE=65536 in the service's unit, or `ulimit -n 65536` before the start",
    )


def _judge_clock(synchronised: bool | None) -> Finding:
    if synchronised is None:
        return fine("clock", "whether it is synchronised cannot be told here")
    if synchronised:
        return fine("clock", "synchronised")
    return warning(
        "clock",
        "the kernel says that nobody keeps it right",
        "`timedatectl set-ntp true`, or install chrony: expiry, quiet hours and what the panel is "
        "told go by it",
    )
