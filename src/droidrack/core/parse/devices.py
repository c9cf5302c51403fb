"""`adb devices`, `adb devices -l`, and the lists that `track-devices` sends.

The short form has a tab between serial and state, the long one blanks and `key:value` pairs after
the state. Three things need care: a serial may hold blanks (wireless debugging names such as
`adb-XXXX (2)._adb-tls-connect._tcp`), and so may a product or device; a state may be a sentence
(`no permissions (…); see [http…]`); and messages of adb and of libusb stand between the lines.
"""

import re
from dataclasses import dataclass

from droidrack.core.ids import Serial, UsbPath
from droidrack.core.parse.text import integer, lines_of, refusal

_STATES = (
    "no permissions", "no device", "device", "offline", "unauthorized", "authorizing", "connecting",
    "bootloader", "recovery", "rescue", "sideload", "host", "detached", "disconnected", "unknown",
)  # fmt: skip
_LONG = re.compile(
    rf"^(?P<serial>\S(?:.*?\S)??)\s+(?P<state>{'|'.join(_STATES)})"
    r"(?P<rest>(?<=no permissions) ?[(;].*|(?: +[0-9][\w.:-]*)?(?:\s+\w+:.*)?)$"
)
"""After the state come its sentence, a bare USB path or pairs; other words are a message."""

_PAIR = re.compile(
    r"(?:^|\s)(?:(usb|transport_id):(\S+)|(product|model|device):(.*?)(?=\s+\w+:|$))"
)
_FAILED = re.compile(r"error: |adb(?:\.exe)?: |ADB server didn't ACK|\* failed to start daemon")
_HEADING = "List of devices"
_LINE_LIMIT = 1024
"""Characters of one line that are looked at; the longest real one has about 250."""


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """One transport of the adb server. None: not printed."""

    serial: Serial
    state: str  # "device", "offline", "unauthorized", "no permissions", …
    usb: UsbPath | None = None
    product: str | None = None
    model: str | None = None
    device: str | None = None
    transport_id: int | None = None


def parse_devices(text: str) -> tuple[DeviceLine, ...]:
    """Read a device list in any of its forms, in its order; messages of the adb client are skipped.

    Returns:
        One entry a line; empty for an empty list. `state` "no permissions (…)" keeps two words.

    Raises:
        ParseError: a text that is neither empty nor a list (`error: cannot connect …`), and a
            heading without a device beside a failure: adb prints it before it asks the server.
    """
    lines = [line.rstrip()[:_LINE_LIMIT] for line in lines_of("adb devices", text)]
    heading = any(line.startswith(_HEADING) for line in lines)
    devices = [device for line in lines if (device := _device(line)) is not None]
    if not devices and any(_FAILED.match(line) for line in lines):
        raise refusal("adb devices", "adb reports a failure in place of a list", text)
    if not devices and not heading and any(lines):
        raise refusal("adb devices", "no heading and no device line found", text)
    return tuple(devices)


def _device(line: str) -> DeviceLine | None:
    if not line or line.startswith(("*", _HEADING, "adb server ", "adb: ", "error: ", " ")):
        return None
    serial, tab, rest = line.partition("\t")
    if tab:
        serial = serial.strip()
        state, pairs = _state(rest.strip()), rest
    else:
        match = _LONG.match(line)
        if match is None or (not match["rest"] and " " in match["serial"]):
            return None
        serial, state, pairs = match["serial"], match["state"], match["rest"]
    if not serial or not state:
        return None
    found = {pair[1] or pair[3]: pair[2] or pair[4] for pair in _PAIR.finditer(pairs)}
    return DeviceLine(
        serial=Serial(serial),
        state=state,
        usb=UsbPath(found["usb"]) if "usb" in found else None,
        product=found.get("product"),
        model=found.get("model"),
        device=found.get("device"),
        transport_id=integer(found.get("transport_id")),
    )


def _state(text: str) -> str:
    """The state at the start of the text: two words of "no permissions (…)", else one."""
    words = text.split(None, 2)
    if words[:1] == ["no"] and len(words) > 1:
        return f"no {words[1].rstrip(';')}"
    return words[0] if words else ""
