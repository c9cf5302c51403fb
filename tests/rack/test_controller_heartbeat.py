"""What the panel is told about each SIM: the truth of the phone, and nothing invented."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from controller_bench import Bench, Running, at_work, swift

from droidrack.virtual.panel.store import Heartbeat
from droidrack.virtual.sim_slots import ServiceState


def beats(table: Bench, slot: int) -> list[Heartbeat]:
    """All heartbeats of a slot's SIM row, oldest first."""
    rows = table.store.sims(table.store.device(table.device()))
    return table.store.heartbeats(next(row.uid for row in rows if row.slot == slot))


async def beat(
    table: Bench, running: Running, slot: int, wanted: Callable[[Heartbeat], bool]
) -> None:
    """Wait for a heartbeat of a slot that is as wanted."""
    await running.until(
        lambda: bool(beats(table, slot)) and wanted(beats(table, slot)[-1]),
        lambda: f"such a heartbeat; the last was {beats(table, slot)[-1:]}",
    )


def test_each_card_tells_signal_identity_and_traffic(tmp_path: Path) -> None:
    """Active, dBm, IMSI and the messages of 24 hours, per SIM row."""

    async def play() -> None:
        async with at_work([swift(0, api=34, sims=2)], tmp_path) as (table, running):
            model = table.phones[0].model
            uids = [table.queue(f"m{i}", slot=1, number=f"+1555000{i:04d}") for i in range(2)]
            await table.reported(running, uids)
            await beat(table, running, 1, lambda b: b.messages_sent_24h == 2)
            await beat(table, running, 0, lambda b: b.messages_sent_24h == 0)

            for slot in (0, 1):
                card, last = model.spec.sims[slot], beats(table, slot)[-1]
                assert card is not None
                expected = (True, model.slots[slot].signal_dbm, card.imsi)
                assert expected == (last.active, last.signal_strength, last.imsi)

    asyncio.run(play())


def test_card_taken_out_is_inactive_and_the_other_one_stays(tmp_path: Path) -> None:
    """A removed card turns active to false within two beats; it has no IMSI any more."""

    async def play() -> None:
        async with at_work([swift(0, api=34, sims=2)], tmp_path) as (table, running):
            await beat(table, running, 1, lambda b: b.active is True)
            table.phones[0].model.remove_sim(1)
            await beat(table, running, 1, lambda b: b.active is False and b.imsi is None)
            await beat(table, running, 0, lambda b: b.active is True)

    asyncio.run(play())


def test_signal_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    """Without a network there is no signal to tell: no value, neither 0 nor the last one."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            await beat(table, running, 0, lambda b: b.signal_strength is not None)
            table.phones[0].model.slots[0].coverage = ServiceState.OUT_OF_SERVICE
            await beat(table, running, 0, lambda b: b.signal_strength is None)
            assert {None, table.phones[0].model.slots[0].signal_dbm} == {
                b.signal_strength for b in beats(table, 0)
            }

    asyncio.run(play())


def test_absent_phone_sends_no_heartbeat(tmp_path: Path) -> None:
    """The panel shows a phone that is not there as offline, because nothing is said for it."""

    async def play() -> None:
        async with at_work([swift(0, api=34), swift(1, api=34)], tmp_path) as (table, running):
            await running.until(lambda: bool(beats(table, 0)), "a beat")
            await table.phones[0].link.unplug()
            await running.until(lambda: running.states()[0] == "absent", "absent")
            silent = len(beats(table, 0))
            other = table.store.device(table.device(1))
            uid = table.store.sims(other)[0].uid
            seen = len(table.store.heartbeats(uid))
            await running.until(lambda: len(table.store.heartbeats(uid)) > seen + 3, "the other's")

            assert silent == len(beats(table, 0))

    asyncio.run(play())
