"""adbd's `shell:` and `exec:` services: a phone's shell behind a stream.

Source: AOSP `shell_service.cpp`, `shell_protocol.h`. A v2 packet is an id (u8), a length (u32,
little-endian) and that many bytes. On v1 nothing ends standard input and no exit code is told.
"""

import struct
from functools import partial

from droidrack.virtual.console import Console
from droidrack.virtual.handset import Handset, run_until_hung_up
from droidrack.virtual.link import Cut, CutPoint
from droidrack.virtual.shell_words import encode
from droidrack.virtual.streams import Service, Stream

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
_PACKET = struct.Struct("<BI")
_PACKET_LIMIT = 1 << 20


class ConsoleV2:
    """A command's streams in shell v2 packets."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._pending = b""
        self._ended = False

    async def read(self, size: int) -> bytes:
        """Standard input, packet by packet."""
        while not self._pending and not self._ended:
            try:
                kind, length = _PACKET.unpack(await self._stream.read_exactly(_PACKET.size))
                content = await self._stream.read_exactly(min(length, _PACKET_LIMIT))
            except EOFError:
                self._ended = True
                break
            if kind == STDIN:
                self._pending = content
            self._ended = kind == CLOSE_STDIN
        taken, self._pending = self._pending[:size], self._pending[size:]
        return taken

    async def stdout(self, data: bytes) -> None:
        """Standard output."""
        await self._send(STDOUT, data)

    async def stderr(self, data: bytes) -> None:
        """Standard error."""
        await self._send(STDERR, data)

    async def end(self, status: int) -> None:
        """The exit packet."""
        await self._send(EXIT, bytes([status & 255]))

    async def _send(self, kind: int, content: bytes) -> None:
        if content:
            await self._stream.write(_PACKET.pack(kind, len(content)) + content)


class ConsoleV1:
    """A command's streams as raw bytes; `crlf`: the terminal of a phone before Android 7."""

    def __init__(self, stream: Stream, *, crlf: bool) -> None:
        self._stream = stream
        self._crlf = crlf
        self._pending = b""

    async def read(self, size: int) -> bytes:
        """Whatever the host sends."""
        if not self._pending:
            self._pending = await self._stream.read()
        taken, self._pending = self._pending[:size], self._pending[size:]
        return taken

    async def stdout(self, data: bytes) -> None:
        """Standard output."""
        if data:
            await self._stream.write(data.replace(b"\n", b"\r\n") if self._crlf else data)

    async def stderr(self, data: bytes) -> None:
        """Merged into standard output."""
        await self.stdout(data)

    async def end(self, status: int) -> None:
        """No exit code travels on v1."""


class _Muted:
    """Lets a command read, and loses all that it writes."""

    def __init__(self, console: ConsoleV1 | ConsoleV2) -> None:
        self._console = console

    async def read(self, size: int) -> bytes:
        return await self._console.read(size)

    async def stdout(self, data: bytes) -> None:
        return None

    async def stderr(self, data: bytes) -> None:
        return None


class ShellService:
    """Finds and runs the shell services of one phone."""

    def __init__(self, handset: Handset) -> None:
        self._handset = handset

    def find(self, name: str) -> Service | None:
        """The service for `shell:…`, `shell,v2,…:…` or `exec:…`; None for any other name."""
        kind, colon, command = name.partition(":")
        if not colon:
            return None
        if kind == "exec":
            return partial(self._serve, command, "exec")
        words = kind.split(",")
        if words[0] != "shell":
            return None
        if "v2" in words:
            return partial(self._serve, command, "v2") if self._handset.speaks_v2 else None
        return partial(self._serve, command, "v1")

    async def _serve(self, command: str, protocol: str, stream: Stream) -> None:
        console: ConsoleV1 | ConsoleV2
        if protocol == "v2":
            console = ConsoleV2(stream)
        else:
            terminal = protocol == "v1" and not self._handset.speaks_v2
            console = ConsoleV1(stream, crlf=terminal)
        cut = self._handset.link.take_cut(command)
        if cut is None:
            await console.end(await self._run(command, console, stream))
            return
        if cut.after is CutPoint.EXECUTED:
            await self._run(command, _Muted(console), stream)
        self._lose(cut)

    def _lose(self, cut: Cut) -> None:
        """Without an exit packet the stream just ends, or the whole link does."""
        if cut.reset:
            self._handset.link.drop()

    async def _run(self, command: str, console: Console, stream: Stream) -> int:
        script = encode(command) if command else None
        return await run_until_hung_up(self._handset.shell, script, console, stream.closed)
