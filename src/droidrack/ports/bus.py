"""The bus: which phones the adb servers show."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from droidrack.core.ids import Serial, UsbPath
from droidrack.ports.phone import Phone, PhoneFiles


@dataclass(frozen=True, slots=True)
class Sighting:
    """One line of the adb server's device list."""

    serial: Serial
    state: str  # "device", "offline", "unauthorized", "no permissions", …
    transport_id: int | None = None
    usb: UsbPath | None = None
    product: str | None = None
    model: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """An adb server that does not answer."""

    server: str  # Where it is: `host:port`.
    seen: str  # What was seen instead of an answer.
    remedy: str  # What a person can do.


class Bus(Protocol):
    """The way to the phones: an adb server.

    1. `watch` MUST yield the whole list at once and after every change, and MUST go on over the
       server's death and return; while the server is away it yields an empty list. Each begin
       and end of an outage yields a list, also one that is as empty as the one before.
    2. `phone` and `files` MUST address the very transport that was sighted; once that transport is
       gone their calls raise PhoneGone with `Effect.NONE`, even if the serial came back.
    3. `outage` MUST be of the same moment as the list that `watch` yielded last.
    """

    @property
    def outage(self) -> Outage | None:
        """Why no phone is seen; None while the server answers, or was not asked yet."""
        ...

    def watch(self) -> AsyncIterator[tuple[Sighting, ...]]:
        """Arrivals and departures."""
        ...

    def phone(self, sighting: Sighting) -> Phone:
        """The phone behind a sighting."""
        ...

    def files(self, sighting: Sighting) -> PhoneFiles:
        """Transfers with the phone behind a sighting."""
        ...
