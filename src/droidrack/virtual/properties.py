"""The system properties that `getprop` lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from droidrack.virtual.sim_slots import ServiceState, SimSlot

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone


def properties(phone: VirtualPhone) -> dict[str, str]:
    """Every property of the phone as it is now; the telephony ones are lists by phone index."""
    listed = _build(phone) | _system(phone)
    return listed | _telephony(phone) if phone.framework_up else listed


def _build(phone: VirtualPhone) -> dict[str, str]:
    spec = phone.spec
    build = spec.fingerprint.split("/")[3]
    incremental = spec.fingerprint.split("/")[4].split(":")[0]
    listed = {
        "ro.build.fingerprint": spec.fingerprint,
        "ro.build.display.id": build,
        "ro.build.id": build,
        "ro.build.product": spec.device,
        "ro.build.tags": "release-keys",
        "ro.build.type": "user",
        "ro.build.version.codename": "REL",
        "ro.build.version.incremental": incremental,
        "ro.build.version.release": spec.release,
        "ro.build.version.sdk": str(spec.api),
        "ro.product.brand": spec.brand,
        "ro.product.cpu.abi": "arm64-v8a" if spec.quirks.bits == 64 else "armeabi-v7a",
        "ro.product.device": spec.device,
        "ro.product.manufacturer": spec.maker,
        "ro.product.model": spec.model,
        "ro.product.name": spec.product,
        "ro.serialno": spec.serial,
        "ro.boot.serialno": spec.serial,
        "ro.debuggable": "0",
        "ro.secure": "1",
    }
    if spec.api >= 23:
        listed["ro.build.version.security_patch"] = f"{1994 + spec.api}-05-05"
    if spec.api >= 30:
        listed["ro.build.version.release_or_codename"] = spec.release
    return listed


def _system(phone: VirtualPhone) -> dict[str, str]:
    up = phone.framework_up
    listed = {
        "persist.sys.timezone": phone.spec.quirks.timezone,
        "persist.sys.usb.config": "adb",
        "init.svc.adbd": "running",
        "init.svc.bootanim": "stopped" if up else "running",
    }
    listed["persist.sys.locale"] = phone.estate.locale
    return listed | ({"sys.boot_completed": "1", "dev.bootcomplete": "1"} if up else {})


def _telephony(phone: VirtualPhone) -> dict[str, str]:
    spec, slots = phone.spec, phone.slots
    served = [slot if slot.in_service else None for slot in slots]
    cards = [slot.card if slot.ready else None for slot in slots]
    listed = {
        "gsm.current.phone-type": ",".join("1" for _ in slots),
        "gsm.network.type": ",".join("LTE" if slot else "Unknown" for slot in served),
        "gsm.operator.alpha": _joined(_card(slot, "carrier") for slot in served),
        "gsm.operator.iso-country": _joined(_card(slot, "country") for slot in served),
        "gsm.operator.isroaming": ",".join(
            str(slot is not None and slot.roaming).lower() for slot in served
        ),
        "gsm.operator.numeric": _joined(_card(slot, "mcc") + _card(slot, "mnc") for slot in served),
        "gsm.sim.operator.alpha": _joined(card.carrier if card else "" for card in cards),
        "gsm.sim.operator.iso-country": _joined(card.country if card else "" for card in cards),
        "gsm.sim.operator.numeric": _joined(card.mcc + card.mnc if card else "" for card in cards),
        "gsm.sim.state": ",".join(slot.sim_state(spec.api) for slot in slots),
        "gsm.version.baseband": ",".join("1.0.0.0" for _ in slots),
        "gsm.version.ril-impl": "android reference-ril 1.0",
        "ro.telephony.default_network": ",".join("9" for _ in slots),
    }
    if len(slots) > 1:
        listed["persist.radio.multisim.config"] = "dsds"
    if any(slot.service is ServiceState.POWER_OFF for slot in slots):
        listed["persist.radio.airplane_mode_on"] = "1"
    return listed


def _card(slot: SimSlot | None, field: str) -> str:
    return "" if slot is None or slot.card is None else str(getattr(slot.card, field))


def _joined(values: Iterable[str]) -> str:
    """A list by phone index; a trailing empty entry keeps its comma."""
    return ",".join(values)
