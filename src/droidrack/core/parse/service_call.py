"""The reply of `service call`, which is a hex dump of a Parcel or a sentence about a failure.

A reply says that the service's method returned or threw. It never says that a message was sent.
The dump shows 32-bit little-endian words as 8 hex digits and an ASCII column in quotes that may
itself hold quotes; up to Android 13 lines of a long dump are indented, from 14 a tab follows the
bracket and they are not.
"""

import re
from dataclasses import dataclass

from droidrack.core.parse.text import refusal, unix_text

_DUMP = "service call"
_OPENING = "Result: Parcel("
_LINE = re.compile(r"^\s*(?:0x[0-9a-f]{8}:)?([^']*)")
_WORD = re.compile(r"(?<![0-9a-fA-Fx])[0-9a-f]{8}(?![0-9a-fA-F:])")
_ERROR = re.compile(r'^Error: (0x[0-9a-f]{1,16}|-?[0-9]{1,10})(?: "([^"\n]{0,255})")?')
_COMPLAINT = re.compile(r"^service: (\S[^\n]{0,255})", re.MULTILINE)
_REPLY_LIMIT = 262144
"""Characters of a reply that are read: a Parcel of 64 KiB, far more than any call of ours."""

EXCEPTIONS = {
    -1: "SecurityException",
    -2: "BadParcelableException",
    -3: "IllegalArgumentException",
    -4: "NullPointerException",
    -5: "IllegalStateException",
    -6: "NetworkOnMainThreadException",
    -7: "UnsupportedOperationException",
    -8: "ServiceSpecificException",
    -9: "ParcelableException",
}
"""`Parcel.EX_*`. A code that is not here is still an exception, without a name."""

_STRICT_MODE_HEADER = -128
_APP_OPS_HEADER = -127
_HEADERS = (_STRICT_MODE_HEADER, _APP_OPS_HEADER)


@dataclass(frozen=True, slots=True)
class RemoteException:
    """The service's method threw. `message` may hold what the caller passed: do not log it."""

    code: int
    name: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class CallError:
    """There is no reply Parcel: binder's status (None: the `service` tool spoke) and its words."""

    code: int | None
    text: str


@dataclass(frozen=True, slots=True)
class ServiceReply:
    """A decoded reply.

    `words` are as printed and empty for `Parcel(NULL)`. `status` is the first word, signed.
    After a status of 0 `string` and `int` are the two readings of what follows; the caller knows
    which one the method returns. `has_string` and `has_int` tell a null string from none at all.
    """

    words: tuple[str, ...] = ()
    status: int | None = None
    exception: RemoteException | None = None
    error: CallError | None = None
    has_string: bool = False
    string: str | None = None
    has_int: bool = False
    int: "int | None" = None

    @property
    def returned(self) -> bool:
        """Whether the method certainly returned without throwing."""
        return self.error is None and self.status in (0, _STRICT_MODE_HEADER)


def parse_service_call(text: str) -> ServiceReply:
    """Decode what `service call` printed, on stdout or stderr.

    Raises:
        ParseError: no reply and no complaint of the tool, or a reply whose end is missing.
    """
    text = unix_text(_DUMP, text)
    start = text.find(_OPENING)
    if start < 0:
        complaint = _COMPLAINT.search(text)
        if complaint is None:
            raise refusal(_DUMP, "neither `Result: Parcel(` nor `service: ` found", text)
        return ServiceReply(error=CallError(None, complaint[1].strip()))
    body = text[start + len(_OPENING) :]
    if error := _ERROR.match(body):
        return ServiceReply(error=CallError(_signed_64(error[1]), error[2] or ""))
    if body.startswith("NULL"):
        return ServiceReply()
    return _reply(_words(body[:_REPLY_LIMIT], text))


def _words(body: str, text: str) -> tuple[str, ...]:
    """The hex words, up to the line that closes the dump."""
    words: list[str] = []
    for line in body.split("\n"):
        if line.lstrip().startswith("Object #"):
            return _checked(words, text)
        match = _LINE.match(line)
        words += _WORD.findall(match[1]) if match else []
        if line.rstrip().endswith("')"):
            return _checked(words, text)
    raise refusal(_DUMP, "the reply's closing bracket is missing: the answer was cut", text)


def _checked(words: list[str], text: str) -> tuple[str, ...]:
    if not words:
        raise refusal(_DUMP, "a Parcel without a single word", text)
    return tuple(words)


def _reply(words: tuple[str, ...]) -> ServiceReply:
    values = tuple(int(word, 16) for word in words)
    status = _signed(values[0])
    if status < 0 and status not in _HEADERS:
        message = _string(values, 1)
        named = RemoteException(status, EXCEPTIONS.get(status), message)
        return ServiceReply(words, status, exception=named)
    start = _result_start(values, status)
    if start is None or start >= len(values):
        return ServiceReply(words, status)
    text = _string(values, start)
    number = _signed(values[start])
    return ServiceReply(
        words,
        status,
        has_string=text is not None or number == -1,
        string=text,
        has_int=True,
        int=number,
    )


def _result_start(values: tuple[int, ...], status: int) -> int | None:
    """Index of the result's first word; None where it cannot be known.

    A strict-mode header says how long it is, counted from its size word, and stands only before
    results. The app-ops header (11 and later) does not say how long it is.
    """
    if status == 0:
        return 1
    if status == _STRICT_MODE_HEADER and len(values) > 1:
        size = _signed(values[1])
        return 1 + size // 4 if size >= 4 and size % 4 == 0 else None
    return None


def _string(values: tuple[int, ...], start: int) -> str | None:
    """The String16 at a word: length, UTF-16 units, a NUL, padding. None if there is none there.

    Numbers can look like a short string; control characters tell them apart.
    """
    if start >= len(values):
        return None
    length = _signed(values[start])
    size = (length + 2) // 2  # Words that hold the units and the NUL.
    if length < 0 or start + 1 + size > len(values):
        return None
    raw = b"".join(value.to_bytes(4, "little") for value in values[start + 1 : start + 1 + size])
    units, end = raw[: 2 * length], raw[2 * length :]
    text = units.decode("utf-16-le", "replace")
    if any(end) or any(char < " " and char not in "\t\r\n" for char in text):
        return None
    return text


def _signed(word: int) -> int:
    return word - (1 << 32) if word >= 1 << 31 else word


def _signed_64(text: str) -> int:
    """Two's complement of the width it is printed in: 8 digits on 32-bit phones, else 16."""
    if not text.startswith("0x"):
        return int(text)
    digits = text[2:]
    bits = 32 if len(digits) <= 8 else 64
    value = int(digits, 16)
    return value - (1 << bits) if value >= 1 << (bits - 1) else value
