"""Rooms 3 and 4, pace and send: the only way to a radio.

For one phone, one message after another: the door is asked, the pace is kept, the attempt is
written to disk, and only then does the phone hear of it. Whatever happens after that write, the
message is never put back unless the call certainly did not reach the phone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from droidrack.app.conduct import Conduct
from droidrack.app.handset import Handset
from droidrack.app.pace import Pace
from droidrack.app.world import World
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind
from droidrack.core.door import Decision, Go, Hold, Refuse, SimBinding, decide
from droidrack.core.errors import Effect, ParseError, PhoneError, ProfileError
from droidrack.core.ids import MessageUid, Msisdn
from droidrack.core.message import OPEN, Message, MessageState
from droidrack.core.reply import Refused, Returned
from droidrack.core.report import report_for
from droidrack.core.retry import UNTOLD_LIMIT
from droidrack.core.settings import Pacing

LOOKAHEAD = 50
"""Waiting messages looked at in one pass, so that one held SIM does not hide the other's."""

HELD_RECHECK_S = 5.0
"""How often messages that could not go are looked at again when nothing else wakes the room."""

IN_FLIGHT_LIMIT = 4
"""Attempts without a verdict per phone. Android itself queues at most 5 behind its dialog."""

SIMS_FRESH_S = 15.0
"""How old a reading of the slots may be when a message is sent on it."""

NOTHING_TO_DO: float | None = None


@dataclass(frozen=True, slots=True)
class _InFlight:
    """Attempts without a verdict, as far as they keep others on the ground.

    Two attempts to one number at a time could not be told apart by their rows; and where a phone's
    witnesses name no message at all, only one attempt may be open on it.
    """

    full: bool
    numbers: frozenset[Msisdn]

    def admits(self, number: Msisdn) -> bool:
        """Whether a message to this number may join."""
        return not self.full and number not in self.numbers


class Sending:
    """The sending room of one phone."""

    def __init__(
        self,
        world: World,
        handset: Handset,
        pacing: Pacing,
        *,
        on_open: Callable[[MessageUid], None],
        on_answer: Callable[[], None],
        on_settled: Callable[[], None],
        only: MessageUid | None = None,
        pace: Pace | None = None,
        conduct: Conduct | None = None,
        halted: Callable[[], str] = lambda: "",
    ) -> None:
        """Nothing is done yet.

        Args:
            world: journal, clock and settings.
            handset: the phone.
            pacing: how fast it may send.
            on_open: an attempt was opened.
            on_answer: its call came back.
            on_settled: a message was settled here.
            only: send this message and leave all others waiting.
            pace: the phone's so far.
            conduct: the phone's so far; it says which SIMs are held.
            halted: asked before each call: why none may be made now.
        """
        self._world = world
        self._handset = handset
        self._pacing = pacing
        self._on_open = on_open
        self._on_answer = on_answer
        self._on_settled = on_settled
        self._only = only
        self._wake = asyncio.Event()
        self._calm = asyncio.Event()
        self._calm.set()
        self._draining = False
        self._not_before: dict[MessageUid, datetime] = {}
        self._held_since: dict[str, datetime] = {}  # By SIM row, in the steady clock.
        self._pace = pace or Pace(world.clock, pacing)
        self._conduct = conduct or Conduct(world.steady)
        self._halted = halted
        self._quiet = 0  # How many ask for silence at present.

    def wake(self) -> None:
        """There is a new message, or room for the next one."""
        self._wake.set()

    def retry(self, uid: MessageUid, delay_s: float) -> None:
        """Try a message again, but not before its cause had time to pass."""
        self._not_before[uid] = self._handset.steady.now() + timedelta(seconds=delay_s)
        self._wake.set()

    def drain(self) -> None:
        """Start no new call."""
        self._draining = True
        self._wake.set()

    async def calm(self) -> None:
        """Return once no call is in flight."""
        await self._calm.wait()

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """While it is open no call is in flight and none is started."""
        self._quiet += 1
        try:
            await self._calm.wait()
            yield
        finally:
            self._quiet -= 1
            self._wake.set()

    async def run(self) -> None:
        """Send for ever. Raises PhoneError when the phone is gone or does not answer."""
        await self._recall_pace()
        while True:
            self._wake.clear()
            wait_s = await self._pass() if self._may_call() else NOTHING_TO_DO
            if wait_s == 0:
                continue
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _may_call(self) -> bool:
        return not (self._draining or self._quiet or self._halted())

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
        in_flight = await self._in_flight()
        for message in waiting:
            decision = self._ask_the_door(message, bindings.get(message.sim_uid))
            if isinstance(decision, Refuse):
                await self._refuse(message, decision)
            elif isinstance(decision, Go) and self._ripe(message, in_flight):
                wait_s = await self._try(message, decision)
                if wait_s is not None:
                    return wait_s
        return HELD_RECHECK_S

    def _ripe(self, message: Message, in_flight: "_InFlight") -> bool:
        not_before = self._not_before.get(message.uid)
        if not_before is not None and self._handset.steady.now() < not_before:
            return False
        return in_flight.admits(message.number)

    def _ask_the_door(self, message: Message, binding: SimBinding | None) -> Decision:
        now, since = self._handset.steady.now(), self._held_since.get(message.sim_uid)
        decision = decide(
            message,
            binding=binding,
            sims=self._handset.sims,
            row_exists=binding is not None or self._row_exists(message.sim_uid),
            held_s=(now - since).total_seconds() if since else 0.0,
            now=self._world.clock.now(),
            policy=self._world.settings.policy,
            held=self._conduct.holds(self._handset.sims),
        )
        if isinstance(decision, Hold):
            self._held_since.setdefault(message.sim_uid, now)
        elif isinstance(decision, Go):
            self._held_since.pop(message.sim_uid, None)
        return decision

    def _row_exists(self, sim_uid: str) -> bool:
        """Whether the panel told of this SIM row; its card may still have to appear."""
        session = self._world.vault.load(self._handset.device)
        return session is not None and any(row.uid == sim_uid for row in session.sims)

    async def _try(self, message: Message, go: Go) -> float | None:
        """Send it if the pace allows: 0. Else the seconds until it does; None when draining."""
        wait_s = self._pace.wait_s(go.segments)
        if wait_s > 0:
            # The pace is the phone's: nobody else may pass either, and the door is asked again.
            return wait_s
        if not self._may_call():
            return NOTHING_TO_DO
        self._calm.clear()
        try:
            await self._send(message, go)
        finally:
            self._calm.set()
        return 0

    async def _recall_pace(self) -> None:
        """What this phone sent lately, also in earlier lives; ages count from here on."""
        pacing = self._pacing
        longest_gap_s = pacing.min_gap_s * self._world.settings.policy.max_segments
        since = self._world.ago(max(pacing.window_s, longest_gap_s))
        await self._pace.recall(self._world.journal, self._handset.device, since)

    async def _in_flight(self) -> "_InFlight":
        """What is in the air now, and what it keeps on the ground."""
        journal = self._world.journal
        pending = await journal.open_attempts(self._handset.device)
        flying = [attempt for attempt, state in pending if state in OPEN]
        found = [await journal.message(attempt.uid) for attempt in flying]
        room = IN_FLIGHT_LIMIT if self._handset.tells_apart else 1
        full = len(flying) >= room or await self._haunted(pending)
        return _InFlight(full, frozenset(message.number for message in found if message))

    async def _haunted(self, pending: Sequence[tuple[Attempt, MessageState]]) -> bool:
        """Whether an attempt of unknown outcome may still speak in this boot.

        Where the radio log is the only witness and names no message, its late word would be taken
        for the next one's. Only a message behind a dialog speaks late: while the phone shows one it
        waits, and once it shows none those attempts are silent for good. A reboot ends it at once.
        """
        handset = self._handset
        if handset.tells_apart or handset.witnesses.store:
            return False
        doubtful = {
            attempt.uid
            for attempt, state in pending
            if state is MessageState.UNKNOWN and attempt.boot_id == handset.boot_id
        }
        if doubtful <= handset.silent:
            return False
        try:
            asking = await handset.asks_a_person()
        except ParseError as error:
            self._world.tell("dump not understood", device=handset.device, why=error)
            asking = True
        if asking:
            self._world.tell("phone asks a person about a message", device=handset.device)
            return True
        handset.silent |= doubtful
        return False

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
        except ValueError:  # Of `call_for`: a row of the profile that does not fit a message.
            text = f"{handset.profile.name} has no call that takes this message"
            await self._refuse(message, Refuse(MessageState.FAILED, ProfileError.code, text))
            return
        # From here on the phone may hear of it: the intent has to be on disk.
        await world.journal.open_attempt(attempt)
        self._pace.note(go.segments)
        self._conduct.called(attempt)
        self._on_open(message.uid)
        try:
            reply = await handset.submit(call, message)
        except PhoneError as error:
            await self._call_failed(attempt, message, error)
            raise
        finally:
            self._pace.answered()
        if isinstance(reply, Returned):
            await self._move(message, MessageState.SUBMITTED, "", EvidenceKind.CALL_RETURNED)
        elif isinstance(reply, Refused) and reply.effect is Effect.NONE:
            self._conduct.not_called(attempt)
            await self._move(
                message, MessageState.FAILED, reply.code, EvidenceKind.CALL_REFUSED, reply.message
            )
        else:
            await self._move(
                message, MessageState.SENDING, "", EvidenceKind.CALL_LOST, reply.message
            )
        self._on_answer()

    async def _call_failed(self, attempt: Attempt, message: Message, error: PhoneError) -> None:
        if error.effect is Effect.NONE:
            self._conduct.not_called(attempt)
        if error.effect is Effect.NONE and attempt.number >= UNTOLD_LIMIT:
            state, kind = MessageState.FAILED, EvidenceKind.CALL_NOT_MADE
        elif error.effect is Effect.NONE:
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
