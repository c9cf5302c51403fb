"""The rolling sweep: does the phone's store still agree with what the journal says was sent?

Each hour the messages of the last hours are compared with the rows that proved them. A row that is
gone was deleted by somebody; a row of the shell that no message claims was sent by somebody else,
or belongs to a message of unknown outcome. Both are told; neither changes a report.
"""

from dataclasses import dataclass

from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.errors import ParseError, PhoneRefused, PhoneTimeout
from droidrack.core.matching import TYPE_SENT
from droidrack.core.message import OPEN
from droidrack.ports import Event

INTERVAL_S = 3600.0
WINDOW_S = 6 * 3600.0
"""Six hours at full pace are 7,200 rows: one answer holds 20,000."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one sweep found."""

    sent: int  # Messages proven sent in the window.
    found: int  # Of these, with their row in the store.
    unclaimed: int  # Rows of the shell in the window that no message claims.

    @property
    def rate(self) -> float | None:
        """Share of the sent messages whose row is there; None: nothing was sent."""
        return self.found / self.sent if self.sent else None


class Reconciling:
    """The reconciling room of one phone; idle where the shell may not read the store."""

    def __init__(self, world: World, handset: Handset) -> None:
        self._world = world
        self._handset = handset

    async def run(self) -> None:
        """Sweep for ever. Raises PhoneError when the phone is gone."""
        world = self._world
        # Phones that arrived together must not be asked together.
        await world.clock.sleep(INTERVAL_S * (0.5 + 0.5 * world.dice.random()))
        while self._handset.witnesses.store:
            try:
                agreement = await self.sweep()
            except (PhoneTimeout, PhoneRefused, ParseError) as error:
                world.tell("store not swept", device=self._handset.device, reason=error.message)
            else:
                await self._publish(agreement)
            await world.clock.sleep(INTERVAL_S)

    async def sweep(self) -> Agreement | None:
        """Compare once; None: there is nothing to compare."""
        journal, device = self._world.journal, self._handset.device
        since = self._world.ago(WINDOW_S)
        claimed = await journal.claimed_rows(device, since)
        rowless = await journal.rowless_attempts(device, since)
        if not claimed:
            return None
        # Attempts without a verdict may own the rows that nobody claims yet.
        pending = await journal.open_attempts(device)
        flying = sum(state in OPEN for _, state in pending)
        rows = await self._handset.store.rows_above(min(claimed) - 1)
        sent_rows = {row.row_id for row in rows if row.type == TYPE_SENT}
        return Agreement(
            sent=len(claimed) + len(rowless),
            found=len(claimed & sent_rows),
            unclaimed=max(0, len(sent_rows - claimed) - flying - len(rowless)),
        )

    async def _publish(self, agreement: Agreement | None) -> None:
        if agreement is None or agreement.rate is None:
            return
        device = self._handset.device
        text = (
            f"{agreement.found} of {agreement.sent} sent messages are in the phone's store "
            f"({agreement.rate:.1%}); {agreement.unclaimed} rows belong to no message"
        )
        await self._world.journal.record(Event(self._world.clock.now(), device, "reconciled", text))
        self._world.tell("store reconciled", device=device, found=text)
