"""The SMS store as a witness: whose row is whose, from look to look.

One query of the store serves all open attempts of the phone. A row proves at most one attempt; the
row of an attempt that the radio log proved first is waited for and set aside, so that it proves
nothing for another, and because only a row tells on which SIM a message left.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from droidrack.app.handset import Handset
from droidrack.core.attempt import Attempt, Flight
from droidrack.core.evidence import Deadlines, Match, match, wants_second_look
from droidrack.core.ids import MessageUid
from droidrack.core.matching import NOTHING, StoreRow

FIRST_LOOK_S = 2.0
"""A radio rarely needs less than a second; a look before that costs a process start for nothing."""

LOOK_GROWTH = 0.1
"""The next look at attempts of age T comes after T / 10: a tenth late at the most."""

ROW_LOOKS = 3
"""Extra looks for the row of a message that the radio log proved: after 0, 4 and 12 s. A phone that
writes none must not be asked for ever."""

WATCH_UNKNOWN_S = 12 * 3600.0
"""How long late evidence is looked for: a message behind a dialog waits for a person. At full pace
14,000 rows come in that time, and one answer holds at most 20,000."""

RIVAL_S = 2 * WATCH_UNKNOWN_S
"""How long an attempt may be the other explanation of a row, judged or not: as long as one that was
opened while it was watched is watched itself. Who is forgotten earlier leaves his row to a doubt
that it does not belong to."""

FORGET_S = 900.0
"""How long a row that proved is remembered although it lies below every watermark. An attempt that
is being opened read its watermark before; that takes seconds, and a minute where all is slow."""


def age_s(attempt: Attempt, now: datetime) -> float:
    """Seconds since an attempt was opened, in the clock that its `opened_at` is in."""
    return (now - attempt.opened_at).total_seconds()


class RowWitness:
    """What one phone's store said of its attempts. Attempts are in the phone's steady clock."""

    def __init__(self, handset: Handset, limits: Deadlines) -> None:
        self._handset = handset
        self._steady = handset.steady
        self._limits = limits
        self._rows: dict[int, StoreRow] = {}
        self._claimed: dict[int, datetime] = {}  # By row id: since when.
        self._tidied_at = self._steady.now()
        self._rowless: list[Flight] = []
        self._row_looks: dict[MessageUid, int] = {}
        self._late: list[tuple[Attempt, Match]] = []
        self._next_asked: dict[MessageUid, datetime] = {}

    def recall(self, claimed: Iterable[int], rowless: Iterable[Flight]) -> None:
        """Know what earlier lives took from the store, so that no row proves twice."""
        self._claimed = dict.fromkeys(claimed, self._steady.now())
        if self._handset.witnesses.store:  # Else no row will ever come.
            self._rowless = list(rowless)

    def opened(self, uid: MessageUid) -> None:
        """A message has a new attempt: it is asked about at the next look."""
        self._next_asked.pop(uid, None)

    def due(self, attempt: Attempt, now: datetime) -> bool:
        """Whether an attempt in doubt is worth a look again."""
        return now >= self._next_asked.get(attempt.uid, now)

    async def ask(
        self,
        flights: Sequence[Flight],
        due: Sequence[Attempt],
        rivals: Sequence[Flight] = (),
    ) -> Sequence[Match]:
        """One match per flight, from one query for the attempts that are due.

        `rivals` are not judged any more, but a row may still be theirs.

        Raises:
            PhoneError: the store does not answer.
        """
        marks = [attempt.watermark for attempt in due if attempt.watermark is not None]
        if not self._handset.witnesses.store or not marks:
            return [NOTHING] * len(flights)
        self._forget_fallen()
        now, late_s = self._steady.now(), self._limits.late_row_s
        keep_s = RIVAL_S if flights else late_s
        self._rowless = [f for f in self._rowless if age_s(f.attempt, now) < keep_s]
        if (now - self._tidied_at).total_seconds() >= FORGET_S:
            self._tidy([*flights, *rivals, *self._rowless], now)
        young = [f.attempt.watermark for f in self._rowless if age_s(f.attempt, now) < late_s]
        floor = min(marks + [mark for mark in young if mark is not None])
        asked_at = self._steady.now()
        self._note(await self._handset.store.rows_above(floor), floor, asked_at)
        for attempt in due:
            wait_s = max(FIRST_LOOK_S, age_s(attempt, asked_at) * LOOK_GROWTH)
            self._next_asked[attempt.uid] = asked_at + timedelta(seconds=wait_s)
        matches = self._match(flights, rivals)
        for flight, found in zip(flights, matches, strict=True):
            if wants_second_look(found, asked_at, self._limits):
                self._next_asked[flight.attempt.uid] = asked_at + timedelta(seconds=FIRST_LOOK_S)
        return matches

    def claim(self, flight: Flight, row: StoreRow | None, *, sent: bool) -> None:
        """Take a settled attempt's row out of the game, or remember that it still has to come.

        One that failed leaves no row that could be taken for another's: the shell sees none.
        """
        if row is not None:
            self._claimed[row.row_id] = self._steady.now()
            if sent:
                self._handset.store.stands(row.row_id)
        elif sent and self._handset.witnesses.store:
            self._rowless.append(flight)
            self._row_looks[flight.attempt.uid] = 0

    async def look_for_late_rows(self) -> float | None:
        """Look a few times for the rows of messages that the radio log proved.

        Returns:
            Seconds until the next such look; None: none is worth it.
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
        await self.ask([], young)  # Whoever finds its row is not looked for any more.
        return FIRST_LOOK_S * (1 << looks)

    def take_late(self) -> list[tuple[Attempt, Match]]:
        """Attempts that were proven sent before their row was there; once each, with the row."""
        found, self._late = self._late, []
        return found

    def _match(self, flights: Sequence[Flight], rivals: Sequence[Flight]) -> Sequence[Match]:
        """Rows to flights; those of attempts that were settled without a row are set aside."""
        unsettled = [*flights, *rivals]
        found = match(
            [*unsettled, *self._rowless],
            [row for row in self._rows.values() if row.row_id not in self._claimed],
            second_look_s=self._limits.second_look_s,
            late_row_s=self._limits.late_row_s,
        )
        for flight, late in zip(self._rowless[:], found[len(unsettled) :], strict=True):
            if late.row is not None:
                self._claimed[late.row.row_id] = self._steady.now()
                self._rowless.remove(flight)
                self._row_looks.pop(flight.attempt.uid, None)
                self._late.append((flight.attempt, late))
        return found[: len(flights)]

    def _tidy(self, flights: Sequence[Flight], now: datetime) -> None:
        """Let go of what can concern none of these: a phone stays plugged in for months."""
        self._tidied_at = now
        uids = {flight.attempt.uid for flight in flights}
        self._next_asked = {uid: at for uid, at in self._next_asked.items() if uid in uids}
        self._row_looks = {uid: n for uid, n in self._row_looks.items() if uid in uids}
        marks = [flight.attempt.watermark for flight in flights]
        if None in marks:
            return  # Any row may be theirs.
        floor = min((mark for mark in marks if mark is not None), default=math.inf)
        since = now - timedelta(seconds=FORGET_S)
        self._claimed = {
            row_id: at for row_id, at in self._claimed.items() if row_id > floor or at >= since
        }
        self._rows = {
            row_id: row
            for row_id, row in self._rows.items()
            if row_id > floor or row.first_seen_at >= since
        }

    def _forget_fallen(self) -> None:
        """Row ids above a top that fell are given to new rows and mean nothing of what they did.

        The others stay what they were: one row less must not free those that proved a message.
        """
        top = self._handset.store.take_fall()
        if top is not None:
            self._rows = {row_id: row for row_id, row in self._rows.items() if row_id <= top}
            self._claimed = {row_id: at for row_id, at in self._claimed.items() if row_id <= top}

    def _note(self, seen: Sequence[StoreRow], floor: int, asked_at: datetime) -> None:
        """Carry first, second and last sight of each row from look to look."""
        now = self._steady.now()
        fresh = {row.row_id: row for row in seen}
        for row_id, known in list(self._rows.items()):
            if row_id in fresh and _same_row(known, fresh[row_id]):
                self._rows[row_id] = replace(
                    fresh.pop(row_id),
                    first_seen_at=known.first_seen_at,
                    seen_again_at=asked_at,
                    vanished_at=None,
                )
            elif row_id in fresh:
                continue
            elif now - known.first_seen_at > timedelta(seconds=WATCH_UNKNOWN_S):
                del self._rows[row_id]
            elif row_id > floor and known.vanished_at is None:
                self._rows[row_id] = replace(known, vanished_at=now)
        self._rows |= fresh


def _same_row(known: StoreRow, now: StoreRow) -> bool:
    """Whether an id still names the same row: the highest one is given anew after a deletion."""
    return (known.date_ms, known.address) == (now.date_ms, now.address)
