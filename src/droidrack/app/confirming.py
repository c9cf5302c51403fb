"""Room 5, confirm: hears the witnesses and draws verdicts.

One query of the SMS store serves all open attempts of the phone, for each costs the phone a process
start. The radio log costs nothing and says when a look is worth it. What the witnesses said becomes
a verdict in `core/evidence.py`; here it is carried to the journal.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from droidrack.app.handset import Handset
from droidrack.app.listening import Listening
from droidrack.app.world import World
from droidrack.core.attempt import Attempt, EvidenceKind, Verdict
from droidrack.core.evidence import (
    Deadlines,
    Match,
    RadioWord,
    Witness,
    confirm_by,
    judge,
    match,
)
from droidrack.core.ids import MessageUid
from droidrack.core.matching import NOTHING, Flight, StoreRow
from droidrack.core.message import OPEN, MessageState
from droidrack.core.report import report_for
from droidrack.ports import Event

FIRST_LOOK_S = 2.0
"""A radio rarely needs less than a second; a look before that costs a process start for nothing."""

LOOK_GROWTH = 0.1
"""The next look at attempts of age T comes after T / 10: a tenth late at the most."""

WATCH_UNKNOWN_S = 24 * 3600.0
"""How long late evidence is looked for: a message behind a dialog waits for a person's day."""


class Confirming:
    """The confirming room of one phone."""

    def __init__(
        self,
        world: World,
        handset: Handset,
        listening: Listening,
        *,
        on_settled: Callable[[], None],
    ) -> None:
        self._world = world
        self._handset = handset
        self._listening = listening
        self._on_settled = on_settled
        self.on_free: Callable[[], None] = lambda: None
        self._opened = asyncio.Event()
        self._rows: dict[int, StoreRow] = {}
        self._claimed: set[int] = set()
        self._rowless: list[Flight] = []
        self._told: set[MessageUid] = set()
        self._floors: dict[MessageUid, int] = {}
        self._contested = 0
        policy = world.settings.policy
        self._limits = Deadlines(
            confirm_s=policy.confirm_deadline_s, unknown_hold_s=policy.unknown_hold_s
        )

    def opened(self, uid: MessageUid) -> None:
        """An attempt was opened or answered: what the radio said before is not about it."""
        self._floors.setdefault(uid, self._listening.count)
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
        journal, now = self._world.journal, self._world.clock.now()
        watched = [
            (attempt, state)
            for attempt, state in await journal.open_attempts(self._handset.device)
            if (now - attempt.opened_at).total_seconds() < WATCH_UNKNOWN_S
        ]
        if not watched:
            return None
        flights = [await self._flight(attempt) for attempt, _ in watched]
        matches = await self._ask_store(flights)
        alone = self._alone([attempt for attempt, _ in watched], now)
        if alone is None:
            self._contested = self._listening.count
        for (attempt, state), match_ in zip(watched, matches, strict=True):
            witness = Witness(
                can=self._handset.witnesses,
                store=match_,
                radio=self._words(attempt),
                exclusive=alone == attempt.uid,
                boot_id=self._handset.boot_id,
            )
            verdict = judge(attempt, state, witness, self._world.clock.now(), self._limits)
            if verdict is not None:
                await self._settle(attempt, verdict)
            elif state is MessageState.UNKNOWN:
                await self._tell_unknown(attempt)
        return self._next_look_s(watched)

    # --- Witnesses ----------------------------------------------------------------------------

    async def _recall(self) -> None:
        """What earlier lives already took from the store, so that no row proves twice."""
        since = self._world.ago(WATCH_UNKNOWN_S + self._limits.late_row_s)
        self._claimed = set(await self._world.journal.claimed_rows(self._handset.device, since))
        for attempt in await self._world.journal.rowless_attempts(self._handset.device, since):
            self._rowless.append(await self._flight(attempt))
        await self._listening.attentive()

    async def _flight(self, attempt: Attempt) -> Flight:
        message = await self._world.journal.message(attempt.uid)
        if message is None:
            raise AssertionError("an attempt without its message")
        return Flight(attempt, message.number)

    async def _ask_store(self, flights: Sequence[Flight]) -> Sequence[Match]:
        """One match per flight, from one query."""
        marks = [f.attempt.watermark for f in flights if f.attempt.watermark is not None]
        if not self._handset.witnesses.store or not marks:
            return [NOTHING] * len(flights)
        asked_at = self._world.clock.now()
        seen = await self._handset.rows_above(min(marks))
        self._note_rows(seen, min(marks), asked_at)
        free = [row for row in self._rows.values() if row.row_id not in self._claimed]
        everybody = [*flights, *self._rowless]
        found = match(
            everybody,
            free,
            second_look_s=self._limits.second_look_s,
            late_row_s=self._limits.late_row_s,
        )
        for flight, late in zip(self._rowless[:], found[len(flights) :], strict=True):
            if late.row is not None:
                self._claimed.add(late.row.row_id)
                self._rowless.remove(flight)
        return found[: len(flights)]

    def _note_rows(self, seen: Sequence[StoreRow], floor: int, asked_at: datetime) -> None:
        """Carry first, second and last sight of each row from look to look."""
        now = self._world.clock.now()
        fresh = {row.row_id: row for row in seen}
        for row_id, known in list(self._rows.items()):
            if row_id in fresh:
                self._rows[row_id] = replace(
                    fresh.pop(row_id),
                    first_seen_at=known.first_seen_at,
                    seen_again_at=asked_at,
                    vanished_at=None,
                )
            elif row_id <= floor:
                del self._rows[row_id]  # Nobody open asks about it any more.
            elif known.vanished_at is None:
                self._rows[row_id] = replace(known, vanished_at=now)
        self._rows |= fresh

    def _alone(self, attempts: Sequence[Attempt], now: datetime) -> MessageUid | None:
        """The one attempt that id-less words of the radio can only be about; None if several.

        An attempt without a verdict may still be waiting behind a dialog in the same boot.
        """
        late = timedelta(seconds=self._limits.late_row_s)
        possible = [
            attempt
            for attempt in attempts
            if attempt.boot_id == self._handset.boot_id and now - attempt.opened_at < late
        ]
        return possible[0].uid if len(possible) == 1 else None

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

    async def _settle(self, attempt: Attempt, verdict: Verdict) -> None:
        world = self._world
        at = verdict.evidence[0].at if verdict.evidence else world.clock.now()
        report = None
        if verdict.state is not MessageState.UNKNOWN:
            unknown_as = world.settings.policy.unknown_as
            report = report_for(attempt.uid, verdict.state, verdict.code, at, unknown_as)
        await world.journal.settle(
            attempt.uid,
            verdict.state,
            code=verdict.code,
            evidence=verdict.evidence,
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
        rows = {item.row_id for item in verdict.evidence if item.row_id is not None}
        self._claimed |= rows
        if not rows and verdict.state in (MessageState.SENT, MessageState.FAILED):
            self._rowless.append(await self._flight(attempt))
        await self._alarm(attempt, verdict)
        self._on_settled()
        self.on_free()

    async def _alarm(self, attempt: Attempt, verdict: Verdict) -> None:
        if not any(item.kind is EvidenceKind.WRONG_SIM for item in verdict.evidence):
            return
        text = f"message {attempt.uid} left on another SIM than asked (slot {attempt.slot})"
        event = Event(self._world.clock.now(), self._handset.device, "wrong-sim", text)
        await self._world.journal.record(event)
        self._world.tell("wrong SIM", device=self._handset.device, uid=attempt.uid)

    async def _tell_unknown(self, attempt: Attempt) -> None:
        """Tell the panel of a doubt whose hold is over; once per life, for repeats are harmless."""
        policy, now = self._world.settings.policy, self._world.clock.now()
        hold = timedelta(seconds=policy.unknown_hold_s)
        if attempt.uid in self._told or now < confirm_by(attempt, self._limits) + hold:
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

    def _next_look_s(self, watched: Sequence[tuple[Attempt, MessageState]]) -> float:
        """Soon for young attempts, ever more rarely for old ones."""
        now = self._world.clock.now()
        youngest_s = min((now - attempt.opened_at).total_seconds() for attempt, _ in watched)
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
