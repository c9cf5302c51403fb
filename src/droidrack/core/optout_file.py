"""The opt-out list as a file: comma-separated values, with or without a heading.

`number,since,source,note`, of which only the number must be there. Whoever keeps his list elsewhere
has such a file, or one number per line, which is the same.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from droidrack.core.ids import Msisdn
from droidrack.core.numbering import Unreadable, read_number
from droidrack.core.optout import OptOut, OptOutSource

COLUMNS = ("number", "since", "source", "note")

NOTE_LIMIT = 500
"""Characters of a note; it is a reason, not a correspondence."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a file holds. `mistakes` name their lines and repeat no number."""

    entries: tuple[OptOut, ...]
    mistakes: tuple[str, ...]


def parse_listing(text: str, country: str, now: datetime) -> Listing:
    """Read a file.

    Args:
        text: comma-separated; empty lines and lines that begin with # are passed over.
        country: what numbers without + are read in; "": they are mistakes.
        now: for entries that do not say since when.
    """
    entries: list[OptOut] = []
    mistakes: list[str] = []
    lines = [line for line in text.removeprefix("\ufeff").splitlines() if line.strip()]
    columns: tuple[str, ...] = COLUMNS
    try:
        rows = list(csv.reader(lines, strict=True))
    except csv.Error as error:
        return Listing((), (f"not comma-separated: {error}",))
    for place, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if cells[0].startswith("#"):
            continue
        if cells[0].lower() == "number":
            columns = tuple(cell.lower() for cell in cells)
            continue
        entry = _entry(dict(zip(columns, cells, strict=False)), country, now)
        if isinstance(entry, OptOut):
            entries.append(entry)
        else:
            mistakes.append(f"entry {place}: {entry}")
    return Listing(tuple(entries), tuple(mistakes))


def written(entries: Iterable[OptOut]) -> str:
    """Entries as lines of a file, without the heading. The numbers stand in it as they are."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    for entry in entries:
        since = entry.since.astimezone(UTC).isoformat(timespec="seconds")
        writer.writerow((entry.number.reveal(), since, entry.source.value, entry.note))
    return stream.getvalue()


def _entry(cells: Mapping[str, str], country: str, now: datetime) -> OptOut | str:
    """An entry, or what is wrong with it."""
    reading = read_number(Msisdn(cells.get("number", "")), country)
    if isinstance(reading, Unreadable):
        return f"{reading.code}: {reading.detail}"
    try:
        since = datetime.fromisoformat(cells.get("since") or now.isoformat())
    except ValueError:
        return "since: expected a date such as 2026-05-01T12:00:00+00:00"
    try:
        source = OptOutSource(cells.get("source") or OptOutSource.IMPORT)
    except ValueError:
        return f"source: expected one of {', '.join(OptOutSource)}"
    if since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    return OptOut(reading.canonical, since, source, cells.get("note", "")[:NOTE_LIMIT])
