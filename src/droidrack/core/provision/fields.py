"""What a key of a recipe may hold: one small schema, read by the loader and by the documentation.

pydantic was considered: it may not stand in the core, and the step pages of the manual want the
same sentences that a mistake shows.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SECRET_KEY = "secret"  # noqa: S105 (the name of a key, no secret)

_PACKAGE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z_]\w*)+\Z|android\Z")
_REMOTE = re.compile(r"/(data/local/tmp|sdcard|storage/emulated/0)/[^\0]+\Z")
_READABLE = re.compile(r"/[^\0]+\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of value: `expected` is the end of "expected …", `fits` judges a TOML value."""

    expected: str
    fits: Callable[[Any], bool]
    takes_variables: bool = False
    is_file: bool = False  # a path on this host, relative to the recipe
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a step: what it means in one sentence, and what stands when it is left out."""

    name: str
    kind: Kind
    text: str
    required: bool = False
    default: Any = None


def variables_in(value: Any) -> frozenset[str]:
    """Names used as `${name}` anywhere in a value."""
    if isinstance(value, str):
        return frozenset(_VARIABLE.findall(value))
    if isinstance(value, dict):
        return frozenset().union(*map(variables_in, value.values()))
    if isinstance(value, list | tuple):
        return frozenset().union(*map(variables_in, value))
    return frozenset()


def substituted(value: Any, variables: dict[str, str]) -> Any:
    """The value with every `${name}` replaced; KeyError for an unknown name."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: variables[found[1]], value)
    if isinstance(value, dict):
        return {key: substituted(item, variables) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(substituted(item, variables) for item in value)
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value and value.isprintable()


def _is_integer(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    """A text of a form, or one whose variables decide the form later."""
    return lambda value: _is_text(value) and bool(pattern.match(value) or _VARIABLE.search(value))


def _is_secret(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {SECRET_KEY}
        and isinstance(value[SECRET_KEY], str)
    )


TEXT = Kind("a text", _is_text, takes_variables=True)
SCRIPT = Kind(
    "a shell command",
    lambda value: isinstance(value, str) and bool(value.strip()) and "\0" not in value,
    takes_variables=True,
)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
PACKAGE = Kind("a package name such as org.example.app", _matching(_PACKAGE), takes_variables=True)
REMOTE = Kind("a path below /data/local/tmp or /sdcard", _matching(_REMOTE), takes_variables=True)
READABLE = Kind("an absolute path on the phone", _matching(_READABLE), takes_variables=True)
SHA256 = Kind("64 small hexadecimal digits", _matching(_SHA256), takes_variables=True)
FILE = Kind(
    "a path of a file, counted from the recipe", _is_text, takes_variables=True, is_file=True
)
FILES = Kind(
    "a list of paths of files, counted from the recipe",
    lambda value: isinstance(value, list) and bool(value) and all(map(_is_text, value)),
    takes_variables=True,
    is_file=True,
)
TEXTS = Kind(
    "a list of texts",
    lambda value: isinstance(value, list) and bool(value) and all(map(_is_text, value)),
    takes_variables=True,
)
SETTING_VALUE = Kind(
    "a text or a whole number",
    lambda value: _is_text(value) or type(value) is int,
    takes_variables=True,
)
SECRET = Kind('a reference such as { secret = "wifi" }, never the secret itself', _is_secret,
              is_secret=True)  # fmt: skip
TABLE = Kind(
    "a table of names and texts",
    lambda value: (
        isinstance(value, dict)
        and bool(value)
        and all(_is_text(item) or type(item) is int for item in value.values())
    ),
    takes_variables=True,
)


def integer(low: int, high: int) -> Kind:
    """A whole number within bounds."""
    return Kind(f"a whole number from {low} to {high}", _is_integer(low, high))


def choice(*words: str) -> Kind:
    """One of a few words."""
    return Kind(" or ".join(f'"{word}"' for word in words), lambda value: value in words)
