"""Arguments survive the way into the phone, whatever they are."""

from binder_reader import Stub, tool
from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.call import Argument, CallRow
from droidrack.core.ids import SubId
from droidrack.core.parcel import call_argv, send_argv

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
LONG = st.integers(-(1 << 63), (1 << 63) - 1)


def _row(*arguments: str) -> CallRow:
    typed = tuple(map(Argument.from_text, arguments))
    return CallRow("isms.test", "ITest", "test", transaction=5, arguments=typed)


@given(LONG)
def test_long_in_two_words_reads_as_the_same_long(value: int) -> None:
    """Before API 23 the tool has no i64: low word and high word make the same eight bytes."""
    argv = call_argv(_row("i64-as-i32s value"), {"value": value})
    assert {"value": value} == Stub(tool(21, argv)[2]).read([("long", "value")])


@given(LONG)
def test_long_in_one_word_reads_as_the_same_long(value: int) -> None:
    """From API 23 on a long is one argument."""
    argv = call_argv(_row("i64 value"), {"value": value})
    assert {"value": value} == Stub(tool(23, argv)[2]).read([("long", "value")])


@given(TEXT.filter(bool), st.lists(TEXT, min_size=2, max_size=20).filter(any))
def test_texts_read_as_the_same_texts(number: str, parts: list[str]) -> None:
    """Every text, also one that looks like an argument of the tool, arrives unchanged."""
    row = _row("i32 sub_id", "s16 address", "s16? smsc", "s16[] parts")
    argv = send_argv(row, sub_id=SubId(1), number=number, parts=parts)
    params = [("int", "s"), ("String", "n"), ("String", "c"), ("List<String>", "p")]
    read = Stub(tool(30, argv)[2]).read(params)
    assert {"s": 1, "n": number, "c": None, "p": parts} == read
