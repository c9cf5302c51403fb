"""Every tool the phone's model brings, by name, and the small ones themselves.

Tools over files (`cat`, `ls`, `grep` …) belong to the phone's file tree, not to the model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from droidrack.virtual.console import Console
from droidrack.virtual.content import content
from droidrack.virtual.dumpsys import dumpsys
from droidrack.virtual.estate_tools import SERVICES, SERVICES_SINCE, appops, dpm, standby
from droidrack.virtual.logcat import logcat
from droidrack.virtual.service_tool import service
from droidrack.virtual.settings import NAMESPACES

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone


async def _getprop(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`getprop` lists all; `getprop NAME [DEFAULT]` prints one, "" when there is none."""
    listed = phone.properties()
    if len(argv) == 1:
        text = "".join(f"[{name}]: [{value}]\n" for name, value in sorted(listed.items()))
    else:
        text = listed.get(argv[1], argv[2] if len(argv) > 2 else "") + "\n"
    await console.stdout(text.encode())
    return 0


async def _setprop(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """The shell may write a few properties only; the others are refused."""
    if len(argv) != 3:
        await console.stderr(b"usage: setprop NAME VALUE\n")
        return 1
    if not argv[1].startswith(("debug.", "log.", "persist.log.")):
        await console.stderr(f"Failed to set property '{argv[1]}' to '{argv[2]}'.\n".encode())
        return 1
    phone.overrides[argv[1]] = argv[2]
    return 0


async def _settings(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`settings get|put|delete|list NAMESPACE …`."""
    if not phone.framework_up:
        await console.stderr(b"cmd: Can't find service: settings\n")
        return 20
    words = list(argv[1:])
    if "--user" in words:
        at = words.index("--user")
        del words[at : at + 2]
    match words:
        case ["get", namespace, name] if namespace in NAMESPACES:
            value = phone.settings.get(namespace, name)
            await console.stdout(f"{'null' if value is None else value}\n".encode())
        case ["put", namespace, name, value, *_] if namespace in NAMESPACES:
            phone.estate.put_setting(namespace, name, value)
        case ["delete", namespace, name] if namespace in NAMESPACES:
            count = int(phone.estate.put_setting(namespace, name, None))
            await console.stdout(f"Deleted {count} rows\n".encode())
        case ["list", namespace] if namespace in NAMESPACES:
            listed = sorted(phone.settings.namespace(namespace).items())
            await console.stdout("".join(f"{name}={value}\n" for name, value in listed).encode())
        case _:
            await console.stderr(b"Invalid command\n")
            return 255
    return 0


async def _wm(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`wm size` and `wm density`."""
    answers = {"size": "Physical size: 1080x2400\n", "density": "Physical density: 420\n"}
    if len(argv) < 2 or argv[1] not in answers:
        await console.stderr(b"Unknown command\n")
        return 1
    await console.stdout(answers[argv[1]].encode())
    return 0


async def _am(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`am get-current-user`; what starts or stops something is taken and does nothing."""
    if not phone.framework_up:
        await console.stderr(b"cmd: Can't find service: activity\n")
        return 20
    match argv[1:]:
        case ["get-current-user", *_]:
            await console.stdout(b"0\n")
        case ["get-started-user-state", *_] if phone.spec.api >= 24:  # Before, none is locked.
            await console.stdout(b"RUNNING_UNLOCKED\n" if phone.unlocked else b"RUNNING_LOCKED\n")
        case ["get-standby-bucket" | "set-standby-bucket", *_] if phone.spec.api >= 28:
            return await standby(phone, argv[1:], console)
        case ["start" | "force-stop" | "broadcast" | "kill", *_]:
            await console.stdout(b"")
        case _:
            await console.stderr(f"Unknown command: {' '.join(argv[1:2])}\n".encode())
            return 255
    return 0


async def _cmd(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`cmd SERVICE …` for the services whose tools exist, and the airplane switch of 11+."""
    if phone.spec.api < 24:
        await console.stderr(phone.not_found("cmd").encode())
        return 127
    match argv[1:]:
        case ["connectivity", "airplane-mode", *state] if phone.spec.api >= 30:
            return await _airplane(phone, state, console)
        case ["settings" | "activity" | "window" as name, *rest]:
            tool = {"settings": _settings, "activity": _am, "window": _wm}[name]
            return await tool(phone, [name, *rest], console)
        case [name, *_] if name in SERVICES and phone.spec.api >= SERVICES_SINCE[name]:
            return await SERVICES[name](phone, argv, console)
        case ["-l", *_]:
            await console.stdout(b"Currently running services:\n  activity\n  package\n")
            return 0
    await console.stderr(f"cmd: Can't find service: {' '.join(argv[1:2])}\n".encode())
    return 20


async def _airplane(phone: VirtualPhone, state: Sequence[str], console: Console) -> int:
    if not state:
        on = phone.settings.get("global", "airplane_mode_on") == "1"
        await console.stdout(b"enabled\n" if on else b"disabled\n")
        return 0
    phone.set_airplane(state[0] == "enable")
    return 0


async def _date(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`date [-u] [+FORMAT]`, with `%s` and the usual letters."""
    utc = "-u" in argv[1:]
    layout = next((word[1:] for word in argv[1:] if word.startswith("+")), None)
    now = phone.now().astimezone(UTC) if utc else phone.local_now()
    if layout is None:
        zone = "UTC" if utc else "EST"
        text = now.strftime(f"%a %b %e %H:%M:%S {zone} %Y")
    else:
        seconds, nanos = str(int(now.timestamp())), f"{now.microsecond * 1000:09d}"
        text = now.strftime(layout.replace("%s", seconds).replace("%N", nanos))
    await console.stdout(f"{text}\n".encode())
    return 0


async def _df(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`df [-k] [PATH]`: always the data partition, in the form of the release."""
    if phone.spec.api < 24:
        head = "Filesystem               Size     Used     Free   Blksize\n"
        row = "/data                   52.2G    11.3G    40.9G   4096\n"
    else:
        head = "Filesystem     1K-blocks     Used Available Use% Mounted on\n"
        row = "/dev/block/dm-5 54765568 11849216  42916352  22% /data\n"
    await console.stdout((head + row).encode())
    return 0


async def _uptime(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`uptime`."""
    minutes = int(phone.uptime_s // 60)
    text = f" {phone.local_now():%H:%M:%S} up {minutes} min,  0 users,  load average: 0.10\n"
    await console.stdout(text.encode())
    return 0


async def _uname(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """`uname [-a|-r]`."""
    await console.stdout(b"Linux localhost 4.14.117 aarch64\n" if "-a" in argv else b"Linux\n")
    return 0


async def _reboot(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """Restart; whoever called does not see the end of it on a real phone."""
    await phone.reboot()
    return 0


TOOLS: dict[str, Callable[[VirtualPhone, Sequence[str], Console], Awaitable[int]]] = {
    "am": _am,
    "appops": appops,
    "cmd": _cmd,
    "content": content,
    "date": _date,
    "df": _df,
    "dpm": dpm,
    "dumpsys": dumpsys,
    "getprop": _getprop,
    "logcat": logcat,
    "reboot": _reboot,
    "service": service,
    "setprop": _setprop,
    "settings": _settings,
    "uname": _uname,
    "uptime": _uptime,
    "wm": _wm,
}
