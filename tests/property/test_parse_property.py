"""Whatever a phone says, a parser answers or raises ParseError, and soon."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from droidrack.core.decode import FAMILIES, decode
from droidrack.core.errors import EXCERPT_LIMIT, ParseError
from droidrack.core.parse.radio_log import parse_radio_line
from droidrack.core.parse.rows import parse_rows

CORPUS = Path(__file__).parents[1] / "corpus"
SAMPLES = {
    family: [path.read_bytes().decode() for path in sorted((CORPUS / family).glob("*.txt"))]
    for family in FAMILIES
}
QUICK = settings(max_examples=40)
EVERY_FAMILY = pytest.mark.parametrize("family", sorted(FAMILIES))


def answers_or_refuses(family: str, text: str) -> None:
    """Decode; only ParseError may come out, with an excerpt within its cap."""
    excerpt = ""
    try:
        json.dumps(decode(family, text))
    except ParseError as error:
        excerpt = error.excerpt
    assert len(excerpt) <= EXCERPT_LIMIT


@EVERY_FAMILY
@QUICK
@given(raw=st.binary(max_size=2000))
def test_arbitrary_bytes_only_ever_raise_parse_error(family: str, raw: bytes) -> None:
    """Bytes as a transport delivers them, decoded with replacement."""
    answers_or_refuses(family, raw.decode("utf-8", "replace"))


@EVERY_FAMILY
@QUICK
@given(data=st.data())
def test_broken_samples_only_ever_raise_parse_error(family: str, data: st.DataObject) -> None:
    """Real outputs cut, spliced, with lines repeated, dropped and replaced."""
    text = data.draw(st.sampled_from(SAMPLES[family]))
    other = data.draw(st.sampled_from(SAMPLES[family]))
    cut = data.draw(st.integers(0, len(text)))
    splice = data.draw(st.integers(0, len(other)))
    insert = data.draw(st.text(max_size=20))
    lines = (text[:cut] + insert + other[splice:]).split("\n")
    index = data.draw(st.integers(0, len(lines) - 1))
    copies = data.draw(st.sampled_from([0, 1, 3, 200]))
    lines[index : index + 1] = [lines[index]] * copies
    answers_or_refuses(family, "\n".join(lines))


@EVERY_FAMILY
@pytest.mark.timeout(20)
def test_long_repetitions_of_every_token_end_in_time(family: str) -> None:
    """No expression backtracks its way through 100,000 characters of one token."""
    starts = ("", "mServiceState=", "mSignalStrength=", "Row: 0 _id=1, ", "{id=1, ", "[a]: [")
    tokens = (" ", "0 ", ", a=", "'", "{", "[", "a\t", "Row: 0 a=", "mLte=", " device", "0 null ")
    for start in starts:
        for token in tokens:
            answers_or_refuses(family, start + token * (100_000 // len(token)))


@QUICK
@given(line=st.text(max_size=300))
def test_radio_line_never_raises(line: str) -> None:
    """One bad line must not end the stream."""
    parse_radio_line(line)
    parse_radio_line(f"03-04 05:06:07.890  1234  1250 D RILJ: {line}")


@QUICK
@given(
    table=st.lists(
        st.tuples(st.integers(0, 10**9), st.text(max_size=80), st.integers(0, 9)),
        min_size=1,
        max_size=5,
    )
)
def test_rows_round_trip_for_known_columns(table: list[tuple[int, str, int]]) -> None:
    """Any body between two numbers comes back as it went in, but for CR before LF."""
    clean = [(i, body.replace("\r", ""), kind) for i, body, kind in table]
    clean = [row for row in clean if row[1] != "NULL" and "Row: " not in row[1]]
    text = "".join(
        f"Row: {index} _id={i}, body={body}, type={kind}\n"
        for index, (i, body, kind) in enumerate(clean)
    )
    expected = [{"_id": str(i), "body": body, "type": str(kind)} for i, body, kind in clean]
    rows = parse_rows(text, ("_id", "body", "type")).rows if clean else ()
    assert expected == list(rows)
