"""Replies of `service call`: both layouts, every kind of failure."""

import struct

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.parse.service_call import (
    CallError,
    RemoteException,
    ServiceReply,
    parse_service_call,
)


def string16(text: str) -> bytes:
    """A String16 as Parcel writes it."""
    units = text.encode("utf-16-le")
    raw = units + b"\0\0"
    return struct.pack("<i", len(units) // 2) + raw + b"\0" * (-len(raw) % 4)


def dump(data: bytes, *, tab: bool = False) -> str:
    """What the `service` tool prints: up to 13 indented, from 14 with a tab."""
    words = [f"{word:08x}" for (word,) in struct.iter_unpack("<I", data)]
    rows = [words[i : i + 4] for i in range(0, len(words), 4)]
    start = "\t" if tab else ""
    if len(rows) <= 1:
        return f"Result: Parcel({start}{' '.join(words)}   '..'..')\n"
    indent = "" if tab else "  "
    lines = [f"{indent}0x{16 * i:08x}: {' '.join(row)} '.a'.b'" for i, row in enumerate(rows)]
    return f"Result: Parcel({start}\n" + "\n".join(lines) + ")\n"


@pytest.mark.parametrize("tab", [False, True])
@pytest.mark.parametrize("text", ["", "8901015550000000001", "Jürgen's 📱"])
def test_string_reply_is_decoded_in_both_layouts(tab: bool, text: str) -> None:
    """Odd and even lengths, surrogate pairs, quotes in the ASCII column."""
    reply = parse_service_call(dump(struct.pack("<i", 0) + string16(text), tab=tab))
    assert (0, True, text, True) == (reply.status, reply.has_string, reply.string, reply.returned)


@pytest.mark.parametrize("tab", [False, True])
def test_exception_reply_names_class_and_message(tab: bool) -> None:
    """A stack-trace block after the message is not part of it."""
    data = struct.pack("<i", -1) + string16("Neither user 2000 nor current") + struct.pack("<i", 0)
    reply = parse_service_call(dump(data, tab=tab))
    assert RemoteException(-1, "SecurityException", "Neither user 2000 nor current") == (
        reply.exception
    )
    assert reply.returned is False


def test_unknown_exception_code_stays_an_exception() -> None:
    """A negative status that has no name still means that the method threw."""
    reply = parse_service_call(dump(struct.pack("<ii", -42, -1)))
    assert RemoteException(-42, None, None) == reply.exception


@pytest.mark.parametrize(
    ("words", "has_string", "number"),
    [((0,), False, None), ((0, 1), False, 1), ((0, 2, 5, 7), False, 2), ((0, -1), True, -1)],
)
def test_number_replies_are_not_taken_for_strings(
    words: tuple[int, ...], has_string: bool, number: int | None
) -> None:
    """An int, an int array, nothing at all, and the null string."""
    reply = parse_service_call(dump(struct.pack(f"<{len(words)}i", *words)))
    assert (has_string, number) == (reply.has_string, reply.int)


def test_strict_mode_header_is_skipped_by_its_own_size() -> None:
    """-128 stands before a result, with its length counted from the length word."""
    data = struct.pack("<iiiii", -128, 12, 1, 99, 7)
    reply = parse_service_call(dump(data))
    assert (None, 7, True) == (reply.exception, reply.int, reply.returned)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            'Result: Parcel(Error: 0xffffffb6 "Not a data message")',
            CallError(-74, "Not a data message"),
        ),
        ('Result: Parcel(Error: 0xffffffffffffffe0 "Broken pipe")', CallError(-32, "Broken pipe")),
        (
            'Result: Parcel(Error: 0xffffffff80000002 "Unknown error 2147483646")',
            CallError(-2147483646, "Unknown error 2147483646"),
        ),
        ("service: Service isms does not exist", CallError(None, "Service isms does not exist")),
        (
            "service: No code specified for call\nUsage: service [-h|-?]\n",
            CallError(None, "No code specified for call"),
        ),
    ],
)
def test_failures_before_a_reply_are_errors(text: str, error: CallError) -> None:
    """32- and 64-bit forms of binder's status, and the tool's own complaints."""
    assert ServiceReply(error=error) == parse_service_call(text)


def test_null_parcel_is_an_empty_reply() -> None:
    """A oneway method answers with nothing, which proves nothing."""
    reply = parse_service_call("Result: Parcel(NULL)\n")
    assert ((), None, False) == (reply.words, reply.status, reply.returned)


def test_objects_after_the_dump_are_ignored() -> None:
    """A reply that carries binder objects lists them after its words."""
    text = (
        "Result: Parcel(\n  0x00000000: 00000000 73622a85 0000017f 00000001 '....'\n"
        "  0x00000010: 00000000 00000000 '........'\n"
        "  Object #0 @ 0x4: 73622a85 = sb*...)\n"
    )
    assert len(parse_service_call(text).words) == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error: device offline",
        "Result: Parcel(",
        "Result: Parcel()",
        "Result: Parcel(00000000 0000",
        "Result: Parcel(\n  0x00000000: 00000000 0000000f 00300030 00300031 '........0.0.1.0.'\n",
    ],
)
def test_cut_or_foreign_text_is_a_parse_error(text: str) -> None:
    """Half a reply is no reply."""
    with pytest.raises(ParseError):
        parse_service_call(text)
