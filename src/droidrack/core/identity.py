"""Who a phone is, for the panel and the journal.

The device uuid is derived from the hardware serial, because that survives a factory reset and is
the same on another host; ANDROID_ID does neither. Makers ship batches of phones that share a dummy
serial: for those the operator tells them apart by USB path, and the path takes part in the uuid.
"""

import uuid

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
