"""What a reader sees as one character: grapheme clusters, as far as a split must respect them.

The rules of Unicode annex 29 that occur in messages: CR LF, combining marks and variation
selectors, skin tones and tags, emoji joined by ZWJ, flags, Korean jamo. Left out are the rules for
prepended signs and Indic conjuncts, which Android's own divider has on some releases only.
"""

import unicodedata
from collections.abc import Iterator

_ZWJ = "\N{ZERO WIDTH JOINER}"
_ZWNJ = "\N{ZERO WIDTH NON-JOINER}"


def clusters(text: str) -> Iterator[str]:
    """The text in pieces that should not be torn apart; joined they are the text."""
    start = flags = 0
    for index, char in enumerate(text):
        if index and not _joins(text[start], text[index - 1], char, flags):
            yield text[start:index]
            start, flags = index, 0
        flags += _is_flag_half(char)
    if text:
        yield text[start:]


def _joins(first: str, last: str, char: str, flags: int) -> bool:
    """Whether `char` belongs to the cluster `first … last`, which holds `flags` flag halves."""
    if _is_control(last) or _is_control(char):
        return last == "\r" and char == "\n"
    if _extends(char):
        return True
    if last == _ZWJ:
        return _is_pictograph(first) and _is_pictograph(char)
    if _is_flag_half(char):
        return flags == 1 and _is_flag_half(last)
    return _jamo_joins(last, char)


def _is_control(char: str) -> bool:
    category = unicodedata.category(char)
    return category in ("Cc", "Zl", "Zp", "Cs") or (category == "Cf" and not _extends(char))


def _extends(char: str) -> bool:
    return (
        char in (_ZWJ, _ZWNJ)
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags of subdivision flags
        or unicodedata.category(char) in ("Mn", "Me", "Mc")
    )


def _is_pictograph(char: str) -> bool:
    # The range covers emoji newer than this Python's character database.
    return unicodedata.category(char) == "So" or "\U0001f000" <= char <= "\U0001faff"


def _is_flag_half(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _jamo_joins(last: str, char: str) -> bool:
    leads = "\u1100" <= last <= "\u115f" or "\ua960" <= last <= "\ua97c"
    follows = "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7fb"
    syllable = "\uac00" <= char <= "\ud7a3" or "\u1100" <= char <= "\u115f"
    after = leads or "\uac00" <= last <= "\ud7a3" or "\u1160" <= last <= "\u11ff"
    return (leads and (follows or syllable)) or (after and follows)
