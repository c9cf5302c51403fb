"""What the operator reads while the rack runs: one line per event, on stderr.

Nothing is configured until a command that runs calls `configure`. Every line passes one mask: a
value in a `Masked` type shows its own mask, a key that names a secret shows none of its value, text
that others wrote is redacted, and an object of a type not known here shows its type only. The last
rule is also why a line cannot be lost to formatting: no foreign `__repr__` is ever called.

Levels follow from what is told, so that callers cannot disagree: an exception is an error, a line
that gives a reason is a warning, all else is information.
"""

import logging
import math
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import Any, TextIO

import structlog

from droidrack.core.errors import RackError
from droidrack.core.ids import Masked
from droidrack.core.redact import MASK, redact

SECRET_KEYS = frozenset(
    {
        "authorization",
        "body",
        "iccid",
        "imei",
        "imsi",
        "msisdn",
        "number",
        "password",
        "phone_number",
        "recipient",
        "secret",
        "text",
        "token",
    }
)
"""Keys whose values are never shown, also as the last word of a key (`session_token`)."""

PLAIN_KEYS = frozenset(
    {"at", "boot_id", "device", "gateway", "id", "phone", "serial", "sim", "slot", "uid", "usb"}
)
"""Keys of identifiers that an operator looks up: long, but no secret. Their texts are kept."""

REASON_KEYS = frozenset({"reason", "why", "trouble"})

TEXT_LIMIT = 2000
"""Characters of one value: an error with its hint fits, a dump does not."""

TRACE_LIMIT = 8000
"""Characters of a traceback, counted from its end, where the cause stands."""

DEPTH_LIMIT = 4
ITEM_LIMIT = 20

Line = MutableMapping[str, Any]


def configure(*, as_json: bool = False, stream: TextIO | None = None) -> None:
    """Send lines to `stream` (None: stderr), as JSON or for a person.

    What libraries log at WARNING and above passes the same mask; the rest of it is noise here.
    """
    target = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper("iso", utc=True),
            mask,
            _renderer(as_json, target),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=target),
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for earlier in [one for one in root.handlers if isinstance(one, LibraryLines)]:
        root.removeHandler(earlier)
    root.addHandler(LibraryLines(logging.WARNING))


def tell(event: str, /, **facts: object) -> None:
    """Log one event of ours. `exc_info` may be an exception; facts may hold `Masked` values."""
    exc = facts.pop("exc_info", None)
    if isinstance(exc, BaseException):
        facts["exception"] = "".join(traceback.format_exception(exc))
    level = "error" if exc else "warning" if REASON_KEYS & facts.keys() else "info"
    _write(level, event, facts)


def mask(_logger: Any, _method: str, line: Line) -> Line:
    """The structlog processor that makes every value plain, short and free of secrets."""
    return {key: _shown(key, value) for key, value in line.items()}


def _write(level: str, event: str, facts: Mapping[str, object]) -> None:
    fields = {f"{key}_" if key in ("event", "level") else key: facts[key] for key in facts}
    # A full disk behind stderr costs lines, not messages.
    with suppress(OSError):
        getattr(structlog.get_logger(), level)(event, level=level, **fields)


def _renderer(as_json: bool, target: TextIO) -> structlog.typing.Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _shown(key: str, value: object, depth: int = 0) -> object:
    if key == "timestamp":
        return value
    if key == "exception" and isinstance(value, str):
        return _printable(redact(value)[-TRACE_LIMIT:], keep="\n")
    if isinstance(value, Masked):
        return value.masked()
    if value is not None and _is_secret(key):
        return MASK
    return _plain(value, keep=key in PLAIN_KEYS, depth=depth)


def _is_secret(key: str) -> bool:
    name = key.lower()
    return name in SECRET_KEYS or any(name.endswith(f"_{secret}") for secret in SECRET_KEYS)


def _plain(value: object, *, keep: bool = False, depth: int = 0) -> object:
    """A value as JSON knows it: nothing here can raise, whatever the value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Masked):
        return value.masked()
    if isinstance(value, Enum):
        return _plain(value.value, keep=keep, depth=depth)
    if isinstance(value, int | float):
        return _plain_number(value, keep=keep)
    if isinstance(value, str):
        return _text(value, keep=keep)
    if depth < DEPTH_LIMIT and isinstance(value, dict):
        items = list(value.items())[:ITEM_LIMIT]
        return {name: _shown(name, item, depth + 1) for key, item in items if (name := _key(key))}
    if depth < DEPTH_LIMIT and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, keep=keep, depth=depth + 1) for item in list(value)[:ITEM_LIMIT]]
    if isinstance(value, RackError):
        return _text(f"{value.code}: {value.message}")
    if isinstance(value, BaseException):
        return _text("".join(traceback.format_exception_only(value)).strip())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return _text(str(value))
    return f"<{type(value).__name__}>"


def _plain_number(value: float, *, keep: bool) -> object:
    if not math.isfinite(value):
        return f"{value:f}"  # JSON has no NaN and no infinity.
    # A number of seven digits may be a subscriber's.
    return value if keep or abs(value) < 1_000_000 else redact(f"{value:.0f}")


def _key(key: object) -> str:
    return _text(key) if isinstance(key, str) else f"{key:d}" if isinstance(key, int) else ""


def _text(text: str, *, keep: bool = False) -> str:
    shown = _printable(text if keep else redact(text))
    return shown if len(shown) <= TEXT_LIMIT else f"{shown[: TEXT_LIMIT - 1]}…"


def _printable(text: str, keep: str = "") -> str:
    """The text with control, direction and surrogate characters escaped: they steer terminals."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode()
        for char in text
    )


class LibraryLines(logging.Handler):
    """Brings lines of libraries under the same mask."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = record.getMessage()
        except (
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
        ):  # Arguments that do not fit the format.
            event = record.msg if isinstance(record.msg, str) else f"<{type(record.msg).__name__}>"
        facts: dict[str, object] = {"library": record.name}
        if record.exc_info and record.exc_info[1]:
            facts["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
        _write("error" if record.levelno >= logging.ERROR else "warning", event, facts)
