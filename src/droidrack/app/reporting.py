"""Room 7, report: tells the panel what the journal holds, until the panel took it.

Batches, oldest first, at least once, without a limit of tries. A batch that the panel refuses as a
whole is halved until the bad report stands alone; that one is parked where the operator sees it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

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
"""Other refusals (400, 404, 409, 410) may come from a wrong address or a panel in deployment: with
the backoff between them, ten take about six minutes. Then the report is parked."""


class Reporting:
    """The reporting room of one phone. SessionOver ends `run`; nothing is lost by it."""

    def __init__(self, world: World, device: DeviceUuid) -> None:
        self._world = world
        self._device = device
        self._wake = asyncio.Event()
        self._doubtful: dict[int, int] = {}  # Refusals by outbox row that may still be taken.

    def wake(self) -> None:
        """There is something new to tell."""
        self._wake.set()

    async def run(self, token: Token) -> None:
        """Report for ever. Raises SessionOver when the token is no longer valid."""
        world = self._world
        pause = Pause(world.dice)
        while True:
            self._wake.clear()
            rows = await world.journal.outbox(self._device, limit=BATCH)
            if not rows:
                await self._until_news()
                # Company for the batch: the next verdicts of a burst are moments away.
                await world.clock.sleep(world.settings.intervals.report_s)
                continue
            try:
                await self._deliver(token, rows)
            except PanelBusy as busy:
                await world.clock.sleep(pause.after_busy(busy.retry_after_s))
            except PanelUnavailable as error:
                world.tell("report postponed", device=self._device, reason=error.message)
                await world.clock.sleep(pause.after_failure())
            else:
                pause.reset()
            if self._doubtful:
                await world.clock.sleep(pause.after_failure())

    async def _until_news(self) -> None:
        """Wait to be woken; not for ever: who wrote a verdict may have been stopped right after."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REREAD_S):
                await self._wake.wait()

    async def _deliver(self, token: Token, rows: Sequence[OutboxRow]) -> None:
        world = self._world
        try:
            await world.panel.report(token, [row.report for row in rows])
        except PanelRefused as refusal:
            if len(rows) > 1:
                middle = len(rows) // 2
                await self._deliver(token, rows[:middle])
                await self._deliver(token, rows[middle:])
            elif refusal.status == UNPROCESSABLE or self._refused_often(rows[0]):
                self._doubtful.pop(rows[0].id, None)
                await self._park(rows[0], refusal, world.clock.now())
        else:
            for row in rows:
                self._doubtful.pop(row.id, None)
            await world.journal.reported([row.id for row in rows], world.clock.now())

    def _refused_often(self, row: OutboxRow) -> bool:
        """Whether a refusal that may be the address's fault came too often for one report."""
        self._doubtful[row.id] = self._doubtful.get(row.id, 0) + 1
        return self._doubtful[row.id] >= REFUSALS_LIMIT

    async def _park(self, row: OutboxRow, refusal: PanelRefused, now: datetime) -> None:
        fields = "; ".join(f"{name}: {text}" for name, text in refusal.fields)
        reason = f"HTTP {refusal.status} {fields or refusal.message}"
        await self._world.journal.park(row.id, reason, now)
        text = f"the panel refused the report of {row.report.uid} for good: {reason}"
        await self._world.journal.record(Event(now, self._device, "report-parked", text))
        self._world.tell("report parked", device=self._device, uid=row.report.uid, reason=reason)
