"""Says what is wrong with a `devices.toml`, in the operator's words.

A mistake reads `phones[3].slots[0].country: expected two capitals such as DE, seen "Germany"`, with
the phone's name behind it. The text of "expected …" is the description of the key in
`config_file.py`; what was seen is shortened, masked where it looks private, and left out where it
may be a secret.
"""

import json
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from droidrack.adapters.config_file import DevicesFile
from droidrack.adapters.config_rules import TO_REFERENCE, Mistake, Place, suggestion
from droidrack.core.errors import ConfigError
from droidrack.core.message import Priority
from droidrack.core.redact import redact

SEEN_LIMIT = 60
"""Characters of an operator's own value that a mistake repeats."""

SECRET_NAMES = frozenset(
    {"token", "pairing_token", "session_token", "password", "secret", "api_key", "authorization"}
)


def refusal(path: Path, tree: dict[str, Any], found: Iterable[Mistake]) -> ConfigError:
    """All mistakes as one error, in the order of their places, each once."""
    places: dict[str, None] = {}
    for place, text in sorted(found, key=lambda mistake: _order(mistake[0])):
        places[f"{_toml_path(place)}: {text}{_whose(place, tree)}"] = None
    count = "1 mistake" if len(places) == 1 else f"{len(places)} mistakes"
    return ConfigError(
        f"{path}: {count}",
        mistakes=tuple(places),
        hint="devices.example.toml shows every key with its meaning",
    )


def in_our_words(error: ErrorDetails) -> Mistake:
    """One of pydantic's errors as a mistake."""
    place = error["loc"]
    if error["type"] == "extra_forbidden":
        return place, _unknown_key(place)
    expected = _expected(place)
    if error["type"] == "missing":
        return place, f"missing; expected {expected}"
    if str(place[-1]).startswith(("token_", "secret_")):  # Perhaps the secret itself.
        return place, f"expected {expected}, seen something else (not shown)"
    return place, f"expected {expected}, seen {_seen(error['input'])}"


def _unknown_key(place: Place) -> str:
    key, known = str(place[-1]), _tables_of_file()
    here = [name for name, table in known if table is _table_at(place[:-1])]
    near = suggestion(key, here)
    if near:
        return f"unknown key{near}"
    if key.lower() in SECRET_NAMES:
        return f"a secret must not be written in this file; {TO_REFERENCE}"
    homes = [_table_name(table) for name, table in known if name == key]
    return f"unknown key; it belongs {homes[0]}" if homes else "unknown key"


def _tables_of_file(table: type[BaseModel] = DevicesFile) -> list[tuple[str, type[BaseModel]]]:
    """Every key of the file with the table that has it; outer tables first."""
    own = [(name, table) for name in table.model_fields]
    inner = [_inner_table(table, name) for name in table.model_fields]
    return own + [pair for sub in inner if sub for pair in _tables_of_file(sub)]


def _table_name(table: type[BaseModel]) -> str:
    if table is DevicesFile:
        return "at the top of the file, before any [table]"
    return f"in {(table.__doc__ or '').split(',')[0].rstrip('.').replace('`', '')}"


def _table_at(place: Place) -> type[BaseModel] | None:
    table: type[BaseModel] | None = DevicesFile
    for key in place:
        if isinstance(key, str) and table:
            table = _inner_table(table, key)
    return table


def _inner_table(table: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The table under a key, through a list where it is an array of tables."""
    annotation = table.model_fields[key].annotation
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _expected(place: Place) -> str:
    """The sentence of the key at a place, or of the list around an item."""
    keys = [key for key in place if isinstance(key, str)]
    while keys:
        table = _table_at(tuple(keys[:-1]))
        description = table.model_fields[keys[-1]].description if table else None
        if description:
            return description
        keys.pop()  # Under a key whose own keys are the operator's: the outer one has the sentence.
    return "something else"


def _seen(value: object) -> str:
    """A value as the operator wrote it, short and with what looks private masked."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = toml_value(redact(value)) if isinstance(value, str) else toml_value(value)
    return text if len(text) <= SEEN_LIMIT else f"{text[:SEEN_LIMIT]}…"


def _toml_path(place: Place) -> str:
    text = ""
    for key in place:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return redact(text.removeprefix("."))


def _order(place: Place) -> list[tuple[str, int]]:
    return [("", key) if isinstance(key, int) else (key, 0) for key in place]


def _whose(place: Place, tree: dict[str, Any]) -> str:
    """The phone's name, for nobody counts to `phones[37]`."""
    match place:
        case ("phones", int(index), *_):
            phone = tree["phones"][index]
            name = phone.get("name") if isinstance(phone, dict) else None
            return f" (phone {_seen(name)})" if isinstance(name, str) else ""
    return ""


def toml_value(value: object) -> str:
    """A value as TOML writes it; None, which TOML does not have, as an empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Priority):
        value = value.word
    if isinstance(value, int | float):
        return str(value).removesuffix(".0")
    if isinstance(value, dict):
        pairs = (f"{key} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, Enum):
        value = value.value
    return '""' if value is None else json.dumps(str(value), ensure_ascii=False)
