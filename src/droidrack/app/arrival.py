"""A phone arrives: who is it?

The adb serial is opaque and may be shared; the hardware serial and the build come from the phone's
own properties.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.core.errors import PhoneRefused, RackError
from droidrack.core.parse.getprop import Properties, parse_getprop
from droidrack.core.settings import PhoneSettings
from droidrack.ports import Bus, Phone, PhoneFiles, Sighting

QUERY_DEADLINE_S = 10.0
"""For a question that every phone answers in well under a second."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One plugging-in of one phone."""

    sighting: Sighting
    phone: Phone
    files: PhoneFiles
    properties: Properties

    @property
    def serialno(self) -> str:
        """The hardware serial, `ro.serialno`."""
        return self.properties.get("ro.serialno") or self.properties.get("ro.boot.serialno") or ""

    @property
    def release(self) -> str:
        """Android's version, such as `14`."""
        return self.properties.get("ro.build.version.release") or ""

    @property
    def model(self) -> str:
        """The model's name as its maker prints it."""
        return self.properties.get("ro.product.model") or ""


async def identify(bus: Bus, sighting: Sighting, *, booted: bool = True) -> Arrival:
    """Ask a phone for its properties. `booted`: only of one whose Android has started.

    Raises:
        PhoneError: it did not answer, answered nothing, or is still booting.
        ParseError: it answered something that is no property list.
    """
    phone = bus.phone(sighting)
    completed = await phone.run("getprop", deadline_s=QUERY_DEADLINE_S)
    properties = parse_getprop(completed.text)
    if not properties.get("ro.build.version.sdk"):
        raise PhoneRefused(
            f"{sighting.serial}: getprop names no ro.build.version.sdk",
            serial=sighting.serial,
            hint="the phone may still be booting; it is asked again",
        )
    if booted and properties.get("sys.boot_completed") != "1":
        # Its services answer one after another: what they refuse now they grant in a minute, and a
        # store that seemed closed would stay unused until the phone is plugged in anew.
        raise PhoneRefused(
            f"{sighting.serial}: Android has not finished booting",
            serial=sighting.serial,
            hint="it is asked again until it has",
        )
    return Arrival(sighting, phone, bus.files(sighting), properties)


def matches(settings: PhoneSettings, sighting: Sighting, serialno: str) -> bool:
    """Whether a phone is the one that an operator's entry means.

    A USB path, where given, must fit; a serial, where given, must be the hardware's or adb's.
    """
    usb_fits = not settings.usb or settings.usb == sighting.usb
    return usb_fits and (not settings.serial or settings.serial in (serialno, sighting.serial))


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a survey: a phone on a bus, with what it says of itself."""

    bus: Bus
    sighting: Sighting
    arrival: Arrival | None
    complaint: str = ""


async def survey(buses: Sequence[Bus], *, settle_s: float) -> list[Seen]:
    """Look once at every bus: who is there, and who they say they are.

    Waits `settle_s` for a bus to list its phones: a fresh adb server needs moments to find them.
    """
    lists = await asyncio.gather(*(_settled(bus, settle_s) for bus in buses))
    pairs = [(bus, s) for bus, seen in zip(buses, lists, strict=True) for s in seen]
    return list(await asyncio.gather(*(_ask(bus, sighting) for bus, sighting in pairs)))


async def _settled(bus: Bus, settle_s: float) -> tuple[Sighting, ...]:
    latest: tuple[Sighting, ...] = ()
    try:
        async with asyncio.timeout(settle_s):
            async for sightings in bus.watch():
                latest = sightings
    except TimeoutError:
        pass
    return latest


async def _ask(bus: Bus, sighting: Sighting) -> Seen:
    if sighting.state != "device":
        return Seen(bus, sighting, None)
    try:
        return Seen(bus, sighting, await identify(bus, sighting))
    except RackError as error:
        return Seen(bus, sighting, None, error.message)
