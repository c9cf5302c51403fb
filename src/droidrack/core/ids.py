"""Identifiers of the field, each with a type of its own.

Slot, subscription id and phone id are three different integers and are never a bare `int`. Whatever
could identify a person or open a door (numbers, bodies, tokens, SIM identities) is a `Masked`
value: its `str` and `repr` hide it, and `.reveal()` is called at the radio and on the wire only.
"""

from dataclasses import dataclass
from typing import NewType

Serial = NewType("Serial", str)
"""The adb transport's name for a phone: opaque; two phones may share a hardware serial."""

UsbPath = NewType("UsbPath", str)
"""Port path of the USB tree, such as `1-2.3`."""

DeviceUuid = NewType("DeviceUuid", str)
"""The phone as the panel and the journal know it; survives factory resets and hosts."""

Slot = NewType("Slot", int)
"""Physical SIM slot, counted from 0."""

SubId = NewType("SubId", int)
"""Android's subscription id: grows with every new SIM; never the slot."""

PhoneId = NewType("PhoneId", int)
"""Logical modem index in dumps and in the radio log."""

MessageUid = NewType("MessageUid", str)
"""The panel's identifier of a message; unique for good."""


@dataclass(frozen=True, slots=True, repr=False)
class Masked:
    """A secret string that prints as dots. Equality and hash are those of the value."""

    value: str

    def reveal(self) -> str:
        """The value itself. Only for the radio, the panel's wire and the journal's own columns."""
        return self.value

    def masked(self) -> str:
        """What may be shown to a person."""
        return "•••"

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked()})"


class Token(Masked):
    """A pairing token or a session token."""

    __slots__ = ()


class Body(Masked):
    """The text of a message."""

    __slots__ = ()

    def masked(self) -> str:
        return f"[{len(self.value)} characters]"


class TailMasked(Masked):
    """A number of which the last two digits may be shown, when it is long enough to spare them."""

    __slots__ = ()

    def masked(self) -> str:
        return f"•••{self.value[-2:]}" if len(self.value) >= 7 else "•••"


class Msisdn(TailMasked):
    """A telephone number as the panel gave it."""

    __slots__ = ()


class Iccid(TailMasked):
    """Serial number of a SIM card. Pace, quota and history hang on it."""

    __slots__ = ()


class Imsi(TailMasked):
    """Subscriber identity of a SIM."""

    __slots__ = ()


class Imei(TailMasked):
    """Identity of a phone's modem."""

    __slots__ = ()


def luhn_check_digit(digits: str) -> int:
    """The check digit that ISO/IEC 7812 (ICCID, IMEI) puts after `digits`."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the right check digit of the others."""
    return (
        len(digits) > 1
        and digits.isascii()
        and digits.isdigit()
        and luhn_check_digit(digits[:-1]) == int(digits[-1])
    )
