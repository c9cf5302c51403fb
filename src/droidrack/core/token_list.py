"""The list that pairs a rack: which phone gets which one-time token.

A CSV file with a heading and one line for each phone, as a spreadsheet saves it:

    phone,token
    shelf-1-left,ATKN-…

A mistake in it could pair a phone with somebody else's gateway or spend a token for nothing, so
every line is checked before the first token is used. What may be a token is never repeated.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from droidrack.core.errors import ConfigError
from droidrack.core.ids import Token
from droidrack.core.redact import looks_like_token, redact

COLUMNS = ("phone", "token")
HOW_IT_LOOKS = (
    'the first line is "phone,token", each further one a phone of devices.toml and its one-time '
    "token; as a spreadsheet saves CSV (UTF-8)"
)
SEEN_LIMIT = 40
"""Characters of a wrong phone name that a mistake repeats."""

_PANEL_TOKEN = re.compile(r"ATKN-[A-Za-z0-9_-]{4,}")


@dataclass(frozen=True, slots=True)
class TokenLine:
    """One line of the list; `line` counts from 1, the heading included."""

    line: int
    phone: str
    token: Token


def parse_token_list(text: str, phones: Iterable[str]) -> tuple[TokenLine, ...]:
    """Read a list of phones and tokens.

    Args:
        text: the file; a byte order mark, CRLF, quotes, and semicolons or tabs instead of commas
            are as spreadsheets write them. Empty lines are passed over.
        phones: the names there are.

    Raises:
        ConfigError: every mistake with its line: a wrong heading or number of fields, an unknown
            phone, a phone or a token twice, something that is no token.
    """
    found, mistakes = list[TokenLine](), list[str]()
    known, by_phone, by_token = set(phones), dict[str, int](), dict[str, int]()
    for number, fields in _records(text.removeprefix("\ufeff")):
        if isinstance(fields, str):
            mistakes.append(f"line {number}: {fields}")
            continue
        if len(fields) != len(COLUMNS):
            mistakes.append(
                f"line {number}: expected a phone and a token, seen {len(fields)} fields"
            )
            continue
        name, secret = fields
        wrong = _name_fault(name, known) or _token_fault(secret)
        if wrong:
            mistakes.append(f"line {number}: {wrong}")
            continue
        for seen, key, what in ((by_phone, name, f"phone {name}"), (by_token, secret, "token")):
            if seen.setdefault(key, number) != number:
                mistakes.append(f"line {number}: the same {what} as in line {seen[key]}")
        found.append(TokenLine(number, name, Token(secret)))
    if not mistakes and not found:
        mistakes.append("no line names a phone")
    if mistakes:
        raise ConfigError(_counted(mistakes), mistakes=tuple(mistakes), hint=HOW_IT_LOOKS)
    return tuple(found)


def _records(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """The lines below the heading with their numbers and trimmed fields, or what is wrong."""
    head = text.split("\n", 1)[0]
    delimiter = next((sign for sign in ",;\t" if sign in head), ",")
    headed = False
    # Line by line: an open quote is then a mistake of its line, not of the rest of the file.
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = [f.strip() for f in next(csv.reader([line], delimiter=delimiter, strict=True))]
        except csv.Error as exc:
            yield number, f"not CSV: {exc}"
            continue
        if headed:
            yield number, fields
        elif tuple(field.lower() for field in fields) != COLUMNS:
            yield number, f'expected the heading "phone,token", seen {_shown(" | ".join(fields))}'
            return
        headed = True


def _name_fault(name: str, known: set[str]) -> str:
    if not name:
        return "expected a phone, seen an empty field"
    return "" if name in known else f"no phone is called {_shown(name)}"


def _token_fault(text: str) -> str:
    if not text:
        return "expected a token, seen an empty field"
    return "" if is_token(text) else f"expected a token, seen {len(text)} signs that are none"


def _shown(text: str) -> str:
    """A text of the file in a mistake; columns may have been swapped, so it may be the token."""
    if looks_like_token(text):
        return "something like a token (not shown): are the columns swapped?"
    short = redact(text)[:SEEN_LIMIT]
    return repr(short + ("…" if len(text) > SEEN_LIMIT else ""))


def _counted(mistakes: list[str]) -> str:
    return "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"


def is_token(text: str) -> bool:
    """Whether a text can be one pairing token: printable ASCII without blanks."""
    return 0 < len(text) <= 4096 and text.isascii() and text.isprintable() and " " not in text


def token_of_code(content: str) -> Token | None:
    """The pairing token in what a QR code says; None where there is none, or more than one.

    The panel's page does not tell what the code holds: the bare token, or a link or JSON with the
    token in it. Both are read.
    """
    text = content.strip()
    tokens = set(_PANEL_TOKEN.findall(text))
    if len(tokens) == 1:
        return Token(tokens.pop())
    if tokens or not is_token(text):
        return _token_of_json(text) if not tokens else None
    return None if "/" in text or text.startswith("{") else Token(text)


def _token_of_json(text: str) -> Token | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    token = value.get("pairing_token") if isinstance(value, dict) else None
    return Token(token) if isinstance(token, str) and is_token(token) else None
