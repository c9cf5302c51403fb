"""Commands beside a controller use its adb server, for a phone on USB belongs to one at a time."""

import asyncio
from pathlib import Path

from droidrack.adapters.adb_host import version
from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_notice import Notice, notice_path, noticed_port
from droidrack.adapters.adb_server import open_server
from droidrack.core.settings import AdbSettings

OWN = AdbSettings()


def silent(event: str, /, **facts: object) -> None:
    """No log."""


async def borrowed(home: Path, settings: AdbSettings = OWN) -> Endpoint:
    """The server that a command beside a controller gets."""
    async with open_server(settings, home, silent, usb=False, borrow=True) as endpoint:
        assert 41 == await version(endpoint)
        return endpoint


def test_borrow_uses_the_controllers_server_and_leaves_it_running(tmp_path: Path) -> None:
    """The command gets the running server; after it the server still answers its owner."""

    async def scene() -> None:
        async with open_server(OWN, tmp_path, silent, usb=False) as owned:
            assert owned == await borrowed(tmp_path)
            assert 41 == await version(owned)

    asyncio.run(scene())


def test_borrow_without_a_controller_starts_an_own_server(tmp_path: Path) -> None:
    """The notice of a controller that ended is not believed: its lock died with it."""

    async def scene() -> None:
        async with open_server(OWN, tmp_path, silent, usb=False):
            pass
        assert notice_path(tmp_path, OWN).exists()
        await borrowed(tmp_path)

    asyncio.run(scene())


def test_borrow_takes_the_server_of_the_same_table_only(tmp_path: Path) -> None:
    """Two own servers that share a home are told apart."""
    other = AdbSettings(connect=("127.0.0.1:1",))

    async def scene() -> None:
        async with open_server(OWN, tmp_path, silent, usb=False) as owned:
            assert owned != await borrowed(tmp_path, other)

    asyncio.run(scene())


def test_notice_of_the_first_server_stays(tmp_path: Path) -> None:
    """A second server of the same table does not take the notice of the first."""
    path = tmp_path / "notice"
    first, second = Notice(path), Notice(path)
    first.post(4001)
    second.post(4002)
    assert 4001 == noticed_port(path)
    second.withdraw()
    assert 4001 == noticed_port(path)
    first.withdraw()
    assert noticed_port(path) is None


def test_notice_that_holds_no_port_is_none(tmp_path: Path) -> None:
    """A held but empty notice, seen between lock and write, is no server yet."""
    path = tmp_path / "notice"
    notice = Notice(path)
    notice.post(4001)
    path.write_text("")
    assert noticed_port(path) is None
    notice.withdraw()
