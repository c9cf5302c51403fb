"""Transfers through a real adb server: whole or refused with the phone's reason, never hung."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from binary_apk import make_apk

from droidrack.adapters import adb_server
from droidrack.adapters.adb import AdbPhone
from droidrack.adapters.adb_files import AdbFiles
from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_watch import AdbBus
from droidrack.adapters.lane import Lane
from droidrack.core.errors import (
    AnswerCut,
    BridgeDown,
    Effect,
    PhoneError,
    PhoneGone,
    PhoneRefused,
    PhoneTimeout,
)
from droidrack.core.ids import Serial
from droidrack.ports import PhoneFiles, Sighting
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.farm import RackPhone, VirtualRack
from droidrack.virtual.spec import spec_with
from droidrack.virtual.streams import Stream

PLENTY_S = 30.0
SHORT_S = 0.3
REMOTE = "/data/local/tmp/probe.bin"


@asynccontextmanager
async def bench(api: int = 34) -> AsyncIterator[tuple[PhoneFiles, RackPhone, AdbBus]]:
    """Transfers with one virtual phone."""
    spec = spec_with(make_spec(0, api=api), boot_s=0.0, off_s=0.05)
    async with VirtualRack([spec], shell="parser") as rack:
        bus = AdbBus(Endpoint("127.0.0.1", rack.adb_port))
        yield bus.files(await first_ready(bus)), rack.phones[0], bus


async def first_ready(bus: AdbBus) -> Sighting:
    """Wait for the phone."""
    async with asyncio.timeout(PLENTY_S), aclosing(bus.watch()) as lists:
        async for seen in lists:
            if [sighting.state for sighting in seen] == ["device"]:
                return seen[0]
    raise AssertionError("the watch ended")


@pytest.mark.parametrize("api", [22, 34])
@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_push_then_pull_gives_the_same_bytes(api, size):
    """Old and new phones alike; nothing is lost at the edges of a record."""
    content = os.urandom(size)

    async def scene() -> bytes:
        async with bench(api) as (files, _, _):
            await files.push(content, REMOTE, deadline_s=PLENTY_S)
            return await files.pull(REMOTE, deadline_s=PLENTY_S, limit_bytes=size)

    assert content == asyncio.run(scene())


def test_push_to_a_full_phone_says_so():
    """PhoneFiles MUST 2: the phone's own reason is in the message."""

    async def scene() -> PhoneRefused:
        async with bench() as (files, phone, _):
            phone.handset.files.capacity_bytes = 1000
            with pytest.raises(PhoneRefused) as caught:
                await files.push(b"x" * 300_000, REMOTE, deadline_s=PLENTY_S)
            return caught.value

    assert "No space left on device" in asyncio.run(scene()).message


def test_pull_absent_file_is_refused_with_the_reason():
    """The phone says what is wrong with the path."""

    async def scene() -> PhoneRefused:
        async with bench() as (files, _, _):
            with pytest.raises(PhoneRefused) as caught:
                await files.pull("/sdcard/none", deadline_s=PLENTY_S, limit_bytes=10)
            return caught.value

    assert "No such file" in asyncio.run(scene()).message


def test_pull_larger_than_the_limit_is_refused():
    """A phone cannot fill the controller's memory."""

    async def scene() -> PhoneRefused:
        async with bench() as (files, _, _):
            await files.push(b"x" * 1001, REMOTE, deadline_s=PLENTY_S)
            with pytest.raises(PhoneRefused) as caught:
                await files.pull(REMOTE, deadline_s=PLENTY_S, limit_bytes=1000)
            return caught.value

    assert "larger than 1000 bytes" in asyncio.run(scene()).message


def test_transfer_with_a_frozen_phone_ends_at_its_deadline():
    """PhoneFiles MUST 1; once the phone thaws the lane serves again."""

    async def scene() -> tuple[type[PhoneError], Effect, bytes]:
        async with bench() as (files, phone, _):
            phone.link.freeze()
            with pytest.raises(PhoneError) as caught:
                await files.push(b"x" * 3_000_000, REMOTE, deadline_s=SHORT_S)
            phone.link.thaw()
            await files.push(b"later", "/data/local/tmp/later", deadline_s=PLENTY_S)
            content = await files.pull("/data/local/tmp/later", deadline_s=PLENTY_S, limit_bytes=10)
            return type(caught.value), caught.value.effect, content

    assert (PhoneTimeout, Effect.UNKNOWN, b"later") == asyncio.run(scene())


def test_transfer_with_an_unplugged_phone_is_gone():
    """Nothing happened, and it says what to do."""

    async def scene() -> tuple[Effect, str]:
        async with bench() as (files, phone, _):
            await phone.link.unplug()
            with pytest.raises(PhoneGone) as caught:
                await files.push(b"x", REMOTE, deadline_s=PLENTY_S)
            return caught.value.effect, caught.value.hint

    effect, hint = asyncio.run(scene())
    assert Effect.NONE == effect
    assert "cable" in hint


def test_transfer_to_a_reused_transport_id_is_gone():
    """An id that leads to another serial is not written to."""

    async def scene() -> bool:
        async with bench() as (_, phone, bus):
            sighting = await first_ready(bus)
            other = Sighting(Serial("OTHER"), "device", sighting.transport_id)
            with pytest.raises(PhoneGone):
                await bus.files(other).push(b"x", REMOTE, deadline_s=PLENTY_S)
            return phone.handset.files.exists(REMOTE)

    assert asyncio.run(scene()) is False


def test_transfer_without_a_server_starts_none():
    """The library would start a server on the port of the environment."""
    endpoint = Endpoint("127.0.0.1", adb_server.free_port(0))
    files = AdbFiles(AdbPhone(endpoint, Serial("FAKE1"), 1), Lane("FAKE1"))
    with pytest.raises(BridgeDown):
        asyncio.run(files.pull(REMOTE, deadline_s=PLENTY_S, limit_bytes=1))
    assert endpoint.port == adb_server.free_port(endpoint.port)


@pytest.mark.parametrize("api", [22, 34])
def test_install_then_the_phone_has_the_package_and_no_leftover(api, tmp_path):
    """The pushed file is removed after the package manager took it."""

    async def scene() -> tuple[str, str]:
        async with bench(api) as (files, _, bus):
            apk = make_apk(tmp_path / "a.apk", "org.example.probe")
            await files.install(apk, deadline_s=PLENTY_S)
            phone = bus.phone(await first_ready(bus))
            packages = await phone.run("pm list packages", deadline_s=PLENTY_S)
            left = await phone.run("ls /data/local/tmp", deadline_s=PLENTY_S)
            return packages.text, left.text

    packages, left = asyncio.run(scene())
    assert "package:org.example.probe" in packages
    assert "droidrack" not in left


def test_install_of_no_apk_is_refused_with_the_managers_reason(tmp_path):
    """The reason is what the operator needs."""

    async def scene() -> PhoneRefused:
        async with bench() as (files, _, _):
            broken = tmp_path / "broken.apk"
            broken.write_bytes(b"no zip")
            with pytest.raises(PhoneRefused) as caught:
                await files.install(broken, deadline_s=PLENTY_S)
            return caught.value

    assert "Failure [INSTALL_" in asyncio.run(scene()).message


def test_install_of_an_absent_file_is_refused_before_the_phone_hears_of_it(tmp_path):
    """A wrong path on this host is told as such."""

    async def scene() -> PhoneRefused:
        async with bench() as (files, _, _):
            with pytest.raises(PhoneRefused) as caught:
                await files.install(tmp_path / "none.apk", deadline_s=PLENTY_S)
            return caught.value

    assert "No such file" in asyncio.run(scene()).message


def test_screenshot_is_the_screen():
    """The picture is whole, byte for byte."""

    async def scene() -> tuple[bytes, bytes]:
        async with bench() as (files, phone, _):
            return phone.handset.screen.png(), await files.screenshot(deadline_s=PLENTY_S)

    drawn, seen = asyncio.run(scene())
    assert drawn == seen


def test_screenshot_cut_off_is_no_picture():
    """A black picture for a failure would be a lie."""

    async def scene() -> type[PhoneError]:
        async with bench() as (files, phone, _):
            phone.link.cut_next("executed", match="screencap")
            with pytest.raises(PhoneError) as caught:
                await files.screenshot(deadline_s=PLENTY_S)
            return type(caught.value)

    assert AnswerCut is asyncio.run(scene())


def test_forward_leads_to_the_phone():
    """Bytes written to the local port arrive at the phone's socket and back."""

    async def echo(stream: Stream) -> None:
        await stream.write(await stream.read_exactly(4))

    async def scene() -> bytes:
        async with bench() as (files, phone, _):
            phone.handset.listeners["tcp:9008"] = echo
            port = await files.forward("tcp:9008", deadline_s=PLENTY_S)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"ping")
            answer = await reader.readexactly(4)
            writer.close()
            await writer.wait_closed()
            return answer

    assert b"ping" == asyncio.run(scene())


def test_import_of_the_client_loads_no_adbutils():
    """A light command must not pay for a third of a second of imports."""
    code = "import sys, droidrack.adapters.adb_watch; sys.exit('adbutils' in sys.modules)"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
