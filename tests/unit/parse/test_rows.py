"""Rows of `content query`, with values that look like rows and columns."""

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.parse.rows import parse_rows, parse_single

COLUMNS = ("_id", "address", "body", "type", "date")


def test_known_columns_survive_a_hostile_body() -> None:
    """Commas, equal signs, column names and a whole fake row inside a body."""
    text = (
        "Row: 0 _id=1, address=+15550001111, body=a, type=9, b=c\nRow: 1 nothing\n"
        "Row: 5 _id=7, address=x, type=1, date=2, type=2, date=3\n"
        "Row: 1 _id=2, address=NULL, body=, type=1, date=4\n"
    )
    first, second = parse_rows(text, COLUMNS).rows
    assert ("1", "+15550001111", "2", "3") == (
        first["_id"],
        first["address"],
        first["type"],
        first["date"],
    )
    assert first["body"] == (
        "a, type=9, b=c\nRow: 1 nothing\nRow: 5 _id=7, address=x, type=1, date=2"
    )
    assert {"_id": "2", "address": None, "body": "", "type": "1", "date": "4"} == second


def test_inferred_columns_are_those_all_rows_share() -> None:
    """What looks like a column in one body only is text."""
    text = "Row: 0 address=a, body=total=5, total=6, date=1\nRow: 1 address=b, body=plain, date=2\n"
    assert parse_rows(text).rows == (
        {"address": "a", "body": "total=5, total=6", "date": "1"},
        {"address": "b", "body": "plain", "date": "2"},
    )


def test_inferred_columns_of_a_single_row_trust_the_ends() -> None:
    """Before the body the first, after it the last occurrence of a column is real."""
    text = "Row: 0 _id=1, address=a, body=x, address=b, price=5 now, date=3, date=4, sub_id=2\n"
    assert parse_rows(text).rows == (
        {
            "_id": "1",
            "address": "a",
            "body": "x, address=b, price=5 now, date=3",
            "date": "4",
            "sub_id": "2",
        },
    )


def test_inferred_columns_of_a_single_row_hold_what_a_maker_added_at_the_end() -> None:
    """Plain words with numbers count behind the column that always follows the text."""
    text = (
        "Row: 0 _id=7, address=+15550001111, date=1, body=Sum, total=5, service_center=NULL, "
        "locked=0, sub_id=1, callback_number=NULL, reserved=0, pri=0, oddity=-1\n"
    )
    (row,) = parse_rows(text).rows
    assert ("Sum, total=5", None, "0", "-1") == (
        row["body"],
        row["service_center"],
        row["reserved"],
        row["oddity"],
    )


WHOLE = (
    "Row: 0 _id=7, thread_id=3, address=+15550001111, date=1, reply_path_present=0, subject=NULL, "
    "body=%s, service_center=+15550002222, locked=0, sub_id=1, error_code=-1, seen=1"
)
"""A row of AOSP's provider up to the columns that makers add."""


@pytest.mark.parametrize(
    "added",
    [
        "favorite=0, device_name=Galaxy Watch4 (1A2B), correlation_tag=, pri=0",
        "re_original_body=Are you home, dear, re_body=yes we are, re_count_info=",
        "folder=inbox, pri=0",
    ],
)
@pytest.mark.parametrize("body", ["See you, at 5", "otp, marker=4, see my_code=1 2"])
def test_inferred_columns_of_a_whole_single_row_begin_at_their_anchor(
    body: str, added: str
) -> None:
    """What follows the text in every provider ends it, whatever a maker's columns hold."""
    (row,) = parse_rows(f"{WHOLE % body}, {added}\n").rows
    names = [pair.partition("=")[0] for pair in added.split(", ") if "=" in pair]
    assert (body, "+15550002222", "1") == (row["body"], row["service_center"], row["seen"])
    assert names == [*row][-len(names) :]


def test_inferred_columns_of_a_single_siminfo_row_begin_at_their_anchor() -> None:
    """A plain word that a maker added takes no column into the name of the SIM card."""
    text = (
        "Row: 0 _id=1, icc_id=8901, sim_id=0, display_name=CARD 1, carrier_name=Foo, Bar, "
        "name_source=0, color=5, number=, mcc=1, mnc=1, nickname=My card, flavour=sweet\n"
    )
    (row,) = parse_rows(text).rows
    assert ("CARD 1", "Foo, Bar", "0", "My card", "sweet") == (
        row["display_name"],
        row["carrier_name"],
        row["name_source"],
        row["nickname"],
        row["flavour"],
    )


@pytest.mark.parametrize(
    "text",
    [
        WHOLE % "a, service_center=+1, b" + ", device_name=Galaxy Watch",
        WHOLE % "a" + ", re_body=b, sub_id=2, seen=no, device_name=Galaxy Watch",
        "Row: 0 _id=1, body=a, device_name=Galaxy Watch, sub_id=1",
    ],
)
def test_single_row_whose_text_may_hold_columns_is_refused(text: str) -> None:
    """A body that swallowed columns is worse than none."""
    with pytest.raises(ParseError):
        parse_rows(text)
    second = text.replace("Row: 0 _id=7", "Row: 1 _id=8").replace("Row: 0 _id=1", "Row: 1 _id=2")
    assert len(parse_rows(f"{text}\n{second}").rows) == 2
    with pytest.raises(ParseError):
        parse_rows(f"{text}\nRow: 1 _id=9, addre")


@pytest.mark.parametrize("cut", ["Row: 1 _id=2, addre", "Row: 1 _id=2, address=+1"])
@pytest.mark.parametrize("rows", [1, 30])
def test_cut_last_row_harms_no_row_before_it(cut: str, rows: int) -> None:
    """Complete rows keep their columns; only the last one is short."""
    lines = [f"Row: {n} _id={n}, address=+1555, body=a, b, date=5" for n in range(rows)]
    *whole, last = parse_rows("\n".join([*lines, cut.replace("1", str(rows), 1)])).rows
    wanted = {"address": "+1555", "body": "a, b", "date": "5"}
    assert [{"_id": str(n), **wanted} for n in range(rows)] == whole
    assert set(last) <= {"_id", "address"}


def test_last_column_that_no_provider_has_is_no_cut() -> None:
    """Two rows that both end in it say that it is a column."""
    text = "Row: 0 _id=1, body=a, oddity=x\nRow: 1 _id=2, body=b, oddity=y\n"
    assert ["x", "y"] == [row["oddity"] for row in parse_rows(text).rows]


def test_body_as_last_column_keeps_its_line_breaks() -> None:
    """Only the row's own line end is taken off."""
    text = "Row: 0 _id=1, body=a\n\nb\n\nRow: 1 _id=2, body=c\n"
    assert ["a\n\nb\n", "c"] == [row["body"] for row in parse_rows(text, ("_id", "body")).rows]


def test_crlf_output_gives_lf_values() -> None:
    """Old shells end lines with CRLF; values do not."""
    text = "Row: 0 _id=1, body=a\r\nb\r\nRow: 1 _id=2, body=c\r\n"
    assert ["a\nb", "c"] == [row["body"] for row in parse_rows(text, ("_id", "body")).rows]


@pytest.mark.parametrize(
    ("text", "exception"),
    [
        (
            "Error while accessing provider:sms\njava.lang.SecurityException: Denial\n\tat x",
            "java.lang.SecurityException",
        ),
        (
            "Error while accessing provider:nope\njava.lang.IllegalStateException: Could not find "
            "provider: nope\n",
            "java.lang.IllegalStateException",
        ),
        (
            "Error while accessing provider:sms\njava.lang.NullPointerException\n",
            "java.lang.NullPointerException",
        ),
        ("[ERROR] Unsupported argument: x\nusage: adb shell content", None),
        ("java.lang.SecurityException: no\n\tat a.b", "java.lang.SecurityException"),
    ],
)
def test_failures_of_the_tool_are_values(text: str, exception: str | None) -> None:
    """A provider that refuses is an answer, not an empty table."""
    table = parse_rows(text)
    assert table.error is not None
    assert (exception, ()) == (table.error.exception, table.rows)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", None),
        ("Killed", None),
        ("Row: 3 _id=1", None),
        ("Row: 0 _id=1, body=+15550001111 secret", ("_id", "date")),
        ("Row: 0 _id=1", ("date",)),
    ],
)
def test_other_text_is_a_parse_error_without_values(
    text: str, columns: tuple[str, ...] | None
) -> None:
    """A row that lacks its columns was cut; the error shows none of its values."""
    with pytest.raises(ParseError) as caught:
        parse_rows(text, columns)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", ["", "a", "NULL", "x\nRow: 1 body=forged", "end\n\n", "No result found.", ", type=2"]
)
def test_single_column_of_one_row_holds_whatever_a_stranger_wrote(body: str) -> None:
    """Nothing in a text ends it, adds a row or makes it an error."""
    assert body == parse_single(f"Row: 0 body={body}\n", "body")


def test_single_column_of_an_absent_row_is_none() -> None:
    """A row that was deleted between two questions."""
    assert parse_single("No result found.\n", "body") is None


@pytest.mark.parametrize(
    "text", ["", "Row: 0 other=1\n", "Error while accessing provider:sms\njava.lang.X: no\n"]
)
def test_single_column_of_anything_else_is_refused(text: str) -> None:
    """An error is not a text."""
    with pytest.raises(ParseError):
        parse_single(text, "body")
