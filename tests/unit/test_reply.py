"""What a binder reply proves, and above all what it does not."""

import pytest

from droidrack.core.call import Argument, CallRow, Returns
from droidrack.core.codes import CODES
from droidrack.core.errors import Effect
from droidrack.core.reply import (
    BINDER_CODES,
    EXCEPTION_CODES,
    Refused,
    Returned,
    Unclear,
    read_reply,
    sub_id_of,
)

TEXT = CallRow("isms.send_text", "ISms", "sendTextForSubscriber", 5)
PARTS = CallRow("isms.send_multipart", "ISms", "m", 8, (Argument.from_text("s16[] parts"),))
VOID = "Result: Parcel(00000000    '....')\n"


def _row(returns: str) -> CallRow:
    return CallRow("isub.x", "ISub", "x", 1, returns=Returns(returns))


def _dump(*words: int) -> str:
    """A reply as Android 13 and older print it."""
    lines = []
    for at in range(0, len(words), 4):
        piece = " ".join(f"{word & 0xFFFFFFFF:08x}" for word in words[at : at + 4])
        lines.append(f"  0x{at * 4:08x}: {piece:<35} '................'")
    if len(lines) == 1:
        return f"Result: Parcel({lines[0].split(': ')[1]})\n"
    return "Result: Parcel(\n" + "\n".join(lines) + ")\n"


def _exception(code: int, message: str) -> str:
    raw = (message + "\0" * (2 - len(message) % 2)).encode("utf-16-le")
    units = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]
    return _dump(code, len(message), *units, 0)


def test_reply_of_void_method_is_done_and_says_no_more() -> None:
    """The method returned; whether anything was sent is another question."""
    reply = read_reply(TEXT, VOID, 0)
    assert Returned(None) == reply
    assert Effect.DONE is reply.effect


def test_reply_of_void_method_with_a_value_is_unclear() -> None:
    """A void method writes one word; more means that another method ran."""
    reply = read_reply(TEXT, _dump(0, 1), 0)
    assert isinstance(reply, Unclear)
    assert "ANSWER_SHAPE" == reply.code


@pytest.mark.parametrize(
    ("returns", "words", "expected"),
    [
        ("i32", (0, 7), 7),
        ("i32", (0, -1), -1),
        ("bool", (0, 1), True),
        ("bool", (0, 0), False),
        ("i64", (0, -2, -1), -2),
        ("i32[]", (0, 2, 1, -2), (1, -2)),
        ("i32[]", (0, 0), ()),
        ("i32[]", (0, -1), None),
        ("i64[]", (0, 1, 5, 1), (5 + (1 << 32),)),
        ("s16", (0, -1), None),
        ("s16", (0, 3, 0x00300030, 0x00000031), "001"),
    ],
)
def test_reply_with_value_is_read_in_the_shape_of_the_row(
    returns: str, words: tuple[int, ...], expected: object
) -> None:
    """Each release's result types, nulls included."""
    assert Returned(expected) == read_reply(_row(returns), _dump(*words), 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        ("i32", (0,)),
        ("i32", (0, 1, 2)),
        ("bool", (0, 2)),
        ("i64", (0, 1)),
        ("i32[]", (0, 3, 1)),
        ("i64[]", (0, 1, 5)),
        ("s16", (0, 9, 1)),
    ],
)
def test_reply_of_another_shape_is_unclear(returns: str, words: tuple[int, ...]) -> None:
    """A value that does not fit is never bent into one that does."""
    reply = read_reply(_row(returns), _dump(*words), 0)
    assert isinstance(reply, Unclear)
    assert "ANSWER_SHAPE" == reply.code


@pytest.mark.parametrize(
    ("row", "code", "effect"),
    [
        (TEXT, -1, Effect.NONE),
        (TEXT, -4, Effect.NONE),
        (TEXT, -99, Effect.UNKNOWN),
        (PARTS, -1, Effect.NONE),
        (PARTS, -2, Effect.NONE),
        (PARTS, -3, Effect.NONE),
        (PARTS, -4, Effect.UNKNOWN),
        (PARTS, -5, Effect.UNKNOWN),
    ],
)
def test_reply_with_exception_is_none_only_where_nothing_can_have_left(
    row: CallRow, code: int, effect: Effect
) -> None:
    """Of a long message, parts may have left before something inside failed."""
    reply = read_reply(row, _exception(code, "no"), 0)
    assert isinstance(reply, Refused)
    assert (EXCEPTION_CODES.get(code, "EXCEPTION_OTHER"), effect) == (reply.code, reply.effect)
    assert "no" == reply.message


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("Result: Parcel(NULL)\n", "ANSWER_NULL"),
        (
            'Result: Parcel(Error: 0xffffffffffffffb6 "Not a data message")',
            "BINDER_UNKNOWN_TRANSACTION",
        ),
        ('Result: Parcel(Error: 0xffffffb6 "Not a data message")', "BINDER_UNKNOWN_TRANSACTION"),
        ('Result: Parcel(Error: 0xffffffffffffffe0 "Broken pipe")', "BINDER_DEAD_OBJECT"),
        (
            'Result: Parcel(Error: 0xffffffffffffffff "Operation not permitted")',
            "BINDER_NOT_PERMITTED",
        ),
        ('Result: Parcel(Error: 0xffffffff80000002 "Unknown error")', "BINDER_FAILED_TRANSACTION"),
        ('Result: Parcel(Error: 0xfffffffffffffff3 "Permission denied")', "BINDER_ERROR"),
        ("Result: Parcel(0000", "ANSWER_UNREADABLE"),
        ("", "ANSWER_EMPTY"),
        ("Killed", "ANSWER_EMPTY"),
    ],
)
def test_reply_that_does_not_tell_is_never_a_licence_to_repeat(output: str, code: str) -> None:
    """Every failure on the way may have happened after the method worked."""
    reply = read_reply(TEXT, output, 0)
    assert isinstance(reply, Unclear)
    assert (code, Effect.UNKNOWN) == (reply.code, reply.effect)


@pytest.mark.parametrize(
    ("stdout", "exit_code", "stderr", "code"),
    [
        ("", 10, "service: Service isms does not exist\n", "SERVICE_MISSING"),
        ("service: Service isms does not exist\n", None, "", "SERVICE_MISSING"),
        ("", 20, "service: Unable to get default service manager!\n", "SERVICE_TOOL_REFUSED"),
        ("", 10, "service: no integer specified after 'i32'\n", "SERVICE_TOOL_REFUSED"),
        ("", 127, "/system/bin/sh: service: inaccessible or not found\n", "SERVICE_TOOL_MISSING"),
        ("/system/bin/sh: service: not found\n", None, "", "SERVICE_TOOL_MISSING"),
    ],
)
def test_reply_of_tool_that_made_no_call_is_a_refusal_without_effect(
    stdout: str, exit_code: int | None, stderr: str, code: str
) -> None:
    """No service, no tool, bad words: nothing reached the phone process."""
    reply = read_reply(TEXT, stdout, exit_code, stderr)
    assert isinstance(reply, Refused)
    assert (code, Effect.NONE) == (reply.code, reply.effect)


def test_reply_that_repeats_number_and_text_is_masked() -> None:
    """A phone may quote what it was given; logs may not."""
    output = _exception(-3, "bad text 'meet me' for 5550100199")
    reply = read_reply(TEXT, output, 0, hide=("meet me",))
    assert isinstance(reply, Refused)
    assert "bad text '•••' for •••" == reply.message


def test_reply_codes_are_all_in_the_closed_list() -> None:
    """What a reply is called is explained to the operator."""
    own = {"ANSWER_EMPTY", "ANSWER_NULL", "ANSWER_SHAPE", "ANSWER_UNREADABLE", "BINDER_ERROR"}
    own |= {"EXCEPTION_OTHER", "SERVICE_MISSING", "SERVICE_TOOL_MISSING", "SERVICE_TOOL_REFUSED"}
    assert set() == {*EXCEPTION_CODES.values(), *BINDER_CODES.values(), *own} - CODES.keys()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (0, 0), (-1, None), (-2, None), ((4, 5), 4), ((-2,), None), ((), None), (None, None)],
)
def test_sub_id_of_empty_slot_is_none_in_every_dialect(value: object, expected: object) -> None:
    """Placeholders are never a subscription."""
    assert expected == sub_id_of(value)  # type: ignore[arg-type]
