"""What the radio log says about outgoing messages, release by release.

Source: `Rlog` lines of AOSP's SmsController, GsmSMSDispatcher, ImsSmsDispatcher, SMSDispatcher and
RIL that user builds print.
"""

from droidrack.virtual.faults import RIL_ERRORS
from droidrack.virtual.log_buffers import LogBuffers

RIL_TID = 1553


def message_tag(message_id: int) -> str:
    """How a message id appears in lines since Android 11."""
    return f"{{x-message-id:{message_id}}}"


class RadioLog:
    """Writes the lines of one phone's dispatcher. A silent message's lines are not written."""

    def __init__(self, buffers: LogBuffers, api: int) -> None:
        self._buffers = buffers
        self._api = api
        self._ril_serial = 3000

    def line(self, level: str, tag: str, text: str, *, silent: bool = False) -> None:
        """Any line of the phone process."""
        if not silent:
            self._buffers.write("radio", level, tag, text)

    def called(self, package: str | None) -> None:
        """The controller took a call (11 and later)."""
        if self._api >= 30:
            self.line("D", "SmsController", f"sendTextForSubscriber caller={package}")

    def inactive(self, sub_id: int, method: str, message_id: int) -> None:
        """The subscription is not that of an inserted card: nothing is sent."""
        tag = self._controller()
        tail = f" {message_tag(message_id)}" if self._api >= 30 else ""
        if self._api >= 24:
            self.line("D", tag, f"Subscription {sub_id} is inactive.")
        self.line("E", tag, f"{method} iccSmsIntMgr is null for Subscription: {sub_id}{tail}")

    def too_long(self, size: int, *, multipart: bool, unit: str) -> None:
        """The text does not fit, so no PDU could be made: nothing is sent."""
        method = "sendNewSubmitPdu" if multipart else "sendText"
        self.line("E", "SmsMessage", f"Message too long ({size} {unit})")
        self.line(
            "E", "SMSDispatcher", f"GsmSMSDispatcher.{method}(): getSubmitPdu() returned null"
        )

    def sending(
        self, *, ims: bool, phone_id: int, retry: int, service: int, message_id: int, silent: bool
    ) -> None:
        """The dispatcher hands a part to the modem or to IMS."""
        modern = " mUsesImsServiceForIms=false" if self._api >= 26 else ""
        tail = f" {message_tag(message_id)}" if self._api >= 30 else ""
        text = (
            f"sendSms:  isIms()={str(ims).lower()} mRetryCount={retry} mImsRetry=0 mMessageRef=0"
            f"{modern} SS={service}{tail}"
        )
        if ims:
            text = f"sendSms:  mRetryCount={retry} mMessageRef=0 SS={service}{tail}"
        tag = self._ims_tag(phone_id) if ims else "GsmSMSDispatcher"
        self.line("D", tag, text, silent=silent)

    def ril_request(self, request: str, phone_id: int, *, silent: bool) -> int:
        """A request to the modem; returns its serial for the answer."""
        self._ril_serial = (self._ril_serial + 1) % 10_000
        self._ril("D", f"[{self._ril_serial:04d}]> {request} {self._phone(phone_id)}", silent)
        return self._ril_serial

    def ril_sent(
        self, serial: int, request: str, phone_id: int, ref: int, message_id: int, *, silent: bool
    ) -> None:
        """The modem's success."""
        tail = f", {message_tag(message_id)}" if self._api >= 30 else ""
        answer = f"{{ mMessageRef = {ref}, mErrorCode = -1, mAckPdu = null{tail}}}"
        self._ril("D", f"[{serial:04d}]< {request} {answer} {self._phone(phone_id)}", silent)

    def ril_failed(
        self, serial: int, request: str, phone_id: int, error: str, *, silent: bool
    ) -> None:
        """The modem's refusal. `error` is a name of RIL_ERRORS."""
        if self._api >= 26:
            number = RIL_ERRORS[error][0]
            self._ril(
                "D", f"[{serial:04d}]< {request} error {number} {self._phone(phone_id)}", silent
            )
        name = "SMS_FAIL_RETRY" if error == "SMS_SEND_FAIL_RETRY" else error
        exception = f"com.android.internal.telephony.CommandException: {name}"
        self._ril("D", f"[{serial:04d}]< {request} error: {exception} ret=", silent)

    def ims_result(
        self, token: int, ref: int, phone_id: int, *, sent: bool, reason: int, silent: bool
    ) -> None:
        """The answer of the IMS service."""
        status = 1 if sent else 2
        tail = " networkReasonCode=-1" if self._api >= 30 else ""
        text = f"onSendSmsResult token={token} messageRef={ref} status={status} reason={reason}"
        self.line("D", self._ims_tag(phone_id), text + tail, silent=silent)

    def failed(self, result: int, error_code: int, *, silent: bool) -> None:
        """The tracker gave up on a part (13 and later say so)."""
        if self._api >= 33:
            text = f"SMS failed with error {result}, errorCode {error_code}"
            self.line("E", "SMSDispatcher", text, silent=silent)

    def persisted(self, *, sent: bool, silent: bool) -> None:
        """The verdict, beside the row that is being written (5.1 and later)."""
        if self._api >= 22:
            verdict = "SENT" if sent else "FAILED"
            self.line("D", "SMSDispatcher", f"Persist SMS into {verdict}", silent=silent)

    def _ril(self, level: str, text: str, silent: bool) -> None:
        if not silent:
            self._buffers.write("radio", level, "RILJ", text, tid=RIL_TID)

    def _phone(self, phone_id: int) -> str:
        return f"[PHONE{phone_id}]" if self._api >= 30 else f"[SUB{phone_id}]"

    def _ims_tag(self, phone_id: int) -> str:
        return f"ImsSmsDispatcher [{phone_id}]" if self._api >= 30 else "ImsSmsDispatcher"

    def _controller(self) -> str:
        if self._api >= 29:
            return "SmsController"
        return "UiccSmsController" if self._api >= 26 else "RIL_UiccSmsController"
