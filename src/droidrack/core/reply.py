"""What the answer of a `service call` proves.

A reply says that the method returned or threw, never that a message was sent. What matters most is
its `effect`: only `Effect.NONE` permits another try, so it is claimed only where the phone
certainly did nothing:

- the service was not there, or the tool or the shell refused before any call;
- the method threw. For a single message nothing follows the hand-over to the radio, so whatever was
  thrown came before it. A multipart message is handed over part by part: there only the exceptions
  of the entry checks (permission, unread arguments, bad arguments) mean "nothing".

All else is unknown: an empty or unreadable answer, a dead service, a failed transaction, a result
of another shape (another method ran), and also "unknown transaction" (-74), because that is how a
phone answers for an exception type that a parcel cannot carry.
"""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from droidrack.core.call import CallRow, Kind, Returns
from droidrack.core.errors import Effect, ParseError, excerpt
from droidrack.core.ids import SubId
from droidrack.core.parse.service_call import ServiceReply, parse_service_call

Result = int | bool | str | tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Returned:
    """The method came to its end. `value` has the row's shape: arrays are tuples, null is None."""

    value: Result

    @property
    def effect(self) -> Effect:
        """The method did what it does. For a message: it was handed over, not sent."""
        return Effect.DONE


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no. `code` is from core/codes.py; `message` is capped and masked."""

    code: str
    message: str
    effect: Effect = Effect.NONE


@dataclass(frozen=True, slots=True)
class Unclear:
    """An answer that does not tell whether the method worked. `code`, `message` as in Refused."""

    code: str
    message: str

    @property
    def effect(self) -> Effect:
        """Never a licence to try again."""
        return Effect.UNKNOWN


Reply = Returned | Refused | Unclear

EXCEPTION_CODES = {
    -1: "EXCEPTION_SECURITY",
    -2: "EXCEPTION_BAD_PARCELABLE",
    -3: "EXCEPTION_ILLEGAL_ARGUMENT",
    -4: "EXCEPTION_NULL_POINTER",
    -5: "EXCEPTION_ILLEGAL_STATE",
    -6: "EXCEPTION_NETWORK_MAIN_THREAD",
    -7: "EXCEPTION_UNSUPPORTED_OPERATION",
    -8: "EXCEPTION_SERVICE_SPECIFIC",
    -9: "EXCEPTION_PARCELABLE",
}

BINDER_CODES = {
    -1: "BINDER_NOT_PERMITTED",
    -2: "BINDER_NAME_NOT_FOUND",
    -22: "BINDER_BAD_VALUE",
    -32: "BINDER_DEAD_OBJECT",
    -74: "BINDER_UNKNOWN_TRANSACTION",
    -0x7FFFFFFE: "BINDER_FAILED_TRANSACTION",
}

ENTRY_EXCEPTIONS = frozenset({-1, -2, -3, -7})
"""Security, BadParcelable, IllegalArgument, UnsupportedOperation: thrown before any work."""

_TOOL_EXITS = frozenset({10, 20})  # No such service or bad arguments; no service manager.
_SHELL_EXITS = frozenset({126, 127})  # The tool could not be started.
_ABSENT = re.compile(r"[Ss]ervice \S+ does not exist")
_NO_TOOL = re.compile(r"\bservice: (?:inaccessible or )?not found")
_DIGITS = re.compile(r"\d{5,}")


def read_reply(
    row: CallRow,
    stdout: str,
    exit_code: int | None = None,
    stderr: str = "",
    *,
    hide: Iterable[str] = (),
) -> Reply:
    """What the output of a `service call` for `row` says.

    Args:
        row: the row that was called; its `returns` gives the shape of the value.
        stdout: the whole output; up to Android 6 with stderr's text in it.
        exit_code: None where the phone cannot tell (up to Android 6).
        stderr: "" where the phone cannot separate it.
        hide: what the caller passed (number, text): masked wherever the answer repeats it.
    """
    if "Result:" not in stdout:
        return _no_result(_masked(f"{stderr}\n{stdout}", hide), exit_code)
    try:
        reply = parse_service_call(stdout)
    except ParseError as exc:
        return Unclear("ANSWER_UNREADABLE", exc.reason)
    if reply.error is not None:
        status = reply.error.code
        code = "BINDER_ERROR" if status is None else BINDER_CODES.get(status, "BINDER_ERROR")
        return Unclear(code, _masked(f"{status} {reply.error.text}", hide))
    if reply.exception is not None:
        return _threw(row, reply.exception.code, _masked(reply.exception.message or "", hide))
    return _returned(row, reply)


def sub_id_of(value: Result) -> SubId | None:
    """The subscription in a value of `isub.get_sub_id`; None for an empty slot.

    Releases answer with one number or an array; for an empty slot with null, an empty array, -1, or
    a negative placeholder (-2 and below, Android 5.1 to 9).
    """
    first = value[0] if isinstance(value, tuple) and value else value
    return SubId(first) if isinstance(first, int) and first >= 0 else None


def _no_result(output: str, exit_code: int | None) -> Reply:
    text = excerpt(output)
    if _ABSENT.search(output):
        return Refused("SERVICE_MISSING", text)
    if exit_code in _TOOL_EXITS:
        return Refused("SERVICE_TOOL_REFUSED", text)
    if exit_code in _SHELL_EXITS or _NO_TOOL.search(output):
        return Refused("SERVICE_TOOL_MISSING", text)
    return Unclear("ANSWER_EMPTY", text or "no output")


def _threw(row: CallRow, status: int, message: str) -> Refused:
    in_parts = any(argument.kind is Kind.S16_LIST for argument in row.arguments)
    surely_nothing = status in ENTRY_EXCEPTIONS or (status in EXCEPTION_CODES and not in_parts)
    return Refused(
        EXCEPTION_CODES.get(status, "EXCEPTION_OTHER"),
        message,
        Effect.NONE if surely_nothing else Effect.UNKNOWN,
    )


def _returned(row: CallRow, reply: ServiceReply) -> Reply:
    if not reply.words:
        return Unclear("ANSWER_NULL", "the reply is empty; a Java method writes at least one word")
    if reply.status != 0:
        return Unclear("ANSWER_UNREADABLE", f"status {reply.status}")
    answer = _value(row.returns, reply)
    if answer is not None:
        return answer
    size = len(reply.words) - 1
    return Unclear("ANSWER_SHAPE", f"{row.name}: expected {row.returns}, saw {size} words")


def _value(returns: Returns, reply: ServiceReply) -> Returned | None:
    """The value behind the exception word; None when the words are not of this shape."""
    words = [int(word, 16) for word in reply.words[1:]]
    raw = struct.pack(f"<{len(words)}I", *words)
    match returns:
        case Returns.S16 if reply.has_string:
            return Returned(reply.string)
        case Returns.VOID if not words:
            return Returned(None)
        case Returns.I32 if len(words) == 1:
            return Returned(_unpack("i", raw)[0])
        case Returns.BOOL if words in ([0], [1]):
            return Returned(words == [1])
        case Returns.I64 if len(words) == 2:
            return Returned(_unpack("q", raw)[0])
        case Returns.I32_ARRAY | Returns.I64_ARRAY if words == [0xFFFFFFFF]:
            return Returned(None)
        case Returns.I32_ARRAY if words and len(words) == 1 + words[0]:
            return Returned(_unpack("i", raw[4:]))
        case Returns.I64_ARRAY if words and len(words) == 1 + 2 * words[0]:
            return Returned(_unpack("q", raw[4:]))
    return None


def _unpack(letter: str, raw: bytes) -> tuple[int, ...]:
    size = struct.calcsize(f"<{letter}")
    return struct.unpack(f"<{len(raw) // size}{letter}", raw)


def _masked(text: str, hide: Iterable[str]) -> str:
    for secret in sorted(filter(None, hide), key=len, reverse=True):
        text = text.replace(secret, "•••")
    return excerpt(_DIGITS.sub("•••", text))
