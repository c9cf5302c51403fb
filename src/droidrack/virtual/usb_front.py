"""A real adb server's phones shown as if they hung on USB: serials of their own, ports, doubles.

The server knows the rack's phones by addresses, because they are reached over TCP. Clients of this
front see what they would see of phones on USB: any serial, also the same one twice, with port
paths. Commands go through unchanged; only requests and lists that name phones are rewritten. Two
phones with one serial are refused where they are addressed by it, in the server's own words.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from droidrack.virtual.adb_host import CONNECT_DEADLINE_S, AdbServerLost, ask

_CHUNK = 64 * 1024
_FIND_TRIES = 50
_FIND_PAUSE_S = 0.1  # The server looks at USB once a second.


@dataclass(frozen=True, slots=True)
class Socket:
    """Where a phone is plugged in, and the serial that adb shows of it."""

    serial: str
    usb: str


class UsbFront:
    """Listens on a loopback port of its own for as long as the context is open.

    Args:
        upstream: the port of the real adb server.
        sockets: by the phones' addresses at the server (`RackPhone.adb_serial`). Others pass as
            they are. The mapping may change at any time; lists show it with their next change.
    """

    def __init__(self, upstream: int, sockets: Mapping[str, Socket]) -> None:
        self._upstream = upstream
        self._sockets = sockets
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._addresses: dict[str, str] = {}  # By transport id, as last listed.
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        serving = tuple(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a connection is served by a task")
        self._serving.add(task)
        try:
            await self._serve(reader, writer)
        except* (OSError, EOFError, asyncio.CancelledError):
            pass  # One of the two ends left, as they do, or the front is closing.
        finally:
            self._serving.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Host requests are rewritten one by one; after the first of a phone's it is a pipe."""
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            size = int(await reader.readexactly(4), 16)
            service = (await reader.readexactly(size)).decode()
            match = re.fullmatch(r"(host:(?:tport|transport)(?::serial)?:)(\S+)", service)
            if match and match[2] not in ("any", "usb", "local"):
                held = [a for a, s in self._sockets.items() if s.serial == match[2]]
                if len(held) > 1:
                    writer.write(_fail(f"more than one device with serial {match[2]}"))
                    await writer.drain()
                    return
                service = match[1] + (held[0] if held else match[2])
            up_writer.write(b"%04x" % len(service.encode()) + service.encode())
            if again := re.fullmatch(r"host-transport-id:(\d+):reconnect", service):
                finding = asyncio.create_task(self._find_again(self._addresses.get(again[1], "")))
                self._serving.add(finding)
                finding.add_done_callback(self._serving.discard)
            rewrite = self._rewriting(service)
            back = self._texts(up_reader, writer, rewrite) if rewrite else _pipe(up_reader, writer)
            async with asyncio.TaskGroup() as group:
                forth = group.create_task(_pipe(reader, up_writer))
                await back
                forth.cancel()
        finally:
            up_writer.transport.abort()

    async def _find_again(self, address: str) -> None:
        """What the server's look at USB does for a transport that it dropped."""
        if address not in self._sockets:
            return
        for _ in range(_FIND_TRIES):
            await asyncio.sleep(_FIND_PAUSE_S)
            with suppress(AdbServerLost):
                answer = await ask(
                    self._upstream, f"host:connect:{address}", deadline_s=CONNECT_DEADLINE_S
                )
                if answer.startswith("connected"):
                    return

    def _rewriting(self, service: str) -> Callable[[str], str] | None:
        """How the texts that answer a request are changed; None: it carries something else."""
        if service.startswith(("host:devices", "host:track-devices")):
            return self._list
        if service.endswith(":get-serialno"):
            return lambda text: self._sockets[text].serial if text in self._sockets else text
        return None

    def _list(self, text: str) -> str:
        return "".join(f"{self._line(line)}\n" for line in text.splitlines())

    def _line(self, line: str) -> str:
        address, state = [*line.split(None, 1), ""][:2]
        socket = self._sockets.get(address)
        if socket is None:
            return line
        if named := re.search(r"transport_id:(\d+)", state):
            self._addresses[named[1]] = address
        if "\t" in line:
            return f"{socket.serial}\t{state}"
        word, _, pairs = state.partition(" ")
        return f"{socket.serial:<22} {word} usb:{socket.usb} {pairs}".rstrip()

    async def _texts(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        rewrite: Callable[[str], str],
    ) -> None:
        """The status, then texts with their lengths, each rewritten."""
        writer.write(await reader.readexactly(4))
        while True:
            size = int(await reader.readexactly(4), 16)
            text = rewrite((await reader.readexactly(size)).decode()).encode()
            writer.write(b"%04x" % len(text) + text)
            await writer.drain()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while received := await reader.read(_CHUNK):
        writer.write(received)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def _fail(text: str) -> bytes:
    return b"FAIL%04x" % len(text) + text.encode()
