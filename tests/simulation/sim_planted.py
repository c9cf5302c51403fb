"""Bugs planted on purpose: the simulation must find each, or it proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from droidrack.adapters import journal_memory, journal_rules, memory_disk
from droidrack.app.confirming import Confirming
from droidrack.app.sending import Sending
from droidrack.app.settling import Settling
from droidrack.app.store import SmsStore
from droidrack.core import evidence
from droidrack.core.attempt import EvidenceKind, Verdict
from droidrack.core.errors import Effect
from droidrack.core.message import TRANSITIONS, MessageState

S = MessageState


@contextmanager
def send_before_commit() -> Iterator[None]:
    """The phone hears of a message before its attempt is on disk."""
    real_open = journal_memory.MemoryJournal.open_attempt
    real_send = Sending._send

    async def send(self: Sending, case: Any, go: Any) -> None:
        journal, handset, message = self._world.journal, self._handset, case.message
        submit = handset.submit

        async def hasty(call: Any, same: Any) -> Any:
            return answers.pop()

        async def late(attempt: Any, audit: Any = ()) -> None:
            answers.append(await submit(handset.call_for(attempt, message), message))
            await real_open(journal, attempt, audit)  # type: ignore[arg-type]

        answers: list[Any] = []
        with patch.object(handset, "submit", hasty), patch.object(journal, "open_attempt", late):
            await real_send(self, case, go)

    with patch.object(Sending, "_send", send):
        yield


@contextmanager
def retry_on_timeout() -> Iterator[None]:
    """A call whose outcome is unknown counts as not made."""
    real = Sending._call_failed

    async def again(self: Sending, attempt: Any, message: Any, error: Any) -> None:
        error.effect = Effect.NONE
        await real(self, attempt, message, error)

    with patch.object(Sending, "_call_failed", again):
        yield


@contextmanager
def report_before_journal() -> Iterator[None]:
    """The panel is told before the journal knows."""
    real = Confirming._settle

    async def hasty(self: Confirming, attempt: Any, verdict: Verdict, *more: Any) -> None:
        session = self._world.vault.load(self._handset.device)
        report = evidence_report(attempt.uid, verdict)
        if session is not None and report is not None:
            await self._world.panel.report(session.token, [report])
        await real(self, attempt, verdict, *more)

    with patch.object(Confirming, "_settle", hasty):
        yield


def evidence_report(uid: Any, verdict: Verdict) -> Any:
    """What a verdict tells the panel."""
    from droidrack.core.report import UnknownAs, report_for

    at = verdict.evidence[0].at
    return report_for(uid, verdict.state, verdict.code, at, UnknownAs.HOLD)


@contextmanager
def watermark_after_call() -> Iterator[None]:
    """The watermark is as high as it would be if it were read after the call."""
    real = SmsStore.watermark

    async def late(self: SmsStore) -> int:
        return await real(self) + 1

    with patch.object(SmsStore, "watermark", late):
        yield


@contextmanager
def forget_known_uids() -> Iterator[None]:
    """A uid that was settled is taken for a new message when the panel offers it again."""
    real = memory_disk.MemoryDisk.admit

    def admit(disk: Any, device: Any, message: Any) -> str:
        record = disk.records.get(message.uid)
        if record is not None and record.state in (S.SENT, S.UNKNOWN):
            del disk.records[message.uid]
        return real(disk, device, message)

    with patch.object(memory_disk.MemoryDisk, "admit", admit):
        yield


@contextmanager
def no_row_is_failed() -> Iterator[None]:
    """Silence counts as failure."""
    _unproven = evidence._unproven

    def hasty(attempt: Any, state: Any, witness: Any, now: Any, limits: Any) -> Verdict | None:
        verdict = _unproven(attempt, state, witness, now, limits)
        if verdict is not None and verdict.state is S.UNKNOWN:
            return Verdict(S.FAILED, "STORE_FAILED", verdict.evidence)
        return verdict

    with patch.object(evidence, "_unproven", hasty):
        yield


@contextmanager
def returned_is_sent() -> Iterator[None]:
    """A call that returned counts as a message that was sent."""
    from droidrack.core.report import StatusReport, WireStatus

    real = Settling.move

    async def hasty(
        self: Settling, message: Any, state: Any, code: str, kind: Any, *rest: Any, **named: Any
    ) -> None:
        await real(self, message, state, code, kind, *rest, **named)
        if kind is EvidenceKind.CALL_RETURNED:
            now = self._world.clock.now()
            report = StatusReport(message.uid, WireStatus.SENT, now)
            await self._world.journal.settle(
                message.uid, S.SENT, code="", evidence=(), report=report, at=now
            )
            self._on_settled()

    with patch.object(Settling, "move", hasty):
        yield


@contextmanager
def resend_after_restart() -> Iterator[None]:
    """A start puts every open attempt back in the queue."""
    real = Confirming.recover
    table = TRANSITIONS | {S.SENDING: TRANSITIONS[S.SENDING] | {S.ACCEPTED}}
    table[S.SUBMITTED] = table[S.SUBMITTED] | {S.ACCEPTED}

    async def recover(self: Confirming) -> None:
        journal = self._world.journal
        for flight, state in await journal.open_attempts(self._handset.device):
            if state in (S.SENDING, S.SUBMITTED):
                now = self._world.clock.now()
                await journal.settle(
                    flight.attempt.uid, S.ACCEPTED, code="", evidence=(), report=None, at=now
                )
        await real(self)

    def may_move(current: S, target: S) -> bool:
        return target in table[current]

    with ExitStack() as stack:
        stack.enter_context(patch.object(journal_rules, "may_move", may_move))
        stack.enter_context(patch.object(Confirming, "recover", recover))
        yield


@contextmanager
def acknowledge_unheard() -> Iterator[None]:
    """A report is acknowledged that the panel never took."""
    from droidrack.app.reporting import Reporting
    from droidrack.core.errors import PanelUnavailable

    real = Reporting._deliver

    async def forget(self: Reporting, token: Any, rows: Any) -> bool:
        try:
            return await real(self, token, rows)
        except PanelUnavailable:
            await self._world.journal.reported([r.id for r in rows], self._world.clock.now())
            return True

    with patch.object(Reporting, "_deliver", forget):
        yield


PLANTED: dict[str, Callable[[], Any]] = {
    bug.__name__: bug
    for bug in (
        send_before_commit,
        retry_on_timeout,
        report_before_journal,
        forget_known_uids,
        no_row_is_failed,
        returned_is_sent,
        resend_after_restart,
        acknowledge_unheard,
    )
}
