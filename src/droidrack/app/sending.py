"""Rooms 3 and 4, pace and send: the only way to a radio.

For one phone, one message after another: the door is asked, the pace is kept, the attempt is
written to disk, and only then does the phone hear of it. Whatever happens after that write, the
message is never put back unless the call certainly did not reach the phone.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from droidrack.app.asking import Asking
from droidrack.app.handset import Handset
from droidrack.app.holding import Holding
from droidrack.app.in_flight import InFlight, what_flies
from droidrack.app.minutes import Minutes
from droidrack.app.pace import Pace
from droidrack.app.world import World
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind
from droidrack.core.audit import AuditEntry
from droidrack.core.door import Case, Decision, Go, Hold, Refuse, Rule, SimBinding, Stops, decide
from droidrack.core.errors import Effect, PhoneError, ProfileError
from droidrack.core.ids import MessageUid
from droidrack.core.message import Message, MessageState
from droidrack.core.reply import Refused, Returned
from droidrack.core.report import report_for
from droidrack.core.retry import UNTOLD_LIMIT
from droidrack.core.turn import in_turn

LOOKAHEAD = 50
"""Waiting messages of each SIM row that are looked at in one pass."""

HELD_RECHECK_S = 5.0
"""How often messages that could not go are looked at again when nothing else wakes the room."""

SIMS_FRESH_S = 15.0
"""How old a reading of the slots may be when a message is sent on it."""

LONGEST_NAP_S = 30.0
"""What waits for its pace is looked at so often all the same: it may expire meanwhile."""

SHORTEST_NAP_S = 0.001
"""Of a wait that is over when it was computed."""

NOTHING_TO_DO: float | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at one SIM row came to."""

    sent: bool = False
    ends: bool = False  # Nobody else of this phone may pass now.
    wait_s: float | None = None  # Until this row may go on; None: nobody knows.


class Sending:
    """The sending room of one phone."""

    def __init__(
        self,
        world: World,
        handset: Handset,
        pace: Pace,
        *,
        on_open: Callable[[MessageUid], None],
        on_answer: Callable[[], None],
        on_settled: Callable[[], None],
        only: MessageUid | None = None,
        asking: Asking | None = None,
    ) -> None:
        """`only`: send this message and leave all others waiting. `asking`: the window watch."""
        self._world = world
        self._handset = handset
        self._pace = pace
        self._asking = asking or Asking(world, handset)
        self._asking.on_change = self.wake
        self._holding = Holding(world, handset.device)
        self._on_open = on_open
        self._on_answer = on_answer
        self._on_settled = on_settled
        self._only = only
        self._wake = asyncio.Event()
        self._calm = asyncio.Event()
        self._calm.set()
        self._draining = False
        self._not_before: dict[MessageUid, datetime] = {}
        self._served: dict[str, int] = {}  # By SIM row: which of our sends was its last.
        self._sends = 0
        self._minutes = Minutes(world.journal, world.clock, handset.device)

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
        await self._pace.begin(self._handset)
        await self._holding.recall()
        while True:
            self._wake.clear()
            wait_s = NOTHING_TO_DO if self._draining else await self._pass()
            if wait_s == 0:
                continue
            await self._minutes.rest(wait_s)
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
        await self._lift(self._holding.rows - {message.sim_uid for message in waiting})
        if not waiting:
            return NOTHING_TO_DO
        await self._handset.refresh_sims(SIMS_FRESH_S)
        await self._pace.take_up(self._handset.sims)
        bindings = await self._handset.bindings()
        in_flight = await what_flies(self._world, self._handset)
        waits_s = [HELD_RECHECK_S]
        for queue in in_turn(waiting, self._served):
            look = await self._look_at(queue, bindings, in_flight)
            if look.sent:
                return 0
            if look.ends:
                return look.wait_s
            if look.wait_s is not None:
                waits_s.append(look.wait_s)
        return min(waits_s)

    async def _look_at(
        self,
        queue: Sequence[Message],
        bindings: Mapping[str, SimBinding],
        in_flight: InFlight,
    ) -> "_Look":
        """Look at one SIM row's messages in order: refuse what can never go, send the first one.

        Nothing overtakes a message that stops its SIM; what is behind it may still be refused.
        """
        sim_uid = queue[0].sim_uid
        holds: list[Hold] = []
        stop: Hold | None = None
        for message in queue:
            decision = self._ask_the_door(message, bindings.get(sim_uid))
            if isinstance(decision, Refuse):
                await self._refuse(message, decision)
            elif isinstance(decision, Hold):
                holds.append(decision)
                stop = stop or (decision if decision.stops is not Stops.NOBODY else None)
                if decision.rule == Rule.PACE and decision.stops is Stops.PHONE:
                    break  # Of no use to look at the others: soon it is this one's turn.
            elif stop is None and self._ripe(message, in_flight):
                if self._draining:
                    return _Look(ends=True)
                await self._holding.seen(sim_uid, holds[0] if holds else None)
                await self._call(message, decision)
                self._sends += 1
                self._served[sim_uid] = self._sends
                return _Look(sent=True)
        await self._holding.seen(sim_uid, stop or (holds[0] if holds else None))
        return self._nap(holds)

    def _nap(self, holds: Sequence[Hold]) -> "_Look":
        """How long a SIM row's holds last at least, and whether they are its phone's."""
        now = self._world.clock.now()
        left_s = [(hold.until - now).total_seconds() for hold in holds if hold.until]
        if not left_s:
            return _Look()
        ends = any(hold.rule == Rule.PACE and hold.stops is Stops.PHONE for hold in holds)
        return _Look(ends=ends, wait_s=min(max(min(left_s), SHORTEST_NAP_S), LONGEST_NAP_S))

    async def _lift(self, rows: Iterable[str]) -> None:
        """Nothing waits for these SIM rows any more."""
        for sim_uid in sorted(rows):
            await self._holding.seen(sim_uid, None)

    def _ripe(self, message: Message, in_flight: InFlight) -> bool:
        not_before = self._not_before.get(message.uid)
        if not_before is not None and self._handset.steady.now() < not_before:
            return False
        return in_flight.admits(message.number)

    def _ask_the_door(self, message: Message, binding: SimBinding | None) -> Decision:
        row = message.sim_uid
        case = Case(
            message=message,
            binding=binding,
            sims=self._handset.sims,
            row_exists=binding is not None or self._row_exists(row),
            held_s=self._holding.held_s(row),
            now=self._world.clock.now(),
            policy=self._world.settings.policy,
            asking=self._asking.package,
            spent_s=self._holding.spent_s(row),
        )
        decision = decide(replace(case, allowance=self._pace.allowance(case.sim)))
        if isinstance(decision, Hold) and self._holding.is_news(decision):
            self._minutes.hold(message, decision)
        if not isinstance(decision, Refuse):
            self._holding.decided(row, decision if isinstance(decision, Hold) else None)
        return decision

    def _row_exists(self, sim_uid: str) -> bool:
        """Whether the panel told of this SIM row; its card may still have to appear."""
        session = self._world.vault.load(self._handset.device)
        return session is not None and any(row.uid == sim_uid for row in session.sims)

    async def _call(self, message: Message, go: Go) -> None:
        self._calm.clear()
        try:
            await self._send(message, go)
        finally:
            self._calm.set()

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
            tick=world.steady.tick(),
        )
        try:
            call = handset.call_for(attempt, message)
        except ProfileError as error:
            await self._refuse(message, _uncallable(error.code, error.message))
            return
        except ValueError:  # Of `call_for`: a row of the profile that does not fit a message.
            text = f"{handset.profile.name} has no call that takes this message"
            await self._refuse(message, _uncallable(ProfileError.code, text))
            return
        # From here on the phone may hear of it: the intent has to be on disk.
        await world.journal.open_attempt(attempt, self._minutes.go(message, go))
        self._pace.note(go.sim, go.segments, message.number)
        self._on_open(message.uid)
        try:
            reply = await handset.submit(call, message)
        except PhoneError as error:
            if error.effect is Effect.NONE:
                self._pace.take_back()
            await self._call_failed(attempt, message, error)
            raise
        finally:
            self._pace.answered(go.segments)
        if isinstance(reply, Returned):
            await self._move(message, MessageState.SUBMITTED, "", EvidenceKind.CALL_RETURNED)
        elif isinstance(reply, Refused) and reply.effect is Effect.NONE:
            self._pace.take_back()
            await self._move(
                message, MessageState.FAILED, reply.code, EvidenceKind.CALL_REFUSED, reply.message
            )
        else:
            await self._move(
                message, MessageState.SENDING, "", EvidenceKind.CALL_LOST, reply.message
            )
        self._on_answer()

    async def _call_failed(self, attempt: Attempt, message: Message, error: PhoneError) -> None:
        if error.effect is Effect.NONE and attempt.number >= UNTOLD_LIMIT:
            state, kind = MessageState.FAILED, EvidenceKind.CALL_NOT_MADE
        elif error.effect is Effect.NONE:
            state, kind = MessageState.ACCEPTED, EvidenceKind.CALL_NOT_MADE
        else:
            state, kind = MessageState.SENDING, EvidenceKind.CALL_LOST
        await self._move(message, state, error.code, kind, error.message)

    async def _refuse(self, message: Message, refusal: Refuse) -> None:
        await self._move(
            message,
            refusal.state,
            refusal.code,
            EvidenceKind.POLICY,
            refusal.detail,
            audit=self._minutes.refuse(message, refusal),
        )

    async def _move(
        self,
        message: Message,
        state: MessageState,
        code: str,
        kind: EvidenceKind,
        detail: str = "",
        audit: Sequence[AuditEntry] = (),
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
            audit=audit,
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


def _uncallable(code: str, detail: str) -> Refuse:
    """The phone's profile has no call for a message."""
    return Refuse(MessageState.FAILED, code, detail, rule=Rule.CALL)
