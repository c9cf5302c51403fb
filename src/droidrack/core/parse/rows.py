"""`content query`: rows of a provider, printed without any quoting.

    Row: 0 _id=12, address=+15550001111, body=See you, at 5, type=2

A value may hold ", ", "=", line breaks, even ", type=" or a line that begins with "Row: 1". With
the columns known, their order decides. Without them they are inferred: the names that all rows
share in the same order, pivoted at the one column that holds free text (what stands before it is
read from the left, what stands after it from the right). Whoever needs certainty asks for columns
that hold no free text, and names them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.core.parse.text import refusal, unix_text

_DUMP = "content query"
_ROW = re.compile(r"^Row: ([0-9]{1,9})(?: |$)", re.MULTILINE)
_COLUMN = re.compile(r"(?:^|, )([A-Za-z_][A-Za-z0-9_.]{0,63})=")
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
_CANDIDATE_LIMIT = 160
"""Possible column names looked at in one row; `siminfo` of Android 16 has 80 columns."""

_SAMPLE = 24
"""Rows from which columns are inferred."""

_PIVOTS = ("body", "snippet", "text", "display_name", "carrier_name", "name")
_FREE_TEXT = frozenset(
    {"subject", "carrier_name", "creator", "service_center", "number", "address"}
)

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
    names = _inferred(bodies)
    last = _own(bodies[-1], names)
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
        name = _COLUMN.match(text, match.end())
        name = _COLUMN.match(text[match.end() : match.end() + 80]) if name is None else name
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
    pivot = next((names.index(name) for name in _PIVOTS if name in names), len(names) - 1)
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


# --- Inferring the columns -----------------------------------------------------------------------


def _inferred(bodies: list[str]) -> list[str]:
    """The columns that all rows share, in their order."""
    common = _shared(bodies[:_SAMPLE])
    if 1 < len(bodies) <= _SAMPLE:
        whole = _shared(bodies[:-1])
        if whole and whole[-1] not in _candidates(bodies[-1]):  # The answer was cut there.
            common = whole
    if not common and any(body.strip() for body in bodies):
        raise refusal(_DUMP, "the rows share no column")
    return _once_each(common)


def _shared(bodies: list[str]) -> list[str]:
    sample = [_candidates(body) for body in bodies]
    if len(bodies) == 1:
        return _plausible(bodies[0], sample[0])
    common = sample[0]
    for names in sample[1:]:
        common = _common_subsequence(common, names)
    return common


def _own(body: str, names: list[str]) -> list[str]:
    """The columns of the last row: all of them, or those before the cut."""
    printed = set(_candidates(body))
    return names if printed.issuperset(names) else [name for name in names if name in printed]


def _candidates(body: str) -> list[str]:
    names: list[str] = []
    for match in _COLUMN.finditer(body):
        names.append(match[1])
        if len(names) >= _CANDIDATE_LIMIT:
            break
    return names


def _plausible(body: str, names: list[str]) -> list[str]:
    """Columns of a single row: after the pivot only what looks like a provider's column.

    Provider columns are numbers or one word, so from the right the run of such values is taken;
    in it a name of one plain word that SMS providers do not have counts as text of the message,
    unless the column that follows the text in every provider still stands before it: makers add
    their own at the end.
    """
    pivot = next((names.index(name) for name in _PIVOTS if name in names), None)
    if pivot is None:
        return names
    floor = sum(1 for _ in names[: pivot + 1])
    marks = list(_COLUMN.finditer(body))[:_CANDIDATE_LIMIT]
    tail: list[str] = []
    end = len(body)
    after = max((m.start() for m in marks[floor:] if m[1] == _AFTER_TEXT), default=len(body))
    for mark in reversed(marks[floor:]):
        name, value = mark[1], body[mark.end() : end]
        if (" " in value or "\n" in value) and name not in _FREE_TEXT:
            break
        added = mark.start() > after and (value == "NULL" or value.lstrip("-").isdigit())
        if not ("_" in name or name in _SMS_COLUMNS or name in _FREE_TEXT or added):
            break
        tail.append(name)
        end = mark.start()
    return names[:floor] + tail[::-1]


_AFTER_TEXT = "service_center"
"""What AOSP's provider prints right after the text, and all makers with it."""

_SMS_COLUMNS = frozenset(
    (
        "_id",
        "thread_id",
        "address",
        "person",
        "date",
        "date_sent",
        "protocol",
        "read",
        "status",
        "type",
        "reply_path_present",
        "subject",
        "body",
        "service_center",
        "locked",
        "sub_id",
        "error_code",
        "creator",
        "seen",
        "priority",
        "deletable",
        "hidden",
        "sim_id",
        "sim_slot",
        "slot",
        "deleted",
        "timed",
        "mcc",
        "mnc",
        "color",
        "number",
        "imsi",
        "ehplmns",
        "hplmns",
        "roaming",
        "phone_id",
        "marker",
        "source",
        "bind_id",
        "mx_status",
        "mx_id",
        "out_time",
        "account",
        "favorite",
        "blacklist",
        "pri",
    )
)


def _common_subsequence(first: list[str], second: list[str]) -> list[str]:
    """The longest list of names that both hold in the same order."""
    if first == second:
        return first
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            if first[i] == second[j]:
                lengths[i][j] = lengths[i + 1][j + 1] + 1
            else:
                lengths[i][j] = max(lengths[i + 1][j], lengths[i][j + 1])
    common: list[str] = []
    i = j = 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            common.append(first[i])
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return common


def _once_each(names: list[str]) -> list[str]:
    """A provider prints a column once: of two equal names the one inside free text goes.

    Text follows the pivot, so a name seen before it is real there; otherwise the last one is.
    """
    pivot = next((names.index(name) for name in _PIVOTS if name in names), len(names))
    kept = list(dict.fromkeys(names[: pivot + 1]))
    tail: list[str] = []
    for name in reversed(names[pivot + 1 :]):
        if name not in kept and name not in tail:
            tail.append(name)
    return kept + tail[::-1]
