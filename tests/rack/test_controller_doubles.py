"""Phones with one serial on different USB ports, behind a real adb server: the whole controller."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from controller_bench import Bench, Running, bench, swift

from droidrack import compose
from droidrack.app.adopting import adopt
from droidrack.app.arrival import survey
from droidrack.app.worker import PhoneState
from droidrack.core.settings import AdbSettings
from droidrack.virtual.spec import spec_with
from droidrack.virtual.usb_front import Socket, UsbFront

DUMMY = "0123456789ABCDEF"
PORTS = ("1-2.3", "1-2.4", "1-2.5")


@asynccontextmanager
async def doubles(
    home: Path, *, serial: str = DUMMY, named: bool = True, count: int = 2
) -> AsyncIterator[tuple[Bench, dict[str, Socket]]]:
    """Phones of one model and serial, each at a port of its own; `named`: in the entries, too."""
    specs = [spec_with(swift(0, api=34), serial=serial, sims=swift(n, api=34).sims)
             for n in range(count)]  # fmt: skip
    async with bench(specs, home) as table:
        sockets = {
            phone.adb_serial: Socket(serial, PORTS[index])
            for index, phone in enumerate(table.phones)
        }
        async with UsbFront(table.rack.adb_port, sockets) as front:
            entries = tuple(
                replace(entry, serial=serial if named else "", usb=PORTS[index])
                for index, entry in enumerate(table.settings.phones)
            )
            adb = (AdbSettings(port=front.port, own=False),)
            table.settings = replace(table.settings, phones=entries, adb=adb)
            yield table, sockets


def carried(table: Bench) -> dict[str, set[str]]:
    """Which card each text left on."""
    found: dict[str, set[str]] = {}
    for message in table.rack.air.messages:
        found.setdefault(message.body, set()).add(message.iccid)
    return found


async def told_apart(table: Bench, running: Running, count: int) -> None:
    """Each phone sends what was asked of it, on its own card."""
    await running.ready()
    uids = [
        table.queue(f"m{n}-{phone}", phone=phone, number=f"+1555000{phone}{n:03d}")
        for n in range(3)
        for phone in range(count)
    ]
    await table.reported(running, uids)
    cards = [phone.model.spec.sims[0] for phone in table.phones]
    expected = {f"m{n}-{p}": {cards[p].iccid} for n in range(3) for p in range(count) if cards[p]}
    assert expected == carried(table)


async def settled(table: Bench, *, same: bool) -> str:
    """What `droidrack adopt` makes of the phone; no controller may be running."""
    async with compose.open_world(table.settings, table.lines) as world:
        await world.journal.open()
        try:
            async with compose.open_buses(table.settings, table.lines) as buses:
                (seen,) = await survey(buses, settle_s=1.0)
                assert seen.arrival is not None
                return await adopt(world, seen.arrival, same=same)
        finally:
            await world.journal.close()


def test_phones_with_one_dummy_serial_are_never_mixed_up(tmp_path: Path) -> None:
    """Two of a batch, told apart by their ports: each message leaves on the phone it was for."""

    async def play() -> None:
        async with doubles(tmp_path) as (table, _), table.controller() as running:
            await told_apart(table, running, 2)

    asyncio.run(play())


def test_phones_that_share_a_proper_serial_are_two_devices(tmp_path: Path) -> None:
    """The entries name ports only: that the serial is shared shows when both are here."""

    async def play() -> None:
        async with (
            doubles(tmp_path, serial="R5CT000001", named=False) as (table, _),
            table.controller() as running,
        ):
            await told_apart(table, running, 2)
            assert 2 == len({device.uuid for device in table.store.devices()})

    asyncio.run(play())


def test_phones_with_one_serial_that_change_places_stay_who_they_are(tmp_path: Path) -> None:
    """Their marks tell: each keeps its gateway, its session and its card, in the other's port."""

    async def play() -> None:
        async with doubles(tmp_path) as (table, sockets):
            async with table.controller() as running:
                await told_apart(table, running, 2)
                before = [worker.device for worker in running.workers]
            first, second = (phone.adb_serial for phone in table.phones)
            sockets[first], sockets[second] = sockets[second], sockets[first]
            async with table.controller() as running:
                await running.ready()
                assert before[::-1] == [worker.device for worker in running.workers]
                assert 2 == len(table.store.devices())

    asyncio.run(play())


def test_another_phone_in_the_port_of_a_dummy_inherits_nothing(tmp_path: Path) -> None:
    """A sister with another mark is refused with the fix; nothing leaves on it."""

    async def play() -> None:
        async with doubles(tmp_path, count=1) as (table, _):
            async with table.controller() as running:
                await running.ready()
                first = running.workers[0].device
            table.phones[0].model.settings.put("secure", "android_id", "00112233445566aa")
            table.queue("not for the newcomer")
            async with table.controller() as running:
                worker = running.workers[0]
                await running.until(
                    lambda: worker.standing.state is PhoneState.UNSUPPORTED, "refused"
                )
                assert "factory reset, or another one of its kind" in worker.standing.cause
            assert [] == table.on_air()
            assert 1 == len(table.store.devices())

            # A person knows: reset, so it keeps its gateway and sends what was asked of it.
            assert first == await settled(table, same=True)
            async with table.controller() as running:
                await running.ready()
                await running.until(lambda: bool(table.on_air()), "sent")
            table.phones[0].model.settings.put("secure", "android_id", "00112233445566bb")
            assert first != await settled(table, same=False)

    asyncio.run(play())


def test_another_serial_in_the_same_port_is_a_new_device(tmp_path: Path) -> None:
    """The entry names a port: its next phone has to be paired, and gets none of the queue."""

    async def play() -> None:
        async with doubles(tmp_path, serial="R5CT000001", named=False, count=1) as (table, sockets):
            async with table.controller() as running:
                await running.ready()
                first = running.workers[0].device
            model = table.phones[0].model
            model.overrides["ro.serialno"] = model.overrides["ro.boot.serialno"] = "R5CT000009"
            sockets[table.phones[0].adb_serial] = Socket("R5CT000009", PORTS[0])
            table.queue("for the first one")
            table.settings = replace(
                table.settings, phones=(replace(table.settings.phones[0], token_file=""),)
            )
            async with table.controller() as running:
                worker = running.workers[0]
                await running.until(
                    lambda: worker.standing.state is PhoneState.NEEDS_PAIRING, "a stranger"
                )
                assert worker.device != first
            assert [] == table.on_air()

    asyncio.run(play())
