"""The `isms` service: what Android's SmsController does with a call from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from droidrack.virtual.binder import (
    ILLEGAL_ARGUMENT,
    NULL_POINTER,
    SECURITY,
    Arguments,
    BinderService,
    Call,
    Thrown,
)
from droidrack.virtual.radio import Submission
from droidrack.virtual.sms_store import SHELL_PACKAGE

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

DESCRIPTOR = "com.android.internal.telephony.ISms"
APIS_THAT_DROP = range(23, 27)
"""From 6.0 to 8.0 a text for a subscription without a card is dropped. All other releases hand it
to the first phone, by UiccSmsController and SmsController: it leaves with that one's card."""
API_26_PACKAGE_LOOKED_UP = 26  # From here the dispatcher looks the calling package up by name.
API_28_PERSIST_BY_PERMISSION = 28
API_31_PACKAGE_VISIBILITY = 31


def isms_service(phone: VirtualPhone) -> BinderService:
    """The service as the phone's build has it."""
    sms = _Isms(phone)
    calls: dict[str, Call] = {
        "sendText": sms.send_text,
        "sendTextForSubscriber": sms.send_text,
        "sendTextForSubscriberWithOptions": sms.send_text,
        "sendTextForSubscriberWithSelfPermissions": sms.refuse_self_permissions,
        "sendDataForSubscriberWithSelfPermissions": sms.refuse_self_permissions,
        "sendMultipartText": sms.send_multipart,
        "sendMultipartTextForSubscriber": sms.send_multipart,
        "sendMultipartTextForSubscriberWithOptions": sms.send_multipart,
        "sendData": sms.send_data,
        "sendDataForSubscriber": sms.send_data,
        "sendStoredText": sms.refuse_null_uri,
        "sendStoredMultipartText": sms.refuse_null_uri,
        "isImsSmsSupported": sms.ims_supported,
        "isImsSmsSupportedForSubscriber": sms.ims_supported,
        "getImsSmsFormatForSubscriber": sms.ims_format,
        "getPreferredSmsSubscription": sms.preferred,
        "isSMSPromptEnabled": lambda _: False,
        "isSmsSimPickActivityNeeded": lambda _: False,
        "getSmsCapacityOnIccForSubscriber": lambda _: 50,
        "checkSmsShortCodeDestination": sms.short_code_kind,
        "getPremiumSmsPermission": sms.refuse_premium,
        "getPremiumSmsPermissionForSubscriber": sms.refuse_premium,
        "setPremiumSmsPermission": sms.refuse_premium,
        "setPremiumSmsPermissionForSubscriber": sms.refuse_premium,
    }
    return BinderService("isms", DESCRIPTOR, phone.spec, calls)


class _Isms:
    """The methods. Each takes the arguments by the unified names of `aosp.toml`."""

    def __init__(self, phone: VirtualPhone) -> None:
        self._phone = phone
        self._api = phone.spec.api

    def send_text(self, given: Arguments) -> None:
        """Send one message; a null text or number fails in the dispatcher, without a word."""
        text, number = given["text"], given["destAddr"]
        submission = self._submission(given, "sendTextForSubscriber", number, [text])
        if submission is not None:
            self._phone.radio.submit(submission)

    def send_multipart(self, given: Arguments) -> None:
        """Send one message in the parts that the caller made."""
        parts = given["parts"]
        if parts is None:
            raise Thrown(
                NULL_POINTER,
                "Attempt to invoke interface method 'int java.util.List.size()'"
                " on a null object reference",
            )
        method = "sendMultipartTextForSubscriber"
        submission = self._submission(given, method, given["destAddr"], parts)
        if submission is not None and parts:
            self._phone.radio.submit(submission)

    def send_data(self, given: Arguments) -> None:
        """Send bytes to a port; null bytes make no PDU."""
        payload = given["data"]
        submission = self._submission(given, "sendDataForSubscriber", given["destAddr"], [""])
        if submission is not None and payload is not None and submission.number:
            self._phone.radio.send_data(submission, given["destPort"], payload)

    def refuse_self_permissions(self, given: Arguments) -> None:
        """For the phone process only."""
        raise Thrown(SECURITY, "Sending SMS message: Neither user 2000 nor current process may.")

    def refuse_null_uri(self, given: Arguments) -> None:
        """The shell cannot pass a Uri, and null is none."""
        raise Thrown(ILLEGAL_ARGUMENT, "Unknown URL null")

    def refuse_premium(self, given: Arguments) -> None:
        """For the system and the phone process only."""
        raise Thrown(SECURITY, "Disallowed call for uid 2000")

    def ims_supported(self, given: Arguments) -> bool:
        """Whether messages go over IMS on the subscription's phone."""
        slot = self._phone.subscriptions.slot_of(given.get("subId", self._default()))
        return slot is not None and slot.in_service and self._phone.spec.quirks.ims_sms

    def ims_format(self, given: Arguments) -> str | None:
        """The format of messages over IMS."""
        return "3gpp" if self.ims_supported(given) else "unknown"

    def preferred(self, given: Arguments) -> int:
        """The default subscription for SMS; −1 without any card."""
        return self._default()

    def short_code_kind(self, given: Arguments) -> int:
        """`SmsManager.SMS_CATEGORY_…`: 0 not a short code, 4 premium."""
        return 4 if given["destAddr"] in self._phone.radio.premium_numbers else 0

    def _submission(
        self, given: Arguments, method: str, number: str | None, parts: list[str | None]
    ) -> Submission | None:
        """Check a call in the framework's order; None: it is dropped without an exception."""
        radio = self._phone.radio
        package, message_id = given["callingPackage"], given.get("messageId", 0)
        sub_id = given.get("subId", self._default())
        tid = radio.log.thread()
        radio.log.called(method, package or "com.android.phone", tid)
        self._check_package(package)
        if method == "sendTextForSubscriber":
            radio.log.accepted(sub_id, message_id, tid)
        slot = self._phone.subscriptions.slot_of(sub_id)
        if slot is None and self._api in APIS_THAT_DROP:
            radio.log.inactive(sub_id, method, tid)
            return None
        if slot is None:
            slot = self._phone.slots[0]
            found = self._phone.subscriptions.in_slot(0)
            sub_id = found.sub_id if found is not None else -1
        persist = given.get("persist", True)
        if not persist and 23 <= self._api < API_28_PERSIST_BY_PERMISSION:
            raise Thrown(SECURITY, "No Carrier Privilege: No UICC")
        if self._api >= API_26_PACKAGE_LOOKED_UP and not self._phone.has_package(package):
            text = "Can't get calling app package info: refusing to send SMS"
            radio.log.line("E", "SMSDispatcher", text)
            return None
        if number is None or any(part is None for part in parts):
            number, parts = "", [""]  # As an empty number: no PDU can be made.
        return Submission(
            package=package if self._phone.has_package(package) else SHELL_PACKAGE,
            slot=slot,
            sub_id=sub_id,
            number=number,
            parts=tuple(part or "" for part in parts),
            persist=persist,
            message_id=message_id,
            tid=tid,
        )

    def _check_package(self, package: str | None) -> None:
        """The maker's gate; from 12 on, AppOps knows which packages uid 2000 has."""
        if self._phone.spec.quirks.sms_gate:
            raise Thrown(SECURITY, "Permission denied: SEND_SMS is disabled for uid 2000")
        if self._api >= API_31_PACKAGE_VISIBILITY and package != SHELL_PACKAGE:
            raise Thrown(SECURITY, f'Specified package "{package}" under uid 2000 but it is not')

    def _default(self) -> int:
        default = self._phone.subscriptions.default
        return -1 if default is None else default.sub_id
