"""What every parser of phone output shares: lines, bounded integers, refusals without secrets."""

import re

from droidrack.core.errors import ParseError

TEXT_LIMIT = 4 * 1024 * 1024
"""Characters of one dump. The largest seen (`dumpsys telephony.registry`) has 0.4 million."""

_LONG_NUMBER = re.compile(r"[0-9]{7,}")
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,19})\s*", re.ASCII)


def lines_of(dump: str, text: str) -> list[str]:
    """The lines of a dump without their ends; CRLF and the CRCRLF of old shells are LF here.

    Raises:
        ParseError: the text is longer than any dump of a phone.
    """
    return unix_text(dump, text).split("\n")


def unix_text(dump: str, text: str) -> str:
    """The text with LF line ends; see `lines_of`."""
    if len(text) > TEXT_LIMIT:
        raise ParseError(dump, f"{len(text)} characters, more than {TEXT_LIMIT}")
    return re.sub(r"\r{1,2}\n", "\n", text) if "\r" in text else text


def refusal(dump: str, reason: str, text: str = "") -> ParseError:
    """A ParseError whose excerpt shows no run of digits long enough to be somebody's number."""
    head = text.lstrip()[:1024]
    return ParseError(dump, reason, _LONG_NUMBER.sub("•••", head))


def integer(text: str | None) -> int | None:
    """A decimal integer of at most 19 digits, blanks around it allowed; else None."""
    match = _INTEGER.fullmatch(text) if text is not None else None
    return int(match[1]) if match else None


def boolean(text: str | None) -> bool | None:
    """True for "true" and "1", False for "false" and "0", else None."""
    return {"true": True, "1": True, "false": False, "0": False}.get((text or "").strip().lower())


def name_or_none(text: str | None) -> str | None:
    """A trimmed name; None for an empty one and for Java's printed null."""
    name = (text or "").strip()
    return None if name in ("", "null") else name
