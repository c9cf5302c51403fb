"""The rolling sweep: the journal beside the phone's own store."""

import asyncio
from pathlib import Path

from controller_bench import DEADLINE_S, at_work, swift

from droidrack.app.reconciling import Agreement, Reconciling
from droidrack.virtual.faults import Fate, Row


async def _until(room: Reconciling, expected: Agreement) -> None:
    """Rows are noted a moment after the radio's word, and deleted a moment after that."""
    async with asyncio.timeout(DEADLINE_S):
        while await room.sweep() != expected:  # noqa: ASYNC110 - the phone's store has no event
            await asyncio.sleep(0.1)


def test_sweep_counts_what_the_store_still_shows(tmp_path: Path) -> None:
    """All rows there: full agreement. One deleted by somebody afterwards: it is missed."""

    async def play() -> None:
        async with at_work([swift(0, api=29)], tmp_path) as (bench, running):
            uids = [bench.queue(f"text {i}", number=f"+1555000{i:04d}") for i in range(3)]
            await bench.reported(running, uids)
            worker = running.workers[0]
            assert worker.handset is not None
            room = Reconciling(running.controller.world, worker.handset)

            await _until(room, Agreement(sent=3, found=3, unclaimed=0))

            bench.phones[0].model.radio.faults.script(Fate(row=Row.DELETED, flip_s=4.0))
            uid = bench.queue("deleted later", number="+15550009999")
            await bench.reported(running, [uid])
            sent = [("sent", None)]
            assert sent == bench.told(uid)
            await _until(room, Agreement(sent=4, found=3, unclaimed=0))

    asyncio.run(play())
