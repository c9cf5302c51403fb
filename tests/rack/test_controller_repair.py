"""Phones that are not well, behind a real adb server: what is done, told, and left alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from controller_bench import Bench, bench, journal_events, swift

from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_watch import AdbBus
from droidrack.adapters.clock import SystemClock
from droidrack.app.proving import prove
from droidrack.core.ids import UsbPath
from droidrack.core.port_proof import PortVerdict
from droidrack.core.settings import AdbSettings, PortSettings, RepairSettings
from droidrack.virtual.farm import VirtualRack
from droidrack.virtual.hub import Kind, VirtualHub
from droidrack.virtual.usb_front import Socket, UsbFront

QUICK = RepairSettings(patience_s=0.4, per_hour=2)


@asynccontextmanager
async def racked(home: Path, ports: list[str]) -> AsyncIterator[Bench]:
    """Phones on USB ports, with quick repairs and a label on the first port."""
    specs = [swift(n, api=34) for n in range(len(ports))]
    async with bench(specs, home) as table:
        sockets = {
            phone.adb_serial: Socket(phone.model.spec.serial, port)
            for phone, port in zip(table.phones, ports, strict=True)
        }
        async with UsbFront(table.rack.adb_port, sockets) as front:
            table.settings = replace(
                table.settings,
                adb=(AdbSettings(port=front.port, own=False),),
                repair=QUICK,
                ports=(PortSettings(ports[0], "shelf 1 / 1"),),
            )
            yield table


async def kinds_of(table: Bench, phone: str) -> list[str]:
    """The kinds of a phone's repair events, oldest first."""
    events = [e for e in await journal_events(table) if e.phone == phone]
    wanted = ("repair", "repair-failed", "repair-given-up", "repaired", "flapping")
    return [event.kind for event in reversed(events) if event.kind in wanted]


def test_offline_phone_heals_at_the_rung_reconnect(tmp_path: Path) -> None:
    """It hangs in one handshake: its transport is taken up anew, and the result is told."""

    async def play() -> None:
        async with racked(tmp_path, ["1-2.3", "1-2.4"]) as table:
            async with table.controller() as running:
                await running.ready()
                await table.phones[0].link.hang(1)
                await running.until(lambda: "repaired" in table.lines.events(), "repaired")
                await running.ready()
                await running.controller.world.chronicle.flush()
            assert ["repair", "repaired"] == await kinds_of(table, "bay-0")
            assert [] == await kinds_of(table, "bay-1")
            told = next(f for event, f in table.lines.told if event == "repair")
            assert "at shelf 1 / 1 (1-2.3): reconnect" in str(told["what"])

    asyncio.run(play())


def test_phone_that_nothing_helps_is_left_to_a_person(tmp_path: Path) -> None:
    """Each rung once, then an end with what was left out and why; the other phone works on."""

    async def play() -> None:
        async with racked(tmp_path, ["1-2.3", "1-2.4"]) as table:
            async with table.controller() as running:
                await running.ready()
                await table.phones[0].link.silence()
                await running.until(lambda: "repair-given-up" in table.lines.events(), "given up")
                uid = table.queue("the other one works", phone=1)
                await table.reported(running, [uid])
                await running.controller.world.chronicle.flush()
            assert ["repair", "repair-failed", "repair-given-up"] == await kinds_of(table, "bay-0")
            told = next(f for event, f in table.lines.told if event == "repair-given-up")
            assert "the adb server is not ours" in str(told["what"])
            assert "not proven to cut the power" in str(told["what"])

    asyncio.run(play())


def test_status_shows_repairs_lost_hubs_and_labels(tmp_path: Path) -> None:
    """What is tried, and where the phone is, is in the picture and in the log's lines."""

    async def play() -> None:
        ports = ["1-2.1", "1-3.1", "1-3.2"]
        async with racked(tmp_path, ports) as table, table.controller() as running:
            await running.ready()
            await table.phones[0].link.silence()
            await running.until(lambda: "repair-given-up" in table.lines.events(), "given up")
            for phone in table.phones[1:]:
                await phone.link.unplug()
            await running.until(lambda: "hub lost" in table.lines.events(), "hub lost")
            picture: Any = await running.controller.desk.status()
            ill, gone, _ = picture["phones"]
            assert ("1-2.1", "shelf 1 / 1") == (ill["usb"], ill["port"])
            assert ill["repair"]["ailment"] in ("silent", "offline")  # adb is of two minds.
            assert ["reconnect"] == ill["repair"]["tried"]
            assert ill["repair"]["remedy"]
            assert ("1-3.1", None, None) == (gone["usb"], gone["port"], gone["repair"])
            assert [{"hub": "1-3", "phones": ["bay-1", "bay-2"]}] == picture["hubs_lost"]
            lines = [facts for event, facts in table.lines.told if event == "phone state"]
            told = {facts.get("port") for facts in lines if facts["phone"] == "bay-0"}
            assert "shelf 1 / 1 (1-2.1)" in told

    asyncio.run(play())


def test_unauthorized_phone_is_asked_once(tmp_path: Path) -> None:
    """A prompt more is not a repair."""

    async def play() -> None:
        async with racked(tmp_path, ["1-2.3"]) as table, table.controller() as running:
            await running.ready()
            await table.phones[0].link.deny()
            await running.until(lambda: "repair-given-up" in table.lines.events(), "given up")
            assert 1 == table.lines.events().count("repair")

    asyncio.run(play())


def test_phone_on_the_network_at_work_is_not_taken_for_gone(tmp_path: Path) -> None:
    """Adb lists it by its address: once it said who it is, it is known to be listed."""

    async def play() -> None:
        async with (
            bench([swift(0, api=34), swift(1, api=34)], tmp_path) as table,
            table.controller() as running,
        ):
            await running.ready()
            rack = running.controller.rack
            await rack.repairs.look(rack)
            assert {} == rack.repairs.cases
            assert set(running.workers) == set(rack.shown[0])

    asyncio.run(play())


def test_hub_that_drops_is_one_alarm_and_no_repairs(tmp_path: Path) -> None:
    """Three phones below it, one elsewhere: the hub is named, its phones are not touched."""

    async def play() -> None:
        ports = ["1-2.1", "1-2.2", "1-2.3", "1-5"]
        async with racked(tmp_path, ports) as table:
            async with table.controller() as running:
                await running.ready()
                for phone in table.phones[:3]:
                    await phone.link.unplug()
                await running.until(lambda: "hub lost" in table.lines.events(), "hub lost")
                await running.until(
                    lambda: "bay-3" not in running.controller.rack.repairs.cases, "looked"
                )
                for phone in table.phones[:3]:
                    await phone.link.replug()
                await running.until(lambda: "hub back" in table.lines.events(), "hub back")
                await running.ready()
                await running.controller.world.chronicle.flush()
            told = [facts for event, facts in table.lines.told if event == "hub lost"]
            assert [("1-2", 3)] == [(facts["hub"], facts["phones"]) for facts in told]
            for name in ("bay-0", "bay-1", "bay-2", "bay-3"):
                assert [] == await kinds_of(table, name)

    asyncio.run(play())


def test_phone_that_comes_and_goes_rests(tmp_path: Path) -> None:
    """After many departures of its own it has to stay before it works again."""

    async def play() -> None:
        async with racked(tmp_path, ["1-2.3", "1-2.4"]) as table, table.controller() as running:
            await running.ready()
            for _ in range(9):
                await table.phones[0].link.unplug()
                await running.until(lambda: not running.workers[0].occupied, "gone")
                await table.phones[0].link.replug()
                if "flapping" in table.lines.events():
                    break
                await running.until(
                    lambda: running.workers[0].occupied or "flapping" in table.lines.events(),
                    "back",
                )
            assert "flapping" in table.lines.events()
            assert not running.workers[0].occupied

    asyncio.run(play())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.HONEST, PortVerdict.CUTS),
        (Kind.LYING, PortVerdict.LIES),
        (Kind.DEAD, PortVerdict.DEAD_SWITCH),
    ],
)
def test_prove_tells_hubs_apart_by_the_phone(kind: Kind, expected: PortVerdict) -> None:
    """Data lines that break are no proof: the phone's own charger log is."""

    async def play() -> None:
        async with AsyncExitStack() as stack:
            rack = await stack.enter_async_context(VirtualRack([swift(0, api=34)], shell="parser"))
            (phone,) = rack.phones
            sockets = {phone.adb_serial: Socket("R5CT000001", "1-2.3")}
            front = await stack.enter_async_context(UsbFront(rack.adb_port, sockets))
            bus = AdbBus(Endpoint("127.0.0.1", front.port))
            hub = VirtualHub({"1-2.3": phone}, kind)
            found = await prove(bus, UsbPath("1-2.3"), hub.switch, SystemClock(), off_s=0.2)
            assert (expected, phone.model.spec.serial) == found
            assert [("1-2.3", "off"), ("1-2.3", "on")] == hub.switched

    asyncio.run(play())
