"""Which row of the phone's SMS store belongs to which attempt.

The store tells who was written to and from which SIM, never which of our messages it was. So a row
is a proof for an attempt only where no other explanation of all rows is left; equal messages that
cannot be told apart stay ambiguous. An assignment *explains* the rows when each row above the
watermarks has an attempt of its own. An attempt is certain of its row when every explanation gives
it one, and all of these rows say the same.

A row can come from an attempt only when

- its id is above the attempt's watermark (the phone's clock does not matter); an attempt made while
  the store did not answer has none: any row may be its, so it keeps others from being certain of
  one, and is never certain itself,
- it was written by the shell's own package, to the same number, on the same subscription,
- no attempt of a later boot has a watermark below it: what waits in a phone dies with a reboot,
- it came at most `late_row_s` after the attempt. Later rows need a person who answers a dialog;
  older attempts are asked only when the younger ones leave a row unexplained.

Rejected: reading the text of the rows. `content query` escapes nothing, so that a hostile text
could write rows of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from droidrack.core.attempt import Attempt, Flight
from droidrack.core.ids import Msisdn, SubId

SHELL_PACKAGE = "com.android.shell"
"""The creator of our rows: what Android makes of uid 2000, whatever the caller says."""

TYPE_SENT, TYPE_FAILED = 2, 5
"""`Telephony.TextBasedSmsColumns`. The shell's view holds types 1 and 2 only, on API 23 and up."""

SHORT_NUMBER = 6
"""Digits up to which a number is compared whole: short codes are at most so long."""

ROWS_LIMIT = 16
"""Rows of one tie that are reasoned about; more equal messages at a time end ambiguous."""


@dataclass(frozen=True, slots=True)
class StoreRow:
    """A row of the SMS store, and when this host saw it.

    `first_seen_at` is when the answer with it came; `seen_again_at` when the last query that still
    showed it was *asked*, so that the time between is never overstated; `vanished_at` when the
    first query without it was answered. All by this host's clock.
    """

    row_id: int
    type: int
    sub_id: SubId | None
    address: Msisdn
    date_ms: int | None
    error_code: int | None
    creator: str | None
    first_seen_at: datetime
    seen_again_at: datetime | None = None
    vanished_at: datetime | None = None


class RowKind(StrEnum):
    """What a row says by now."""

    SENT = "sent"  # Type 2, and still there on a second look: the failure path is over by then.
    FAILED = "failed"  # Type 5.
    VANISHED = "vanished"  # Became invisible (type 5), or somebody deleted it.
    FRESH = "fresh"  # Type 2, seen once; or a type that says nothing yet.

    @classmethod
    def of(cls, row: StoreRow, second_look_s: float) -> "RowKind":
        """Read a row."""
        if row.type == TYPE_FAILED:
            return cls.FAILED
        again = row.seen_again_at
        stands = again is not None and again - row.first_seen_at >= timedelta(seconds=second_look_s)
        if row.type == TYPE_SENT and stands:
            return cls.SENT
        return cls.VANISHED if row.vanished_at is not None else cls.FRESH


@dataclass(frozen=True, slots=True)
class Match:
    """What the store has for one attempt: a row of its own, nothing, or an undecidable tie."""

    row: StoreRow | None = None
    ambiguous: bool = False
    wrong_sim: bool = False  # The row is on another subscription than was asked.


NOTHING = Match()


def same_number(stored: Msisdn, asked: Msisdn) -> bool:
    """Whether Android may have written `stored` for a message to `asked`.

    It may format, and drop or add the country; short codes and names are kept as they are.
    """
    mine, its = _digits(asked), _digits(stored)
    if not mine or not its:
        return stored.reveal().strip().casefold() == asked.reveal().strip().casefold()
    if mine == its:
        return True
    long, short = sorted((mine.lstrip("0"), its.lstrip("0")), key=len, reverse=True)
    return len(short) > SHORT_NUMBER and long.endswith(short)


def _digits(number: Msisdn) -> str:
    """Digits without marks and formatting; "" for anything that is not a number."""
    text = number.reveal().translate({ord(mark): None for mark in " -().\u00a0/"})
    text = text.removeprefix("+")
    return text if text.isascii() and text.isdigit() else ""


def match(
    flights: Sequence[Flight],
    rows: Sequence[StoreRow],
    *,
    second_look_s: float,
    late_row_s: float,
) -> tuple[Match, ...]:
    """Assign rows to the open attempts of one phone.

    Args:
        flights: every attempt of the phone that a row may still belong to: those in SENDING,
            SUBMITTED and UNKNOWN, and those that were settled by the radio log alone and whose row
            was not seen yet.
        rows: rows above the lowest watermark, without those that already proved an attempt.
        second_look_s: how long a row of type 2 must stand.
        late_row_s: how late a row may come unaided.

    Returns:
        One match per flight, in the same order; the same for any order of the input.
    """
    ours = sorted(
        (row for row in rows if row.creator in (None, "", SHELL_PACKAGE)), key=lambda r: r.row_id
    )
    order = sorted(
        range(len(flights)),
        key=lambda i: (flights[i].attempt.opened_at, flights[i].attempt.uid),
    )
    sorted_flights = [flights[index] for index in order]
    table = _Candidates(sorted_flights, ours, timedelta(seconds=late_row_s))
    kinds = [RowKind.of(row, second_look_s) for row in ours]
    found = _solve(table, kinds, strict_sim=True)
    taken = {place for place, match_ in enumerate(found) if match_ is not NOTHING}
    strays = _solve(table, kinds, strict_sim=False, without=taken)
    matches = [NOTHING] * len(flights)
    for place, index in enumerate(order):
        if flights[index].attempt.watermark is not None:
            matches[index] = found[place] if place in taken else strays[place]
    return tuple(matches)


class _Candidates:
    """Which flights may have caused each row, by index into the sorted sequences."""

    def __init__(
        self, flights: Sequence[Flight], rows: Sequence[StoreRow], late: timedelta
    ) -> None:
        self.flights = flights
        self.rows = rows
        self._late = late

    def of(self, row: StoreRow, *, strict_sim: bool) -> frozenset[int]:
        """Flights to the row's number; those to exactly this number shut out mere look-alikes."""
        near = {
            place
            for place, flight in enumerate(self.flights)
            if same_number(row.address, flight.number)
            and self._above(row, flight.attempt)
            and (_same_sim(row, flight.attempt) or not strict_sim)
        }
        written = _digits(row.address)
        exact = {place for place in near if _digits(self.flights[place].number) == written}
        return frozenset(exact or near)

    def young(self, row: StoreRow, place: int) -> bool:
        """Whether the row came soon enough to need no person."""
        return row.first_seen_at - self.flights[place].attempt.opened_at <= self._late

    def _above(self, row: StoreRow, attempt: Attempt) -> bool:
        if attempt.watermark is not None and row.row_id <= attempt.watermark:
            return False
        return not any(
            later.attempt.opened_at > attempt.opened_at
            and later.attempt.boot_id != attempt.boot_id
            and later.attempt.watermark is not None
            and later.attempt.watermark < row.row_id
            for later in self.flights
        )


def _same_sim(row: StoreRow, attempt: Attempt) -> bool:
    """A row without a subscription (negative or absent) does not contradict."""
    return row.sub_id is None or row.sub_id < 0 or row.sub_id == attempt.sub_id


def _solve(
    table: _Candidates,
    kinds: Sequence[RowKind],
    *,
    strict_sim: bool,
    without: set[int] | frozenset[int] = frozenset(),
) -> list[Match]:
    matches = [NOTHING] * len(table.flights)
    claims: dict[int, frozenset[int]] = {}
    for index, row in enumerate(table.rows):
        strict = table.of(row, strict_sim=True)
        wanted = strict if strict_sim else table.of(row, strict_sim=False) - without
        if wanted and (strict_sim or not strict):
            claims[index] = wanted
    for group in _ties(claims):
        for place, match_ in _settle_tie(table, kinds, group).items():
            matches[place] = match_ if strict_sim else replace(match_, wrong_sim=True)
    return matches


_Claims = dict[int, frozenset[int]]


def _ties(claims: _Claims) -> list[_Claims]:
    """Rows that share candidates, directly or through others, belong to one tie."""
    groups: list[tuple[set[int], _Claims]] = []
    for row, wanted in claims.items():
        joined, members = set(wanted), {row: wanted}
        for group in [g for g in groups if g[0] & joined]:
            groups.remove(group)
            joined |= group[0]
            members |= group[1]
        groups.append((joined, members))
    return [dict(sorted(members.items())) for _, members in groups]


def _settle_tie(table: _Candidates, kinds: Sequence[RowKind], claims: _Claims) -> dict[int, Match]:
    everybody = frozenset().union(*claims.values())
    undecided = {place: Match(ambiguous=True) for place in everybody}
    if len(claims) > ROWS_LIMIT:
        return undecided
    young = {
        row: frozenset(p for p in wanted if table.young(table.rows[row], p))
        for row, wanted in claims.items()
    }
    explained = young if _assign(young) is not None else claims
    assigned = _assign(explained)
    if assigned is None:  # More rows than attempts: somebody else writes as the shell, too.
        return undecided
    matches = {}
    for place in frozenset().union(*explained.values()):
        if _assign(_less(explained, place)) is not None:
            matches[place] = Match(ambiguous=True)
            continue
        possible = [
            row
            for row, wanted in explained.items()
            if place in wanted
            and _assign({r: w for r, w in _less(explained, place).items() if r != row}) is not None
        ]
        if len({kinds[row] for row in possible}) == 1:
            matches[place] = Match(table.rows[assigned[place]])
        else:
            matches[place] = Match(ambiguous=True)
    return matches


def _less(claims: _Claims, place: int) -> _Claims:
    return {row: wanted - {place} for row, wanted in claims.items()}


def _assign(claims: _Claims) -> dict[int, int] | None:
    """An attempt of its own for every row, as {attempt: row}; None where there is none.

    Augmenting paths (Kuhn). A row added later pushes the others on to younger attempts, so that
    going from the last row to the first leaves the lowest rows with the oldest attempts.
    """
    owner: dict[int, int] = {}

    def place_row(row: int, visited: set[int]) -> bool:
        for place in sorted(claims[row] - visited):
            visited.add(place)
            if place not in owner or place_row(owner[place], visited):
                owner[place] = row
                return True
        return False

    return owner if all(place_row(row, set()) for row in sorted(claims, reverse=True)) else None
