"""The control socket of a running rack."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from droidrack.core.errors import ConfigError
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.control import ControlSocket, request, run_rack
from droidrack.virtual.farm import VirtualRack


def rack_of(count: int) -> VirtualRack:
    """A rack without an adb server."""
    return VirtualRack(
        [make_spec(index, api=34) for index in range(count)], shell="parser", adb_port=None
    )


def test_requests_reach_the_phone_they_name(tmp_path: Path) -> None:
    """A phone can be named by index and by both its serials; only that phone is touched."""
    path = tmp_path / "control"

    async def main() -> None:
        async with rack_of(2) as rack, ControlSocket(rack, path):
            second = rack.phones[1]
            for name in (1, second.adb_serial, second.model.spec.serial):
                assert {"ok": True} == await request(path, {"do": "unplug", "phone": name})
                assert [True, False] == [phone.link.plugged for phone in rack.phones]
                await request(path, {"do": "replug", "phone": name})
            assert path.stat().st_mode & 0o077 == 0

    asyncio.run(main())
    assert not path.exists()


def test_listing_tells_how_to_reach_each_phone(tmp_path: Path) -> None:
    """`phones` gives index, serials, model and whether it is plugged."""
    path = tmp_path / "control"

    async def main() -> None:
        async with rack_of(1) as rack, ControlSocket(rack, path):
            answer = await request(path, {"do": "phones"})
            (phone,) = answer["phones"]
            assert phone["adb_serial"] == rack.phones[0].adb_serial
            assert phone["api"] == 34
            assert phone["plugged"] is True
            assert {"ok": True, "air": []} == await request(path, {"do": "air"})

    asyncio.run(main())


def test_bad_request_is_answered_and_the_socket_lives_on(tmp_path: Path) -> None:
    """Unknown actions, phones and values, and lines that are no JSON, each get their error."""
    path = tmp_path / "control"
    lines = (
        b'{"do": "explode", "phone": 0}',
        b'{"do": "unplug", "phone": 9}',
        b'{"do": "latency", "phone": 0}',
        b'{"do": "cut", "phone": 0, "after": "lunch"}',
        b"[1]",
        b"not json",
    )

    async def main() -> None:
        async with rack_of(1) as rack, ControlSocket(rack, path):
            reader, writer = await asyncio.open_unix_connection(path)
            for line in lines:
                writer.write(line + b"\n")
                answer = json.loads(await reader.readline())
                assert answer["ok"] is False
                assert answer["error"]
            writer.close()
            await writer.wait_closed()

    asyncio.run(main())


def test_rack_runs_until_it_is_cancelled(tmp_path: Path) -> None:
    """`run_rack` says when it is ready and closes all on cancellation."""
    path = tmp_path / "control"

    async def main() -> None:
        ready = asyncio.Event()
        running = asyncio.create_task(
            run_rack(rack_of(1), control_path=path, ready=lambda _: ready.set())
        )
        await ready.wait()
        assert (await request(path, {"do": "freeze", "phone": 0}))["ok"]
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()

    asyncio.run(main())
    assert not path.exists()


def test_socket_of_a_living_rack_is_left_to_it(tmp_path: Path) -> None:
    """A second rack is refused, and the first one is still reached."""
    path = tmp_path / "control"

    async def main() -> None:
        async with rack_of(1) as rack, ControlSocket(rack, path):
            with pytest.raises(ConfigError, match="another rack listens there"):
                await run_rack(rack_of(1), control_path=path)
            assert (await request(path, {"do": "phones"}))["ok"]

    asyncio.run(main())
    assert not path.exists()


def test_stale_socket_is_replaced_and_a_strangers_file_stays(tmp_path: Path) -> None:
    """What a killed rack left is no hindrance; at the end only one's own is removed."""
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def main() -> None:
        async with rack_of(1) as rack, ControlSocket(rack, path):
            assert (await request(path, {"do": "phones"}))["ok"]
            path.unlink()
            path.write_text("a stranger's")
        with pytest.raises(ConfigError, match="already in use"):
            await ControlSocket(rack_of(1), path).__aenter__()

    asyncio.run(main())
    assert "a stranger's" == path.read_text()
