"""The later rungs of the repair ladder, climbed by a running controller, up to the healed phone."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from controller_bench import Bench, Running, bench, journal_events, swift
from sysfs_tree import SysfsTree

from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_watch import AdbBus
from droidrack.adapters.mending import HostMender
from droidrack.adapters.sysfs import usb_tree
from droidrack.adapters.usb_power import PortProofs, Uhubctl
from droidrack.app.repairing import Repairs
from droidrack.core.ids import UsbPath
from droidrack.core.port_proof import PortVerdict, Proof, fingerprint_of
from droidrack.core.provision.record import Purpose
from droidrack.core.settings import AdbSettings, RepairSettings
from droidrack.virtual.hub import VirtualHub
from droidrack.virtual.usb_front import Socket, UsbFront

QUICK = RepairSettings(patience_s=0.4, per_hour=6)
PORT = UsbPath("1-2.3")

Switch = Callable[[str, str], Awaitable[None]]


async def repairs_of(table: Bench, phone: str = "bay-0") -> list[str]:
    """The texts of a phone's repair events, oldest first."""
    events = [e for e in await journal_events(table) if e.phone == phone]
    return [e.text for e in reversed(events) if e.kind.startswith("repair")]


async def tried(table: Bench, running: Running, rung: str) -> None:
    """Wait until a rung is begun."""

    def begun() -> bool:
        told = [facts for event, facts in table.lines.told if event == "repair"]
        return any(f"{rung}, because" in str(facts["what"]) for facts in told)

    await running.until(begun, rung)


async def well_again(table: Bench, running: Running) -> None:
    """Wait for the end of the illness, and until the phone works."""
    await running.until(lambda: "repaired" in table.lines.events(), "repaired")
    await running.ready()
    await running.controller.world.chronicle.flush()


@asynccontextmanager
async def plugged(home: Path, repair: RepairSettings) -> AsyncIterator[tuple[Bench, int]]:
    """One phone on a USB port of a server that is not ours; and the server's port."""
    async with bench([swift(0, api=34)], home) as table:
        (phone,) = table.phones
        sockets = {phone.adb_serial: Socket(phone.model.spec.serial, PORT)}
        async with UsbFront(table.rack.adb_port, sockets) as front:
            given = AdbSettings(port=front.port, own=False)
            table.settings = replace(table.settings, adb=(given,), repair=repair)
            yield table, front.port


def test_own_server_is_restarted_where_none_of_its_phones_works(tmp_path: Path) -> None:
    """Reconnecting did not help: the server ends and comes back, and the phone works and sends."""

    async def play() -> None:
        async with plugged(tmp_path, QUICK) as (table, port):
            (phone,) = table.phones
            restarts: list[asyncio.Task[None]] = []

            async def anew() -> None:
                await table.rack.kill_server()
                phone.link.silent = False  # It was the server's own transport that hung.
                await table.rack.restart_server()

            def restart() -> None:
                restarts.append(asyncio.create_task(anew()))

            async with table.controller() as running:
                buses = [AdbBus(Endpoint("127.0.0.1", port), restart=restart)]
                mender = HostMender(buses, PortProofs(tmp_path), Uhubctl(), sysfs=tmp_path)
                running.controller.rack.repairs = Repairs(running.controller.world, mender)
                await running.ready()
                await phone.link.silence()
                await well_again(table, running)
                uid = table.queue("after the restart")
                await table.reported(running, [uid])
            await asyncio.gather(*restarts)
            assert 1 == len(restarts)
            texts = await repairs_of(table)
            assert any("reconnect did not help" in text for text in texts)
            assert "well again after restart adb server" in texts[-1]

    asyncio.run(play())


def test_phone_whose_android_hangs_is_rebooted_where_allowed(tmp_path: Path) -> None:
    """It is shown and its answers are cut; the last rung restarts it, and that is told."""

    async def play() -> None:
        async with plugged(tmp_path, replace(QUICK, reboot=True)) as (table, _):
            (phone,) = table.phones
            async with table.controller() as running:
                await running.ready()
                boot_id = phone.model.boot_id
                phone.link.cut_next("executed", match="getprop", times=1000)
                phone.link.drop()
                await tried(table, running, "reboot")
                await running.until(lambda: phone.model.boot_id != boot_id, "another boot")
                phone.link.mend()
                await well_again(table, running)
            texts = await repairs_of(table)
            assert not any("not possible" in text for text in texts)
            assert "well again after reboot" in texts[-1]

    asyncio.run(play())


def test_phone_that_another_program_has_is_left_alone(tmp_path: Path) -> None:
    """It may restart it itself: nothing is tried while it is lent, and all of it afterwards."""

    async def play() -> None:
        async with plugged(tmp_path, replace(QUICK, reboot=True)) as (table, _):
            (phone,) = table.phones
            async with table.controller() as running:
                await running.ready()
                world, device = running.controller.world, table.device()
                assert world.lessee is not None
                leases, boot_id = world.lessee.leases, phone.model.boot_id
                holder = ""
                while holder != "apply":  # It is asked for, and sending lets go.
                    now = world.clock.now()
                    lease = await leases.take(
                        device, Purpose.PROVISIONING, "apply", now=now, ttl_s=60
                    )
                    holder = lease.holder
                    await asyncio.sleep(0.05)
                phone.link.cut_next("executed", match="getprop", times=1000)
                phone.link.drop()
                await running.until(lambda: "repair-postponed" in table.lines.events(), "postponed")
                assert "repair" not in table.lines.events()
                await leases.release(device, "apply")
                await running.until(lambda: phone.model.boot_id != boot_id, "another boot")
                phone.link.mend()
                await well_again(table, running)
            assert any("while apply has it" in text for text in await repairs_of(table))

    asyncio.run(play())


@asynccontextmanager
async def uhubctl(home: Path, switch: Switch) -> AsyncIterator[Uhubctl]:
    """A program in uhubctl's place, that switches a virtual hub and ends when that is done."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).decode().split()
        hub, number, action = (words[words.index(flag) + 1] for flag in ("-l", "-p", "-a"))
        await switch(f"{hub}.{number}", action)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    program = home / "uhubctl"
    port = server.sockets[0].getsockname()[1]
    program.write_text(
        f"#!{sys.executable}\nimport socket, sys\n"
        f"with socket.create_connection(('127.0.0.1', {port})) as hub:\n"
        "    hub.sendall(' '.join(sys.argv).encode() + b'\\n')\n    hub.recv(1)\n"
    )
    program.chmod(0o755)
    async with server:
        yield Uhubctl(str(program))


def test_proven_port_is_switched_off_and_on(tmp_path: Path) -> None:
    """Its phone hangs in the handshake: the port that was proven to cut is cycled, and it heals."""

    async def play() -> None:
        tree = SysfsTree(tmp_path / "sys")
        tree.controller("0000:00:14.0", {1: 480})
        tree.hub("1-2")
        async with plugged(tmp_path, QUICK) as (table, port):
            (phone,) = table.phones
            tree.phone(PORT, phone.model.spec.serial)
            hub = VirtualHub({PORT: phone})
            shown = usb_tree(tree.root)
            assert shown is not None
            proofs = PortProofs(tmp_path)
            hub_mark, now = fingerprint_of(shown, PORT), datetime.now(UTC)
            proofs.keep(Proof(PORT, hub_mark, PortVerdict.CUTS, phone.model.spec.serial, now))
            async with uhubctl(tmp_path, hub.switch) as power, table.controller() as running:
                buses = [AdbBus(Endpoint("127.0.0.1", port))]
                mender = HostMender(buses, proofs, power, sysfs=tree.root)
                running.controller.rack.repairs = Repairs(running.controller.world, mender)
                await running.ready()
                await phone.link.silence()
                await running.until(lambda: bool(hub.switched), "switched")
                await phone.link.silence(False)
                await well_again(table, running)
            assert [(PORT, "cycle")] == hub.switched
            texts = await repairs_of(table)
            assert "well again after switch the port off and on" in texts[-1]

    asyncio.run(play())
