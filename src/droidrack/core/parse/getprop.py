"""`getprop`: all system properties, and Android's lists by SIM slot among them.

A line is `[key]: [value]`. Values are not escaped: they may hold brackets and line breaks, so a
value ends only where the next `[key]: [` begins a line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern

from droidrack.core.parse.text import refusal, unix_text

_ENTRY = re.compile(r"^\[([^\]\n]{1,256})\]: \[", re.MULTILINE)
_ELEMENT = re.compile(r"((?:\\.|[^,\\])*)(,|\Z)", re.DOTALL)
SLOT_LIMIT = 8
"""Slots of one phone; the most ever built is 4."""


@dataclass(frozen=True, slots=True)
class Properties:
    """System properties by name, values as printed."""

    values: Mapping[str, str]

    def get(self, key: str) -> str | None:
        """A property; None when it is not set. An empty value is ""."""
        return self.values.get(key)

    @property
    def slot_count(self) -> int:
        """Slots that Android lists: those of `gsm.sim.state`, else of the phone types; or 0."""
        for key in ("gsm.sim.state", "gsm.current.phone-type"):
            if key in self.values:
                return min(len(_elements(self.values[key])), SLOT_LIMIT)
        return 0

    def per_slot(self, key: str) -> tuple[str | None, ...] | None:
        """A `gsm.*` list by slot, as long as `slot_count`; None when the property is not set.

        Android leaves out empty entries at the end of a list: those, and empty ones elsewhere, are
        None. What a list says of slots that are not there is left out. A list of names with more
        entries than slots holds names with commas: pieces that start with a blank belong to the
        name before; where that does not settle it, no slot gets a value.
        """
        text = self.values.get(key)
        if text is None:
            return None
        count = self.slot_count
        entries = _elements(text)
        while len(entries) > count and not entries[-1]:
            entries.pop()
        if len(entries) > count and key.endswith(".alpha"):
            entries = [text] if count == 1 else _rejoined(entries)
            entries = entries if len(entries) <= count else []
        entries = entries[:count]
        padded = entries + [""] * (count - len(entries))
        return tuple(entry.strip() or None for entry in padded)


def parse_getprop(text: str) -> Properties:
    """Read the output of `getprop`, whole or filtered by lines.

    Returns:
        Every property. An entry that was cut before its closing bracket is left out.

    Raises:
        ParseError: there is no entry at all. Nothing else, whatever the text.
    """
    text = unix_text("getprop", text)
    starts = list(_ENTRY.finditer(text))
    values: dict[str, str] = {}
    for index, start in enumerate(starts):
        end = starts[index + 1].start() if index + 1 < len(starts) else len(text)
        value = _value(text[start.end() : end].rstrip("\n"))
        if value is not None:
            # A rack holds the same thousand names, and mostly the same values, once per phone.
            values[intern(start[1])] = intern(value)
    if not values:
        raise refusal("getprop", "no line such as `[key]: [value]` found", text)
    return Properties(values)


def _value(rest: str) -> str | None:
    """The value before its closing bracket; lines after it are not getprop's."""
    if rest.endswith("]"):
        return rest[:-1]
    end = rest.rfind("]\n")
    return rest[:end] if end >= 0 else None


def _elements(text: str) -> list[str]:
    """Split at commas; from Android 11 a comma inside an element is written with a backslash."""
    elements: list[str] = []
    position = 0
    while position <= len(text):
        match = _ELEMENT.match(text, position)
        if match is None:  # A lone backslash at the end.
            return text.split(",")
        elements.append(re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL))
        if not match[2]:
            break
        position = match.end()
    return elements


def _rejoined(entries: list[str]) -> list[str]:
    """Entries of a list whose names hold ", "."""
    joined: list[str] = []
    for entry in entries:
        if joined and entry.startswith(" "):
            joined[-1] += f",{entry}"
        else:
            joined.append(entry)
    return joined
