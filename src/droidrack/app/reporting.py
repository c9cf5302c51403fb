"""Room 7, report: tells the panel what the journal holds, until the panel took it.

Batches, oldest first, at least once, without a limit of tries. A batch that the panel read and will
not take (422) is halved until the bad report stands alone; that one is parked where the operator
sees it. Any other refusal (400, 404, 409, 410) may be the address's fault: a proxy in maintenance,
a panel in deployment. Then smaller batches are tried, with the backoff between them, and a report
that is refused alone lets the others go first. It is parked only if the panel goes on taking others
between its refusals.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from droidrack.app.panel_line import Call
from droidrack.app.pause import Pause
from droidrack.app.world import World
from droidrack.core.errors import PanelBusy, PanelRefused, PanelUnavailable
from droidrack.core.ids import DeviceUuid, Token
from droidrack.ports import Event, OutboxRow

BATCH = 50
"""Reports per call: small enough for a slow panel's deadline, large enough to empty a night."""

REREAD_S = 60.0
"""How often an outbox that seemed empty is read again unasked; one small read of the journal."""

UNPROCESSABLE = 422
"""The panel read the report and will never take it."""

REFUSALS_LIMIT = 10
APART_S = 36.0
"""A report is parked after so many refusals, each so long after the one before, with others taken
in between: six minutes at least, longer than replicas of a panel disagree."""


class _Doubt(NamedTuple):
    """A report that was refused alone, which may be the address's fault."""

    refusals: int  # While others were taken.
    taken: int  # Calls that the panel had taken at the last of these refusals, …
    at: float  # … and when it came.


class Reporting:
    """The reporting room of one phone. SessionOver ends `run`; nothing is lost by it."""

    def __init__(self, world: World, device: DeviceUuid) -> None:
        self._world = world
        self._device = device
        self._wake = asyncio.Event()
        self._size = BATCH  # How many are told at once; less while the panel refuses them.
        self._taken = 0  # Calls that the panel took.
        self._doubtful: dict[int, _Doubt] = {}  # By outbox row, the one tried last at the end.

    def wake(self) -> None:
        """There is something new to tell."""
        self._wake.set()

    async def run(self, token: Token) -> None:
        """Report for ever. Raises SessionOver when the token is no longer valid."""
        try:
            await self._report_on(token)
        finally:
            self._world.panel_line.leave(self._device, Call.REPORT)

    async def _report_on(self, token: Token) -> None:
        world = self._world
        pause = Pause(world.dice)
        while True:
            self._wake.clear()
            rows = await self._next()
            if not rows:
                await self._until_news(REREAD_S)
                # Company for the batch: the next verdicts of a burst are moments away.
                await world.clock.sleep(world.settings.intervals.report_s)
                continue
            try:
                taken = await self._deliver(token, rows)
            except PanelBusy as busy:
                await world.clock.sleep(pause.after_busy(busy.retry_after_s))
            except PanelUnavailable:
                await world.clock.sleep(pause.after_failure())
            else:
                if taken:
                    pause.reset()
                else:  # Who stands behind a bad report need not wait for it.
                    await self._until_news(pause.after_failure())

    async def _next(self) -> Sequence[OutboxRow]:
        """The next batch: those that nobody refused yet go first."""
        limit = BATCH + len(self._doubtful)
        rows = {row.id: row for row in await self._world.journal.outbox(self._device, limit=limit)}
        self._doubtful = {id_: seen for id_, seen in self._doubtful.items() if id_ in rows}
        fresh = [row for id_, row in rows.items() if id_ not in self._doubtful]
        return (fresh or [rows[id_] for id_ in self._doubtful])[: self._size]

    async def _until_news(self, longest_s: float) -> None:
        """Wait to be woken; not for ever: who wrote a verdict may have been stopped right after."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._wake.wait()

    async def _deliver(self, token: Token, rows: Sequence[OutboxRow]) -> bool:
        """Tell a batch; whether the panel is one to tell more."""
        world = self._world
        try:
            with world.panel_line.asking(self._device, Call.REPORT):
                await world.panel.report(token, [row.report for row in rows])
        except PanelRefused as refusal:
            middle = len(rows) // 2
            if refusal.status != UNPROCESSABLE and not self._at_fault(rows):
                world.tell("report postponed", device=self._device, reason=refusal.message)
                self._size = max(middle, 1)
                return False
            if middle:
                return await self._deliver(token, rows[:middle]) and await self._deliver(
                    token, rows[middle:]
                )
            await self._park(rows[0], refusal, world.clock.now())
        else:
            self._taken += 1
            self._size = min(2 * self._size, BATCH)
            await world.journal.reported([row.id for row in rows], world.clock.now())
        return True

    def _at_fault(self, rows: Sequence[OutboxRow]) -> bool:
        """Whether a refusal that may be the address's fault is certainly this one report's."""
        if len(rows) > 1:
            return False
        id_, now = rows[0].id, self._world.clock.monotonic()
        doubt = self._doubtful.pop(id_, _Doubt(0, self._taken, now))
        if self._taken > doubt.taken and now - doubt.at >= APART_S:
            doubt = _Doubt(doubt.refusals + 1, self._taken, now)
        self._doubtful[id_] = doubt
        return doubt.refusals >= REFUSALS_LIMIT

    async def _park(self, row: OutboxRow, refusal: PanelRefused, now: datetime) -> None:
        fields = "; ".join(f"{name}: {text}" for name, text in refusal.fields)
        reason = f"HTTP {refusal.status} {fields or refusal.message}"
        await self._world.journal.park(row.id, reason, now)
        text = f"the panel refused the report of {row.report.uid} for good: {reason}"
        await self._world.journal.record(Event(now, self._device, "report-parked", text))
        self._world.tell("report parked", device=self._device, uid=row.report.uid, reason=reason)
