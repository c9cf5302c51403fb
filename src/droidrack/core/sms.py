"""How a text becomes segments.

One message holds 160 septets or 70 UTF-16 units; in a longer one every segment gives 6 octets to
the concatenation header and holds 153 septets or 67 units (3GPP TS 23.038, 23.040). One character
outside the GSM alphabet turns the whole text into UCS-2.

Android splits nothing itself when asked over binder: the parts we hand over are the segments that
go out, so they are cut here, where its own `SmsManager.divideMessage` cuts: never inside an escape
pair or a surrogate pair, and between graphemes where one fits into a segment at all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from droidrack.core.grapheme import clusters
from droidrack.core.gsm7 import septets


class Encoding(StrEnum):
    """Data coding of a message."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


SINGLE_LIMIT = {Encoding.GSM7: 160, Encoding.UCS2: 70}
"""Units of a message that stands alone: 140 octets of user data."""

PART_LIMIT = {Encoding.GSM7: 153, Encoding.UCS2: 67}
"""Units of each segment of a longer message: 134 octets beside the header."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A text as the radio sends it. `units` are septets or UTF-16 units, headers not counted."""

    encoding: Encoding
    units: int
    segments: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many segments; what operators bill and limits count."""
        return len(self.segments)

    def __repr__(self) -> str:
        return f"Segmentation({self.encoding}, units={self.units}, count={self.count})"


@lru_cache(maxsize=4096)
def segment_count(text: str) -> int:
    """How many segments a text has. Asked again at every look at a message that waits."""
    return segment(text).count


def segment(text: str) -> Segmentation:
    """The segments of a text; an empty text is one empty segment. Joined they are the text."""
    encoding = Encoding.GSM7 if all(map(septets, text)) else Encoding.UCS2
    units = _units(text, encoding)
    if units <= SINGLE_LIMIT[encoding]:
        return Segmentation(encoding, units, (text,))
    limit = PART_LIMIT[encoding]
    atoms = text if encoding is Encoding.GSM7 else _atoms(text, limit)
    return Segmentation(encoding, units, tuple(_fill(atoms, encoding, limit)))


def _units(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return sum(map(septets, text))
    return sum(2 if char > "\uffff" else 1 for char in text)


def _atoms(text: str, limit: int) -> Iterator[str]:
    """Graphemes; one that no segment can hold is cut between its code points."""
    for cluster in clusters(text):
        if _units(cluster, Encoding.UCS2) <= limit:
            yield cluster
        else:
            yield from _fill(cluster, Encoding.UCS2, limit)


def _fill(atoms: Iterable[str], encoding: Encoding, limit: int) -> Iterator[str]:
    """Segments of whole atoms, each as full as it can be."""
    held: list[str] = []
    room = limit
    for atom in atoms:
        size = _units(atom, encoding)
        if size > room:
            yield "".join(held)
            held, room = [], limit
        held.append(atom)
        room -= size
    if held:
        yield "".join(held)
