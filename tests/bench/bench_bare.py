"""The bare loop: the same calls to the same phones, and nothing else.

The panel is asked once per phone; for each message there is what cannot be left out: one durable
row before the call, the call, looks at the SMS store until the message is there, one durable row
after it, one report. No pace, no recovery, no heartbeat, no second witness: what somebody would
write in an afternoon, and the yardstick of the ratios.
"""

import asyncio
import json
import sqlite3
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from droidrack import compose
from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.app.arrival import Arrival
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.attempt import Attempt
from droidrack.core.report import StatusReport, WireStatus
from droidrack.core.settings import Settings
from droidrack.ports import Vault

LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Bare:
    """What the loop took: wall and own CPU seconds."""

    messages: int
    wall_s: float
    cpu_s: float


async def bare_loop(settings: Settings, home: Path, count: int) -> Bare:
    """Send the `count` messages that the panel has, all phones side by side."""
    alone = replace(settings, state_dir=home / "bare")
    seen = await compose.survey(settings, _silent)
    arrivals = [entry.arrival for entry in seen if entry.arrival is not None]
    journal = MemoryJournal(MemoryDisk())
    async with compose.open_world(alone, _silent, journal=journal) as world:
        await journal.open()
        turn = asyncio.Semaphore(16)

        async def meet(arrival: Arrival) -> Handset:
            async with turn:
                return await Handset.meet(world, arrival)

        handsets = await asyncio.gather(*map(meet, arrivals))
        ledger = _ledger(home / "bare.sqlite")
        began, cpu = time.monotonic(), time.process_time()
        vault = compose.open_vault(settings)
        sent = await asyncio.gather(*(_phone(world, vault, h, ledger) for h in handsets))
        assert sum(sent) == count, f"{sum(sent)} of {count} messages"
        bare = Bare(count, time.monotonic() - began, time.process_time() - cpu)
        ledger.close()
        await journal.close()
    return bare


def _silent(event: str, /, **facts: object) -> None:
    """A `Tell` that says nothing."""


def _ledger(path: Path) -> sqlite3.Connection:
    ledger = sqlite3.connect(path, isolation_level=None)
    ledger.execute("PRAGMA journal_mode=WAL")
    ledger.execute("PRAGMA synchronous=FULL")
    ledger.execute("CREATE TABLE sent (uid TEXT PRIMARY KEY, state TEXT)")
    return ledger


async def _phone(world: World, vault: Vault, handset: Handset, ledger: sqlite3.Connection) -> int:
    """Send what the panel has for one phone; how many those were."""
    session = vault.load(handset.device)
    sim = next(sim for sim in handset.sims if sim.sub_id is not None)
    assert session is not None
    assert sim.sub_id is not None
    pending = await world.panel.pending(session.token, datetime.now(UTC))
    for index, message in enumerate(pending.messages):
        mark = await handset.store.watermark()
        attempt = Attempt(
            message.uid,
            1,
            handset.device,
            sim.slot,
            sim.sub_id,
            sim.iccid,
            1,
            mark,
            index + 1,
            handset.boot_id,
            message.received_at,
        )
        ledger.execute("INSERT INTO sent VALUES (?, 'sending')", (message.uid,))
        await handset.submit(handset.call_for(attempt, message), message)
        await _seen(handset, mark)
        ledger.execute("UPDATE sent SET state = 'sent' WHERE uid = ?", (message.uid,))
        report = StatusReport(message.uid, WireStatus.SENT, datetime.now(UTC))
        await world.panel.report(session.token, [report])
    return len(pending.messages)


async def _seen(handset: Handset, mark: int) -> None:
    """Look at the store until a new row is there."""
    while True:
        if await handset.store.rows_above(mark):
            return
        await asyncio.sleep(LOOK_S)


if __name__ == "__main__":
    config, count = Path(sys.argv[1]), int(sys.argv[2])
    took = asyncio.run(bare_loop(compose.load_settings(config), config.parent, count))
    print(json.dumps(asdict(took)))
