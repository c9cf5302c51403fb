"""Whether a text fits into one message, as the phone's framework sees it (3GPP TS 23.038)."""

GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENDED = frozenset("^{}\\[~]|€\f")

SINGLE_SEPTETS, SINGLE_UNITS = 160, 70
PART_SEPTETS, PART_UNITS = 153, 67  # What a six-octet concatenation header leaves.


def septets(text: str) -> int | None:
    """The length in the GSM 7-bit alphabet; None when a character is not in it."""
    total = 0
    for char in text:
        if char in GSM7_BASIC:
            total += 1
        elif char in GSM7_EXTENDED:
            total += 2
        else:
            return None
    return total


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def overlong(parts: tuple[str, ...]) -> int | None:
    """The size (septets or units) of the first part that does not fit, or None.

    One part is a plain message. Several are a concatenated one, all in the same alphabet: a single
    character outside of GSM 7-bit makes every part UCS-2.
    """
    several = len(parts) > 1
    sizes = [septets(part) for part in parts]
    if None in sizes:
        limit = PART_UNITS if several else SINGLE_UNITS
        return next((size for size in map(units, parts) if size > limit), None)
    limit = PART_SEPTETS if several else SINGLE_SEPTETS
    return next((size for size in sizes if size is not None and size > limit), None)
