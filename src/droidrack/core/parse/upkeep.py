"""Short outputs that tell how a phone is kept: its disk, its doze, its SMS app.

Each returns None for what it does not know: a phone's health is read on the side, and one answer of
an unknown form must not hide the others.
"""

import re

from droidrack.core.parse.text import integer, lines_of

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?)")
_UNIT = {"": 1024, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
"""Bytes; a bare number is counted in blocks of 1 KiB, as `df -k` prints it."""

_DEEP = re.compile(r"\bmState=([A-Z_]+)")
_WORD = re.compile(r"[A-Z_]{3,24}")
_PACKAGE = re.compile(r"[A-Za-z]\w*(?:\.\w+)+")
_SMS_HOLDER = re.compile(r"name=android\.app\.role\.SMS\s+(?:\w+=\w*\s+)*?holders=([\w.]+)")


def free_bytes(text: str) -> int | None:
    """Free space of the one file system that `df -k PATH` shows.

    The column is named `Available` since Android 7 and `Free`, in `52.2G`, before.
    """
    lines = [line.split() for line in lines_of("df", text) if line.strip()]
    if len(lines) != 2:
        return None
    heads = [word for word in lines[0] if word not in ("Mounted", "on")]
    column = next((i for i, word in enumerate(heads) if word in ("Available", "Free")), None)
    if column is None or column >= len(lines[1]):
        return None
    size = _SIZE.fullmatch(lines[1][column])
    return None if size is None else round(float(size[1]) * _UNIT[size[2]])


def epoch_s(text: str) -> int | None:
    """The phone's clock, from `date +%s`."""
    return integer(text.strip())


def doze_state(text: str) -> str | None:
    """The deep doze state, from `dumpsys deviceidle get deep` or from the whole dump."""
    word = text.strip()
    if _WORD.fullmatch(word):
        return word
    found = _DEEP.search(text)
    return found[1] if found else None


def sms_app(role_dump: str, setting: str) -> str | None:
    """The default SMS app: the role's holder (Android 10 and later), else the setting."""
    holder = _SMS_HOLDER.search(role_dump)
    name = holder[1] if holder else setting.strip()
    return name if _PACKAGE.fullmatch(name) else None
