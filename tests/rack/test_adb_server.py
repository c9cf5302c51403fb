"""Our own adb server: private, supervised, gone with its controller."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from droidrack.adapters import adb_server
from droidrack.adapters.adb_host import ask_server, version
from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_server import Supervisor, open_server
from droidrack.core.errors import BridgeDown, PhoneError
from droidrack.core.settings import AdbSettings

PLENTY_S = 30.0


class Told:
    """What an operator's log got."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, event: str, /, **facts: object) -> None:
        self.events.put_nowait(event)

    async def until(self, wanted: str) -> None:
        """Wait for an event."""
        async with asyncio.timeout(PLENTY_S):
            while await self.events.get() != wanted:
                pass


def test_open_server_own_is_private_and_answers(tmp_path):
    """A free port, a key only the owner reads, no usual port."""

    async def scene() -> Endpoint:
        async with open_server(AdbSettings(), tmp_path / "adb", Told(), usb=False) as endpoint:
            assert 41 == await version(endpoint)
            return endpoint

    assert asyncio.run(scene()).port not in (0, 5037)
    key = tmp_path / "adb" / ".android" / "adbkey"
    assert (0o600, 0o700) == (
        stat.S_IMODE(key.stat().st_mode),
        stat.S_IMODE((tmp_path / "adb").stat().st_mode),
    )


def test_open_server_own_keeps_its_key_and_leaves_nothing_running(tmp_path):
    """Phones that trusted the key once trust it after a restart; the port is free again."""

    async def scene() -> tuple[Endpoint, bytes]:
        async with open_server(AdbSettings(), tmp_path, Told(), usb=False) as endpoint:
            return endpoint, (tmp_path / ".android" / "adbkey").read_bytes()

    (first, key), (_, again) = asyncio.run(scene()), asyncio.run(scene())
    assert key == again
    assert first.port == adb_server.free_port(first.port)


def test_open_server_given_is_never_started():
    """A given server that is away is somebody else's; asking it says so."""

    async def scene() -> None:
        port = adb_server.free_port(0)
        given = AdbSettings(port=port, own=False)
        async with open_server(given, Path("/nonexistent"), Told()) as endpoint:
            assert Endpoint("127.0.0.1", port) == endpoint
            with pytest.raises(BridgeDown):
                await version(endpoint)

    asyncio.run(scene())


def test_open_server_own_on_a_taken_port_is_refused(tmp_path):
    """Talking to whoever sits there by mistake would be worse than not starting."""

    async def scene(port: int) -> None:
        async with open_server(AdbSettings(port=port), tmp_path, Told(), usb=False):
            raise AssertionError("it started")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BridgeDown, match=str(port)):
            asyncio.run(scene(port))


def test_supervisor_other_tools_cannot_kill_the_server(tmp_path):
    """A desktop's `adb kill-server` must not take a rack down."""

    async def scene() -> int:
        async with open_server(AdbSettings(), tmp_path, Told(), usb=False) as endpoint:
            with pytest.raises(PhoneError):
                await ask_server(endpoint, "host:kill", deadline_s=PLENTY_S)
            return await version(endpoint)

    assert 41 == asyncio.run(scene())


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_supervisor_lost_server_is_back_on_its_port(tmp_path, monkeypatch, blow):
    """A dead server and one that lives but does not answer are both replaced."""
    monkeypatch.setattr(adb_server, "PROBE_INTERVAL_S", 0.02)
    monkeypatch.setattr(adb_server, "PROBE_DEADLINE_S", 0.5)

    async def scene() -> tuple[int | None, int | None]:
        told, restarted = Told(), asyncio.Event()
        supervisor = Supervisor(adb_server.OwnServer(tmp_path, usb=False), told, restarted)
        await supervisor.start()
        first, port = supervisor.pid, supervisor.endpoint.port
        watch = asyncio.create_task(supervisor.supervise())
        assert first is not None
        os.kill(first, blow)
        await told.until("adb server restarted")
        second = supervisor.pid
        assert port == supervisor.endpoint.port
        assert restarted.is_set()
        assert 41 == await version(supervisor.endpoint)
        watch.cancel()
        await asyncio.wait({watch})
        await supervisor.stop()
        return first, second

    first, second = asyncio.run(scene())
    assert None not in (first, second)
    assert first != second


CONTROLLER = """
import asyncio, sys
from pathlib import Path
from droidrack.adapters.adb_server import OwnServer, Supervisor

async def main():
    supervisor = Supervisor(OwnServer(Path(sys.argv[1]), usb=False), print, asyncio.Event())
    await supervisor.start()
    print(supervisor.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can bind a child's life to ours")
def test_supervisor_killed_controller_takes_its_server_along(tmp_path):
    """No server is left over after kill -9, to be met by the next controller."""
    argv = [sys.executable, "-c", CONTROLLER, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as controller:
        assert controller.stdout is not None
        server = os.pidfd_open(int(controller.stdout.readline()))
        controller.kill()

    async def ended() -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().add_reader(server, over.set)
        async with asyncio.timeout(PLENTY_S):
            await over.wait()
        asyncio.get_running_loop().remove_reader(server)

    try:
        asyncio.run(ended())
    finally:
        os.close(server)
