"""Lines of `logcat -b radio -v threadtime` that tell what became of an SMS.

Only these lines; every other is None. An event never carries a number or a text: lines that hold
them are read for their tag, token and codes alone.

Our own message id stands in them from Android 11 (API 30) on, as AOSP's sources have it:

| line | 11 | 12 | 13 | 14 and later |
| --- | --- | --- | --- | --- |
| SmsController: the subscription of a text | `id: 7` | `id: 7` | `id: 7` | tag |
| SMSDispatcher: `sendText`; `No carrier package` | `id: 7` | `id: 7` | tag | tag |
| GsmSMSDispatcher, CdmaSMSDispatcher: `sendSms` | `id=7` | tag | tag | tag |
| ImsSmsDispatcher: `sendSms`, `onSendSmsResult` | | | | |
| RIL: a good answer, and `ret=` of a bad one | | tag | tag | tag |

The tag is `{x-message-id:7}`; an id of 0 is that of a caller who gave none.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from droidrack.core.ids import PhoneId, SubId
from droidrack.core.parse.text import integer

LINE_LIMIT = 4096
"""Characters of a line that are read: logd itself cuts a message at 4,068 bytes."""

_HEADER = re.compile(
    r"^(?P<at>(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2}"
    r" (?P<h>[0-9]{2}):(?P<m>[0-9]{2}):(?P<s>[0-9]{2}\.[0-9]{3,9}))(?: [+-][0-9]{4})?"
    r"\s+(?:[\w-]{1,32}\s+)?(?P<pid>[0-9]{1,7})\s+(?P<tid>[0-9]{1,7}) [VDIWEFAS]"
    r" (?P<tag>[^:]{1,64}?)\s*: ?(?P<text>.*)$"
)
_MESSAGE_ID = re.compile(r"x-message-id:\s?(-?[0-9]{1,19})")
_PLAIN_ID = re.compile(r"\bid[:=] ?(-?[0-9]{1,19})\s*$")
_PHONE = re.compile(r"\[(?:SUB|PHONE)([0-9])\]")
_TAG_PHONE = re.compile(r"[\[-]([0-9])\]?$")

_RIL = re.compile(
    r"^(?:\[(?:SUB|PHONE)[0-9]\] ?)?\[([0-9]{1,9})\] ?([<>]) (?:RIL_REQUEST_)?"
    r"(IMS_SEND_SMS|CDMA_SEND_SMS_EXPECT_MORE|CDMA_SEND_SMS|SEND_SMS_EXPECT_MORE|SEND_SMS)\b(.*)$"
)
_RIL_ERROR = re.compile(
    r"^ error[:=]?\s*(?:E\s+)?(?:[\w.]*CommandException: ?)?([A-Za-z_]\w{0,63}|-?[0-9]{1,9})"
)
_RIL_GOOD = re.compile(r"^\s*\{\s*(?:mM|m)essageRef\b")
_MESSAGE_REF = re.compile(r"\b(?:mM|m)essageRef\s?[=:]\s?(-?[0-9]{1,9})")
_ERROR_CODE = re.compile(r"\b(?:mE|e)rrorCode\s?[=:]?\s?(-?[0-9]{1,9})")
_PERSISTED = re.compile(r"\bPersist SMS into (SENT|FAILED)\b")
_FAILED = re.compile(r"\bSMS failed with error:? ?(-?\w{1,64}),? *errorCode:? ?(-?[0-9]{1,9})")
_INACTIVE = re.compile(
    r"^send(?:Multipart)?TextForSubscriber iccSmsIntMgr is null for Subscription: ?(-?[0-9]{1,10})"
)
_IMS = re.compile(r"\bonSendSmsResult\b(.*)$")
_IMS_FIELD = re.compile(
    r"\b(token|messageRef|status|reason|networkReasonCode)\s?[=:]\s?(-?\w{1,64})"
)
_DISPATCHED = re.compile(r"^sendSms:\s")
_RETRY = re.compile(r"\bmRetryCount=([0-9]{1,3})")
_CALLED = re.compile(r"^send\w{1,60} caller=")
_ANNOUNCED = re.compile(r"^(?:sendText|(No carrier package)) ?(?:$|\.|id: )")
_IMS_TAG = "ImsSms"  # Up to Android 10 the rest is spelt "Dispacher".

IMS_STATUS_OK, IMS_STATUS_FALLBACK = 1, 4
"""`ImsSmsImplBase.SEND_STATUS_…`; 2 error, 3 error with retry, 4 fall back to the modem."""


class RadioKind(StrEnum):
    """What a line says."""

    CALLED = "called"  # The SMS service took a call of an app (from 14 on every call).
    ANNOUNCED = "announced"  # The dispatcher took a text; its parts follow on the same thread.
    DISPATCHED = "dispatched"  # The dispatcher handed a part on (once more for each retry).
    RIL_REQUEST = "ril-request"  # It went to the modem.
    RIL_ANSWER = "ril-answer"  # The modem answered with a message reference.
    RIL_ERROR = "ril-error"  # The modem refused; Android may retry.
    IMS_RESULT = "ims-result"  # SMS over IMS: status, reason.
    SEND_FAILED = "send-failed"  # The dispatcher gave up.
    PERSISTED_SENT = "persisted-sent"  # Final: written to the store as sent.
    PERSISTED_FAILED = "persisted-failed"  # Final: written to the store as failed.
    INACTIVE = "inactive"  # A text was dropped: its subscription has no phone (6.0 to 8.0).


_IDS_PLAIN = (RadioKind.ANNOUNCED, RadioKind.DISPATCHED, RadioKind.INACTIVE)
"""Lines of which some release ends with the bare id."""


@dataclass(frozen=True, slots=True)
class RadioEvent:
    """One line about sending an SMS. None: the line does not say.

    `at` is the phone's clock as printed, without a year on most releases; `clock_s` is its time of
    day in seconds. `token` pairs a RIL request with its answer, or an IMS result with its request.
    `error` is the name or number of a RIL error, an SmsManager result or an IMS reason;
    `error_code` is the network's own cause. `status` is the IMS send status. `retry` counts the
    tries before this one. `several`: what was announced has several parts. `ims`: it goes over IMS,
    whose lines hold no id.
    """

    kind: RadioKind
    at: str
    pid: int
    tag: str
    tid: int = 0
    clock_s: float = 0.0
    phone_id: PhoneId | None = None
    message_id: int | None = None
    token: int | None = None
    request: str | None = None
    message_ref: int | None = None
    error: str | None = None
    error_code: int | None = None
    status: int | None = None
    retry: int | None = None
    sub_id: SubId | None = None
    several: bool = False
    ims: bool = False


def parse_radio_line(line: str) -> RadioEvent | None:
    """Read one line; None for any line that is not about sending an SMS. Raises nothing."""
    header = _HEADER.match(line[:LINE_LIMIT].rstrip("\r\n"))
    if header is None:
        return None
    tag, text = header["tag"].strip(), header["text"]
    found = _ril(text) or _verdict(text) or _ims(text) or _handed_on(text)
    if found is None:
        return None
    kind, fields = found
    message_id = _MESSAGE_ID.search(text)
    if message_id is None and kind in _IDS_PLAIN:
        message_id = _PLAIN_ID.search(text)
    sub_id = fields.get("sub_id")
    return RadioEvent(
        kind=kind,
        at=header["at"],
        pid=int(header["pid"]),
        tag=tag,
        tid=int(header["tid"]),
        clock_s=3600 * int(header["h"]) + 60 * int(header["m"]) + float(header["s"]),
        phone_id=_phone_id(tag, text),
        message_id=(integer(message_id[1]) or None) if message_id else None,
        token=integer(fields.get("token")),
        request=fields.get("request"),
        message_ref=integer(fields.get("message_ref")),
        error=fields.get("error"),
        error_code=integer(fields.get("error_code")),
        status=integer(fields.get("status")),
        retry=integer(fields.get("retry")),
        sub_id=SubId(int(sub_id)) if sub_id is not None else None,
        several="several" in fields,
        ims=tag.startswith(_IMS_TAG),
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
    if _RIL_GOOD.match(rest):
        return RadioKind.RIL_ANSWER, fields | _codes(rest)
    error = _RIL_ERROR.match(rest)
    if error is None or error[1] == "NONE":
        return None  # Such as "request not supported, falling back": neither good nor bad.
    return RadioKind.RIL_ERROR, fields | {"error": error[1]} | _codes(rest)


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
        return RadioKind.INACTIVE, {"sub_id": inactive[1]}
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
        retry = _RETRY.search(text)
        return RadioKind.DISPATCHED, _codes(text) | ({"retry": retry[1]} if retry else {})
    if announced := _ANNOUNCED.match(text):
        return RadioKind.ANNOUNCED, {"several": announced[1]} if announced[1] else {}
    return (RadioKind.CALLED, {}) if _CALLED.match(text) else None


def _phone_id(tag: str, text: str) -> PhoneId | None:
    """The phone index: RIL lines end with `[SUBn]` or `[PHONEn]`, some tags with `[n]` or `-n`."""
    marks = _PHONE.findall(text)
    if marks:
        return PhoneId(int(marks[-1]))
    tagged = _TAG_PHONE.search(tag)
    return PhoneId(int(tagged[1])) if tagged else None
