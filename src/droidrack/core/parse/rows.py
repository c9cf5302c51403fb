"""`content query`: rows of a provider, printed without any quoting.

    Row: 0 _id=12, address=+15550001111, body=See you, at 5, type=2

A value may hold ", ", "=", line breaks, even ", type=" or a line that begins with "Row: 1". With
the columns known, their order decides, pivoted at the one column that holds free text (what stands
before it is read from the left, what stands after it from the right). Without them they are
inferred (`row_columns`). Whoever needs certainty asks for columns that hold no free text, and names
them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.core.parse.row_columns import COLUMN, inferred_columns, own_columns, pivot_of
from droidrack.core.parse.text import refusal, unix_text

_DUMP = "content query"
_ROW = re.compile(r"^Row: ([0-9]{1,9})(?: |$)", re.MULTILINE)
_ERROR = re.compile(r"^Error while accessing provider: ?(\S*)[ \t]*(?:\n([^\n]*))?", re.MULTILINE)
_EXCEPTION = re.compile(r"^((?:[A-Za-z_$][\w$]*\.)+[A-Za-z_$][\w$]*)(?:: ?(.*))?$")
_THROWN = re.compile(
    r"^(?:\[ERROR\] ?|Exception in thread [^\n]*? )?"
    r"((?:java|android)\.(?:[\w$]+\.)*[\w$]*(?:Exception|Error))(?:: ?([^\n]*))?$",
    re.MULTILINE,
)
_COMPLAINT = re.compile(r"^\[ERROR\] ?([^\n]*)", re.MULTILINE)
_NOTHING = "No result found."

ROW_LIMIT = 20000
Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class QueryError:
    """The provider did not answer. `exception` is Java's name; `message` may quote the query."""

    provider: str | None
    exception: str | None
    message: str | None

    def __str__(self) -> str:
        return self.exception or "an error without a Java exception"


@dataclass(frozen=True, slots=True)
class Table:
    """An answer: the rows in printed order, or the error in place of them.

    A value is None for `NULL` and "" for an empty one. No rows and no error: "No result found.",
    which is no proof that the query was right.
    """

    rows: tuple[Row, ...]
    error: QueryError | None = None


def parse_rows(text: str, columns: Sequence[str] | None = None) -> Table:
    """Read what `content query` printed.

    Args:
        text: stdout, or stdout and stderr of releases that mix them.
        columns: the projection, in its order; None: infer it.

    Returns:
        The rows, or the failure that the tool reported.

    Raises:
        ParseError: neither rows nor an answer of the tool, or rows without the named columns.
            Its excerpt holds no value.
    """
    text = unix_text(_DUMP, text)
    starts = _row_starts(text, columns[0] if columns else None)
    if not starts:
        return _without_rows(text)
    ends = [start for start, _ in starts[1:]] + [len(text)]
    bodies = [
        text[begin:end].removesuffix("\n") for (_, begin), end in zip(starts, ends, strict=True)
    ]
    if columns:
        return Table(tuple(_split(body, list(columns)) for body in bodies))
    names = inferred_columns(bodies)
    last = own_columns(bodies[-1], names)
    return Table((*(_split(body, names) for body in bodies[:-1]), _split(bodies[-1], last)))


def parse_single(text: str, column: str) -> str | None:
    """The one column of the one row that a query for an id prints, whatever text it holds.

    Nothing in the text can end it, so it may hold anything; the phone's `NULL` is kept as it is,
    because a text of that word looks the same.

    Returns:
        The value; None: there is no such row.

    Raises:
        ParseError: neither that row nor the word that there is none.
    """
    text = unix_text(_DUMP, text)
    lead = f"Row: 0 {column}="
    if text.startswith(lead):
        return text.removeprefix(lead).removesuffix("\n")
    if _without_rows(text).error is not None:
        raise refusal(_DUMP, "the provider did not answer", text.splitlines()[0])
    return None


def _row_starts(text: str, first_column: str | None) -> list[tuple[int, int]]:
    """(start, start of the first column) of each row.

    A row's number is one more than the last one's and its first column is the same: text of a
    message that begins with "Row: 1" is neither.
    """
    starts: list[tuple[int, int]] = []
    for match in _ROW.finditer(text):
        if int(match[1]) != len(starts):
            continue
        name = COLUMN.match(text, match.end())
        name = COLUMN.match(text[match.end() : match.end() + 80]) if name is None else name
        if first_column is not None and (name is None or name[1] != first_column):
            continue
        if not starts:
            first_column = name[1] if name else first_column
        starts.append((match.start(), match.end()))
        if len(starts) > ROW_LIMIT:
            raise refusal(_DUMP, f"more than {ROW_LIMIT} rows")
    return starts


def _without_rows(text: str) -> Table:
    if any(line.strip() == _NOTHING for line in text[:4096].split("\n")):
        return Table(())
    if error := _ERROR.search(text):
        provider, line = error[1] or None, error[2] or ""
        thrown = _EXCEPTION.match(line)
        if thrown:
            return Table((), QueryError(provider, thrown[1], thrown[2] or None))
        return Table((), QueryError(provider, None, line or None))
    if thrown := _THROWN.search(text):
        return Table((), QueryError(None, thrown[1], thrown[2] or None))
    if complaint := _COMPLAINT.search(text):
        return Table((), QueryError(None, None, complaint[1] or None))
    excerpt = "" if "Row:" in text else text
    raise refusal(_DUMP, "neither rows nor `No result found.` nor an error found", excerpt)


# --- Splitting a row whose columns are known -----------------------------------------------------


def _split(body: str, names: list[str]) -> Row:
    """One row by its columns: up to the pivot from the left, the rest from the right."""
    if not names:
        return {}
    pivot = pivot_of(names)
    pivot = len(names) - 1 if pivot is None else pivot
    marks = _marks_from_left(body, names[: pivot + 1])
    marks += _marks_from_right(body, names[pivot + 1 :], marks[-1][1])
    ends = [start for start, _ in marks[1:]] + [len(body)]
    row: Row = {}
    for name, (_, begin), end in zip(names, marks, ends, strict=True):
        value = body[begin:end]
        row[name] = None if value == "NULL" else value
    return row


def _marks_from_left(body: str, names: list[str]) -> list[tuple[int, int]]:
    """(start of the separator, start of the value) of each column, at its first occurrence."""
    marks: list[tuple[int, int]] = []
    position = 0
    for index, name in enumerate(names):
        label = f"{name}=" if index == 0 else f", {name}="
        found = body.find(label, position)
        if found < 0 or (index == 0 and found != 0):
            raise refusal(_DUMP, f"column `{name}` is missing in a row")
        position = found + len(label)
        marks.append((found, position))
    return marks


def _marks_from_right(body: str, names: list[str], floor: int) -> list[tuple[int, int]]:
    """The same for the columns after the pivot, each at its last possible occurrence."""
    marks: list[tuple[int, int]] = []
    limit = len(body)
    for name in reversed(names):
        label = f", {name}="
        found = body.rfind(label, floor, limit)
        if found < 0:
            raise refusal(_DUMP, f"column `{name}` is missing in a row")
        limit = found
        marks.append((found, found + len(label)))
    return marks[::-1]
