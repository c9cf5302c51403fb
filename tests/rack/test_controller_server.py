"""A given adb server that goes away: it is named once, and its phones are not taken for ill."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from controller_bench import Bench, Running, bench, journal_events, swift

from droidrack.core.settings import AdbSettings, RepairSettings
from droidrack.core.standing import PhoneState
from droidrack.virtual.farm import VirtualRack

QUICK = RepairSettings(patience_s=0.4, per_hour=2)


async def server_events(table: Bench) -> list[tuple[str, str]]:
    """Kind and text of what was told of servers and repairs, oldest first."""
    events = reversed(await journal_events(table))
    return [(e.kind, e.text) for e in events if e.kind.startswith(("adb-server", "repair"))]


async def looks(running: Running, count: int) -> None:
    """Wait for as many looks of the repairs; each would climb one rung."""
    for _ in range(count):
        await running.controller.world.clock.sleep(2 * QUICK.patience_s)
        await running.controller.rack.repairs.look(running.controller.rack)


def test_given_server_that_goes_away_is_named_once(tmp_path: Path) -> None:
    """One event for it, none for its phone; it is back, and the phone works and sends."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            table.settings = replace(table.settings, repair=QUICK)
            at = f"127.0.0.1:{table.rack.adb_port}"
            async with table.controller() as running:
                await running.ready()
                await table.rack.kill_server()
                await running.until(lambda: "adb server lost" in table.lines.events(), "lost")
                await looks(running, 4)
                (worker,) = running.workers
                assert worker.standing.state is PhoneState.ABSENT
                assert f"its adb server at {at} does not answer" == worker.standing.cause
                assert f"adb -P {table.rack.adb_port} start-server" in worker.standing.remedy
                picture: Any = await running.controller.desk.status()
                (lost,) = picture["servers_lost"]
                assert (at, ["bay-0"]) == (lost["server"], lost["phones"])
                assert picture["phones"][0]["repair"] is None
                await table.rack.restart_server()
                await running.ready()
                uid = table.queue("after the outage")
                await table.reported(running, [uid])
                picture = await running.controller.desk.status()
                assert [] == picture["servers_lost"]
                await running.controller.world.chronicle.flush()
            lost_event, back_event = await server_events(table)
            assert "adb-server-lost" == lost_event[0]
            assert at in lost_event[1]
            assert "start-server" in lost_event[1]
            assert "adb-server-back" == back_event[0]
            assert ["adb server lost", "adb server back"] == [
                event for event in table.lines.events() if event.startswith("adb server")
            ]
            states = [e for e in await journal_events(table) if e.text.startswith("ready → absent")]
            assert [f"ready → absent: its adb server at {at} does not answer"] == [
                event.text for event in states
            ]

    asyncio.run(play())


def test_server_that_is_away_from_the_start_is_named(tmp_path: Path) -> None:
    """Its phones were never seen, and are expected there."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            table.settings = replace(table.settings, repair=QUICK)
            await table.rack.kill_server()
            async with table.controller() as running:
                await running.until(lambda: "adb server lost" in table.lines.events(), "lost")
                await looks(running, 3)
                assert "does not answer" in running.workers[0].standing.cause
                await table.rack.restart_server()
                await running.ready()
                await running.controller.world.chronicle.flush()
            kinds = [kind for kind, _ in await server_events(table)]
            assert ["adb-server-lost", "adb-server-back"] == kinds

    asyncio.run(play())


def test_phone_of_another_server_works_on(tmp_path: Path) -> None:
    """Only those that were on the lost server are away with it."""

    async def play() -> None:
        async with (
            VirtualRack([swift(1, api=34)], shell="parser") as other,
            bench([swift(0, api=34)], tmp_path) as table,
        ):
            beside = replace(
                table.settings.phones[0],
                name="beside",
                serial=other.phones[0].model.spec.serial,
                token_file=str(tmp_path / "token-beside"),
            )
            table.settings = replace(
                table.settings,
                repair=QUICK,
                adb=(*table.settings.adb, AdbSettings(port=other.adb_port, own=False)),
                phones=(*table.settings.phones, beside),
            )
            table.lay_token(1)
            async with table.controller() as running:
                await running.ready()
                await other.kill_server()
                await running.until(lambda: "adb server lost" in table.lines.events(), "lost")
                await looks(running, 3)
                assert ["ready", "absent"] == running.states()
                picture: Any = await running.controller.desk.status()
                assert [["beside"]] == [lost["phones"] for lost in picture["servers_lost"]]
                assert {} == running.controller.rack.repairs.cases

    asyncio.run(play())
