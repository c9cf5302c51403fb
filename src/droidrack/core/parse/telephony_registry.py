"""`dumpsys telephony.registry`, whole or reduced by grep.

A whole dump has a block for each phone under `Phone Id=N`, then values of the whole device, then
logs that repeat the same keys for earlier moments and are never current state. A grep removes the
headings: there a key that comes again begins the next phone.
"""

import re
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import TypeVar

from droidrack.core.errors import ParseError
from droidrack.core.ids import PhoneId
from droidrack.core.parse.service_state import parse_service_state
from droidrack.core.parse.signal_strength import parse_signal_strength
from droidrack.core.parse.text import integer, lines_of, refusal
from droidrack.core.telephony import (
    NOT_PRINTED,
    CallState,
    DataState,
    PhoneState,
    ServiceStateLog,
    TelephonyRegistry,
    Unavailable,
    real_sub_id,
)

_DUMP = "dumpsys telephony.registry"
_HEADING = re.compile(r"^\s*Phone Id\s*=\s*([0-9]{1,2})\s*$")
_VALUE = re.compile(r"^\s*(m[A-Z]\w{1,60})=(.*)$", re.DOTALL)
PART_OF = {
    "mServiceState": "service",
    "mSignalStrength": "signal",
    "mCallState": "call",
    "mDataConnectionState": "data_connection",
}
"""Keys of a phone's block that are read, and the part of `PhoneState` that each fills."""

_BLOCK = "{mVoiceRegState="
_BLOCK_LINES = 32
"""Lines of one ServiceState in braces; it prints an operator's name, line breaks and all, up to
four times for itself and twice in each registration."""

_LOG = re.compile(r"^\s*([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}) - (\w{1,80}): (.*)$", re.DOTALL)
_LOG_SUBJECT = re.compile(r"subId=(-?[0-9]{1,10}) phoneId=(-?[0-9]{1,10}) state=(.*)$", re.DOTALL)
_SECTIONS_AFTER = ("local logs:", "listen logs:", "registrations:")
PHONE_LIMIT = 8
"""Phones of one device; the most ever built is 4."""

LOG_LIMIT = 200
"""Log lines that are read, the first ones."""


def parse_telephony_registry(text: str) -> TelephonyRegistry:
    """Read the dump of Android 5 to 16, whole or grepped.

    Returns:
        A PhoneState for each phone: under its printed id, or in the order of the lines where the
        headings are gone. A part that cannot be read is None with a reason and spoils no other.

    Raises:
        ParseError: no part of any phone could be read, and no log line. Nothing else.
    """
    blocks, active_data, logs = _blocks(text)
    phones = tuple(_phone(phone_id, values) for phone_id, values in blocks.items())
    alone = active_data is not None and not blocks  # Somebody grepped for it.
    if not logs and not alone and not any(phone.readable for phone in phones):
        raise refusal(_DUMP, "no phone's state found", _first_value(blocks) or text)
    return TelephonyRegistry(
        phones=phones,
        active_data_sub_id=real_sub_id(integer(active_data)),
        active_data_printed=active_data is not None,
        logs=logs,
    )


_Blocks = dict[PhoneId, dict[str, str]]


def _blocks(text: str) -> tuple[_Blocks, str | None, tuple[ServiceStateLog, ...]]:
    """Values by phone, the device's active data subscription, and the log lines."""
    blocks: _Blocks = {}
    logs: list[ServiceStateLog] = []
    active_data: str | None = None
    current: PhoneId | None = None
    headings, in_state = False, True
    for line in _whole_lines(lines_of(_DUMP, text)):
        if heading := _HEADING.match(line):
            headings, in_state = True, True
            current = PhoneId(int(heading[1]))
            if len(blocks) < PHONE_LIMIT:
                blocks.setdefault(current, {})
        elif line.strip().startswith(_SECTIONS_AFTER):
            in_state = False
        elif value := _VALUE.match(line) if in_state else None:
            key, content = value[1], value[2]
            if key == "mActiveDataSubId":
                active_data = content
            elif key in PART_OF:
                if not headings:
                    current = _phone_by_order(blocks, key)
                if current is not None and current in blocks:
                    blocks[current].setdefault(key, content)
        elif len(logs) < LOG_LIMIT and (entry := _log(line)) is not None:
            logs.append(entry)
    return blocks, active_data, tuple(logs)


def _whole_lines(lines: list[str]) -> Iterator[str]:
    """The lines; a ServiceState in braces that a line break in a name parted is one line again."""
    index = 0
    while index < len(lines):
        count = _lines_of_block(lines, index) if _BLOCK in lines[index] else 1
        yield "\n".join(lines[index : index + count])
        index += count


def _lines_of_block(lines: list[str], index: int) -> int:
    """How many lines close the braces that are opened in the first; 1 where none does."""
    depth = 0
    for count, line in enumerate(lines[index : index + _BLOCK_LINES], start=1):
        depth += line.count("{") - line.count("}")
        if depth <= 0:
            return count
    return 1


def _phone_by_order(blocks: _Blocks, key: str) -> PhoneId | None:
    """Without headings: the last phone, or a new one if that has this key already."""
    last = PhoneId(len(blocks) - 1)
    if blocks and key not in blocks[last]:
        return last
    if len(blocks) >= PHONE_LIMIT:
        return None
    blocks[PhoneId(len(blocks))] = {}
    return PhoneId(len(blocks) - 1)


def _phone(phone_id: PhoneId, values: dict[str, str]) -> PhoneState:
    reasons: dict[str, Unavailable] = {}
    return PhoneState(
        phone_id=phone_id,
        service=_read(values, "mServiceState", parse_service_state, reasons),
        signal=_read(values, "mSignalStrength", parse_signal_strength, reasons),
        call=_read(values, "mCallState", lambda text: _code(text, CallState), reasons),
        data_connection=_read(
            values, "mDataConnectionState", lambda text: _code(text, DataState), reasons
        ),
        unavailable=reasons,
    )


_Part = TypeVar("_Part")
_Code = TypeVar("_Code", bound=IntEnum)


def _read(
    values: dict[str, str],
    key: str,
    parse: Callable[[str], _Part],
    reasons: dict[str, Unavailable],
) -> _Part | None:
    """One part of a phone; None, with the reason noted, where it is absent or unreadable."""
    text = values.get(key, "").strip()
    if key not in values:
        reasons[PART_OF[key]] = NOT_PRINTED
    elif text in ("", "null"):
        reasons[PART_OF[key]] = Unavailable("the phone printed null")
    else:
        try:
            return parse(text)
        except ParseError as error:
            reasons[PART_OF[key]] = Unavailable(error.reason)
    return None


def _code(text: str, codes: type[_Code]) -> _Code:
    number = integer(text)
    for code in codes:
        if code.value == number:
            return code
    raise refusal(_DUMP, f"not a {codes.__name__} that Android defines")


def _first_value(blocks: _Blocks) -> str:
    return next((value for block in blocks.values() for value in block.values()), "")


def _log(line: str) -> ServiceStateLog | None:
    """A log line that holds a service state; None for any other."""
    entry = _LOG.match(line)
    subject = _LOG_SUBJECT.match(entry[3]) if entry else None
    if entry is None or subject is None:
        return None
    try:
        service = parse_service_state(subject[3])
    except ParseError:
        return None
    phone = integer(subject[2])
    return ServiceStateLog(
        at=entry[1],
        event=entry[2],
        sub_id=real_sub_id(integer(subject[1])),
        phone_id=PhoneId(phone) if phone is not None and 0 <= phone < PHONE_LIMIT else None,
        service=service,
    )
