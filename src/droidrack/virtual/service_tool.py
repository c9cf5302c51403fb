"""The `service` command: list, check and call binder services.

Source: AOSP frameworks/native cmds/service/service.cpp.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from droidrack.virtual.console import Console
from droidrack.virtual.parcel import (
    ParcelWriter,
    ReplyStyle,
    print_reply,
)

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

API_23_I64 = 23
API_30_STABILITY = 30
API_34_TAB = 34
BAD_ARGUMENTS = 10

OTHER_SERVICES = {
    "phone": "com.android.internal.telephony.ITelephony",
    "telephony.registry": "com.android.internal.telephony.ITelephonyRegistry",
    "package": "android.content.pm.IPackageManager",
    "activity": "android.app.IActivityManager",
    "window": "android.view.IWindowManager",
    "battery": "",
    "settings": "",
}
"""Services that are listed and found, but whose methods the model does not carry out."""


async def service(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """Run `service list`, `service check NAME` or `service call NAME CODE [TYPE VALUE]…`."""
    words = list(argv[1:])
    if words[:1] == ["list"]:
        return await _list(phone, console)
    if words[:1] == ["check"] and len(words) > 1:
        found = "found" if words[1] in _descriptors(phone) else "not found"
        await console.stdout(f"Service {words[1]}: {found}\n".encode())
        return 0
    if words[:1] == ["call"] and len(words) > 2:
        return await _call(phone, words[1], words[2], words[3:], console)
    complaint = f"service: Unknown command {words[0]}\n" if words else ""
    if words[:1] == ["check"]:
        complaint = "service: No service specified for check\n"
    elif words[:1] == ["call"]:
        missing = "service" if len(words) < 2 else "code"
        complaint = f"service: No {missing} specified for call\n"
    return await _refuse(complaint, console, phone.spec.api)


async def _list(phone: VirtualPhone, console: Console) -> int:
    known = sorted(_descriptors(phone).items())
    lines = [f"{index}\t{name}: [{descriptor}]" for index, (name, descriptor) in enumerate(known)]
    await console.stdout("\n".join([f"Found {len(known)} services:", *lines, ""]).encode())
    return 0


async def _call(
    phone: VirtualPhone, name: str, code: str, arguments: list[str], console: Console
) -> int:
    target = phone.services.get(name)
    if target is None:
        if _descriptors(phone).get(name):
            await console.stdout(
                b'Result: Parcel(Error: 0xffffffffffffffb6 "Not a data message")\n'
            )
            return 0
        await console.stderr(f"service: Service {name} does not exist\n".encode())
        return BAD_ARGUMENTS
    try:
        data = _marshal(arguments, phone.spec.api)
    except _Usage as usage:
        return await _refuse(str(usage), console, phone.spec.api)
    reply = target.transact(atoi(code), data)
    style = ReplyStyle(tab=phone.spec.api >= API_34_TAB, bits=phone.spec.quirks.bits)
    await console.stdout(f"Result: {print_reply(reply, style)}\n".encode())
    return 0


def atoi(text: str) -> int:
    """C's atoi: leading blanks, a sign, digits; anything else ends it, nothing is 0."""
    match = re.match(r"[ \t\n\v\f\r]*([+-]?\d+)", text)
    return int(match.group(1)) if match else 0


def _atof(text: str) -> float:
    match = re.match(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", text)
    return float(match.group(1)) if match else 0.0


def _utf16_text(text: str) -> str:
    """What String16 makes of an argument: nothing at all where it is not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return ""
    return text


class _Usage(Exception):
    """The arguments cannot be marshalled; the text is the tool's complaint."""


def _marshal(arguments: list[str], api: int) -> bytes:
    """The parcel of typed arguments, as far as the release knows their types."""
    parcel = ParcelWriter()
    words = iter(arguments)
    for word in words:
        if word == "null":
            parcel.null_binder(stability=api >= API_30_STABILITY)
            continue
        if word not in ("i32", "s16") and (api < API_23_I64 or word not in ("i64", "f", "d")):
            raise _Usage(f"service: unknown option {word}\n")
        value = next(words, None)
        if value is None:
            kind = {"s16": "string", "f": "number", "d": "number"}.get(word, "integer")
            raise _Usage(f"service: no {kind} supplied for '{word}'\n")
        _append(parcel, word, value)
    return bytes(parcel.data)


def _append(parcel: ParcelWriter, word: str, value: str) -> None:
    if word == "i32":
        parcel.i32(atoi(value))
    elif word == "i64":
        parcel.i64(atoi(value))
    elif word == "s16":
        parcel.string16(_utf16_text(value))
    elif word == "f":
        parcel.f32(struct.unpack("<f", struct.pack("<f", _atof(value)))[0])
    else:
        parcel.f64(_atof(value))


async def _refuse(complaint: str, console: Console, api: int) -> int:
    more = " | i64 N | f N | d N" if api >= API_23_I64 else ""
    await console.stderr(complaint.encode())
    await console.stdout(
        "Usage: service [-h|-?]\n"
        "       service list\n"
        "       service check SERVICE\n"
        f"       service call SERVICE CODE [i32 N{more} | s16 STR ] ...\n"
        "Options:\n"
        "   i32: Write the integer N into the send parcel.\n"
        "   s16: Write the UTF-16 string STR into the send parcel.\n".encode()
    )
    return BAD_ARGUMENTS


def _descriptors(phone: VirtualPhone) -> dict[str, str]:
    """Every registered service; the telephony ones only while the framework is up."""
    named = {name: target.descriptor for name, target in phone.services.items()}
    return (OTHER_SERVICES if phone.framework_up else {}) | named
