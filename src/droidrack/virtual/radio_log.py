"""What the radio log says about outgoing messages, release by release.

Source: `Rlog` lines of AOSP's SmsController, GsmSMSDispatcher, ImsSmsDispatcher, SMSDispatcher and
RIL that user builds print. `core/parse/radio_log.py` tells where the message id stands in them.
"""

from droidrack.virtual.faults import RIL_ERRORS
from droidrack.virtual.log_buffers import LogBuffers

MAIN_TID = 1500
RIL_TID = 1553
IMS_TID = 1554
BINDER_TIDS = range(1560, 1576)
"""Threads that serve the apps' calls."""

_UNREMARKED = frozenset({2, 4, 5, 7, 8})
"""`SmsManager.RESULT_…` that are no news: radio off, no service, limit, short codes."""


def message_tag(message_id: int) -> str:
    """How a message id appears in lines since Android 12."""
    return f"{{x-message-id:{message_id}}}"


class RadioLog:
    """Writes the lines of one phone's dispatcher. A silent message's lines are not written."""

    def __init__(self, buffers: LogBuffers, api: int) -> None:
        self._buffers = buffers
        self._api = api
        self._ril_serial = 3000
        self._calls = 0

    def line(
        self, level: str, tag: str, text: str, *, tid: int = MAIN_TID, silent: bool = False
    ) -> None:
        """Any line of the phone process."""
        if not silent:
            self._buffers.write("radio", level, tag, text, tid=tid)

    def thread(self) -> int:
        """The thread that serves the next call."""
        self._calls += 1
        return BINDER_TIDS[self._calls % len(BINDER_TIDS)]

    def called(self, method: str, package: str, tid: int) -> None:
        """The controller took a call (14 and later)."""
        if self._api >= 34:
            self.line("D", "SmsController", f"{method} caller={package}", tid=tid)

    def accepted(self, sub_id: int, message_id: int, tid: int) -> None:
        """The controller passes one text on (11 and later)."""
        if self._api >= 30:
            text = f"sendTextForSubscriber iccSmsIntMgr Subscription: {sub_id}"
            tail = self._named(message_id, tagged=34)
            self.line("D", "SmsController", text + tail, tid=tid)

    def announced(self, message_id: int, tid: int, *, several: bool, silent: bool) -> None:
        """The dispatcher took a text; the id is in it from 11 on."""
        if several and self._api >= 28:
            text = f"No carrier package.{self._named(message_id, tagged=33)}"
            self.line("V", "SMSDispatcher", text, tid=tid, silent=silent)
        elif self._api >= 30:
            shown = message_tag(message_id) if self._api >= 33 else message_id
            self.line("D", "SMSDispatcher", f"sendText id: {shown}", tid=tid, silent=silent)
        elif self._api >= 28:
            self.line("D", "SMSDispatcher", "sendText", tid=tid, silent=silent)

    def inactive(self, sub_id: int, method: str, tid: int) -> None:
        """The subscription is not that of an inserted card: nothing is sent (6.0 to 8.0)."""
        tag = "RIL_UiccSmsController"
        self.line("E", tag, f"Subscription {sub_id} is inactive.", tid=tid)
        text = f"{method} iccSmsIntMgr is null for Subscription: {sub_id}"
        self.line("E", tag, text, tid=tid)

    def too_long(self, size: int, *, multipart: bool, unit: str) -> None:
        """The text does not fit, so no PDU could be made: nothing is sent."""
        method = "sendNewSubmitPdu" if multipart else "sendText"
        self.line("E", "SmsMessage", f"Message too long ({size} {unit})")
        self.line(
            "E", "SMSDispatcher", f"GsmSMSDispatcher.{method}(): getSubmitPdu() returned null"
        )

    def sending(
        self,
        *,
        ims: bool,
        phone_id: int,
        retry: int,
        service: int,
        message_id: int,
        tid: int,
        silent: bool,
    ) -> None:
        """The dispatcher hands a part to the modem or to IMS. Over IMS no release shows the id."""
        plain = f"sendSms:  mRetryCount={retry} mMessageRef=0 SS={service}"
        if ims:
            self.line("D", self._ims_tag(phone_id), plain, tid=tid, silent=silent)
            return
        if retry and self._api <= 29:
            self.line("D", "GsmSMSDispatcher", plain, tid=tid, silent=silent)
        modern = " mUsesImsServiceForIms=false" if self._api >= 28 else ""
        text = (
            f"sendSms:  isIms()=false mRetryCount={retry} mImsRetry=0 mMessageRef=0"
            f"{modern} SS={service}{self._named(message_id, tagged=31, plain='id=')}"
        )
        self.line("D", "GsmSMSDispatcher", text, tid=tid, silent=silent)

    def ril_request(self, request: str, phone_id: int, tid: int, *, silent: bool) -> int:
        """A request to the modem; returns its serial for the answer."""
        self._ril_serial = (self._ril_serial + 1) % 10_000
        text = f"[{self._ril_serial:04d}]> {request} {self._phone(phone_id)}"
        self.line("D", "RILJ", text, tid=tid, silent=silent)
        return self._ril_serial

    def ril_sent(
        self, serial: int, request: str, phone_id: int, ref: int, message_id: int, *, silent: bool
    ) -> None:
        """The modem's success."""
        answer = self._response(ref, -1, message_id)
        self._ril("RILJ", f"[{serial:04d}]< {request} {answer} {self._phone(phone_id)}", silent)

    def ril_failed(
        self,
        serial: int,
        request: str,
        phone_id: int,
        error: str,
        error_code: int,
        message_id: int,
        *,
        silent: bool,
    ) -> None:
        """The modem's refusal. `error` is a name of RIL_ERRORS, `error_code` the network's."""
        head = f"[{serial:04d}]< {request}"
        if self._api >= 26:
            number = RIL_ERRORS[error][0]
            self._ril("RILJ", f"{head} error {number} {self._phone(phone_id)}", silent)
        name = "SMS_FAIL_RETRY" if error == "SMS_SEND_FAIL_RETRY" else error
        exception = f"com.android.internal.telephony.CommandException: {name}"
        came = self._response(0, error_code, message_id) if self._api >= 26 else ""
        result = " result={ when=-1ms what=2 }" if self._api >= 31 else ""
        self._ril("RilRequest", f"{head} error: {exception} ret={came}{result}", silent)

    def ims_result(
        self,
        token: int,
        ref: int,
        phone_id: int,
        *,
        status: int,
        reason: int,
        error_code: int,
        silent: bool,
    ) -> None:
        """The answer of the IMS service. `status` 1: sent, 2: failed, 3: to be tried again."""
        tail = f" networkReasonCode={error_code}" if self._api >= 30 else ""
        text = f"onSendSmsResult token={token} messageRef={ref} status={status} reason={reason}"
        self.line("D", self._ims_tag(phone_id), text + tail, tid=IMS_TID, silent=silent)

    def failed(self, result: int, error_code: int, *, silent: bool) -> None:
        """The tracker gave up on a part (11 and later say so, except of what is no news)."""
        if self._api >= 30 and result not in _UNREMARKED:
            text = f"SMS failed with error {result}, errorCode {error_code}"
            self.line("D", "SMSDispatcher", text, silent=silent)

    def persisted(self, *, sent: bool, silent: bool) -> None:
        """The verdict, beside the row that is being written (5.1 and later)."""
        if self._api >= 22:
            verdict = "SENT" if sent else "FAILED"
            self.line("D", "SMSDispatcher", f"Persist SMS into {verdict}", silent=silent)

    def _ril(self, tag: str, text: str, silent: bool) -> None:
        self.line("D", tag, text, tid=RIL_TID, silent=silent)

    def _response(self, ref: int, error_code: int, message_id: int) -> str:
        tail = f", {message_tag(message_id)}" if self._api >= 31 else ""
        return f"{{ mMessageRef = {ref}, mErrorCode = {error_code}, mAckPdu = null{tail}}}"

    def _named(self, message_id: int, *, tagged: int, plain: str = "id: ") -> str:
        """The id at the end of a line: none before 11, bare below the API level `tagged`."""
        if self._api < 30:
            return ""
        return f" {message_tag(message_id)}" if self._api >= tagged else f" {plain}{message_id}"

    def _phone(self, phone_id: int) -> str:
        return f"[PHONE{phone_id}]" if self._api >= 30 else f"[SUB{phone_id}]"

    def _ims_tag(self, phone_id: int) -> str:
        return f"ImsSmsDispatcher [{phone_id}]" if self._api >= 30 else "ImsSmsDispacher"
