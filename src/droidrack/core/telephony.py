"""What a phone knows about its SIMs and its network, as plain values.

The words are Android's. Where a dump is silent, or says "not known" in one of Android's ways
(2147483647, and in old dumps -1, 99 or 255), the value is None; a part of a dump that could not
be read at all is `Unavailable` with its reason. Neither ever becomes 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from droidrack.core.ids import Iccid, PhoneId, Slot, SubId

UNAVAILABLE_INT = 2147483647
"""`CellInfo.UNAVAILABLE`: how Android prints an integer that it does not know."""

FIRST_DUMMY_SUB_ID = 2147483643
"""From here up Android uses subscription ids as markers (`DUMMY_SUBSCRIPTION_ID_BASE`)."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A value that could not be read, and why. The reason holds no number and no body."""

    reason: str


NOT_PRINTED = Unavailable("not printed")
"""The dump has no line for it: this release does not print it, or a filter took it away."""


class Registration(StrEnum):
    """State of one domain (voice or data) of a phone's radio."""

    IN_SERVICE = "IN_SERVICE"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"
    EMERGENCY_ONLY = "EMERGENCY_ONLY"
    POWER_OFF = "POWER_OFF"


REGISTRATION_CODES = {
    0: Registration.IN_SERVICE,
    1: Registration.OUT_OF_SERVICE,
    2: Registration.EMERGENCY_ONLY,
    3: Registration.POWER_OFF,
}
"""`ServiceState.STATE_*`."""


class CallState(IntEnum):
    """`TelephonyManager.CALL_STATE_*`."""

    IDLE = 0
    RINGING = 1
    OFFHOOK = 2


class DataState(IntEnum):
    """`TelephonyManager.DATA_*`: state of the mobile data connection."""

    UNKNOWN = -1
    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    SUSPENDED = 3
    DISCONNECTING = 4
    HANDOVER_IN_PROGRESS = 5


class NrState(StrEnum):
    """Whether NR may be, or is, used beside LTE."""

    NONE = "NONE"
    RESTRICTED = "RESTRICTED"
    NOT_RESTRICTED = "NOT_RESTRICTED"
    CONNECTED = "CONNECTED"


class Rat(StrEnum):
    """Radio access technology of a signal reading, as Android groups its cell signals."""

    GSM = "GSM"
    CDMA = "CDMA"  # 1x and EV-DO
    TDSCDMA = "TDSCDMA"
    WCDMA = "WCDMA"
    LTE = "LTE"
    NR = "NR"


class SimState(StrEnum):
    """State of a SIM slot, in the words of `gsm.sim.state` and `dumpsys isub`."""

    UNKNOWN = "UNKNOWN"
    ABSENT = "ABSENT"
    PRESENT = "PRESENT"
    PIN_REQUIRED = "PIN_REQUIRED"
    PUK_REQUIRED = "PUK_REQUIRED"
    NETWORK_LOCKED = "NETWORK_LOCKED"
    NOT_READY = "NOT_READY"
    READY = "READY"
    LOADED = "LOADED"
    PERM_DISABLED = "PERM_DISABLED"
    CARD_IO_ERROR = "CARD_IO_ERROR"
    CARD_RESTRICTED = "CARD_RESTRICTED"

    @classmethod
    def of(cls, text: str | None) -> "SimState | None":
        """The state of that name; None for a word that is not Android's."""
        name = (text or "").strip().upper()
        return cls(name) if name in cls.__members__ else None

    @property
    def usable(self) -> bool:
        """Whether the SIM answers: only then does it have a subscription to send from."""
        return self in (SimState.READY, SimState.LOADED)


@dataclass(frozen=True, slots=True)
class Reading:
    """Signal of one technology: dBm below zero, and Android's 0..4 bars where it prints them."""

    dbm: int | None
    level: int | None


@dataclass(frozen=True, slots=True)
class Signal:
    """What `SignalStrength` says about one phone.

    `rat` is the technology that Android shows (None: none is valid or, beside a power, not told);
    `dbm` is that technology's power as `getDbm()` gives it: LTE RSRP, NR SS-RSRP, WCDMA RSCP, GSM
    RSSI. `oem_level` is the maker's own bar count, on a scale of its own. `nr` is the NR leg beside
    an LTE anchor.
    """

    rat: Rat | None
    dbm: int | None
    level: int | None = None
    oem_level: int | None = None
    nr: Reading | None = None


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Where a phone is registered.

    `operator_numeric` is MCC and MNC as digits. `voice_rat` and `data_rat` are Android's names of
    the radio technology ("LTE", "HSPA", "NR_SA" …). None: not known. `not_printed` names the
    fields that this dump has no place for, to tell them from those it calls unknown.
    """

    voice: Registration | None
    data: Registration | None
    emergency_only: bool | None
    operator_long: str | None
    operator_short: str | None
    operator_numeric: str | None
    roaming: bool | None
    voice_rat: str | None
    data_rat: str | None
    carrier_aggregation: bool | None = None
    nr_state: NrState | None = None
    not_printed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PhoneState:
    """One logical phone of the registry.

    A part is None where it was not printed or cannot be read; `unavailable` then holds the reason
    under the part's name ("service", "signal", "call", "data_connection").
    """

    phone_id: PhoneId
    service: ServiceState | None
    signal: Signal | None
    call: CallState | None
    data_connection: DataState | None
    unavailable: Mapping[str, Unavailable] = field(default_factory=dict)

    @property
    def readable(self) -> bool:
        """Whether any part could be read."""
        parts = (self.service, self.signal, self.call, self.data_connection)
        return any(part is not None for part in parts)


@dataclass(frozen=True, slots=True)
class ServiceStateLog:
    """A service state of an earlier moment. `at` is the phone's own clock, as printed."""

    at: str
    event: str
    sub_id: SubId | None
    phone_id: PhoneId | None
    service: ServiceState


@dataclass(frozen=True, slots=True)
class TelephonyRegistry:
    """The whole registry. `active_data_printed` tells "no active data" from "not printed"."""

    phones: tuple[PhoneState, ...]
    active_data_sub_id: SubId | None = None
    active_data_printed: bool = False
    logs: tuple[ServiceStateLog, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One SIM profile that a phone knows, inserted or not.

    `slot` is None for a profile that sits in no slot. `mcc` and `mnc` are as printed: releases up
    to 9 print integers, so "1" may stand for "01". `iccid` only where it was printed whole.
    """

    sub_id: SubId
    slot: Slot | None
    display_name: str | None
    carrier: str | None
    mcc: str | None
    mnc: str | None
    active: bool
    iccid: Iccid | None = None
    country: str | None = None
    embedded: bool | None = None
    not_printed: frozenset[str] = frozenset()


def real_sub_id(number: int | None) -> SubId | None:
    """A subscription id; None for negative numbers and for Android's markers."""
    if number is None or number < 0 or number >= FIRST_DUMMY_SUB_ID:
        return None
    return SubId(number)
