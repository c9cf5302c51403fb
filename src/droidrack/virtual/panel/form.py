"""Validation of a request's fields, with the messages of the framework the panel is written in."""

import re
from collections.abc import Mapping
from datetime import datetime


class Invalid(Exception):
    """The request breaks a rule: status 422. `errors` maps a field's path to its sentences."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(", ".join(errors))
        self.errors = dict(errors)

    @property
    def summary(self) -> str:
        """The first sentence, and how many follow."""
        sentences = [sentence for several in self.errors.values() for sentence in several]
        more = len(sentences) - 1
        if not more:
            return sentences[0]
        return f"{sentences[0]} (and {more} more error{'s' if more > 1 else ''})"


_ABSENT = object()


class Form:
    """Reads typed fields and collects every mistake; `check` raises them together.

    `prefix` is the path of a nested form, such as `statuses.0.`. What is not an object counts as
    an empty one, as the framework does with a body it cannot read.
    """

    def __init__(self, fields: object, prefix: str = "") -> None:
        self._fields: dict[str, object] = fields if isinstance(fields, dict) else {}
        self._prefix = prefix
        self.errors: dict[str, list[str]] = {}

    def check(self) -> None:
        """Raise Invalid if any field was wrong."""
        if self.errors:
            raise Invalid(self.errors)

    def refuse(self, name: str, rule: str) -> None:
        """Add a mistake: "The <field> <rule>"."""
        path = self._prefix + name
        self.errors.setdefault(path, []).append(f"The {path.replace('_', ' ')} {rule}")

    def __contains__(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def text(self, name: str, *, longest: int = 255, required: bool = True) -> str:
        """A string of 1 to `longest` characters; "" where it is absent or wrong."""
        value = self._fetch(name, required)
        if value is _ABSENT:
            return ""
        if not isinstance(value, str):
            self.refuse(name, "field must be a string.")
            return ""
        if len(value) > longest:
            self.refuse(name, f"field must not be greater than {longest} characters.")
        if not _storable(value):
            self.refuse(name, "field must be valid UTF-8.")
            return ""
        return value

    def match(self, name: str, pattern: str, *, required: bool = True) -> str:
        """A string of a fixed shape."""
        value = self.text(name, required=required)
        if value and not re.fullmatch(pattern, value):
            self.refuse(name, "field format is invalid.")
        return value

    def word(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name)
        if value and value not in allowed:
            self.refuse(name, "is invalid.")
        return value

    def integer(self, name: str, low: int, high: int, *, required: bool = True) -> int | None:
        """A whole number within limits. JSON's true is not one."""
        value = self._fetch(name, required)
        if value is _ABSENT:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(name, "field must be an integer.")
            return None
        if not low <= value <= high:
            self.refuse(name, f"field must be between {low} and {high}.")
        return value

    def boolean(self, name: str) -> bool | None:
        """True, false, 1 or 0; None where it is absent."""
        value = self._fetch(name, required=False)
        if value is _ABSENT:
            return None
        if not isinstance(value, int) or value not in (0, 1):
            self.refuse(name, "field must be true or false.")
            return None
        return bool(value)

    def moment(self, name: str) -> str:
        """A time written `YYYY-MM-DD HH:MM:SS`, kept as it was written."""
        value = self.match(name, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
        if value and name not in self._failed():
            try:
                datetime.fromisoformat(value)
            except ValueError:
                self.refuse(name, "field must match the format Y-m-d H:i:s.")
        return value

    def items(self, name: str, longest: int) -> list[object]:
        """A list of 1 to `longest` entries."""
        value = self._fetch(name, required=True)
        if value is _ABSENT:
            return []
        if not isinstance(value, list):
            self.refuse(name, "field must be an array.")
            return []
        if len(value) > longest:
            self.refuse(name, f"field must not have more than {longest} items.")
            return []
        return value

    def _failed(self) -> set[str]:
        return {path.removeprefix(self._prefix) for path in self.errors}

    def _fetch(self, name: str, required: bool) -> object:
        value = self._fields.get(name)
        if value in ("", None) or value == []:
            if required:
                self.refuse(name, "field is required.")
            return _ABSENT
        return value


def _storable(text: str) -> bool:
    """Whether the text has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
