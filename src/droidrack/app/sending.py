"""Rooms 3 and 4, pace and send: the only way to a radio.

For one phone, one message after another: the door is asked, the pace is kept, the attempt is
written to disk, and only then does the phone hear of it. Whatever happens after that write, the
message is never put back unless the call certainly did not reach the phone.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind
from droidrack.core.door import Go, Hold, Refuse, decide
from droidrack.core.errors import Effect, PhoneError, ProfileError
from droidrack.core.ids import MessageUid, Msisdn, Slot
from droidrack.core.message import OPEN, Message, MessageState
from droidrack.core.pacing import next_allowed_at
from droidrack.core.reply import Refused, Returned
from droidrack.core.report import report_for
from droidrack.core.settings import Pacing

LOOKAHEAD = 50
"""Waiting messages looked at in one pass, so that one held SIM does not hide the other's."""

HELD_RECHECK_S = 5.0
"""How often held messages are looked at again when nothing else wakes the room."""

IN_FLIGHT_LIMIT = 4
"""Attempts without a verdict per phone. Android itself queues at most 5 behind its dialog."""

SIMS_FRESH_S = 15.0
"""How old a reading of the slots may be when a message is sent on it."""

HAUNTED_S = 3600.0
"""How long an attempt of unknown outcome may still speak: see `late_row_s` in `core/evidence`."""

NOTHING_TO_DO: float | None = None


class Sending:
    """The sending room of one phone."""

    def __init__(
        self,
        world: World,
        handset: Handset,
        pacing: Pacing,
        *,
        on_open: Callable[[MessageUid], None],
        on_settled: Callable[[], None],
        only: MessageUid | None = None,
    ) -> None:
        """`only`: send this message and leave all others waiting."""
        self._world = world
        self._handset = handset
        self._pacing = pacing
        self._on_open = on_open
        self._on_settled = on_settled
        self._only = only
        self._wake = asyncio.Event()
        self._calm = asyncio.Event()
        self._calm.set()
        self._draining = False
        self._held_since: dict[Slot, datetime] = {}

    def wake(self) -> None:
        """There is a new message, or room for the next one."""
        self._wake.set()

    def drain(self) -> None:
        """Start no new call."""
        self._draining = True
        self._wake.set()

    async def calm(self) -> None:
        """Return once no call is in flight."""
        await self._calm.wait()

    async def run(self) -> None:
        """Send for ever. Raises PhoneError when the phone is gone or does not answer."""
        while True:
            self._wake.clear()
            wait_s = NOTHING_TO_DO if self._draining else await self._pass()
            if wait_s == 0:
                continue
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _pass(self) -> float | None:
        """Look at the waiting messages once; seconds until the next look, None: when woken."""
        journal, device = self._world.journal, self._handset.device
        waiting = [
            message
            for message in await journal.waiting(device, limit=LOOKAHEAD)
            if self._only in (None, message.uid)
        ]
        if not waiting:
            return NOTHING_TO_DO
        await self._handset.refresh_sims(SIMS_FRESH_S)
        bindings = await self._handset.bindings()
        held = False
        for message in waiting:
            binding = bindings.get(message.sim_uid)
            decision = decide(
                message,
                binding=binding,
                sims=self._handset.sims,
                held_since=self._held_since.get(binding.slot) if binding else None,
                now=self._world.clock.now(),
                policy=self._world.settings.policy,
            )
            if isinstance(decision, Refuse):
                await self._refuse(message, decision)
            elif isinstance(decision, Hold):
                held = True
                if binding is not None:
                    self._held_since.setdefault(binding.slot, self._world.clock.now())
            else:
                self._held_since.pop(decision.sim.slot, None)
                wait_s = await self._try(message, decision)
                if wait_s is not None:
                    return wait_s
        return HELD_RECHECK_S if held else NOTHING_TO_DO

    async def _try(self, message: Message, go: Go) -> float | None:
        """Send it if it may go now: 0. Else the seconds until anything may, or None: not this."""
        if not await self._may_fly(message.number):
            return None
        now = self._world.clock.now()
        since = now - timedelta(seconds=self._longest_memory_s())
        history = await self._world.journal.segments_since(self._handset.device, since)
        allowed_at = next_allowed_at(history, go.segments, now, self._pacing)
        if allowed_at > now:
            # The pace is the phone's: nobody else may pass either, and the door is asked again.
            return (allowed_at - now).total_seconds()
        self._calm.clear()
        try:
            await self._send(message, go)
        finally:
            self._calm.set()
        return 0

    def _longest_memory_s(self) -> float:
        pacing = self._pacing
        return max(pacing.window_s, pacing.min_gap_s * self._world.settings.policy.max_segments)

    async def _may_fly(self, number: Msisdn) -> bool:
        """Whether another attempt may be open beside those that have no verdict yet.

        Two attempts to one number at a time could not be told apart by their rows; and where a
        phone's witnesses name no message at all, only one attempt may be open on it.
        """
        journal = self._world.journal
        pending = await journal.open_attempts(self._handset.device)
        flying = [attempt for attempt, state in pending if state in OPEN]
        if flying and not self._handset.tells_apart:
            return False
        if self._haunted(pending):
            return False
        if len(flying) >= IN_FLIGHT_LIMIT:
            return False
        for attempt in flying:
            other = await journal.message(attempt.uid)
            if other is not None and other.number == number:
                return False
        return True

    def _haunted(self, pending: Sequence[tuple[Attempt, MessageState]]) -> bool:
        """Whether an attempt of unknown outcome may still speak in this boot.

        Where the radio log is the only witness and names no message, its late word would be taken
        for the next one's. The phone waits until that is over; a reboot ends it at once.
        """
        if self._handset.tells_apart or self._handset.witnesses.store:
            return False
        since = self._world.ago(HAUNTED_S)
        return any(
            attempt.boot_id == self._handset.boot_id and attempt.opened_at > since
            for attempt, state in pending
            if state is MessageState.UNKNOWN
        )

    # --- One attempt --------------------------------------------------------------------------

    async def _send(self, message: Message, go: Go) -> None:
        world, handset = self._world, self._handset
        life = await world.journal.life(message.uid)
        if life is None:
            raise AssertionError("a waiting message is in the journal")
        attempt = Attempt(
            uid=message.uid,
            number=len(life.attempts) + 1,
            device=handset.device,
            slot=go.sim.slot,
            sub_id=go.sub_id,
            iccid=go.sim.iccid,
            segments=go.segments,
            watermark=await handset.watermark(),
            message_id=handset.new_message_id(world.dice),
            boot_id=handset.boot_id,
            opened_at=world.clock.now(),
        )
        try:
            call = handset.call_for(attempt, message)
        except ProfileError as error:
            await self._refuse(message, Refuse(MessageState.FAILED, error.code, error.message))
            return
        # From here on the phone may hear of it: the intent has to be on disk.
        await world.journal.open_attempt(attempt)
        self._on_open(message.uid)
        try:
            reply = await handset.submit(call, message)
        except PhoneError as error:
            await self._call_failed(message, error)
            raise
        if isinstance(reply, Returned):
            await self._move(message, MessageState.SUBMITTED, "", EvidenceKind.CALL_RETURNED)
        elif isinstance(reply, Refused) and reply.effect is Effect.NONE:
            await self._move(
                message, MessageState.FAILED, reply.code, EvidenceKind.CALL_REFUSED, reply.message
            )
        else:
            await self._move(
                message, MessageState.SENDING, "", EvidenceKind.CALL_LOST, reply.message
            )
        self._on_open(message.uid)

    async def _call_failed(self, message: Message, error: PhoneError) -> None:
        if error.effect is Effect.NONE:
            state, kind = MessageState.ACCEPTED, EvidenceKind.CALL_NOT_MADE
        else:
            state, kind = MessageState.SENDING, EvidenceKind.CALL_LOST
        await self._move(message, state, error.code, kind, error.message)

    async def _refuse(self, message: Message, refusal: Refuse) -> None:
        await self._move(message, refusal.state, refusal.code, EvidenceKind.POLICY, refusal.detail)

    async def _move(
        self,
        message: Message,
        state: MessageState,
        code: str,
        kind: EvidenceKind,
        detail: str = "",
    ) -> None:
        now = self._world.clock.now()
        report = None
        if state in (MessageState.FAILED, MessageState.EXPIRED):
            unknown_as = self._world.settings.policy.unknown_as
            report = report_for(message.uid, state, code, now, unknown_as)
        await self._world.journal.settle(
            message.uid,
            state,
            code=code,
            evidence=[Evidence(kind, now, detail)],
            report=report,
            at=now,
        )
        if report is not None:
            self._world.tell(
                "message settled",
                device=self._handset.device,
                uid=message.uid,
                state=state.value,
                code=code,
                proof=kind.value,
            )
            self._on_settled()
