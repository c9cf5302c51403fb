"""The SMS store of one phone, as far as the shell may read it.

Each query starts a process on the phone, so one answer serves everybody who asks at that time.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from droidrack.app.steady import Steady
from droidrack.core.errors import AnswerCut, PhoneRefused
from droidrack.core.ids import Msisdn, SubId
from droidrack.core.matching import SHELL_PACKAGE, StoreRow
from droidrack.core.parse.rows import Row, parse_rows
from droidrack.core.parse.text import integer
from droidrack.core.shell import command_line
from droidrack.ports import Clock, Phone

QUERY = ("content", "query", "--uri", "content://sms")

DEADLINE_S = 20.0
"""`content` starts a Java process on the phone: 0.5 s on good ones, several on loaded ones."""

FRESH_S = 30.0
"""How old the highest row id may be when it serves as a watermark. Older only makes more rows to
look at: all open attempts are matched against them together."""

FALL_S = 30.0
"""A lower highest row id than before is believed once it was answered for so long. A provider that
does not know its cards yet, or is refused a permission, answers as if it held no row."""

KILLED = 128
"""Exit codes from here on: a signal ended the query, perhaps in the middle of its rows."""

COLUMNS = ("_id", "type", "sub_id", "date", "error_code", "creator", "address")
"""The address last: nothing it may hold can then be taken for another column."""


class SmsStore:
    """Reads one phone's store.

    `names_sim`: whether a row's `sub_id` is the subscription's id on this build; else it is left
    out, because a slot's number may be another card's id.
    """

    def __init__(
        self, phone: Phone, clock: Clock, steady: Steady, *, names_sim: bool = True
    ) -> None:
        self._phone = phone
        self._clock = clock
        self._steady = steady
        self._names_sim = names_sim
        self._top = 0  # The highest id that was ever seen, if the row was gone a moment later, too.
        self._held = 0  # The highest one that it certainly held.
        self._top_read_at = -1e9
        self._doubted_at: float | None = None  # Since when it answers less than it held.
        self._fell_to: int | None = None

    def expect(self, top: int) -> None:
        """Know from earlier lives what the store held: an answer below it is doubted at first."""
        if top > self._held:
            self._held, self._top_read_at = top, -1e9
            self._top = max(self._top, top)

    def stands(self, row_id: int) -> None:
        """Know of a row that is there to stay: that of a message which was sent."""
        self._held = max(self._held, row_id)

    async def watermark(self) -> int | None:
        """A row id that no row of a later attempt is at or below; None while that is in doubt.

        Raises:
            PhoneRefused: the store answered with a refusal.
        """
        stale = self._clock.monotonic() - self._top_read_at > FRESH_S
        if stale or self._doubted_at is not None:
            await self._read_top()
        return self._top if self._doubted_at is None else None

    def take_fall(self) -> int | None:
        """The lowest id that the top fell to since the last call: higher ones are given anew."""
        fell_to, self._fell_to = self._fell_to, None
        return fell_to

    async def rows_above(self, floor: int) -> tuple[StoreRow, ...]:
        """The shell's own rows with a higher id, as they are now.

        Raises:
            PhoneRefused: the store answered with a refusal.
        """
        where = f"_id>{floor} AND creator='{SHELL_PACKAGE}'"
        argv = [*QUERY, "--projection", ":".join(COLUMNS), "--where", where]
        rows = await self._ask(command_line(argv), COLUMNS)
        seen_at = self._steady.now()
        found = [row for fields in rows if (row := _store_row(fields, seen_at)) is not None]
        if not self._names_sim:
            found = [replace(row, sub_id=None) for row in found]
        self._top = max([self._top, *(row.row_id for row in found)])
        return tuple(found)

    async def _read_top(self) -> None:
        # The store may hold years of texts, and what the shell may ask has no limit: the first
        # line of the sorted answer is enough.
        argv = [*QUERY, "--projection", "_id", "--sort", "_id DESC"]
        rows = await self._ask(f"{command_line(argv)} 2>&1 | head -n 3", ("_id",))
        top = max(
            (number for row in rows if (number := integer(row["_id"])) is not None), default=0
        )
        now = self._top_read_at = self._clock.monotonic()
        if top >= self._held:
            # A row that was glimpsed before it failed leaves its id behind; none is given twice.
            self._top, self._held, self._doubted_at = max(self._top, top), top, None
            return
        if self._doubted_at is None:
            self._doubted_at = now
        if now - self._doubted_at >= FALL_S:
            self._top = self._held = top
            self._doubted_at = None
            self._fell_to = min(top, top if self._fell_to is None else self._fell_to)

    async def _ask(self, command: str, columns: tuple[str, ...]) -> tuple[Row, ...]:
        return await ask_store(self._phone, command, columns)


async def ask_store(phone: Phone, command: str, columns: tuple[str, ...]) -> tuple[Row, ...]:
    """The rows that a query of the store prints.

    Raises:
        PhoneRefused: the store answered with a refusal.
        AnswerCut: the query was ended before its last row.
    """
    completed = await phone.run(command, deadline_s=DEADLINE_S)
    if completed.exit_code is not None and completed.exit_code >= KILLED:
        raise AnswerCut(
            f"{phone.serial}: the query of the SMS store was ended by signal "
            f"{completed.exit_code - KILLED}",
            serial=phone.serial,
            hint="the phone is short of memory; it is asked again",
        )
    text = completed.text + completed.stderr.decode("utf-8", "replace")
    table = parse_rows(text, columns)
    if table.error is not None:
        raise PhoneRefused(
            f"{phone.serial}: the SMS store is closed: {table.error}",
            serial=phone.serial,
            hint="the shell may not read content://sms on this phone; check the vendor's "
            "`USB debugging (security settings)` switch",
        )
    return table.rows


def _store_row(fields: Mapping[str, str | None], seen_at: datetime) -> StoreRow | None:
    row_id, kind = integer(fields["_id"]), integer(fields["type"])
    if row_id is None or kind is None:
        return None
    sub_id = integer(fields["sub_id"])
    return StoreRow(
        row_id=row_id,
        type=kind,
        sub_id=None if sub_id is None else SubId(sub_id),
        address=Msisdn(fields["address"] or ""),
        date_ms=integer(fields["date"]),
        error_code=integer(fields["error_code"]),
        creator=fields["creator"],
        first_seen_at=seen_at,
    )
