"""Who a phone is, for the panel and the journal.

The device uuid is derived from the hardware serial, because that survives a factory reset and is
the same on another host; ANDROID_ID does neither. Makers ship batches of phones that share a dummy
serial: those are told apart by USB path, which takes part in the uuid.

A uuid is derived once. From then on the journal's record of the phone is what counts, so that it
stays who it is whatever becomes of the rule. For a phone whose serial says nothing, three facts
decide whether it is the recorded one: its port, its model, and its *mark*, which Android draws anew
at a factory reset. Where they disagree nothing is guessed: who takes a stranger for a known phone
hands it another's messages.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.core.ids import DeviceUuid, UsbPath

_NAMESPACE = uuid.UUID("6f1c2b9e-5d0a-5a43-9b53-0d6f3f0c7d11")
"""Ours, fixed for good: another value would make every paired phone a new device."""

DUMMY_SERIALS = frozenset(
    {
        "",
        "unknown",
        "0123456789abcdef",
        "1234567890abcdef",
        "123456789abcdef",
        "0123456789",
        "1234567890",
        "android",
        "20080411",
        "mt6580",
        "mt6735",
        "mt6737",
        "mt6753",
        "mt6765",
    }
)
"""Serials seen on many phones at once (MediaTek and no-name boards). Compared in lower case."""


def is_dummy(serialno: str) -> bool:
    """Whether a hardware serial says nothing about which phone this is."""
    text = serialno.strip().lower()
    return text in DUMMY_SERIALS or len(set(text)) <= 1


def device_uuid(serialno: str, usb: UsbPath | None, *, shared: bool = False) -> DeviceUuid:
    """The uuid of a phone.

    Args:
        serialno: `ro.serialno`.
        usb: the port path; takes part only where the serial does not tell phones apart.
        shared: another attached phone has the same serial.

    Raises:
        ValueError: the serial is a dummy or shared and no USB path is known.
    """
    if not (shared or is_dummy(serialno)):
        return DeviceUuid(str(uuid.uuid5(_NAMESPACE, serialno.strip())))
    if usb is None:
        raise ValueError("serial does not identify the phone and its USB path is not known")
    return DeviceUuid(str(uuid.uuid5(_NAMESPACE, f"{serialno.strip()}@{usb}")))


@dataclass(frozen=True, slots=True)
class Traits:
    """What a phone that arrived shows of itself. "" and None: it does not say."""

    serialno: str  # ro.serialno
    usb: UsbPath | None
    fingerprint: str  # ro.build.fingerprint
    mark: str = ""  # `mark_of` its ANDROID_ID


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal recorded of a phone when it was last on duty."""

    device: DeviceUuid
    name: str
    serialno: str
    usb: str
    fingerprint: str
    mark: str


ELSEWHERE = "-"
"""Stands for the port of a recorded phone that is in none that is known."""


class IdentityDoubt(ValueError):
    """It cannot be told who this phone is; `hint` says what the operator can do.

    `device`: the recorded phone that it may be; None where the question is another one.
    """

    def __init__(self, message: str, hint: str, device: DeviceUuid | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.device = device


def mark_of(android_id: str) -> str:
    """Sixteen hex digits that stand for an ANDROID_ID, which itself is nobody's business.

    "" where the phone gave none: 16 hex digits are expected, older builds leave out leading zeros.
    """
    text = android_id.strip().lower()
    if not 8 <= len(text) <= 16 or set(text) - set("0123456789abcdef") or is_dummy(text):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recognise(traits: Traits, known: Sequence[Known], *, shared: bool = False) -> DeviceUuid:
    """Who this phone is: a recorded one, or a new one.

    Args:
        traits: of the phone that arrived.
        known: every phone ever recorded.
        shared: another phone with this serial is attached or configured.

    Raises:
        IdentityDoubt: two answers are possible, or the phone cannot be told from its like.
    """
    serialno = traits.serialno.strip()
    alike = [record for record in known if record.serialno.strip() == serialno]
    weak = shared or is_dummy(serialno) or len(alike) > 1
    if not weak:
        return alike[0].device if alike else device_uuid(serialno, traits.usb)
    if traits.usb is None:
        raise IdentityDoubt(
            f"serial {serialno!r} is on several phones and the USB path of this one is not known",
            "connect it over USB and give its port path as `usb` in devices.toml",
        )
    marked = [record for record in alike if traits.mark and record.mark == traits.mark]
    if len(marked) == 1:
        return marked[0].device  # The same phone, in whatever port.
    derived = device_uuid(serialno, traits.usb, shared=True)
    # A record of an earlier version holds no port, but its uuid was derived from one.
    here = [r for r in alike if r.usb == traits.usb or (not r.usb and r.device == derived)]
    for record in here:
        if _model(record.fingerprint) == _model(traits.fingerprint):
            return _known_or_doubt(record, traits)
    return _new_device(derived, traits, known)


def _known_or_doubt(record: Known, traits: Traits) -> DeviceUuid:
    """The same port, serial and model: the same phone unless its mark says something else."""
    if record.mark in ("", traits.mark) or not traits.mark:
        return record.device
    raise IdentityDoubt(
        f"a phone with serial {traits.serialno!r} at {traits.usb}, like {record.name}: either that "
        "phone after a factory reset, or another one of its kind",
        f"stop the controller and say which: `droidrack adopt --phone {record.name} --same` or "
        "`--new`; a new one has to be paired",
        record.device,
    )


def _new_device(derived: DeviceUuid, traits: Traits, known: Sequence[Known]) -> DeviceUuid:
    """A uuid that nobody has yet: what had the same serial and port before was another phone."""
    if derived not in {record.device for record in known}:
        return derived
    more = f"{derived}/{'/'.join(_model(traits.fingerprint))}/{traits.mark}"
    return DeviceUuid(str(uuid.uuid5(_NAMESPACE, more)))


def _model(fingerprint: str) -> tuple[str, ...]:
    """Brand, product and device of a build, which no update changes."""
    return tuple(fingerprint.partition(":")[0].split("/")[:3])
