"""The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1).

National language tables are left out on purpose. Android uses them only where the SIM's country
turns them on, which the host cannot see, and they only ever make a text shorter: what is counted
here without them is an upper bound, and a segment that fits here fits there (67 characters of two
septets and the longest header are 148 of 160 septets).
"""

DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Position = septet. Position 27 is the escape to the extension table, not a character."""

EXTENSION = "\f^{}\\[~]|€"
"""Characters written as the escape and one more septet."""

_SEPTETS = dict.fromkeys(DEFAULT.replace("\x1b", ""), 1) | dict.fromkeys(EXTENSION, 2)


def septets(char: str) -> int:
    """How many septets one character takes: 1 or 2; 0 when the alphabet does not have it."""
    return _SEPTETS.get(char, 0)
