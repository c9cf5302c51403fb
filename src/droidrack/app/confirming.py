"""Room 5, confirm: hears the witnesses and draws verdicts.

One query of the SMS store serves all open attempts of the phone, for each costs the phone a process
start. The radio log costs nothing and says when a look is worth it. What the witnesses said becomes
a verdict in `core/evidence.py`; here it is carried to the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from droidrack.app.conduct import Conduct
from droidrack.app.handset import Handset
from droidrack.app.last_words import LastWords
from droidrack.app.listening import Listening
from droidrack.app.rows import (
    FIRST_LOOK_S,
    LOOK_GROWTH,
    RIVAL_S,
    WATCH_UNKNOWN_S,
    RowWitness,
    age_s,
)
from droidrack.app.strangers import Strangers
from droidrack.app.world import World
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Flight, Verdict
from droidrack.core.evidence import (
    DEADLINE,
    SIM_CHANGED,
    Deadlines,
    Match,
    RadioWord,
    Witness,
    confirm_by,
    judge,
    wants_second_look,
)
from droidrack.core.ids import MessageUid
from droidrack.core.message import OPEN, MessageState
from droidrack.core.report import report_for
from droidrack.core.retry import retry_delay_s
from droidrack.ports import Event

LAST_WORDS_LIMIT = 50
"""Messages looked at for words that are still owed: twice what a pace lets out in that time."""


class Confirming:
    """The confirming room of one phone."""

    def __init__(
        self,
        world: World,
        handset: Handset,
        listening: Listening,
        *,
        on_settled: Callable[[], None],
        conduct: Conduct | None = None,
    ) -> None:
        """`conduct`: the phone's so far; it is told every verdict."""
        self._world = world
        self._handset = handset
        self._listening = listening
        self._on_settled = on_settled
        self._conduct = conduct or Conduct(world.steady)
        self.on_free: Callable[[], None] = lambda: None
        self.on_retry: Callable[[MessageUid, float], None] = lambda uid, delay_s: None
        self.asked: Callable[[], bool] = lambda: False  # Whether the phone asks somebody now.
        self.on_wrong_sim: Callable[[str], Awaitable[None]] = self._quarantine
        self._opened = asyncio.Event()
        self._told: set[MessageUid] = set()
        self._steady = handset.steady
        self._opened_at: dict[MessageUid, datetime] = {}
        self._floors: dict[MessageUid, int] = {}
        self._contested = 0
        policy = world.settings.policy
        self._limits = Deadlines(
            confirm_s=policy.confirm_deadline_s, unknown_hold_s=policy.unknown_hold_s
        )
        self._rows = RowWitness(handset, self._limits)
        self._last_words = LastWords(listening)
        self._strangers = Strangers(listening)

    def opened(self, uid: MessageUid) -> None:
        """An attempt was opened: what the radio said before is not about it."""
        self._floors[uid] = self._listening.count
        self._opened_at[uid] = self._steady.now()
        self._rows.opened(uid)
        self._opened.set()

    def answered(self) -> None:
        """The call of an attempt came back."""
        self._opened.set()

    async def run(self) -> None:
        """Confirm for ever. Raises PhoneError when the phone is gone or does not answer."""
        while True:
            self._opened.clear()
            self._listening.news.clear()
            wait_s = await self.look()
            await self._until_worth_it(wait_s)

    async def recover(self) -> None:
        """Give every attempt that an earlier life left open its verdict.

        Returns once none is in SENDING or SUBMITTED; the longest wait is the confirm deadline.
        """
        await self._recall()
        while True:
            self._listening.news.clear()
            wait_s = await self.look()
            flying = await self._world.journal.open_attempts(self._handset.device)
            if not any(state in OPEN for _, state in flying):
                return
            await self._until_worth_it(wait_s)

    async def look(self) -> float | None:
        """Hear the witnesses once and settle what they prove.

        Returns:
            Seconds until the next look; None: nothing is open.
        """
        now = self._steady.now()
        everything = await self._world.journal.open_attempts(self._handset.device)
        aged = [(self._aged(flight), state) for flight, state in everything]
        for flight, state in aged:
            if state is MessageState.UNKNOWN:
                await self._tell_unknown(flight.attempt)
        watched = [
            (flight, state)
            for flight, state in aged
            if state in OPEN or age_s(flight.attempt, now) < WATCH_UNKNOWN_S
        ]
        rivals = [
            flight
            for flight, state in aged
            if state not in OPEN and WATCH_UNKNOWN_S <= age_s(flight.attempt, now) < RIVAL_S
        ]
        if not watched:
            wait_s = await self._rows.look_for_late_rows()
            await self._note_late_rows()
            return wait_s
        due = [
            flight.attempt
            for flight, state in watched
            if state in OPEN or self._rows.due(flight.attempt, now)
        ]
        matches = await self._rows.ask([flight for flight, _ in watched], due, rivals)
        await self._note_late_rows()
        alone = self._alone([flight.attempt for flight, _ in watched], now)
        if alone is None:
            self._contested = self._listening.count
        for (flight, state), match_ in zip(watched, matches, strict=True):
            attempt = flight.attempt
            witness = Witness(
                can=self._handset.witnesses,
                store=match_,
                radio=self._words(attempt),
                exclusive=alone == attempt.uid,
                boot_id=self._handset.boot_id,
            )
            verdict = judge(attempt, state, witness, self._steady.now(), self._limits)
            if verdict is not None:
                await self._settle(flight, state, verdict, match_)
        if any(wants_second_look(match_, now, self._limits) for match_ in matches):
            return FIRST_LOOK_S
        return self._next_look_s(watched)

    def _aged(self, flight: Flight) -> Flight:
        """A flight with its opening in the steady clock, the same at every look."""
        attempt = flight.attempt
        key = (attempt.uid, attempt.number)
        known = self._opened_at.get(attempt.uid) or self._world.openings.get(key)
        opened_at = known or self._steady.of(attempt.opened_at, attempt.tick)
        self._opened_at[attempt.uid] = self._world.openings[key] = opened_at
        return replace(flight, attempt=replace(attempt, opened_at=opened_at))

    # --- Witnesses ----------------------------------------------------------------------------

    async def _recall(self) -> None:
        """What earlier lives already took from the store, so that no row proves twice."""
        journal, device = self._world.journal, self._handset.device
        now = self._steady.now()
        # Ages do not follow the host's date, but the journal does: it may have jumped since.
        dates = [
            flight.attempt.opened_at
            for flight, _ in await journal.open_attempts(device)
            if age_s(self._aged(flight).attempt, now) < RIVAL_S
        ]
        late = timedelta(seconds=self._limits.late_row_s)
        since = min([self._world.ago(RIVAL_S), *dates]) - late
        rowless = await journal.rowless_attempts(device, since)
        self._rows.recall(
            await journal.claimed_rows(device, since), [self._aged(flight) for flight in rowless]
        )
        self._handset.store.expect(await journal.last_watermark(device) or 0)
        if not self._handset.tells_apart:
            await self._recall_last_words()
        await self._listening.attentive()

    async def _recall_last_words(self) -> None:
        """What was settled lately in this boot may still be spoken of."""
        device, boot_id = self._handset.device, self._handset.boot_id
        for life in await self._world.journal.messages(device=device, limit=LAST_WORDS_LIMIT):
            for attempt in life.attempts:
                if attempt.boot_id == boot_id:
                    opened_at = self._steady.of(attempt.opened_at, attempt.tick)
                    aged = replace(attempt, opened_at=opened_at)
                    self._last_words.recall(life, aged)

    def _alone(self, attempts: Sequence[Attempt], now: datetime) -> MessageUid | None:
        """The one attempt that id-less words of the radio can only be about; None if several.

        An attempt without a verdict may still be waiting behind a dialog in the same boot, one that
        was settled early may still get its final word, and others send from this phone, too.
        """
        late = timedelta(seconds=self._limits.late_row_s)
        possible = [
            attempt
            for attempt in attempts
            if attempt.uid not in self._handset.silent
            and attempt.boot_id == self._handset.boot_id
            and now - attempt.opened_at < late
        ]
        only = possible[0] if len(possible) == 1 else None
        floor = self._floors.get(only.uid) if only else None
        owing = self._last_words.owed(now)
        strangers = self._strangers.among(only, floor, now, owing=owing)
        if owing or strangers:
            return None
        return only.uid if only else None

    def _words(self, attempt: Attempt) -> tuple[RadioWord, ...]:
        """The radio's words that can be about an attempt.

        A word without an id counts only if it was heard after the attempt was opened, by number
        and not by a clock that may jump, and never once there were rivals: when one of them is
        settled by its row, the word must not pass on to the other.
        """
        floor = max(self._floors.get(attempt.uid, 0), self._contested)
        nameless = self._listening.heard(floor)
        return (
            *(word for word in self._listening.heard() if word.message_id is not None),
            *(word for word in nameless if word.message_id is None),
        )

    # --- Verdicts -----------------------------------------------------------------------------

    async def _settle(
        self, flight: Flight, state: MessageState, verdict: Verdict, match_: Match
    ) -> None:
        world, attempt = self._world, flight.attempt
        if verdict.code == DEADLINE and self.asked():
            verdict = replace(verdict, code="LIMIT_DIALOG")
        self._conduct.judged(attempt, verdict)
        delay_s = None
        # Out of a doubt: never again. Nor where the log names nobody: ours may still be kept back.
        if verdict.state is MessageState.FAILED and state in OPEN and self._handset.tells_apart:
            delay_s = retry_delay_s(attempt, verdict.code, world.settings.policy.send_tries)
        if delay_s is not None:
            verdict = replace(verdict, state=MessageState.ACCEPTED)
            self.on_retry(attempt.uid, delay_s)
        if not self._handset.tells_apart:
            self._last_words.settled(verdict, self._steady.now())
        evidence = [replace(item, at=self._steady.date(item.at)) for item in verdict.evidence]
        at = evidence[0].at if evidence else world.clock.now()
        row = match_.row
        if verdict.state is MessageState.SENT and row and not any(e.row_id for e in evidence):
            # The radio log was first; the row beside it is kept, for it is this message's now.
            evidence.append(Evidence(EvidenceKind.STORE_SENT, at, "seen once", row.row_id))
        report = None
        if verdict.state not in (MessageState.UNKNOWN, MessageState.ACCEPTED):
            unknown_as = world.settings.policy.unknown_as
            report = report_for(attempt.uid, verdict.state, verdict.code, at, unknown_as)
        await world.journal.settle(
            attempt.uid,
            verdict.state,
            code=verdict.code,
            evidence=evidence,
            report=report,
            at=world.clock.now(),
        )
        world.tell(
            "message settled",
            device=attempt.device,
            uid=attempt.uid,
            state=verdict.state.value,
            code=verdict.code,
            proof=", ".join(item.kind for item in verdict.evidence),
        )
        if verdict.code == SIM_CHANGED:
            self._handset.forget_sims()  # Its subscription is gone: what waits must not follow it.
        if verdict.state is not MessageState.UNKNOWN:
            self._opened_at.pop(attempt.uid, None)
            self._floors.pop(attempt.uid, None)
            world.openings.pop((attempt.uid, attempt.number), None)
        if verdict.state in (MessageState.SENT, MessageState.FAILED):  # A doubt keeps its row.
            sent = verdict.state is MessageState.SENT
            self._rows.claim(flight, match_.row, sent=sent)
        if any(item.kind is EvidenceKind.WRONG_SIM for item in verdict.evidence):
            await self._alarm(attempt)
        self._on_settled()
        self.on_free()

    async def _note_late_rows(self) -> None:
        """Keep the rows of messages that the radio log proved before: they tell the SIM."""
        for attempt, late in self._rows.take_late():
            if late.row is None:
                continue
            now = self._world.clock.now()
            found = Evidence(EvidenceKind.STORE_SENT, now, "after the radio", late.row.row_id)
            if late.wrong_sim:
                detail = f"subscription {late.row.sub_id} instead of {attempt.sub_id}"
                found = Evidence(EvidenceKind.WRONG_SIM, now, detail, late.row.row_id)
            await self._world.journal.settle(
                attempt.uid, MessageState.SENT, code="", evidence=[found], report=None, at=now
            )
            if late.wrong_sim:
                await self._alarm(attempt)

    async def _alarm(self, attempt: Attempt) -> None:
        """Tell the operator, and stop the phone."""
        text = f"message {attempt.uid} left on another SIM than asked (slot {attempt.slot})"
        event = Event(self._world.clock.now(), self._handset.device, "wrong-sim", text)
        await self._world.journal.record(event)
        self._world.tell("wrong SIM", device=self._handset.device, uid=attempt.uid)
        await self.on_wrong_sim(text)

    async def _quarantine(self, reason: str) -> None:
        self._world.notebook.set_quarantine(self._handset.device, reason)

    async def _tell_unknown(self, attempt: Attempt) -> None:
        """Tell the panel of a doubt whose hold is over; once per life, for repeats are harmless.

        The attempt is in the steady clock.
        """
        policy, now = self._world.settings.policy, self._world.clock.now()
        hold = timedelta(seconds=policy.unknown_hold_s)
        over_at = confirm_by(attempt, self._limits) + hold
        if attempt.uid in self._told or self._steady.now() < over_at:
            return
        state = MessageState.UNKNOWN
        report = report_for(attempt.uid, state, "", now, policy.unknown_as)
        if report is not None:
            await self._world.journal.settle(
                attempt.uid, state, code="", evidence=(), report=report, at=now
            )
            self._on_settled()
        self._told.add(attempt.uid)

    # --- When to look again -------------------------------------------------------------------

    def _next_look_s(self, watched: Sequence[tuple[Flight, MessageState]]) -> float:
        """Soon for young attempts, ever more rarely for old ones."""
        now = self._steady.now()
        youngest_s = min(age_s(flight.attempt, now) for flight, _ in watched)
        return max(FIRST_LOOK_S, youngest_s * LOOK_GROWTH)

    async def _until_worth_it(self, wait_s: float | None) -> None:
        """Wait for time, for news of the radio, or for a new attempt and its first chance."""
        news = asyncio.ensure_future(self._listening.news.wait())
        opened = asyncio.ensure_future(self._opened.wait())
        try:
            await asyncio.wait({news, opened}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if opened.done() and not news.done():
                await asyncio.wait({news}, timeout=FIRST_LOOK_S)
        finally:
            news.cancel()
            opened.cancel()
