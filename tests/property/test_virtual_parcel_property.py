"""The virtual phone's parcels: what one side writes the other reads, whatever it is."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from droidrack.virtual.parcel import ParcelReader, ParcelWriter, Reply, ReplyStyle, print_reply

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
INT = st.integers(-(2**31), 2**31 - 1)


@given(st.lists(TEXT | st.none() | INT))
def test_parcel_reads_back_what_was_written(values):
    """Strings (null too) and ints come back in order, and nothing is left."""
    writer = ParcelWriter()
    for value in values:
        _ = writer.i32(value) if isinstance(value, int) else writer.string16(value)
    reader = ParcelReader(bytes(writer.data))
    assert values == [
        reader.i32() if isinstance(value, int) else reader.string16() for value in values
    ]
    assert 0 == reader.remaining


@given(st.binary(max_size=200), st.lists(st.sampled_from("isblpq"), max_size=12))
def test_reader_never_fails_on_garbage(data, reads):
    """Whatever the bytes, a read gives a value and never goes beyond the end."""
    reader = ParcelReader(data)
    calls = {
        "i": reader.i32,
        "s": reader.string16,
        "b": reader.byte_array,
        "l": reader.i64,
        "p": reader.parcelable,
        "q": reader.parcelable_list,
    }
    for read in reads:
        calls[read]()
        assert 0 <= reader.remaining <= len(data)


@given(st.binary(min_size=4, max_size=120).map(lambda raw: raw[: len(raw) // 4 * 4]), st.booleans())
def test_printed_reply_holds_every_word(data, tab):
    """The hexdump's words, taken before the first quote of each line, are the data."""
    text = print_reply(Reply(data), ReplyStyle(tab=tab))
    rows = text.removeprefix("Parcel(").strip("\t\n").split("\n")
    hexes = " ".join(row.split("'")[0].split(": ")[-1] for row in rows).split()
    assert data == b"".join(struct.pack("<I", int(word, 16)) for word in hexes)
