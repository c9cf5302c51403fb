"""Events reach the journal once, in order, without what they must not hold."""

import asyncio
from datetime import UTC, datetime

from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.app.chronicle import KEPT_LIMIT, Chronicle

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(0)


class Slow(MemoryJournal):
    """A journal whose writes take a turn of the loop."""

    async def record(self, event: object) -> None:
        await asyncio.sleep(0)
        await super().record(event)  # type: ignore[arg-type]


def told(noted: list[str], *, flushers: int = 1) -> list[str]:
    """What the journal holds, oldest first, after these were noted."""

    async def scenario() -> list[str]:
        journal = Slow(MemoryDisk())
        await journal.open()
        chronicle = Chronicle(Noon(), journal)
        for text in noted:
            chronicle.note("state", text, phone="bay-1")
        await asyncio.gather(*(chronicle.flush() for _ in range(flushers)))
        found = await journal.events(limit=2 * KEPT_LIMIT)
        return [event.text for event in reversed(found)]

    return asyncio.run(scenario())


def test_events_are_written_once_in_order_by_however_many() -> None:
    """At a stop the last flush meets the room that writes anyway."""
    noted = [f"event {n}" for n in range(20)]
    assert noted == told(noted, flushers=3)


def test_number_in_an_event_is_masked() -> None:
    """Whoever notes words of others need not think of it."""
    (text,) = told(["the phone said +15550001234"])
    assert "15550001234" not in text


def test_flood_drops_the_oldest() -> None:
    """A journal that takes nothing for hours costs memory for so many events and no more."""
    kept = told([f"event {n}" for n in range(KEPT_LIMIT + 5)])
    assert (KEPT_LIMIT, "event 5") == (len(kept), kept[0])
