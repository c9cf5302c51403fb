"""What the service manager hears, on a real datagram socket."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from droidrack.adapters.service_notice import ServiceNotice


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.settimeout(10)
        yield listening


def heard(listening: socket.socket) -> dict[str, str]:
    """The next datagram as its variables."""
    lines = listening.recv(4096).decode().split("\n")
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("abstract", [False, True])
def test_notice_tells_the_life_of_a_service(tmp_path: Path, abstract: bool) -> None:
    """Ready, reloading with its stamp, stopping: each is one datagram, by file or abstract name."""
    address = f"@droidrack-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with manager(address) as listening:
        notice = ServiceNotice({"NOTIFY_SOCKET": address})
        notice.ready("3 phones")
        assert {"READY": "1", "STATUS": "3 phones"} == heard(listening)
        notice.reloading()
        told = heard(listening)
        assert "1" == told["RELOADING"]
        assert int(told["MONOTONIC_USEC"]) > 0
        notice.stopping()
        assert {"STOPPING": "1"} == heard(listening)


def test_notice_status_is_one_line(tmp_path: Path) -> None:
    """What others wrote cannot add a variable of its own."""
    address = str(tmp_path / "notify")
    with manager(address) as listening:
        ServiceNotice({"NOTIFY_SOCKET": address}).status("two\nMAINPID=1")
        assert {"STATUS": "two MAINPID=1"} == heard(listening)


def test_notice_beats_while_the_loop_turns(tmp_path: Path) -> None:
    """The watchdog hears a sign at once, and again before its time is over."""
    address = str(tmp_path / "notify")
    given = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "50000", "WATCHDOG_PID": str(os.getpid())}

    async def two_beats(listening: socket.socket) -> list[dict[str, str]]:
        beating = asyncio.create_task(ServiceNotice(given).beat())
        signs = [await asyncio.to_thread(heard, listening) for _ in range(2)]
        beating.cancel()
        await asyncio.wait({beating})
        return signs

    with manager(address) as listening:
        assert 2 * [{"WATCHDOG": "1"}] == asyncio.run(two_beats(listening))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"NOTIFY_SOCKET": "/no/such/socket"},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "50000"},
        {"NOTIFY_SOCKET": "/no/such/socket", "WATCHDOG_USEC": "9000", "WATCHDOG_PID": "1"},
    ],
)
def test_notice_without_a_manager_is_silent(given: dict[str, str]) -> None:
    """Started by hand, or with a manager that is gone, the service works all the same."""
    notice = ServiceNotice(given)
    notice.ready("working")
    notice.stopping()
    asyncio.run(asyncio.wait_for(notice.beat(), 10))
