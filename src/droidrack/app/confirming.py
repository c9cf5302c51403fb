"""Room 5, confirm: hears the witnesses and draws verdicts.

One query of the SMS store serves all open attempts of the phone, for each costs the phone a process
start. The radio log costs nothing and says when a look is worth it. What the witnesses said becomes
a verdict in `core/evidence.py`; here it is carried to the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from droidrack.app.handset import Handset
from droidrack.app.listening import Listening
from droidrack.app.world import World
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Verdict
from droidrack.core.evidence import (
    SIM_CHANGED,
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

ROW_LOOKS = 3
"""Extra looks for the row of a message that the radio log proved: after 0, 4 and 12 s."""

WATCH_UNKNOWN_S = 12 * 3600.0
"""How long late evidence is looked for: a message behind a dialog waits for a person. At full pace
14,000 rows come in that time, and one answer holds at most 20,000."""


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
        self.on_wrong_sim: Callable[[str], Awaitable[None]] = self._quarantine
        self._opened = asyncio.Event()
        self._rows: dict[int, StoreRow] = {}
        self._claimed: set[int] = set()
        self._rowless: list[Flight] = []
        self._row_looks: dict[MessageUid, int] = {}
        self._misrouted: list[tuple[Attempt, StoreRow]] = []
        self._told: set[MessageUid] = set()
        self._steady = handset.steady
        self._generation = handset.store.generation
        self._opened_at: dict[MessageUid, datetime] = {}
        self._next_asked: dict[MessageUid, datetime] = {}
        self._floors: dict[MessageUid, int] = {}
        self._contested = 0
        policy = world.settings.policy
        self._limits = Deadlines(
            confirm_s=policy.confirm_deadline_s, unknown_hold_s=policy.unknown_hold_s
        )

    def opened(self, uid: MessageUid) -> None:
        """An attempt was opened or answered: what the radio said before is not about it."""
        self._floors.setdefault(uid, self._listening.count)
        self._opened_at.setdefault(uid, self._steady.now())
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
        for attempt, state in everything:
            if state is MessageState.UNKNOWN:
                await self._tell_unknown(attempt)
        aged = [(self._aged(attempt), state) for attempt, state in everything]
        watched = [
            (attempt, state)
            for attempt, state in aged
            if state in OPEN or _age_s(attempt, now) < WATCH_UNKNOWN_S
        ]
        if not watched:
            return await self._look_for_rows()
        due = [
            attempt
            for attempt, state in watched
            if state in OPEN or now >= self._next_asked.get(attempt.uid, now)
        ]
        flights = [await self._flight(attempt) for attempt, _ in watched]
        matches = await self._ask_store(flights, due)
        await self._alarm_late_rows()
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
            verdict = judge(attempt, state, witness, self._steady.now(), self._limits)
            if verdict is not None:
                await self._settle(attempt, verdict, match_)
        return self._next_look_s(watched)

    async def _look_for_rows(self) -> float | None:
        """Look a few times for the rows of messages that the radio log proved.

        Only its row tells on which SIM a message left. Where none comes, a phone that writes none
        must not be asked for ever.
        """
        young = [
            flight.attempt
            for flight in self._rowless
            if self._row_looks.get(flight.attempt.uid, ROW_LOOKS) < ROW_LOOKS
        ]
        if not young:
            return None
        for attempt in young:
            self._row_looks[attempt.uid] += 1
        looks = max(self._row_looks[attempt.uid] for attempt in young)
        await self._ask_store([], young)  # Whoever finds its row is not looked for any more.
        await self._alarm_late_rows()
        return FIRST_LOOK_S * (1 << looks)

    def _aged(self, attempt: Attempt) -> Attempt:
        """An attempt with its opening in the steady clock, the same at every look."""
        opened_at = self._opened_at.get(attempt.uid)
        if opened_at is None:
            opened_at = self._opened_at[attempt.uid] = self._steady.of(attempt.opened_at)
        return replace(attempt, opened_at=opened_at)

    # --- Witnesses ----------------------------------------------------------------------------

    async def _recall(self) -> None:
        """What earlier lives already took from the store, so that no row proves twice."""
        since = self._world.ago(WATCH_UNKNOWN_S + self._limits.late_row_s)
        self._claimed = set(await self._world.journal.claimed_rows(self._handset.device, since))
        for attempt in await self._world.journal.rowless_attempts(self._handset.device, since):
            self._rowless.append(await self._flight(self._aged(attempt)))
        await self._listening.attentive()

    async def _flight(self, attempt: Attempt) -> Flight:
        message = await self._world.journal.message(attempt.uid)
        if message is None:
            raise AssertionError("an attempt without its message")
        return Flight(attempt, message.number)

    async def _ask_store(
        self, flights: Sequence[Flight], due: Sequence[Attempt]
    ) -> Sequence[Match]:
        """One match per flight, from one query for the attempts that are due."""
        marks = [attempt.watermark for attempt in due if attempt.watermark is not None]
        if not self._handset.witnesses.store or not marks:
            return [NOTHING] * len(flights)
        self._forget_if_emptied()
        self._drop_old_rowless()
        young = [flight.attempt.watermark for flight in self._rowless]
        floor = min(marks + [mark for mark in young if mark is not None])
        asked_at = self._steady.now()
        self._note_rows(await self._handset.store.rows_above(floor), floor, asked_at)
        for attempt in due:
            wait_s = max(FIRST_LOOK_S, _age_s(attempt, asked_at) * LOOK_GROWTH)
            self._next_asked[attempt.uid] = asked_at + timedelta(seconds=wait_s)
        return self._match(flights)

    def _match(self, flights: Sequence[Flight]) -> Sequence[Match]:
        """Rows to flights; those of attempts that were settled without a row are set aside."""
        found = match(
            [*flights, *self._rowless],
            [row for row in self._rows.values() if row.row_id not in self._claimed],
            second_look_s=self._limits.second_look_s,
            late_row_s=self._limits.late_row_s,
        )
        for flight, late in zip(self._rowless[:], found[len(flights) :], strict=True):
            if late.row is not None:
                self._claimed.add(late.row.row_id)
                self._rowless.remove(flight)
                self._row_looks.pop(flight.attempt.uid, None)
                if late.wrong_sim:
                    self._misrouted.append((flight.attempt, late.row))
        return found[: len(flights)]

    def _forget_if_emptied(self) -> None:
        """Row ids of a store that was emptied start anew and mean nothing of what they did."""
        if self._generation != self._handset.store.generation:
            self._generation = self._handset.store.generation
            self._rows.clear()
            self._claimed.clear()
            self._rowless.clear()

    def _drop_old_rowless(self) -> None:
        now, late_s = self._steady.now(), self._limits.late_row_s
        self._rowless = [f for f in self._rowless if _age_s(f.attempt, now) < late_s]

    def _note_rows(self, seen: Sequence[StoreRow], floor: int, asked_at: datetime) -> None:
        """Carry first, second and last sight of each row from look to look."""
        now = self._steady.now()
        fresh = {row.row_id: row for row in seen}
        for row_id, known in list(self._rows.items()):
            if row_id in fresh:
                self._rows[row_id] = replace(
                    fresh.pop(row_id),
                    first_seen_at=known.first_seen_at,
                    seen_again_at=asked_at,
                    vanished_at=None,
                )
            elif now - known.first_seen_at > timedelta(seconds=WATCH_UNKNOWN_S):
                del self._rows[row_id]
            elif row_id > floor and known.vanished_at is None:
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
            if attempt.uid not in self._handset.silent
            and attempt.boot_id == self._handset.boot_id
            and now - attempt.opened_at < late
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

    async def _settle(self, attempt: Attempt, verdict: Verdict, match_: Match) -> None:
        world = self._world
        evidence = [replace(item, at=self._steady.date(item.at)) for item in verdict.evidence]
        at = evidence[0].at if evidence else world.clock.now()
        report = None
        if verdict.state is not MessageState.UNKNOWN:
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
        await self._claim(attempt, verdict, match_)
        if any(item.kind is EvidenceKind.WRONG_SIM for item in verdict.evidence):
            await self._alarm(attempt)
        self._on_settled()
        self.on_free()

    async def _claim(self, attempt: Attempt, verdict: Verdict, match_: Match) -> None:
        """Take a settled attempt's row out of the game, or remember that it still has to come.

        An attempt in doubt keeps its row for the next look. One that failed leaves no row that
        could be taken for another's: the shell sees no failed rows.
        """
        if verdict.state is MessageState.UNKNOWN:
            return
        if match_.row is not None:
            self._claimed.add(match_.row.row_id)
        elif verdict.state is MessageState.SENT and self._handset.witnesses.store:
            self._rowless.append(await self._flight(attempt))
            self._row_looks[attempt.uid] = 0

    async def _alarm_late_rows(self) -> None:
        """Messages that were proven sent before their row showed another SIM than was asked."""
        while self._misrouted:
            attempt, row = self._misrouted.pop()
            now = self._world.clock.now()
            detail = f"subscription {row.sub_id} instead of {attempt.sub_id}"
            found = Evidence(EvidenceKind.WRONG_SIM, now, detail, row.row_id)
            await self._world.journal.settle(
                attempt.uid, MessageState.SENT, code="", evidence=[found], report=None, at=now
            )
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
        """Tell the panel of a doubt whose hold is over; once per life, for repeats are harmless."""
        policy, now = self._world.settings.policy, self._world.clock.now()
        hold = timedelta(seconds=policy.unknown_hold_s)
        aged = self._aged(attempt)
        if attempt.uid in self._told or self._steady.now() < confirm_by(aged, self._limits) + hold:
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
        now = self._steady.now()
        youngest_s = min(_age_s(attempt, now) for attempt, _ in watched)
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


def _age_s(attempt: Attempt, now: datetime) -> float:
    return (now - attempt.opened_at).total_seconds()
