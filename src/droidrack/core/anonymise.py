"""Takes the identities out of a phone's outputs, and leaves their shape.

For captures that are given away: a parser must find the same layout, lengths and kinds of
characters, and nobody a subscriber, a card, a phone or a place. Each identity is replaced by
invented characters of its own kinds, the same one everywhere in one capture; a key that is thrown
away afterwards makes that a one-way street, for digits alone could be tried out.

What is taken for an identity: what the phone told about itself (numbers, ICCIDs, IMSIs, serials),
runs of seven digits or more, cell identities and `number=` of any length, hashed and masked ICCIDs,
addresses of the network, UUIDs. Android's markers for "not known" stay, and so does what names a
build or a network operator. ICCIDs begin 8901 and IMSIs 00101 afterwards, whoever issued them.
"""

import hmac
import re
import struct
from collections.abc import Iterable, Iterator
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits

from droidrack.core.errors import ParseError
from droidrack.core.parse.service_call import parse_service_call

MARKERS = frozenset(
    {
        "2147483647",
        "2147483648",
        "4294967295",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
    }
)
"""Integers by which Android says "not known"; no identity."""

_CELL = r"(?i:Ci|Cid|Nci|Eci|Lac|Tac|Pci|Psc|Bsic|Bsid|NetworkId|SystemId|BasestationId)"
_CELL_VALUE = re.compile(rf"(?P<key>\bm?{_CELL}\s?[=:]\s?)(?P<value>-?\d+)")
_CELL_LIST = re.compile(r"(?P<key>mCellLocation=\[)(?P<value>[-\d, ]+)")
_PLACE = re.compile(r"(?P<key>\bm?(?:Latitude|Longitude)[=:]\s?)(?P<value>-?\d+)")
_NUMBER = re.compile(
    r"(?P<key>\b(?:number|address|line1|msisdn|card_id|cardString|icc_?[iI]d|imsi|mVoiceMailNumber)"
    r"=)(?P<value>[^\s,}\[\]]+)"
)
_HASHED = re.compile(r"(?P<key>\[)(?P<value>(?=[^\]]*[0-9+/_=-])[A-Za-z0-9+/_-]{20,}={0,2})(?=\])")
_UUID = re.compile(r"(?P<key>)(?P<value>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)")
_IPV4 = re.compile(r"(?P<key>)(?P<value>(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]))")
_IPV6 = re.compile(  # With a letter or a gap in it: a time of day has neither.
    r"(?P<key>)(?P<value>(?<![\w:])(?=[0-9:]*(?:[a-fA-F]|::))"
    r"(?:[0-9a-fA-F]{1,4}:){2,7}[0-9a-fA-F:]*(?!\w))"
)
_RUN = re.compile(r"(?P<key>)(?P<value>\d{7,})")
_WORDS = frozenset({"null", "NULL", "true", "false", "unknown", "BLOB"})

_EVERYWHERE = (_CELL_VALUE, _PLACE, _NUMBER, _HASHED, _UUID, _IPV6, _IPV4, _RUN)

KNOWN_AT_LEAST = 4
"""Characters of a value that is looked for everywhere: a shorter one is there by chance."""


class Anonymiser:
    """Replaces identities in the outputs of one phone.

    Args:
        key: secret, new for each capture, at least 16 bytes.
        iccids: the phone's own, as far as it tells them; replaced wherever they stand.
        imsis: likewise.
        others: numbers, serials and whatever else names the phone or its user.
    """

    def __init__(
        self,
        key: bytes,
        *,
        iccids: Iterable[str] = (),
        imsis: Iterable[str] = (),
        others: Iterable[str] = (),
    ) -> None:
        self._key = key
        known = dict.fromkeys(iccids, "8901") | dict.fromkeys(imsis, "00101")
        for value in others:
            known.setdefault(value.removeprefix("+"), "")
        self._known = {
            value: self._invented(value, prefix)
            for value, prefix in sorted(known.items(), key=lambda item: -len(item[0]))
            if len(value) >= KNOWN_AT_LEAST
        }
        # What was invented is not replaced again, where a second pattern finds it.
        self._done: set[str] = set()
        for invented in self._known.values():
            self._note(invented)

    def text(self, text: str) -> str:
        """A dump without identities; line by line as long as before."""
        for value, invented in self._known.items():
            text = text.replace(value, invented)
        text = _CELL_LIST.sub(lambda found: found["key"] + self._numbers(found["value"]), text)
        for pattern in _EVERYWHERE:
            text = pattern.sub(lambda found: found["key"] + self._replaced(found["value"]), text)
        return text

    def known_only(self, text: str) -> str:
        """A dump of which only what is known of this phone is replaced: one of plain measures."""
        for value, invented in self._known.items():
            text = text.replace(value, invented)
        return text

    def service_call(self, text: str) -> str:
        """A reply of `service call`: the words and the column beside them alike."""
        try:
            reply = parse_service_call(text)
        except ParseError:
            return self.text(text)
        if not reply.string or not reply.words:
            return text if reply.words else self.text(text)
        return _with_string(text, reply.string, self.text(reply.string))

    def leaks(self, text: str) -> bool:
        """Whether anything known of this phone still stands in a text."""
        return any(value in text for value in self._known)

    def _numbers(self, values: str) -> str:
        return re.sub(r"-?\d+", lambda found: self._replaced(found[0]), values)

    def _replaced(self, value: str) -> str:
        bare = value.lstrip("-+")
        if value == "-1" or bare in MARKERS or bare in _WORDS or not bare.strip("0"):
            return value
        if value in self._done:
            return value
        # E.118: cards for telecommunication begin with 89; releases from 7 on print nine digits.
        is_card = re.match(r"89\d{7}", bare) is not None and len(bare) != 10
        invented = self._invented(value, "8901" if is_card else "")
        self._note(invented)
        return invented

    def _note(self, invented: str) -> None:
        self._done |= {invented, *re.findall(r"\d{7,}", invented)}

    def _invented(self, value: str, prefix: str) -> str:
        """Other characters of the same kinds; a number that begins with no zero still does not."""
        stream = self._stream(value)
        out = [self._other(char, next(stream)) for char in value]
        if prefix and value[: len(prefix)].isdigit():
            out[: len(prefix)] = prefix[: len(value)]
        elif value[:1] in "123456789" and out[0] == "0":
            out[0] = "5"
        return "".join(out)

    @staticmethod
    def _other(char: str, byte: int) -> str:
        if char in digits:
            return digits[byte % 10]
        if char in "abcdef":
            return "abcdef"[byte % 6]
        for alphabet in (ascii_lowercase, ascii_uppercase):
            if char in alphabet:
                return alphabet[byte % 26] if char not in "ABCDEF" else "ABCDEF"[byte % 6]
        # Letters of other scripts become Latin ones; punctuation keeps the shape.
        return ascii_letters[byte % 52] if char.isalpha() else char

    def _stream(self, value: str) -> Iterator[int]:
        block = 0
        while True:
            message = f"{block}:{value}".encode("utf-8", "surrogatepass")
            yield from hmac.digest(self._key, message, "sha256")
            block += 1


# --- The words of a parcel ------------------------------------------------------------------------

_WORD = re.compile(r"\b[0-9a-f]{8}\b")
_OFFSET = re.compile(r"^\s*0x[0-9a-f]{8}:")


def _with_string(text: str, old: str, new: str) -> str:
    """The reply with one UTF-16 string replaced by another of the same length."""
    lines = text.split("\n")
    places: list[tuple[int, int]] = []  # (line, column) of each word
    for index, line in enumerate(lines):
        head = line.partition("'")[0]
        begin = match.end() if (match := _OFFSET.match(head)) else head.find("(") + 1
        places += [(index, found.start()) for found in _WORD.finditer(head, begin)]
    content = b"".join(struct.pack("<I", int(lines[i][c : c + 8], 16)) for i, c in places)
    raw_old, raw_new = (value.encode("utf-16-le", "surrogatepass") for value in (old, new))
    at = content.find(raw_old)
    if at < 0 or len(raw_old) != len(raw_new):
        raise ValueError("the string stands in the reply, and its substitute is as long")
    changed = content[:at] + raw_new + content[at + len(raw_new) :]
    first: dict[int, int] = {}
    for number, (index, column) in enumerate(places):
        first.setdefault(index, number)
        word = f"{struct.unpack_from('<I', changed, 4 * number)[0]:08x}"
        lines[index] = lines[index][:column] + word + lines[index][column + 8 :]
    for index, number in first.items():
        count = 4 * sum(place[0] == index for place in places)
        shown = "".join(map(_shown, changed[4 * number : 4 * number + count]))
        before, quote, after = lines[index].partition("'")
        if quote:
            lines[index] = f"{before}'{shown}{after[len(shown) :]}"
    return "\n".join(lines)


def _shown(byte: int) -> str:
    """A byte in the column beside the words (`printHexData`)."""
    return chr(byte) if 0x20 <= byte < 0x7F else "."
