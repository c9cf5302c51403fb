"""The columns of `content query`, where nobody named them: inferred from what the rows print.

They are the names that all rows share in the same order. A single row has nothing to compare with:
there a provider's columns are told from a text by what they are called and hold.
"""

import re

from droidrack.core.parse.text import refusal

_DUMP = "content query"
COLUMN = re.compile(r"(?:^|, )([A-Za-z_][A-Za-z0-9_.]{0,63})=")

_CANDIDATE_LIMIT = 160
"""Possible column names looked at in one row; `siminfo` of Android 16 has 80 columns."""

_SAMPLE = 24
"""Rows from which columns are inferred."""

_PIVOTS = ("body", "snippet", "text", "display_name", "carrier_name", "name")
_FREE_TEXT = frozenset(
    {"subject", "carrier_name", "creator", "service_center", "number", "address"}
)


def pivot_of(names: list[str]) -> int | None:
    """Index of the column that holds free text; None: no such column is known."""
    return next((names.index(name) for name in _PIVOTS if name in names), None)


def inferred_columns(bodies: list[str]) -> list[str]:
    """The columns that all rows share, in their order."""
    common = _shared(bodies[:_SAMPLE])
    if 1 < len(bodies) <= _SAMPLE:
        whole = _shared(bodies[:-1])
        ending = whole or _candidates(bodies[0])
        if ending and ending[-1] not in _candidates(bodies[-1]):  # The answer was cut there.
            common = whole
    if not common and any(body.strip() for body in bodies):
        raise refusal(_DUMP, "the rows share no column, or it is not certain which they have")
    return _once_each(common)


def _shared(bodies: list[str]) -> list[str]:
    sample = [_candidates(body) for body in bodies]
    if len(bodies) == 1:
        return _plausible(bodies[0], sample[0])
    common = sample[0]
    for names in sample[1:]:
        common = _common_subsequence(common, names)
    return common


def own_columns(body: str, names: list[str]) -> list[str]:
    """The columns of the last row: all of them, or those before the cut."""
    printed = set(_candidates(body))
    return names if printed.issuperset(names) else [name for name in names if name in printed]


def _candidates(body: str) -> list[str]:
    names: list[str] = []
    for match in COLUMN.finditer(body):
        names.append(match[1])
        if len(names) >= _CANDIDATE_LIMIT:
            break
    return names


def _plausible(body: str, names: list[str]) -> list[str]:
    """Columns of a single row: after the pivot only what looks like a provider's column.

    In a whole row they begin at the anchor. Elsewhere the run of columns is taken from the right:
    provider columns are numbers or one word, and a name of one plain word that SMS providers do not
    have counts as text of the message, but for numbers right of the anchor: makers add their own
    at the end.

    Returns:
        The columns; none where a name that ends the run may be a column as well as text.
    """
    pivot = pivot_of(names)
    if pivot is None:
        return names
    floor = pivot + 1
    whole = _anchored(names, pivot)
    if whole:
        return whole
    marks = list(COLUMN.finditer(body))[:_CANDIDATE_LIMIT]
    tail: list[str] = []
    end = len(body)
    _, _, anchor = _ANCHORS.get(names[pivot], ("", "", ""))
    after = max((m.start() for m in marks[floor:] if m[1] == anchor), default=len(body))
    for mark in reversed(marks[floor:]):
        name, value = mark[1], body[mark.end() : end]
        spaced = (" " in value or "\n" in value) and name not in _FREE_TEXT
        added = mark.start() > after and (value == "NULL" or value.lstrip("-").isdigit())
        known = "_" in name or name in _SMS_COLUMNS or name in _FREE_TEXT or added
        if spaced or not known:
            if mark.start() > after or "_" in name:
                return []
            break
        tail.append(name)
        end = mark.start()
    return names[:floor] + tail[::-1]


_ANCHORS = {
    "body": ("subject", "", "service_center"),
    "display_name": ("sim_id", "carrier_name", "name_source"),
}
"""What providers print around a text, makers' own included: the column before it, one that some
releases have behind it, and the anchor, which every release has there."""


def _anchored(names: list[str], pivot: int) -> list[str]:
    """Columns of a whole row; none where it is none, or where a text holds a column's name too."""
    before, optional, anchor = _ANCHORS.get(names[pivot], ("", "", ""))
    behind = names[pivot + 1 :]
    if pivot == 0 or names[pivot - 1] != before or anchor not in behind:
        return []
    place = behind.index(anchor)
    found = names[: pivot + 1] + [optional] * (optional in behind[:place]) + behind[place:]
    return found if len(set(found)) == len(found) else []


_SMS_COLUMNS = frozenset((
    "_id", "thread_id", "address", "person", "date", "date_sent", "protocol", "read", "status",
    "type", "reply_path_present", "subject", "body", "service_center", "locked", "sub_id",
    "error_code", "creator", "seen", "priority", "deletable", "hidden", "sim_id", "sim_slot",
    "slot", "deleted", "timed", "mcc", "mnc", "color", "number", "imsi", "ehplmns", "hplmns",
    "roaming", "phone_id", "marker", "source", "bind_id", "mx_status", "mx_id", "out_time",
    "account", "favorite", "blacklist", "pri",
))  # fmt: skip


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
    pivot = pivot_of(names)
    pivot = len(names) if pivot is None else pivot
    kept = list(dict.fromkeys(names[: pivot + 1]))
    tail: list[str] = []
    for name in reversed(names[pivot + 1 :]):
        if name not in kept and name not in tail:
            tail.append(name)
    return kept + tail[::-1]
