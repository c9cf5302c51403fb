"""Rooms 3 and 4, pace and send: the only way to a radio.

For one phone, one message after another: the door is asked, the pace is kept, the attempt is
written to disk, and only then does the phone hear of it. Whatever happens after that write, the
message is never put back unless the call certainly did not reach the phone.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from droidrack.app.asking import Asking
from droidrack.app.conduct import Conduct
from droidrack.app.guard import read_guard_windows
from droidrack.app.handset import Handset
from droidrack.app.holding import Holding
from droidrack.app.in_flight import InFlight, what_flies
from droidrack.app.minutes import Minutes
from droidrack.app.pace import Pace
from droidrack.app.porter import Porter
from droidrack.app.recipients import Recipients, key_of
from droidrack.app.settling import Settling
from droidrack.app.world import World
from droidrack.core.attempt import Attempt, EvidenceKind
from droidrack.core.door import (
    Case,
    Go,
    Hold,
    Refuse,
    Rule,
    Stops,
    Verdict,
    expires_at,
)
from droidrack.core.errors import CardMoved, Effect, PhoneError, ProfileError
from droidrack.core.ids import MessageUid
from droidrack.core.message import Message, MessageState
from droidrack.core.reply import Refused, Returned
from droidrack.core.retry import UNTOLD_LIMIT
from droidrack.core.settings import PhoneSettings
from droidrack.core.turn import in_turn

LOOKAHEAD = 50
"""Waiting messages of each SIM row that are looked at in one pass."""

LOOKAHEAD_LIMIT = 1000
"""The most of them, where those in front wait for the morning: all that intake lets wait."""

HELD_RECHECK_S = 5.0
"""How often messages that could not go are looked at again when nothing else wakes the room."""

LEASE_RECHECK_S = 1.0
"""How soon a phone whose lease ran low is looked at again: it is renewed every few seconds."""

SIMS_FRESH_S = 15.0
"""How old a reading of the slots may be when a message is sent on it."""

LONGEST_NAP_S = 600.0
"""What waits for a known moment is looked at so often all the same: the host's clock may be turned.
A night of quiet hours costs a phone no more than that."""

SHORTEST_NAP_S = 0.001
"""Of a wait that is over when it was computed."""

NOTHING_TO_DO: float | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at one SIM row came to."""

    sent: bool = False
    stopped: bool = False  # Nothing that is behind may overtake.
    ends: bool = False  # Nobody else of this phone may pass now.
    wait_s: float | None = None  # Until this row may go on; None: nobody knows.


class Sending:
    """The sending room of one phone."""

    def __init__(
        self,
        world: World,
        handset: Handset,
        settings: PhoneSettings,
        pace: Pace,
        *,
        on_open: Callable[[MessageUid], None],
        on_answer: Callable[[], None],
        on_settled: Callable[[], None],
        only: MessageUid | None = None,
        asking: Asking | None = None,
        conduct: Conduct | None = None,
        halted: Callable[[], str] = lambda: "",
        door: asyncio.Lock | None = None,
    ) -> None:
        """Nothing is done yet.

        Args:
            world: journal, clock and settings.
            handset: the phone.
            settings: its entry.
            pace: the phone's so far.
            on_open: an attempt was opened.
            on_answer: its call came back.
            on_settled: a message was settled here.
            only: send this message and leave all others waiting.
            asking: the watch of the phone's windows.
            conduct: the phone's so far; it says which SIMs are held.
            halted: asked before each call: why none may be made now.
            door: held while waiting messages are decided about; None: nobody else does.
        """
        self._world = world
        self._handset = handset
        self._pace = pace
        self._settings = settings
        self._recipients = Recipients(world, settings)
        self._holding = Holding(world, handset.device)
        self._on_open = on_open
        self._on_answer = on_answer
        self._only = only
        self._wake = asyncio.Event()
        self._calm = asyncio.Event()
        self._calm.set()
        self._draining = False
        self._not_before: dict[MessageUid, datetime] = {}
        self._depth = LOOKAHEAD
        self._served: dict[str, int] = {}  # By SIM row: which of our sends was its last.
        self._sends = 0
        self._minutes = Minutes(world.journal, world.clock, handset.device)
        self._settling = Settling(world, handset.device, self._minutes, on_settled)
        self._conduct = conduct or Conduct(world.steady)
        self._porter = Porter(
            world,
            handset,
            pace=pace,
            recipients=self._recipients,
            asking=asking or Asking(world, handset),
            holding=self._holding,
            conduct=self._conduct,
            minutes=self._minutes,
        )
        self._halted = halted
        self._door = door or asyncio.Lock()

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

    async def run(self) -> None:
        """Send for ever. Raises PhoneError when the phone is gone or does not answer."""
        guard = await read_guard_windows(self._world, self._handset)
        await self._pace.begin(self._handset.device, guard)
        if self._only is None:  # Else nothing is known of the other messages' holds.
            await self._holding.recall()
        while True:
            self._wake.clear()
            async with self._door:
                wait_s = await self._pass() if self._may_call() else NOTHING_TO_DO
            if wait_s == 0:
                continue
            await self._minutes.rest(wait_s)
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _may_call(self) -> bool:
        return not (self._draining or self._halted())

    async def _pass(self) -> float | None:
        """Look at the waiting messages once; seconds until the next look, None: when woken."""
        journal, device = self._world.journal, self._handset.device
        waiting = [
            message
            for message in await journal.waiting(device, limit=self._depth)
            if self._only in (None, message.uid)
        ]
        await self._lift(self._holding.rows - {message.sim_uid for message in waiting})
        if not waiting:
            return NOTHING_TO_DO
        await self._handset.refresh_sims(SIMS_FRESH_S)
        await self._pace.take_up(self._handset.sims)
        bindings = await self._handset.bindings()
        in_flight = await what_flies(self._world, self._handset, self._settings)
        cases = {message.uid: self._porter.case(message, bindings) for message in waiting}
        await self._recipients.look_up(cases.values())
        waits_s: list[float] = []
        queues = in_turn(waiting, self._served)
        if all(len(queue) < LOOKAHEAD for queue in queues):
            self._depth = LOOKAHEAD
        for queue in queues:
            look = await self._look_at([cases[message.uid] for message in queue], in_flight)
            if look.sent or self._deepen(queue, look):
                return 0
            if look.ends:
                return look.wait_s
            if look.wait_s is not None:
                waits_s.append(look.wait_s)
        return min(waits_s, default=HELD_RECHECK_S)

    async def _look_at(
        self,
        queue: Sequence[Case],
        in_flight: InFlight,
    ) -> "_Look":
        """Look at one SIM row's messages in order: refuse what can never go, send the first one.

        Nothing overtakes a message that stops its SIM; what is behind it may still be refused.
        """
        sim_uid = queue[0].message.sim_uid
        holds: list[Hold] = []
        stop: Hold | None = None
        unripe = False
        for case in queue:
            decision = self._porter.decide(case)
            if isinstance(decision, Refuse):
                await self._settling.refuse(case.message, decision)
            elif isinstance(decision, Hold):
                holds.append(decision)
                stop = stop or (decision if decision.stops is not Stops.NOBODY else None)
                if decision.rule == Rule.PACE and decision.stops is Stops.PHONE:
                    break  # Of no use to look at the others: soon it is this one's turn.
            elif stop is None and not self._ripe(case, in_flight):
                unripe = True
            elif stop is None:
                await self._holding.seen(sim_uid, _of_sim(holds))
                # From here to the call's beginning nobody else of this process takes a turn.
                if not self._may_call():
                    return _Look(ends=True)
                if not self._world.may_send(self._handset.device):
                    return _Look(ends=True, wait_s=LEASE_RECHECK_S)
                await self._call(case, decision)
                self._sends += 1
                self._served[sim_uid] = self._sends
                return _Look(sent=True)
        await self._holding.seen(sim_uid, stop or _of_sim(holds))
        wait_s = HELD_RECHECK_S if unripe else self._nap_s(queue, holds)
        ends = any(hold.rule == Rule.PACE and hold.stops is Stops.PHONE for hold in holds)
        return _Look(ends=ends, wait_s=wait_s, stopped=stop is not None)

    def _deepen(self, queue: Sequence[Message], look: "_Look") -> bool:
        """Look further where all that was seen of a SIM row waits and lets others overtake."""
        hidden = len(queue) >= self._depth and not look.stopped and not look.ends
        if not hidden or self._depth >= LOOKAHEAD_LIMIT:
            return False
        self._depth = min(2 * self._depth, LOOKAHEAD_LIMIT)
        return True

    def _nap_s(self, queue: Sequence[Case], holds: Sequence[Hold]) -> float:
        """How long a SIM row may be left alone: until a hold is over, or a message expires."""
        now = self._world.clock.now()
        limits = [expires_at(case.message, case.policy) for case in queue]
        moments = [moment for moment in (*limits, *(hold.until for hold in holds)) if moment]
        known = all(hold.until for hold in holds)
        left_s = [(moment - now).total_seconds() for moment in moments]
        longest_s = LONGEST_NAP_S if known and holds else HELD_RECHECK_S
        return min(max(min(left_s, default=longest_s), SHORTEST_NAP_S), longest_s)

    async def _lift(self, rows: Iterable[str]) -> None:
        """Nothing waits for these SIM rows any more."""
        for sim_uid in sorted(rows):
            await self._holding.seen(sim_uid, None)

    def _ripe(self, case: Case, in_flight: InFlight) -> bool:
        not_before = self._not_before.get(case.message.uid)
        if not_before is not None and self._handset.steady.now() < not_before:
            return False
        return in_flight.admits(key_of(case))

    async def _call(self, case: Case, go: Go) -> None:
        self._calm.clear()
        try:
            await self._send(case, go)
        finally:
            self._calm.set()

    # --- One attempt --------------------------------------------------------------------------

    async def _send(self, case: Case, go: Go) -> None:
        world, handset, message = self._world, self._handset, case.message
        attempt = Attempt(
            uid=message.uid,
            number=await world.journal.tries(message.uid) + 1,
            device=handset.device,
            slot=go.sim.slot,
            sub_id=go.sub_id,
            iccid=go.sim.iccid,
            segments=go.segments,
            watermark=await handset.watermark(),
            message_id=handset.new_message_id(world.dice),
            boot_id=handset.boot_id,
            opened_at=world.clock.now(),
            tick=world.steady.tick(),
        )
        try:
            call = handset.call_for(attempt, message)
        except CardMoved:
            handset.forget_sims()
            return
        except ProfileError as error:
            await self._settling.refuse(message, _uncallable(error.code, error.message))
            return
        except ValueError:  # Of `call_for`: a row of the profile that does not fit a message.
            text = f"{handset.profile.name} has no call that takes this message"
            await self._settling.refuse(message, _uncallable(ProfileError.code, text))
            return
        # A phone may have taken long to answer: meanwhile it may be halted, or another's.
        if self._halted() or not world.may_send(handset.device):
            return
        # From here on the phone may hear of it: the intent has to be on disk.
        await world.journal.open_attempt(attempt, self._minutes.go(message, go))
        kept_back = await self._recipients.last_word(case)
        if kept_back is not None:
            await self._keep_back(message, kept_back)
            return
        self._pace.note(go.sim, go.segments, message.number)
        self._conduct.called(attempt)
        self._on_open(message.uid)
        try:
            reply = await handset.submit(call, message)
        except PhoneError as error:
            if error.effect is Effect.NONE:
                self._pace.take_back()
            await self._call_failed(attempt, message, error)
            if not isinstance(error, CardMoved):
                raise
            handset.forget_sims()
            return
        finally:
            self._pace.answered(go.segments)
        if isinstance(reply, Returned):
            await self._settling.move(
                message, MessageState.SUBMITTED, "", EvidenceKind.CALL_RETURNED
            )
        elif isinstance(reply, Refused) and reply.effect is Effect.NONE:
            self._pace.take_back()
            self._conduct.not_called(attempt)
            await self._settling.move(
                message, MessageState.FAILED, reply.code, EvidenceKind.CALL_REFUSED, reply.message
            )
        else:
            await self._settling.lost(message, "", reply.message)
        self._on_answer()

    async def _keep_back(self, message: Message, verdict: Verdict) -> None:
        """The phone hears nothing of an attempt that is on disk already."""
        kind = EvidenceKind.CALL_NOT_MADE
        await self._settling.move(
            message, MessageState.ACCEPTED, verdict.code, kind, verdict.detail
        )
        if isinstance(verdict, Refuse):
            await self._settling.refuse(message, verdict)

    async def _call_failed(self, attempt: Attempt, message: Message, error: PhoneError) -> None:
        if error.effect is not Effect.NONE:
            await self._settling.lost(message, error.code, error.message)
            return
        self._conduct.not_called(attempt)
        given_up = attempt.number >= UNTOLD_LIMIT
        state = MessageState.FAILED if given_up else MessageState.ACCEPTED
        kind = EvidenceKind.CALL_NOT_MADE
        await self._settling.move(message, state, error.code, kind, error.message)


def _uncallable(code: str, detail: str) -> Refuse:
    """The phone's profile has no call for a message."""
    return Refuse(MessageState.FAILED, code, detail, rule=Rule.CALL)


def _of_sim(holds: Sequence[Hold]) -> Hold | None:
    """The first hold that says something of the SIM: a recipient's night does not."""
    return next((hold for hold in holds if hold.rule != Rule.QUIET_HOURS), None)
