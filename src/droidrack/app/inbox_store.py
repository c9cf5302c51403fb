"""The inbox of one phone, as far as the shell may read it. Nothing here writes.

What a text holds is up to a stranger, and the phone prints rows without any quoting: a body may
contain a line that looks like a row of its own. So no query mixes text with anything else. Ids,
dates and the sender come first, the sender last; each body is then asked for alone, and whatever
its answer holds is that body.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.app.handset import Handset
from droidrack.app.store import DEADLINE_S, QUERY, ask_store
from droidrack.core.ids import Body, Iccid, Msisdn, Slot
from droidrack.core.inbound import TYPE_INBOX, Mark
from droidrack.core.parse.rows import Row, parse_single
from droidrack.core.parse.text import integer
from droidrack.core.shell import command_line

MARK_COLUMNS = ("_id", "date", "date_sent")
COLUMNS = ("_id", "date", "date_sent", "sub_id", "address")
"""The address last: nothing it may hold can then be taken for another column."""

INBOX = f"type={TYPE_INBOX}"

BODY_DEADLINE_S = 5.0
"""More time for each body of a round trip: every one starts a process on the phone."""

SIMS_FRESH_S = 30.0


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A text in the store, without its body."""

    mark: Mark
    sub_id: int | None
    sender: Msisdn


class InboxStore:
    """Reads one phone's inbox."""

    def __init__(self, handset: Handset) -> None:
        self._handset = handset

    async def newest(self, limit: int) -> tuple[Mark, ...]:
        """The newest rows, newest first.

        Raises:
            PhoneRefused: the store answered with a refusal.
        """
        rows = await self._query(MARK_COLUMNS, INBOX, "_id DESC", limit)
        return tuple(mark for row in rows if (mark := _mark(row)) is not None)

    async def under(self, marks: Sequence[Mark]) -> frozenset[Mark]:
        """What the store holds now under the ids of these rows, texts that were sent included."""
        if not marks:
            return frozenset()
        where = f"_id IN ({','.join(str(mark.row_id) for mark in marks)})"
        rows = await self._query(MARK_COLUMNS, where, "_id DESC", len(marks))
        return frozenset(mark for row in rows if (mark := _mark(row)) is not None)

    async def rows_from(self, row_id: int, limit: int) -> tuple[InboxRow, ...]:
        """The oldest rows with this id or a higher one, oldest first; at most `limit`."""
        rows = await self._query(COLUMNS, f"{INBOX} AND _id>={row_id}", "_id ASC", limit)
        return tuple(found for row in rows if (found := _inbox_row(row)) is not None)

    async def bodies(self, row_ids: Sequence[int]) -> dict[int, Body]:
        """The texts of some rows; one that was deleted meanwhile is absent.

        Raises:
            PhoneRefused: the shell ended before the last answer.
            ParseError: an answer is neither a row nor the word that there is none.
        """
        commands = {
            str(row_id): command_line(
                [*QUERY, "--projection", "body", "--where", f"{INBOX} AND _id={row_id}"]
            )
            for row_id in row_ids
        }
        deadline_s = DEADLINE_S + BODY_DEADLINE_S * len(commands)
        sections = await self._handset.ask(commands, deadline_s=deadline_s)
        found = {row_id: parse_single(sections[str(row_id)].text, "body") for row_id in row_ids}
        return {row_id: Body(text) for row_id, text in found.items() if text is not None}

    async def sim_of(self, row: InboxRow) -> tuple[Slot | None, Iccid | None]:
        """Slot and card that a text came in on; None where that cannot be told (any more)."""
        if self._handset.profile.facts.rows_by_slot:  # Then it may be a slot's number, or not.
            return None, None
        for sim in await self._handset.refresh_sims(SIMS_FRESH_S):
            if row.sub_id is not None and row.sub_id == sim.sub_id:
                return sim.slot, sim.iccid
        return None, None

    async def _query(
        self, columns: tuple[str, ...], where: str, sort: str, limit: int
    ) -> tuple[Row, ...]:
        """At most `limit` rows: the store may hold years, and what the shell may ask knows none.

        A sender may hold a line break, so the last row of a full answer may be cut: it is left for
        the next question.
        """
        argv = [*QUERY, "--projection", ":".join(columns), "--where", where, "--sort", sort]
        lines = limit + 1
        phone = self._handset.phone
        rows = await ask_store(phone, f"{command_line(argv)} 2>&1 | head -n {lines}", columns)
        full = sum(map(_lines, rows)) >= lines and len(rows) > 1
        return rows[:-1] if full else rows


def _lines(row: Row) -> int:
    return 1 + sum(value.count("\n") for value in row.values() if value)


def _mark(row: Row) -> Mark | None:
    row_id = integer(row["_id"])
    if row_id is None:
        return None
    return Mark(row_id, integer(row["date"]) or 0, integer(row["date_sent"]) or 0)


def _inbox_row(row: Row) -> InboxRow | None:
    mark = _mark(row)
    if mark is None:
        return None
    return InboxRow(mark, integer(row["sub_id"]), Msisdn(row["address"] or ""))
