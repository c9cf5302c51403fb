"""Lines of `logcat -b radio -v threadtime` that tell what became of an SMS.

Only these lines; every other is None. An event never carries a number or a text: lines that hold
them are read for their tag, token and codes alone. From Android 11 (API 30) our own message id
follows as `{x-message-id:ID}`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from droidrack.core.ids import PhoneId, SubId
from droidrack.core.parse.text import integer

LINE_LIMIT = 4096
"""Characters of a line that are read: logd itself cuts a message at 4,068 bytes."""

_HEADER = re.compile(
    r"^((?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,9})(?: [+-][0-9]{4})?"
    r"\s+(?:[\w-]{1,32}\s+)?([0-9]{1,7})\s+([0-9]{1,7}) [VDIWEFAS] ([^:]{1,64}?)\s*: ?(.*)$"
)
_MESSAGE_ID = re.compile(r"x-message-id:\s?(-?[0-9]{1,19})")
_PHONE = re.compile(r"\[(?:SUB|PHONE)([0-9])\]")
_TAG_PHONE = re.compile(r"[\[-]([0-9])\]?$")

_RIL = re.compile(
    r"^(?:\[(?:SUB|PHONE)[0-9]\] ?)?\[([0-9]{1,9})\] ?([<>]) (?:RIL_REQUEST_)?"
    r"(IMS_SEND_SMS|CDMA_SEND_SMS_EXPECT_MORE|CDMA_SEND_SMS|SEND_SMS_EXPECT_MORE|SEND_SMS)\b(.*)$"
)
_RIL_ERROR = re.compile(
    r"^ error:?\s*(?:E\s+)?(?:[\w.]*CommandException: ?)?([A-Za-z_]\w{0,63}|-?[0-9]{1,9})"
)
_MESSAGE_REF = re.compile(r"\b(?:mM|m)essageRef\s?[=:]\s?(-?[0-9]{1,9})")
_ERROR_CODE = re.compile(r"\b(?:mE|e)rrorCode\s?[=:]?\s?(-?[0-9]{1,9})")
_PERSISTED = re.compile(r"\bPersist SMS into (SENT|FAILED)\b")
_FAILED = re.compile(r"\bSMS failed with error:? ?(-?\w{1,64}),? *errorCode:? ?(-?[0-9]{1,9})")
_INACTIVE = re.compile(
    r"\bSubscription (-?[0-9]{1,10}) is inactive|"
    r"(?:^|\bsend\w{1,40} )iccSmsIntMgr is null for(?: Subscription:?| subId:?)? ?(-?[0-9]{1,10})"
)
_IMS = re.compile(r"\bonSendSmsResult\b(.*)$")
_IMS_FIELD = re.compile(
    r"\b(token|messageRef|status|reason|networkReasonCode)\s?[=:]\s?(-?\w{1,64})"
)
_DISPATCHED = re.compile(r"^sendSms:\s")
_CALLED = re.compile(r"^send(?:Multipart)?TextForSubscriber\b")

IMS_STATUS_OK = 1
"""`ImsSmsImplBase.SEND_STATUS_OK`; 2 error, 3 error with retry, 4 fall back to the modem."""


class RadioKind(StrEnum):
    """What a line says."""

    CALLED = "called"  # The SMS service took the call.
    DISPATCHED = "dispatched"  # The dispatcher handed it on (once for each retry).
    RIL_REQUEST = "ril-request"  # It went to the modem.
    RIL_ANSWER = "ril-answer"  # The modem answered with a message reference.
    RIL_ERROR = "ril-error"  # The modem refused; Android may retry.
    IMS_RESULT = "ims-result"  # SMS over IMS: status, reason.
    SEND_FAILED = "send-failed"  # The dispatcher gave up.
    PERSISTED_SENT = "persisted-sent"  # Final: written to the store as sent.
    PERSISTED_FAILED = "persisted-failed"  # Final: written to the store as failed.
    INACTIVE = "inactive"  # The subscription is not active: dropped in silence.


@dataclass(frozen=True, slots=True)
class RadioEvent:
    """One line about sending an SMS. None: the line does not say.

    `at` is the phone's clock as printed, without a year on most releases. `token` pairs a RIL
    request with its answer, or an IMS result with its request. `error` is the name or number of a
    RIL error, an SmsManager result or an IMS reason; `error_code` is the network's own cause.
    `status` is the IMS send status.
    """

    kind: RadioKind
    at: str
    pid: int
    tag: str
    phone_id: PhoneId | None = None
    message_id: int | None = None
    token: int | None = None
    request: str | None = None
    message_ref: int | None = None
    error: str | None = None
    error_code: int | None = None
    status: int | None = None
    sub_id: SubId | None = None


def parse_radio_line(line: str) -> RadioEvent | None:
    """Read one line; None for any line that is not about sending an SMS. Raises nothing."""
    header = _HEADER.match(line[:LINE_LIMIT].rstrip("\r\n"))
    if header is None:
        return None
    tag, text = header[4].strip(), header[5]
    found = _ril(text) or _verdict(text) or _ims(text) or _handed_on(text)
    if found is None:
        return None
    kind, fields = found
    message_id = _MESSAGE_ID.search(text)
    sub_id = fields.get("sub_id")
    return RadioEvent(
        kind=kind,
        at=header[1],
        pid=int(header[2]),
        tag=tag,
        phone_id=_phone_id(tag, text),
        message_id=(integer(message_id[1]) or None) if message_id else None,
        token=integer(fields.get("token")),
        request=fields.get("request"),
        message_ref=integer(fields.get("message_ref")),
        error=fields.get("error"),
        error_code=integer(fields.get("error_code")),
        status=integer(fields.get("status")),
        sub_id=SubId(int(sub_id)) if sub_id is not None else None,
    )


_Found = tuple[RadioKind, dict[str, str]]


def _ril(text: str) -> _Found | None:
    match = _RIL.match(text)
    if match is None:
        return None
    fields = {"token": match[1], "request": match[3]}
    rest = match[4]
    if match[2] == ">":
        return RadioKind.RIL_REQUEST, fields
    if error := _RIL_ERROR.match(rest):
        return RadioKind.RIL_ERROR, fields | {"error": error[1]}
    return RadioKind.RIL_ANSWER, fields | _codes(rest)


def _codes(text: str) -> dict[str, str]:
    """Message reference and network cause; -1 and absence both mean that there is none."""
    reference, cause = _MESSAGE_REF.search(text), _ERROR_CODE.search(text)
    codes: dict[str, str] = {}
    if reference and reference[1] != "-1":
        codes["message_ref"] = reference[1]
    if cause and cause[1] != "-1":
        codes["error_code"] = cause[1]
    return codes


def _verdict(text: str) -> _Found | None:
    if persisted := _PERSISTED.search(text):
        sent = persisted[1] == "SENT"
        return (RadioKind.PERSISTED_SENT if sent else RadioKind.PERSISTED_FAILED), {}
    if failed := _FAILED.search(text):
        return RadioKind.SEND_FAILED, {"error": failed[1], "error_code": failed[2]}
    if inactive := _INACTIVE.search(text):
        return RadioKind.INACTIVE, {"sub_id": inactive[1] or inactive[2]}
    return None


def _ims(text: str) -> _Found | None:
    match = _IMS.search(text)
    if match is None:
        return None
    read = dict(reversed(_IMS_FIELD.findall(match[1])))
    fields = {"token": read["token"]} if "token" in read else {}
    for name, field in (("messageRef", "message_ref"), ("status", "status"), ("reason", "error")):
        if name in read:
            fields[field] = read[name]
    if "networkReasonCode" in read and read["networkReasonCode"] != "-1":
        fields["error_code"] = read["networkReasonCode"]
    return RadioKind.IMS_RESULT, fields


def _handed_on(text: str) -> _Found | None:
    if _DISPATCHED.match(text):
        return RadioKind.DISPATCHED, _codes(text)
    return (RadioKind.CALLED, {}) if _CALLED.match(text) else None


def _phone_id(tag: str, text: str) -> PhoneId | None:
    """The phone index: RIL lines end with `[SUBn]` or `[PHONEn]`, some tags with `[n]` or `-n`."""
    marks = _PHONE.findall(text)
    if marks:
        return PhoneId(int(marks[-1]))
    tagged = _TAG_PHONE.search(tag)
    return PhoneId(int(tagged[1])) if tagged else None
