"""Shell tools over a phone's estate: app-ops, doze, standby, roles, Wi-Fi, zone, volume, owner.

Outputs have the form of AOSP's shell commands; what they change is noted in `Estate.changes`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from droidrack.virtual.console import Console
from droidrack.virtual.package_tool import package_dump

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

Tool = Callable[["VirtualPhone", Sequence[str], Console], Awaitable[int]]

_OP_DEFAULTS = {"RUN_ANY_IN_BACKGROUND": "allow", "RUN_IN_BACKGROUND": "allow"}
_BUCKETS = {"active": 10, "working_set": 20, "frequent": 30, "rare": 40, "restricted": 45}


async def _say(console: Console, text: str, code: int = 0) -> int:
    await console.stdout(text.encode())
    return code


async def _complain(console: Console, text: str, code: int = 255) -> int:
    await console.stderr(text.encode())
    return code


async def appops(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`appops get|set PACKAGE OP [MODE]`."""
    words = [word for word in argv[1:] if word not in ("--user", "0")]
    package = phone.estate.live(words[1]) if len(words) > 1 else None
    if package is None:
        return await _complain(console, f"Error: No UID for {' '.join(words[1:2])} in user 0\n")
    match words:
        case ["get", _, op]:
            mode = package.ops.get(op)
            if mode is None:
                default = _OP_DEFAULTS.get(op, "default")
                return await _say(console, f"No operations.\nDefault mode: {default}\n")
            return await _say(console, f"{op}: {mode}\n")
        case ["set", _, op, mode]:
            package.ops[op] = mode
            phone.estate.changed(f"appops {package.name} {op} {mode}")
            return 0
    return await _complain(console, "Error: Unknown command\n")


async def role(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`cmd role get-role-holders|add-role-holder ROLE [PACKAGE]`, from 10."""
    match list(argv[2:]):
        case ["get-role-holders", "android.app.role.SMS"] if phone.spec.api >= 31:
            return await _say(console, f"{phone.estate.sms_app()}\n")
        case ["add-role-holder", "android.app.role.SMS", name]:
            if phone.estate.live(name) is None:
                return await _complain(console, f"Error: Failed to add {name}\n", 1)
            phone.settings.put("secure", "sms_default_application", name)
            phone.estate.changed(f"role SMS {name}")
            return 0
    return await _complain(console, f"Unknown command: {' '.join(argv[2:3])}\n")


async def wifi(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`cmd wifi status|set-wifi-enabled|connect-network`, from 11."""
    state = phone.estate.wifi
    match list(argv[2:]):
        case ["status"]:
            lines = [f"Wifi is {'enabled' if state.on else 'disabled'}"]
            if state.connected:
                lines.append(f'Wifi is connected to "{state.connected}"')
            else:
                lines.append("Wifi is not connected")
            return await _say(console, "\n".join(lines) + "\n")
        case ["set-wifi-enabled", "enabled" | "disabled" as wanted]:
            state.on = wanted == "enabled"
            return 0
        case ["connect-network", ssid, security, *key]:
            expected = state.networks.get(ssid)
            given = key[0] if key and security != "open" else ""
            phone.estate.changed(f"wifi {ssid}")
            if expected is not None and expected == given:
                state.connected = ssid
            return await _say(console, "Connection initiated\n")
    return await _complain(console, "Unknown command\n")


async def alarm(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`cmd alarm set-timezone ZONE`."""
    match list(argv[2:]):
        case ["set-timezone", zone]:
            phone.estate.zone = zone
            phone.overrides["persist.sys.timezone"] = zone
            phone.estate.changed(f"zone {zone}")
            return 0
    return await _complain(console, "Unknown command\n")


async def media_session(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`cmd media_session volume --stream N --get|--set LEVEL`."""
    match list(argv[2:]):
        case ["volume", "--stream", stream, "--get"] if int(stream) in phone.estate.volumes:
            level = phone.estate.volumes[int(stream)]
            return await _say(console, f"[V] volume is {level} in range [0..15]\n")
        case ["volume", "--stream", stream, "--set", level] if int(stream) in phone.estate.volumes:
            phone.estate.volumes[int(stream)] = int(level)
            phone.estate.changed(f"volume {stream}={level}")
            return await _say(console, f"[V] will set volume to index={level}\n")
    return await _complain(console, "Error: Unknown command\n")


async def dpm(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`dpm set-device-owner COMPONENT`."""
    match list(argv[1:]):
        case ["set-device-owner", component]:
            estate = phone.estate
            if estate.accounts or len(estate.users) > 1 or estate.owner:
                return await _complain(
                    console,
                    "java.lang.IllegalStateException: Not allowed to set the device owner because "
                    "there are already some accounts on the device\n",
                )
            if estate.live(component.partition("/")[0]) is None:
                return await _complain(console, "Error: Unknown admin: " + component + "\n")
            estate.owner = component
            estate.changed(f"owner {component}")
            return await _say(console, f"Success: Device owner set to package {component}\n")
    return await _complain(console, "Error: unknown command\n")


async def standby(phone: VirtualPhone, words: Sequence[str], console: Console) -> int:
    """`am get-standby-bucket PACKAGE` and `am set-standby-bucket PACKAGE BUCKET`."""
    package = phone.estate.live(words[1]) if len(words) > 1 else None
    if package is None:
        return await _complain(console, "Error: unknown package\n")
    if words[0] == "get-standby-bucket":
        exempt = package.name in phone.estate.doze_exempt
        return await _say(console, f"{5 if exempt else package.bucket}\n")
    package.bucket = _BUCKETS[words[2]]
    phone.estate.changed(f"bucket {package.name} {words[2]}")
    return 0


async def deviceidle(phone: VirtualPhone, words: Sequence[str], console: Console) -> int:
    """`dumpsys deviceidle whitelist [+PACKAGE|-PACKAGE]`, from 6."""
    estate = phone.estate
    for word in words:
        name = word[1:]
        if estate.live(name) is None:
            return await _say(console, f"Unknown package: {name}\n")
        change = estate.doze_exempt.add if word[0] == "+" else estate.doze_exempt.discard
        change(name)
        estate.changed(f"doze {word}")
        return await _say(console, f"{'Added' if word[0] == '+' else 'Removed'}: {name}\n")
    lines = ["system,com.android.shell,2000"]
    for name in sorted(estate.doze_exempt):
        package = estate.live(name)
        if package is not None:
            lines.append(f"user,{name},{package.uid}")
    return await _say(console, "\n".join(lines) + "\n")


async def estate_dump(phone: VirtualPhone, words: Sequence[str], console: Console) -> int | None:
    """`dumpsys` of what lies in the estate; None: not here."""
    estate = phone.estate
    match list(words):
        case ["package", name]:
            return await _say(console, package_dump(estate, name))
        case ["deviceidle", "whitelist", *change] if phone.spec.api >= 23:
            return await deviceidle(phone, change, console)
        case ["connectivity"]:
            state = estate.wifi
            caps = "INTERNET&TRUSTED" + ("&VALIDATED" if state.validated else "")
            line = f"  NetworkAgentInfo{{ ni{{[type: WIFI[], state: CONNECTED]}} nc{{{caps}}} }}\n"
            return await _say(console, "Current Networks:\n" + (line if state.connected else ""))
        case ["account"]:
            lines = "".join(f"    Account {{name={a}, type=x}}\n" for a in estate.accounts)
            return await _say(
                console, f"User UserInfo{{0}}:\n  Accounts: {len(estate.accounts)}\n{lines}"
            )
        case ["device_policy"]:
            owner = f"  Device Owner: \n    admin=ComponentInfo{{{estate.owner}}}\n"
            return await _say(
                console, "Current Device Policy Manager state:\n" + (owner if estate.owner else "")
            )
    return None


SERVICES: dict[str, Tool] = {
    "appops": lambda phone, argv, console: appops(phone, argv[1:], console),
    "role": role,
    "wifi": wifi,
    "alarm": alarm,
    "media_session": media_session,
}
"""`cmd SERVICE …`, with the whole command line."""

SERVICES_SINCE = {"role": 29, "wifi": 30, "alarm": 24, "media_session": 26, "appops": 24}
