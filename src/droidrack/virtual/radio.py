"""The SMS dispatcher and the modem: what happens after the binder call has returned.

Order as in AOSP's SMSDispatcher: PDU, premium check, usage guard, service state, modem with up to
three retries, row and log. Everything here runs in tasks that die with the phone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

from droidrack.virtual.air import Air, AirMessage
from droidrack.virtual.faults import RIL_ERRORS, Fate, FaultScript, Outcome, Row
from droidrack.virtual.log_buffers import LogBuffers
from droidrack.virtual.radio_log import MAIN_TID, RadioLog
from droidrack.virtual.sim_slots import ServiceState, SimSlot
from droidrack.virtual.sms_store import SmsStore, SmsType
from droidrack.virtual.sms_text import overlong, septets
from droidrack.virtual.spec import PhoneSpec, SimCard
from droidrack.virtual.usage_guard import UsageGuard

RETRYABLE = "SMS_SEND_FAIL_RETRY"
MAX_RETRIES = 3
RETRY_DELAY_S = 2.0
DIALOG_QUEUE = 5  # Further messages fail at once with LIMIT_EXCEEDED.
UP_SHARE = 0.7  # Of a part's radio time: the moment when it is on the air.

RESULT_GENERIC, RESULT_RADIO_OFF, RESULT_NO_SERVICE, RESULT_LIMIT = 1, 2, 4, 5
RESULT_SHORT_CODE = 7

_DENIED = {"limit": RESULT_LIMIT, "premium": RESULT_SHORT_CODE, "maker": RESULT_GENERIC}
"""What becomes of a message whose question the user answered with no."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One message as the framework took it from a binder call."""

    package: str
    slot: SimSlot
    sub_id: int
    number: str
    parts: tuple[str, ...]
    persist: bool = True
    message_id: int = 0
    tid: int = MAIN_TID  # The thread that serves the call.
    fate: Fate = field(default_factory=Fate)
    card: SimCard | None = None  # What sat in the slot when the message was taken.

    @property
    def body(self) -> str:
        """The whole text."""
        return "".join(self.parts)


@dataclass(frozen=True, slots=True)
class Dialog:
    """A message that waits for the phone's user. `reason` is "limit", "premium" or "maker"."""

    reason: str
    submission: Submission
    row_id: int | None


@dataclass(frozen=True, slots=True)
class _Request:
    """One question to the modem. `serial` None: it went over IMS."""

    name: str
    serial: int | None


class Radio:
    """One phone's way out. `script` and `always` of `faults` decide what befalls messages.

    Attributes:
        faults: the scripted fates.
        bad_numbers: destinations that the network does not know.
        premium_numbers: destinations for which the phone asks its user.
        dialogs: what is waiting on the screen, oldest first.
        outgoing_errors: (RIL error number, message id) of the last ten failures.
    """

    def __init__(
        self,
        spec: PhoneSpec,
        *,
        wall: Callable[[], datetime],
        dice: Random,
        air: Air,
        store: SmsStore,
        logs: LogBuffers,
    ) -> None:
        self.spec = spec
        self.faults = FaultScript(spec.slots)
        self.bad_numbers: set[str] = set()
        self.premium_numbers: set[str] = set()
        self.dialogs: list[Dialog] = []
        self.outgoing_errors: deque[tuple[int, int]] = deque(maxlen=10)
        self.guard = UsageGuard({}, wall)
        self.log = RadioLog(logs, spec.api)
        self._wall, self._dice, self._air, self._store = wall, dice, air, store
        self._modems = [asyncio.Lock() for _ in range(spec.slots)]
        self._tasks: set[asyncio.Task[None]] = set()
        self._reference = 0

    def start(self, guard: UsageGuard) -> None:
        """The phone process starts, with the guard it read from the settings."""
        self.guard = guard

    def stop(self) -> None:
        """The phone process dies: what is on the air is sent, everything else is forgotten."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self.dialogs.clear()
        self._modems = [asyncio.Lock() for _ in self._modems]

    @property
    def in_flight(self) -> int:
        """Messages on their way through the modem or waiting for their row."""
        return len(self._tasks)

    def submit(self, submission: Submission) -> None:
        """Take a message. Returns at once, and says nothing about what will become of it."""
        too_long = overlong(submission.parts)
        if too_long is not None or not submission.number:
            unit = "bytes" if any(septets(part) is None for part in submission.parts) else "septets"
            several = len(submission.parts) > 1
            self.log.too_long(too_long or 0, multipart=several, unit=unit)
            return
        taken = self._taken(submission)
        several, silent = len(submission.parts) > 1, taken.fate.silent
        self.log.announced(taken.message_id, taken.tid, several=several, silent=silent)
        row_id = self._write(taken, SmsType.OUTBOX) if self.spec.api == 21 else None
        reason = self._question(taken)
        if reason is None:
            self._start(self._carry(taken, row_id))
        elif len(self.dialogs) >= DIALOG_QUEUE:
            self.log.line("E", "SMSDispatcher", "Denied because queue limit reached")
            self._start(self._fail(taken, row_id, RESULT_LIMIT))
        else:
            self.dialogs.append(Dialog(reason, taken, row_id))

    def answer_dialog(self, *, allow: bool) -> None:
        """The phone's user answers the oldest dialog."""
        dialog = self.dialogs.pop(0)
        if allow:
            submission = replace(dialog.submission, tid=MAIN_TID)
            self._start(self._carry(submission, dialog.row_id))
        else:
            result = _DENIED[dialog.reason]
            self._start(self._fail(dialog.submission, dialog.row_id, result))

    def send_data(self, submission: Submission, port: int, payload: bytes) -> None:
        """A data message: it leaves the radio, but has no text and no row."""
        text = f"data:{port}:{payload.hex()}"
        taken = replace(self._taken(submission), parts=(text,), persist=False)
        self._start(self._carry(taken, None))

    def _taken(self, submission: Submission) -> Submission:
        return replace(submission, fate=self._fate(submission), card=submission.slot.card)

    def _fate(self, submission: Submission) -> Fate:
        fate = self.faults.take(submission.slot.index)
        known = submission.number not in self.bad_numbers and any(
            char.isdigit() for char in submission.number
        )
        if known or fate.outcome not in (Outcome.SENT, Outcome.ANSWER_LOST):
            return fate
        # RP-cause 1: unassigned number.
        return replace(fate, outcome=Outcome.RIL_ERROR, ril_error="NETWORK_REJECT", error_code=1)

    def _question(self, submission: Submission) -> str | None:
        """Why the user must be asked first, or None. Counts the message if it need not wait."""
        if submission.number in self.premium_numbers:
            return "premium"
        if submission.fate.outcome is Outcome.PROMPT:
            return "maker"
        if submission.fate.outcome is Outcome.DIALOG:
            return "limit"
        admitted = self.guard.admits(submission.package, len(submission.parts))
        return None if admitted else "limit"

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, submission: Submission, row_id: int | None) -> None:
        """Send every part, then settle the message.

        All parts are handed on at once; the modem takes one after the other. What went out is on
        the record even when the phone dies between two parts.
        """
        sent: list[str] = []
        results: list[int | None] = []
        requests = [self._hand_on(submission, index) for index in range(len(submission.parts))]
        try:
            for index, request in enumerate(requests):
                results.append(await self._part(submission, index, sent, request))
        finally:
            if 0 < len(sent) < len(submission.parts):
                self._record(submission, sent)
        if None in results:
            return  # The modem never answers: no row, no log line, no end.
        failures = [result for result in results if result]
        if failures:
            await self._fail(submission, row_id, failures[0])
        else:
            await self._succeed(submission, row_id)

    async def _part(
        self, submission: Submission, index: int, sent: list[str], request: _Request | None
    ) -> int | None:
        """One part with its retries: a SmsManager result, 0 for sent, None for no answer."""
        slot = submission.slot
        retry = 0
        while request is not None:
            async with self._modems[slot.index]:
                error = await self._attempt(submission, index, retry, sent, request)
            if error != RETRYABLE or retry >= MAX_RETRIES:
                return self._result(error, submission)
            retry += 1
            await asyncio.sleep(RETRY_DELAY_S)
            request = self._hand_on(submission, index, retry)
        return RESULT_RADIO_OFF if slot.service is ServiceState.POWER_OFF else RESULT_NO_SERVICE

    def _hand_on(self, submission: Submission, index: int, retry: int = 0) -> _Request | None:
        """Ask the modem or IMS; None without service.

        The lines are written at once: what has to wait, waits in the modem.
        """
        slot, silent = submission.slot, submission.fate.silent
        ims = self.spec.quirks.ims_sms and self.spec.api >= 28
        tid = MAIN_TID if retry else submission.tid
        self.log.sending(
            ims=ims,
            phone_id=slot.index,
            retry=retry,
            service=int(slot.service),
            message_id=submission.message_id,
            tid=tid,
            silent=silent,
        )
        if not slot.in_service:
            return None
        last = index == len(submission.parts) - 1
        name = "SEND_SMS" if last or retry else "SEND_SMS_EXPECT_MORE"
        if ims:
            return _Request(name, None)
        return _Request(name, self.log.ril_request(name, slot.index, tid, silent=silent))

    async def _attempt(
        self,
        submission: Submission,
        index: int,
        retry: int,
        sent: list[str],
        request: _Request,
    ) -> str | None:
        """One exchange with the modem: "" for sent, a RIL error, None when it stays silent."""
        fate = submission.fate
        latency_s = fate.latency_s
        if latency_s is None:
            latency_s = self._dice.uniform(*self.spec.quirks.latency_s)
        await asyncio.sleep(latency_s * UP_SHARE)
        error = self._verdict(submission, index, retry)
        if error == "" and fate.outcome is not Outcome.LOST:
            sent.append(submission.parts[index])
            if len(sent) == len(submission.parts):
                self._record(submission, sent)
        await asyncio.sleep(latency_s * (1 - UP_SHARE))
        if error == "" and fate.outcome in (Outcome.LOST, Outcome.ANSWER_LOST):
            return None
        self._log_answer(submission, request, error)
        return error

    def _verdict(self, submission: Submission, index: int, retry: int) -> str:
        """The modem's error for this try, "" for none."""
        fate, slot = submission.fate, submission.slot
        if slot.card is None or slot.card is not submission.card:
            return self._known("SIM_ABSENT")
        if not slot.in_service:
            return self._known("RADIO_NOT_AVAILABLE")
        if fate.outcome is not Outcome.RIL_ERROR:
            return ""
        spared = fate.failing_part is not None and fate.failing_part != index
        recovered = fate.fails is not None and retry >= fate.fails
        return "" if spared or recovered else self._known(fate.ril_error)

    def _known(self, error: str) -> str:
        """`error`, or what a modem of the early releases says in its place."""
        return error if self.spec.api >= 24 or RIL_ERRORS[error][0] <= 17 else "GENERIC_FAILURE"

    def _log_answer(self, submission: Submission, request: _Request, error: str) -> None:
        silent, phone_id = submission.fate.silent, submission.slot.index
        self._reference = (self._reference + 1) % 256
        name, serial = request.name, request.serial
        message_id, cause = submission.message_id, submission.fate.error_code
        if serial is None:
            reason = RIL_ERRORS[error][1] if error else 0
            self.log.ims_result(
                self._reference,
                0 if error else self._reference,
                phone_id,
                status={"": 1, RETRYABLE: 3}.get(error, 2),
                reason=reason,
                error_code=cause if error else -1,
                silent=silent,
            )
        elif error:
            self.log.ril_failed(serial, name, phone_id, error, cause, message_id, silent=silent)
        else:
            self.log.ril_sent(serial, name, phone_id, self._reference, message_id, silent=silent)

    def _result(self, error: str | None, submission: Submission) -> int | None:
        if not error:
            return None if error is None else 0
        number, result = RIL_ERRORS[error]
        self.outgoing_errors.append((number, submission.message_id))
        return result if self.spec.api >= 30 else RESULT_GENERIC

    def _record(self, submission: Submission, sent: list[str]) -> None:
        card = submission.card
        self._air.record(
            AirMessage(
                at=self._wall(),
                serial=self.spec.serial,
                slot=submission.slot.index,
                iccid=card.iccid if card else "",
                sub_id=submission.sub_id,
                number=submission.number,
                body="".join(sent),
                parts=len(sent),
                of=len(submission.parts),
            )
        )

    async def _succeed(self, submission: Submission, row_id: int | None) -> None:
        await asyncio.sleep(submission.fate.row_delay_s)
        self.log.persisted(sent=True, silent=submission.fate.silent or not submission.persist)
        await asyncio.sleep(submission.fate.row_after_s)
        if row_id is None:
            row_id = self._write(submission, SmsType.SENT)
        else:
            self._store.retype(row_id, SmsType.SENT)
        if row_id is not None and submission.fate.row is Row.DELETED:
            await asyncio.sleep(self._flip_s(submission))
            self._store.delete(row_id)

    async def _fail(self, submission: Submission, row_id: int | None, result: int) -> None:
        """The failure path of 5.1 and later shows the row as sent for a moment."""
        await asyncio.sleep(submission.fate.row_delay_s)
        code, silent = submission.fate.error_code, submission.fate.silent
        self.log.persisted(sent=False, silent=silent or not submission.persist)
        self.log.failed(result, code, silent=silent)
        if row_id is None:
            row_id = self._write(submission, SmsType.SENT)
            await asyncio.sleep(self._flip_s(submission))
        if row_id is not None:
            self._store.retype(row_id, SmsType.FAILED, error_code=max(code, 0))

    def _flip_s(self, submission: Submission) -> float:
        flip_s = submission.fate.flip_s
        return self._dice.uniform(0.01, 0.2) if flip_s is None else flip_s

    def _write(self, submission: Submission, kind: SmsType) -> int | None:
        if not submission.persist or submission.fate.row is Row.NEVER:
            return None
        named = submission.slot.index if self.spec.quirks.rows_by_slot else submission.sub_id
        told = submission.fate.row_sub_id
        return self._store.add(
            kind,
            sub_id=named if told is None else told,
            address=submission.number,
            body=submission.body,
            at=self._wall(),
            creator=submission.package,
        )
