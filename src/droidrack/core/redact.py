"""Masks what could be a telephone number or a secret in foreign text.

Our own values are masked by their types (`core/ids.py`). Text that others wrote (a phone's output,
a panel's answer, a traceback) has no types, so it is searched for runs that look like one. Hiding
too much is the lesser harm; dates and IPv4 addresses are kept, for without them such a text is of
no use. Redact before cutting: half a token no longer looks like one.
"""

import re

MASK = "•••"

_NAMES = r"(?:pairing_?|session_?|access_?)?token|authorization|password|passwd|secret|api_?key"

# `token=abc`, `"session_token": "abc"`, `Authorization: Bearer abc`.
_NAMED = re.compile(
    rf"""(?ix) \b(?P<name>{_NAMES}) (?P<mid>["']?\s{{0,4}}[:=]\s{{0,4}})
         (?: "[^"\n]*"? | '[^'\n]*'? | (?:(?:bearer|basic)\s+)? [^\s"',;&}}\]]+ )"""
)
_BEARER = re.compile(r"(?i)\b(?P<name>bearer)(?P<mid>\s+)[^\s\"',;]+")

# The panel's pairing tokens and JSON Web Tokens, which session tokens are.
_TOKEN = re.compile(r"\bATKN-[\w-]+|\beyJ[\w-]{5,}(?:\.[\w-]*){0,2}")

# 24: longer than class names with a digit in them, not longer than the shortest usual token (hex of
# 12 bytes). A run must hold a letter and a digit; words and plain numbers are judged elsewhere.
_LONG_RUN = re.compile(r"(?<![\w-])[\w-]{24,}")

# Digits with what people and dumps put between them: 7 digits are the shortest number that names a
# subscriber. The dot is how `service call` prints UTF-16.
_DIGITS = re.compile(r"\+?\(?\d(?:[\s().\-/]{0,3}\d){6,}")
_DATE = re.compile(
    r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:\s(?:[01]\d|2[0-3])(?!\d))?"
)
_IPV4 = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}")


def looks_like_token(text: str) -> bool:
    """Whether the text holds a token in one of the panel's own forms."""
    return _TOKEN.search(text) is not None


def redact(text: str) -> str:
    """The text with runs that look like numbers or secrets masked.

    Runs of 7 or more digits keep their last two, as `TailMasked` does. Applying it twice changes
    nothing more.
    """
    text = _NAMED.sub(_keep_name, text)
    text = _BEARER.sub(_keep_name, text)
    text = _TOKEN.sub(MASK, text)
    text = _LONG_RUN.sub(_mask_mixed, text)
    return _DIGITS.sub(_mask_number, text)


def _keep_name(found: re.Match[str]) -> str:
    return f"{found['name']}{found['mid']}{MASK}"


def _mask_mixed(found: re.Match[str]) -> str:
    run = found[0]
    mixed = any(char.isdigit() for char in run) and any(char.isalpha() for char in run)
    return MASK if mixed else run


def _mask_number(found: re.Match[str]) -> str:
    run = found[0]
    if _DATE.fullmatch(run) or _IPV4.fullmatch(run):
        return run
    digits = "".join(char for char in run if char.isdigit())
    return MASK + digits[-2:]
