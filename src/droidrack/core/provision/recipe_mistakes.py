"""How mistakes of a recipe are said: the file, the place, what was expected, what was seen."""

from collections.abc import Mapping
from typing import Any

from droidrack.core.redact import redact


class Sayer:
    """Collects what is wrong with one file."""

    def __init__(self, mistakes: list[str], file: str) -> None:
        self.file = file
        self._mistakes = mistakes

    def __call__(self, mistake: str) -> None:
        self._mistakes.append(f"{self.file}: {mistake}")

    def table(self, tree: Mapping[str, Any], key: str) -> dict[str, Any]:
        """A table, empty where it is absent or none."""
        value = tree.get(key, {})
        if isinstance(value, dict):
            return value
        self(f"{key}: expected a table, seen {as_seen(value)}")
        return {}

    def texts(self, tree: Mapping[str, Any], key: str, path: str) -> list[str]:
        """A list of texts, empty where it is absent or none."""
        value = tree.get(key, [])
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return value
        self(f"{path}{key}: expected a list of texts, seen {as_seen(value)}")
        return []

    def unknown(self, tree: Mapping[str, Any], known: set[str], path: str) -> None:
        """Complain about keys that nobody reads."""
        for key in sorted(tree.keys() - known):
            self(f"{path}{key}: unknown key; expected one of {', '.join(sorted(known))}")


def as_seen(value: object) -> str:
    """What stands there instead, short and redacted."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return redact(text if len(text) <= 60 else text[:60] + "…")
