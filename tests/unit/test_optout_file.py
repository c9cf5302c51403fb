"""The opt-out list as a file."""

from datetime import UTC, datetime

import pytest

from droidrack.core.ids import Msisdn
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.core.optout_file import COLUMNS, NOTE_LIMIT, parse_listing, written

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ANNA = Msisdn("+15550100001")
GERMAN = Msisdn("+4917139200123")


def entry(number: Msisdn = ANNA, **changes: object) -> OptOut:
    """An entry like any other of a file."""
    fields: dict[str, object] = {"since": NOON, "source": OptOutSource.IMPORT}
    return OptOut(number, **{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("+15550100001\n", (entry(),)),
        ("\ufeff+15550100001\r\n\r\n# a comment\r\n017139200123", (entry(), entry(GERMAN))),
        ("number\n+15550100001", (entry(),)),
        ("Note,Number\nrang,+15550100001", ()),  # A heading begins with the number.
        ("number,note\n+15550100001,rang us", (entry(note="rang us"),)),
        (
            "+15550100001,2026-04-01T08:00:00+02:00,stop",
            (entry(since=datetime(2026, 4, 1, 6, 0, tzinfo=UTC), source=OptOutSource.STOP),),
        ),
        (
            '+15550100001,2026-04-01,operator,"said, twice"',
            (
                entry(
                    since=datetime(2026, 4, 1, tzinfo=UTC),
                    source=OptOutSource.OPERATOR,
                    note="said, twice",
                ),
            ),
        ),
    ],
)
def test_file_is_read_with_and_without_heading(text: str, expected: tuple[OptOut, ...]) -> None:
    """What other programs write is understood: line ends, a byte order mark, quotes."""
    assert expected == parse_listing(text, "DE", NOON).entries


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("017139200123", "NUMBER_NEEDS_COUNTRY"),
        ("+999123456", "NUMBER_IMPOSSIBLE"),
        ("hello", "NUMBER_INVALID"),
        ("+15550100001,yesterday", "since: expected a date"),
        ("+15550100001,,gossip", "source: expected one of stop, operator, import"),
        ('+15550100001,,,"open', "not comma-separated"),
    ],
)
def test_mistake_is_named_and_repeats_no_number(text: str, word: str) -> None:
    """A list of people who want no messages is nothing for a terminal's scrollback."""
    (mistake,) = parse_listing(text, "", NOON).mistakes
    assert word in mistake
    assert "0100001" not in mistake


def test_note_is_cut() -> None:
    """It is a reason, not a correspondence."""
    (read,) = parse_listing(f"{ANNA.reveal()},,,{'x' * 9000}", "", NOON).entries
    assert NOTE_LIMIT == len(read.note)


def test_what_is_written_is_read_again() -> None:
    """Export and import are each other's inverse."""
    entries = (entry(note='with "quotes", and a comma'), entry(GERMAN, source=OptOutSource.STOP))
    text = ",".join(COLUMNS) + "\n" + written(entries)
    assert entries == parse_listing(text, "", NOON).entries
