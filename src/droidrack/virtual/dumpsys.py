"""The `dumpsys` command and the short dumps; the long ones have modules of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from droidrack.virtual.console import Console
from droidrack.virtual.estate_tools import estate_dump
from droidrack.virtual.isub_dump import isub
from droidrack.virtual.radio_log import message_tag
from droidrack.virtual.telephony_dump import telephony_registry

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

API_29_ISMS = 29
TELEPHONY = frozenset({"telephony.registry", "isub", "isms"})


async def dumpsys(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """Run `dumpsys NAME […]`, or without a name list the services that can be dumped."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    if "-l" in argv[1:] or not words:
        listed = "".join(f"  {name}\n" for name in sorted(_DUMPS))
        await console.stdout(f"Currently running services:\n{listed}".encode())
        return 0
    if phone.framework_up:
        told = await estate_dump(phone, [word for word in argv[1:] if word != "-t"], console)
        if told is not None:
            return told
    if not phone.framework_up or words[0] not in _DUMPS:
        await console.stderr(f"Can't find service: {words[0]}\n".encode())
        return 0
    text = _DUMPS[words[0]](phone)
    await console.stdout(text.encode("utf-8", "surrogatepass"))
    return 0


def _battery(phone: VirtualPhone) -> str:
    battery, api = phone.battery, phone.spec.api
    lines = [
        "Current Battery Service state:",
        f"  AC powered: {_low(battery.ac)}",
        f"  USB powered: {_low(battery.usb)}",
        "  Wireless powered: false",
    ]
    lines += ["  Dock powered: false"] if api >= 33 else []
    if api >= 23:
        lines.append(f"  Max charging current: {500000 if battery.usb else 0}")
    if api >= 24:
        lines.append(f"  Max charging voltage: {5000000 if battery.usb else 0}")
        lines.append(f"  Charge counter: {battery.charge_uah}")
    lines += [
        f"  status: {battery.status}",
        f"  health: {battery.health}",
        "  present: true",
        f"  level: {battery.level}",
        "  scale: 100",
        f"  voltage: {battery.voltage_mv}",
        f"  temperature: {round(battery.temperature_c * 10)}",
        "  technology: Li-ion",
    ]
    lines += ["  Charging state: 0", "  Charging policy: 0", "  Capacity level: -1"] * (api >= 35)
    return "\n".join(lines) + "\n"


def _isms(phone: VirtualPhone) -> str:
    """Nothing before 10; the last radio errors from 14."""
    if phone.spec.api < API_29_ISMS:
        return ""
    lines = ["SmsUsageMonitor:", f"  mMaxAllowed={phone.radio.guard.max_count}"]
    if phone.spec.api >= 34:
        lines.append("mSmsOutgoingErrorCodes:")
        lines += [
            f"  rilError: {error}, MessageId: {message_tag(message_id)}"
            for error, message_id in phone.radio.outgoing_errors
        ]
    return "\n".join(lines) + "\n"


LIMIT_DIALOG = "Sending SMS messages"
"""AOSP's `sms_control_title`. That it is the window's name too is a guess: no dump of the dialog
is known; its owner, the package com.android.phone, is certain."""


MAKERS_PROMPT = (
    "com.miui.securitycenter/com.miui.permcenter.permissions.SystemAppPermissionDialogActivity",
    "com.miui.securitycenter",
)
"""Window and owner of a maker's question whether an app may send. The package is known, the
activity's name is a guess."""


def _window(phone: VirtualPhone) -> str:
    """The window list; a dialog of the SMS limit is on top of all while a message waits."""
    home = ("com.google.android.apps.nexuslauncher", "com.google.android.apps.nexuslauncher")
    windows = [("StatusBar", "com.android.systemui"), home]
    if phone.radio.dialogs:
        maker = phone.radio.dialogs[0].reason == "maker"
        windows.insert(0, MAKERS_PROMPT if maker else (LIMIT_DIALOG, "com.android.phone"))
    lines = ["WINDOW MANAGER WINDOWS (dumpsys window windows)"]
    for index, (title, package) in enumerate(windows):
        name = f"Window{{5c2f7a{index} u0 {title}}}"
        lines += [
            f"  Window #{len(windows) - index} {name}:",
            f"    mDisplayId=0 mSession=Session{{3f1c2a{index} 1500:1001}} mOwnerUid=1001",
            f"    package={package} appop=NONE",
        ]
    top = next(title for title, _ in windows if title != "StatusBar")
    lines.append(f"  mCurrentFocus=Window{{5c2f7a0 u0 {top}}}")
    return "\n".join(lines) + "\n"


def _deviceidle(phone: VirtualPhone) -> str:
    """Doze came with 6.0."""
    if phone.spec.api < 23:
        return "Can't find service: deviceidle\n"
    return (
        "  Whitelist system apps:\n    com.android.shell\n  mState=ACTIVE\n  mLightState=ACTIVE\n"
    )


def _power(phone: VirtualPhone) -> str:
    return "POWER MANAGER (dumpsys power)\n  mWakefulness=Asleep\n  mIsPowered=true\n"


def _low(flag: bool) -> str:
    return str(flag).lower()


_DUMPS: dict[str, Callable[[VirtualPhone], str]] = {
    "telephony.registry": telephony_registry,
    "isub": isub,
    "isms": _isms,
    "battery": _battery,
    "window": _window,
    "deviceidle": _deviceidle,
    "power": _power,
}
