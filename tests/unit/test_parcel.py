"""Argument vectors, word by word, and what is refused before a phone hears of it."""

import pytest

from droidrack.adapters.profile_files import profile_table
from droidrack.core.call import Argument, CallRow
from droidrack.core.ids import SubId
from droidrack.core.parcel import Value, call_argv, send_argv, send_call
from droidrack.core.profile import DeviceIdentity

TABLE = profile_table()


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (21, "10 i32 1 i32 0 s16 com.android.shell s16 +1555 i32 -1 s16 hi i32 0 i32 0"),
        (22, "10 i32 1 s16 com.android.shell s16 +1555 i32 -1 s16 hi i32 0 i32 0"),
        (23, "6 i32 1 s16 com.android.shell s16 +1555 i32 -1 s16 hi i32 0 i32 0 i32 1"),
        (29, "6 i32 1 s16 com.android.shell s16 +1555 i32 -1 s16 hi i32 0 i32 0 i32 1"),
        (
            30,
            "5 i32 1 s16 com.android.shell i32 -1 s16 +1555 i32 -1 s16 hi i32 0 i32 0 i32 1 i64 9",
        ),
        (
            36,
            "5 i32 1 s16 com.android.shell i32 -1 s16 +1555 i32 -1 s16 hi i32 0 i32 0 i32 1 i64 9",
        ),
    ],
)
def test_send_argv_of_single_message_is_the_documented_command(api: int, expected: str) -> None:
    """The words of each generation of Android, spelled out."""
    row = TABLE.resolve(DeviceIdentity(api)).row("isms.send_text")
    argv = send_argv(row, sub_id=SubId(1), number="+1555", parts=("hi",), message_id=9)
    assert ("service", "call", "isms", *expected.split()) == argv


def test_send_argv_of_long_message_on_android_14_is_the_documented_command() -> None:
    """Count, parts, two null lists, persist, id."""
    row = TABLE.resolve(DeviceIdentity(34)).call("isms.send_multipart")
    argv = send_argv(row, sub_id=SubId(1), number="+1555", parts=("a b", "c"), message_id=9)
    tail = ("i32", "2", "s16", "a b", "s16", "c", "i32", "-1", "i32", "-1", "i32", "1", "i64", "9")
    head = ("i32", "1", "s16", "com.android.shell", "i32", "-1", "s16", "+1555", "i32", "-1")
    assert ("service", "call", "isms", "8", *head, *tail) == argv


def test_send_call_follows_the_number_of_parts() -> None:
    """The framework splits nothing: two parts need the multipart call."""
    assert "isms.send_text" == send_call(("a",))
    assert "isms.send_multipart" == send_call(("a", "b"))


@pytest.mark.parametrize(
    ("number", "parts", "sub_id", "missing"),
    [
        ("", ("a",), 1, "number"),
        ("+1555", ("",), 1, "text"),
        ("+1555", (), 1, "text"),
        ("+1555", ("a",), -1, "subscription"),
    ],
)
def test_send_argv_without_number_text_or_subscription_is_refused(
    number: str, parts: tuple[str, ...], sub_id: int, missing: str
) -> None:
    """A negative subscription is Android's placeholder for an empty slot."""
    row = TABLE.resolve(DeviceIdentity(34)).call("isms.send_text")
    with pytest.raises(ValueError, match=f"needs a {missing}"):
        send_argv(row, sub_id=SubId(sub_id), number=number, parts=parts)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("i32 v", 1 << 31),
        ("i32 v", True),
        ("i32 v", "1"),
        ("i32 v", None),
        ("i64 v", -(1 << 63) - 1),
        ("bool v", 2),
        ("s16 v", None),
        ("s16 v", "a\0b"),
        ("s16 v", "\ud800"),
        ("s16? v", 1),
        ("s16[] v", ()),
        ("s16[] v", "text"),
        ("s16[] v", ("a",) * 256),
        ("parcelable? v", 1),
        ("list? v", ("a",)),
    ],
)
def test_call_argv_of_unfit_value_is_refused(argument: str, value: Value) -> None:
    """A value that the parcel cannot hold never reaches a command line."""
    row = CallRow("isms.x", "I", "x", 5, (Argument.from_text(argument),))
    with pytest.raises(ValueError):
        call_argv(row, {"v": value})


def test_call_argv_with_surplus_value_is_refused() -> None:
    """A misspelt name is our bug, not a null."""
    row = CallRow("isms.x", "I", "x", 5, (Argument.from_text("s16? smsc"),))
    with pytest.raises(ValueError, match="takes no smcs"):
        call_argv(row, {"smcs": "+1555"})


def test_call_argv_error_never_repeats_the_text() -> None:
    """Number and text stay out of errors."""
    row = CallRow("isms.x", "I", "x", 5, (Argument.from_text("i32 v"),))
    with pytest.raises(ValueError) as caught:
        call_argv(row, {"v": "secret words"})
    assert "secret" not in str(caught.value)
