"""The inbox: the texts that arrived, and who still has to be told of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from droidrack.core.ids import DeviceUuid, Iccid
from droidrack.core.inbound import NOBODY, Asked, InboundText, Watermark

REMOVED = "this endpoint is no longer configured"
"""Why a delivery was closed that nobody offers any more."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One text that one endpoint has not taken yet. `tries`: how often it was offered."""

    id: int
    text: InboundText
    endpoint: str
    tries: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """What became of a text at one endpoint."""

    endpoint: str
    tries: int
    closed_at: datetime | None  # None: it is still being offered.
    reason: str  # Of the last failure, or of giving up; "" for none.


class Inbox(Protocol):
    """The durable memory of texts that arrived. Part of the journal, with its lock and its errors.

    1. `receive` MUST store the texts, one delivery of each per endpoint, the watermark, and what
       new texts ask of the opt-out list with an audit line for each, in one transaction. A START
       takes off the list what a STOP put there, and nothing that an operator did.
    2. `receive` MUST store a text once however often it comes: by its id; and, where its epoch is
       not the first, also by device, sender, time of reception and body, because a backup brings
       rows back under new ids. Within one epoch equal texts of two rows are two texts.
    3. `due` MUST offer, per endpoint and sender, only the oldest text that is not closed, and only
       when its time has come.
    4. `delivered` and `given_up` close a delivery for good; all three that follow `due` MUST leave
       a closed one as it is.
    5. `prune` MUST NOT touch a text that an endpoint still has to get, and MUST see that what it
       forgot counts as old where a backup brings it back in a later epoch.
    """

    async def watermark(self, device: DeviceUuid) -> Watermark | None:
        """How far this phone's inbox is known; None: nobody looked yet."""
        ...

    async def watermarks(self) -> tuple[Watermark, ...]:
        """Of all phones that were looked at."""
        ...

    async def receive(
        self,
        watermark: Watermark,
        texts: Sequence[InboundText],
        endpoints: Collection[str],
        asked: Mapping[str, Asked] = NOBODY,
    ) -> tuple[InboundText, ...]:
        """Store what a look found; the texts that were new, in their order.

        `asked` says by id which texts ask for no more messages, or for messages again.
        """
        ...

    async def texts(
        self,
        *,
        device: DeviceUuid | None = None,
        iccid: Iccid | None = None,
        since: datetime | None = None,
        after: int = 0,
        limit: int,
    ) -> tuple[tuple[int, InboundText], ...]:
        """The newest `limit` texts, oldest of them first, each with its number in the inbox.

        `since` goes by `seen_at`; `after` by number: with it, the oldest ones beyond it.
        """
        ...

    async def passed(self, ids: Sequence[str]) -> dict[str, tuple[Passed, ...]]:
        """What became of these texts, by their ids."""
        ...

    async def due(self, endpoint: str, now: datetime, *, limit: int) -> tuple[Delivery, ...]:
        """What to offer now, oldest first."""
        ...

    async def next_due(self, endpoint: str) -> datetime | None:
        """When the first delivery that may be offered will be due; None: nothing is open."""
        ...

    async def delivered(self, id: int, at: datetime) -> None:
        """The endpoint took it."""
        ...

    async def postponed(self, id: int, next_at: datetime, reason: str) -> None:
        """It did not; count the try and offer it again then."""
        ...

    async def given_up(self, id: int, reason: str, at: datetime) -> None:
        """It never will: keep it, show it, do not offer it again."""
        ...

    async def disown(self, endpoints: Collection[str], at: datetime) -> int:
        """Close what is open at any endpoint but these: nobody will offer it; how many."""
        ...

    async def prune(self, before: datetime) -> int:
        """Forget texts seen before then; their number."""
        ...
