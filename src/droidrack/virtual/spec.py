"""What a virtual phone is: maker, release, SIM slots, and the oddities of its build.

Every number, IMSI and ICCID made here is invented: MSISDNs are +1555…, IMSIs belong to
networks of the test country 001, ICCIDs begin 8901.
"""

from dataclasses import dataclass, field, replace
from typing import Any

RELEASES: dict[int, str] = {
    21: "5.0.2",
    22: "5.1.1",
    23: "6.0.1",
    24: "7.0",
    25: "7.1.2",
    26: "8.0.0",
    27: "8.1.0",
    28: "9",
    29: "10",
    30: "11",
    31: "12",
    32: "12",
    33: "13",
    34: "14",
    35: "15",
    36: "16",
}
"""`ro.build.version.release` of each API level (the last maintenance release where it had any)."""


@dataclass(frozen=True, slots=True)
class SimCard:
    """A SIM as its chip and its subscription are: identity, and the network that sold it."""

    iccid: str
    imsi: str
    msisdn: str  # "" where the card does not know its own number
    carrier: str = "Test Mobile"
    mcc: str = "001"
    mnc: str = "01"
    country: str = "us"


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a build differs from AOSP of its level, and what its hardware and network are like."""

    qualcomm_options: bool = False  # Two inserted `…WithOptions` methods in ISms, 6.0–8.1.
    ims_sms: bool = False  # SMS over IMS (9+): ImsSmsDispatcher speaks in the radio log.
    bits: int = 64  # Of the `service` binary: decides the width of printed errors.
    sms_gate: bool = False  # The maker's own permission switch refuses SMS from the shell.
    store_closed: bool = False  # The maker keeps the SMS store from the shell.
    rows_by_slot: bool = False  # `sub_id` of a row in the SMS store holds the slot's number.
    odexed: bool = False  # The framework's jar holds no classes: they are in ART's own files.
    numbered_stubs: bool = False  # TRANSACTION_… fields end in the code less one.
    latency_s: tuple[float, float] = (0.4, 1.6)  # Radio time of one part, shortest and longest.
    signal_dbm: tuple[int, ...] = (-93, -101)  # RSRP by slot.
    timezone: str = "America/Panama"
    utc_offset_min: int = -300
    boot_s: float = 2.0  # From adbd's start to `sys.boot_completed`.
    locked_boot: bool = False  # A secure lock: storage stays closed after a boot until unlocked.
    off_s: float = 1.0  # How long a reboot keeps adbd away.


@dataclass(frozen=True, slots=True)
class PhoneSpec:
    """One phone as it leaves the shop, with the cards in its slots."""

    serial: str
    maker: str
    brand: str
    model: str
    device: str
    product: str
    api: int
    release: str
    fingerprint: str
    sims: tuple[SimCard | None, ...]
    quirks: Quirks = field(default_factory=Quirks)

    @property
    def slots(self) -> int:
        """How many SIM slots the phone has, used or not."""
        return len(self.sims)


def luhn_digit(digits: str) -> str:
    """The ISO/IEC 7812 check digit of `digits`."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 - index % 2)
        total += value // 10 + value % 10
    return str(-total % 10)


def make_sim(
    number: int, *, carrier: str = "Test Mobile", mnc: str = "01", country: str = "us"
) -> SimCard:
    """The invented card with this number (0 to 9,999,999): same number, same card."""
    stem = f"890126{number:012d}"
    return SimCard(
        iccid=stem + luhn_digit(stem),
        imsi=f"001{mnc}{number:0{12 - len(mnc)}d}",
        msisdn=f"+1555{number:07d}",
        carrier=carrier,
        mnc=mnc,
        country=country,
    )


def spec_with(spec: PhoneSpec, **changes: Any) -> PhoneSpec:
    """`spec` with fields (or, by their names, fields of its quirks) replaced."""
    quirk_names = set(Quirks.__slots__)
    quirks = {name: value for name, value in changes.items() if name in quirk_names}
    fields = {name: value for name, value in changes.items() if name not in quirk_names}
    if quirks:
        fields["quirks"] = replace(spec.quirks, **quirks)
    return replace(spec, **fields)
