"""Arguments for Android's `service call`.

The tool writes each argument into the parcel and Android reads them back by position alone: a
missing one reads as 0 or null, a surplus one is ignored up to Android 12. So the words come from a
row of the profile and from nothing else. The interface token is the tool's own doing.
"""

import struct
from collections.abc import Mapping, Sequence

from droidrack.core.call import Argument, CallRow, Kind
from droidrack.core.ids import SubId

Value = int | bool | str | Sequence[str] | None

PARTS_LIMIT = 255
"""A concatenated message counts its parts in one octet (3GPP TS 23.040 9.2.3.24.1)."""


def call_argv(row: CallRow, values: Mapping[str, Value]) -> tuple[str, ...]:
    """The words of `service call` for one row, unquoted.

    Args:
        row: a row that may be called, or one that is only shown.
        values: by argument name; arguments with a constant or a null default may be left out.

    Raises:
        ValueError: a value is missing, of the wrong type or range, surplus, or not a text that a
            command line can carry (NUL, lone surrogates).
    """
    surplus = values.keys() - {argument.name for argument in row.arguments}
    if surplus:
        raise ValueError(f"{row.name} takes no {', '.join(sorted(surplus))}")
    words = [word for argument in row.arguments for word in _words(row, argument, values)]
    return ("service", "call", row.service, str(row.transaction), *words)


def send_call(parts: Sequence[str]) -> str:
    """Which call sends a message of these parts: the framework itself splits nothing."""
    return "isms.send_text" if len(parts) == 1 else "isms.send_multipart"


def send_argv(
    row: CallRow, *, sub_id: SubId, number: str, parts: Sequence[str], message_id: int = 0
) -> tuple[str, ...]:
    """The words that send a message, for a row of `send_call(parts)`.

    Args:
        row: from `Profile.call`, so that a barred one never gets here; or one to be shown.
        sub_id: the subscription, 0 or more; never the slot.
        number: the address as the radio shall have it.
        parts: the segments of the text, in order, at least one.
        message_id: what the radio log shall repeat (Android 11 and later; left out before).

    Raises:
        ValueError: as `call_argv`; or no number, no text, a negative subscription.
    """
    for part, given in (("number", number), ("text", any(parts)), ("subscription", sub_id >= 0)):
        if not given:
            raise ValueError(f"a message needs a {part}")
    values: dict[str, Value] = {"sub_id": sub_id, "address": number, "message_id": message_id}
    values |= {"body": parts[0]} if len(parts) == 1 else {"parts": tuple(parts)}
    taken = {argument.name for argument in row.arguments} | {"body", "parts"}
    return call_argv(row, {name: value for name, value in values.items() if name in taken})


def _words(row: CallRow, argument: Argument, values: Mapping[str, Value]) -> tuple[str, ...]:
    value = values.get(argument.name, argument.constant)
    match argument.kind:
        case Kind.S16_OR_NULL | Kind.LIST_OR_NULL if value is None:
            return ("i32", "-1")
        case Kind.PARCELABLE_OR_NULL if value is None:
            return ("i32", "0")
        case Kind.S16 | Kind.S16_OR_NULL if isinstance(value, str):
            return ("s16", _text(value))
        case Kind.S16_LIST if value and not isinstance(value, str | int):
            return _list(value)
        case Kind.BOOL if isinstance(value, bool) or value in ("0", "1"):
            return ("i32", str(int(value)))
    if argument.kind in _INTEGER and isinstance(value, int) and not isinstance(value, bool):
        return _integer(argument, value)
    raise ValueError(f"{row.name}: {argument.name}: expected {argument.kind}")


_INTEGER = {Kind.I32: 32, Kind.I64: 64, Kind.I64_AS_I32S: 64}


def _integer(argument: Argument, value: int) -> tuple[str, ...]:
    bits = _INTEGER[argument.kind]
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise ValueError(f"{argument.name}: {value} does not fit {bits} bits")
    if argument.kind is Kind.I64_AS_I32S:
        low, high = struct.unpack("<ii", struct.pack("<q", value))
        return ("i32", str(low), "i32", str(high))
    return (argument.kind.value, str(value))


def _list(value: Sequence[str]) -> tuple[str, ...]:
    if len(value) > PARTS_LIMIT:
        raise ValueError(f"{len(value)} parts; a message has at most {PARTS_LIMIT}")
    return ("i32", str(len(value)), *(word for part in value for word in ("s16", _text(part))))


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("a command line cannot carry a NUL character")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("a lone surrogate is not a character")
    return value
