"""The services `isub` and `iphonesubinfo`: which subscription sits where, and who it is."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from droidrack.virtual.binder import SECURITY, Arguments, BinderService, Call, Thrown
from droidrack.virtual.sms_store import SHELL_PACKAGE
from droidrack.virtual.spec import SimCard, luhn_digit

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

ISUB = "com.android.internal.telephony.ISub"
IPHONESUBINFO = "com.android.internal.telephony.IPhoneSubInfo"
API_23_READ_PHONE_STATE = 23  # The shell has it from here.
API_29_NULL_FOR_EMPTY = 29  # Before, an empty slot has dummy ids.
API_34_PACKAGE_CHECKED = 34
DUMMY_BASE = -2
DEFAULT_SUB_ID = 2**31 - 1


def isub_service(phone: VirtualPhone) -> BinderService:
    """The subscription service as the phone's build has it."""
    sub = _Isub(phone)
    calls: dict[str, Call] = {
        "getSubId": sub.sub_id,
        "getSlotId": sub.slot_of,
        "getSlotIndex": sub.slot_of,
        "getPhoneId": sub.slot_of,
        "getActiveSubIdList": sub.active_ids,
        "getActiveSubInfoCount": sub.active_count,
        "getDefaultSubId": sub.default,
        "getDefaultSmsSubId": sub.default,
        "getSimStateForSlotIdx": sub.sim_state,
        "getSimStateForSlotIndex": sub.sim_state,
        "isActiveSubId": lambda given: phone.subscriptions.slot_of(given["subId"]) is not None,
        "getPhoneNumber": sub.number,
        "getPhoneNumberFromFirstAvailableSource": sub.number,
    }
    return BinderService("isub", ISUB, phone.spec, calls)


def iphonesubinfo_service(phone: VirtualPhone) -> BinderService:
    """The identity service as the phone's build has it."""
    who = _Identity(phone)
    calls: dict[str, Call] = {
        "getSubscriberId": who.imsi,
        "getSubscriberIdForSubscriber": who.imsi,
        "getIccSerialNumber": who.iccid,
        "getIccSerialNumberForSubscriber": who.iccid,
        "getLine1Number": who.number,
        "getLine1NumberForSubscriber": who.number,
        "getMsisdnForSubscriber": who.number,
        "getImeiForSubscriber": who.imei,
        "getDeviceIdForPhone": who.imei_of_phone,
    }
    return BinderService("iphonesubinfo", IPHONESUBINFO, phone.spec, calls)


def imei(serial: str, slot: int) -> str:
    """The invented IMEI of a phone's modem, with a valid check digit."""
    stem = f"001010{zlib.crc32(f'{serial}/{slot}'.encode()) % 10**8:08d}"
    return stem + luhn_digit(stem)


class _Isub:
    def __init__(self, phone: VirtualPhone) -> None:
        self._phone = phone
        self._api = phone.spec.api

    def sub_id(self, given: Arguments) -> int | list[int] | None:
        """The ids of a slot in the shape of the release."""
        slot = given["slot"]
        if slot == DEFAULT_SUB_ID:
            slot = 0
        found = self._phone.subscriptions.in_slot(slot)
        if self._api >= 34:
            return -1 if found is None else found.sub_id
        if found is not None:
            return [found.sub_id]
        if self._api >= API_29_NULL_FOR_EMPTY or not 0 <= slot < self._phone.spec.slots:
            return None
        return [DUMMY_BASE - slot] * self._phone.spec.slots

    def slot_of(self, given: Arguments) -> int:
        """The slot of a subscription; −1 when it is not inserted."""
        slot = self._phone.subscriptions.slot_of(self._or_default(given["subId"]))
        return -1 if slot is None else slot.index

    def active_ids(self, given: Arguments) -> list[int]:
        """The ids of all inserted cards, in slot order."""
        return [subscription.sub_id for subscription in self._phone.subscriptions.active]

    def active_count(self, given: Arguments) -> int:
        """How many cards are inserted."""
        self._may_read("getActiveSubInfoCount")
        return len(self._phone.subscriptions.active)

    def default(self, given: Arguments) -> int:
        """The default subscription; −1 without any."""
        return self._or_default(DEFAULT_SUB_ID)

    def sim_state(self, given: Arguments) -> int:
        """`TelephonyManager.SIM_STATE_…`: 1 absent, 2 PIN required, 5 ready."""
        index = given["slot"]
        if not 0 <= index < self._phone.spec.slots:
            return 0
        slot = self._phone.slots[index]
        if slot.card is None:
            return 1
        return 2 if slot.pin_required else 5

    def number(self, given: Arguments) -> str:
        """The number of a subscription; empty where the card does not know it."""
        slot = self._phone.subscriptions.slot_of(given["subId"])
        return slot.card.msisdn if slot is not None and slot.card is not None else ""

    def _or_default(self, sub_id: int) -> int:
        default = self._phone.subscriptions.default
        if sub_id != DEFAULT_SUB_ID:
            return sub_id
        return -1 if default is None else default.sub_id

    def _may_read(self, method: str) -> None:
        if self._api < API_23_READ_PHONE_STATE:
            raise _no_phone_state(method)


class _Identity:
    def __init__(self, phone: VirtualPhone) -> None:
        self._phone = phone
        self._api = phone.spec.api

    def imsi(self, given: Arguments) -> str | None:
        """IMSI."""
        card = self._card(given, "getSubscriberIdForSubscriber")
        return None if card is None else card.imsi

    def iccid(self, given: Arguments) -> str | None:
        """ICCID, in full."""
        card = self._card(given, "getIccSerialNumberForSubscriber")
        return None if card is None else card.iccid

    def number(self, given: Arguments) -> str | None:
        """Line 1 number; null where the card does not know it."""
        card = self._card(given, "getLine1NumberForSubscriber")
        return None if card is None else card.msisdn or None

    def imei(self, given: Arguments) -> str | None:
        """IMEI of the modem that the subscription uses."""
        self._check(given, "getImeiForSubscriber")
        slot = self._phone.subscriptions.slot_of(given["subId"])
        return None if slot is None else imei(self._phone.spec.serial, slot.index)

    def imei_of_phone(self, given: Arguments) -> str | None:
        """IMEI of a phone id."""
        self._check(given, "getDeviceIdForPhone")
        known = 0 <= given["phoneId"] < self._phone.spec.slots
        return imei(self._phone.spec.serial, given["phoneId"]) if known else None

    def _card(self, given: Arguments, method: str) -> SimCard | None:
        self._check(given, method)
        default = self._phone.subscriptions.default
        sub_id = given.get("subId", default.sub_id if default else -1)
        slot = self._phone.subscriptions.slot_of(sub_id)
        return None if slot is None or not slot.ready else slot.card

    def _check(self, given: Arguments, method: str) -> None:
        if self._api < API_23_READ_PHONE_STATE:
            raise _no_phone_state(method)
        package = given.get("callingPackage")
        if self._api >= API_34_PACKAGE_CHECKED and package != SHELL_PACKAGE:
            raise Thrown(SECURITY, f"Package {package} does not belong to 2000")


def _no_phone_state(method: str) -> Thrown:
    permission = "android.permission.READ_PHONE_STATE"
    return Thrown(SECURITY, f"{method}: Neither user 2000 nor current process has {permission}.")
