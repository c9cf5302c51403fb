"""The phone's shell as a real mksh, Android's own shell, for correctness.

Commands run ON THIS HOST, as this user: only the phone's tools are virtual, because every name on
the shell's PATH is a link to a relay that asks the model. A redirection to an absolute path, and an
absolute path as a command, meet the host's files. So this profile is for loopback racks that one
person uses; the parser shell touches nothing of the host.
"""

import asyncio
import os
import shutil
import signal
import struct
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from droidrack.virtual.channels import Sink
from droidrack.virtual.console import Console
from droidrack.virtual.handset import Handset
from droidrack.virtual.shell_words import PHONE_ENVIRONMENT, decode, encode

_CHUNK = 65536
_ARGUMENTS_LIMIT = 4096
_ARGUMENT_LIMIT = 1 << 20  # Far above the kernel's own 128 KiB for one argument.
_BUILTIN_FILE_TOOLS = ("cat", "sleep")
"""File tools that mksh has built in; they must not see the host's files or hide from the model."""


def mksh_path() -> str | None:
    """Debian's mksh, if it is installed."""
    return shutil.which("mksh")


def compiler_path() -> str | None:
    """A C compiler, if one is installed."""
    return shutil.which("cc")


@dataclass(frozen=True, slots=True)
class Relay:
    """The compiled relay, or the wrapper script that stands in for it. Shared by all phones."""

    path: Path

    def link(self, directory: Path, names: frozenset[str]) -> None:
        """Make each name in `directory` the relay."""
        for name in names:
            (directory / name).symlink_to(self.path)


async def build_relay(directory: Path) -> Relay:
    """Compile `shell_tool.c` into `directory`; without a compiler, wrap `shell_tool.py`."""
    source = Path(__file__).with_name("shell_tool.c")
    target = directory / "relay"
    if compiler := compiler_path():
        process = await asyncio.create_subprocess_exec(
            *(compiler, "-O1", "-std=gnu11", "-o", str(target), str(source)),
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await process.wait() == 0:
            return Relay(target)
    return _wrap_script(target)


def _wrap_script(target: Path) -> Relay:
    script = Path(__file__).with_name("shell_tool.py")
    target.write_text(
        f'#!/bin/sh\nDROIDRACK_NAME=${{0##*/}} exec "{sys.executable}" -S -E "{script}" "$@"\n'
    )
    target.chmod(0o755)
    return Relay(target)


class MkshShell:
    """One phone's mksh: a private directory with its tools, and a socket behind them."""

    def __init__(self, handset: Handset, relay: Relay, mksh: str) -> None:
        self._toolbox = handset.toolbox
        self._relay = relay
        self._mksh = mksh
        self._home: Path | None = None
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def home(self) -> Path | None:
        """Its private directory; None before the first command and after `close`."""
        return self._home

    async def run(self, command: bytes | None, console: Console) -> int:
        """Run `mksh -c command`, or mksh on the stream for None."""
        home = await self._opened()
        # A NUL ends the argument of `sh -c`.
        text: list[str | bytes] = (
            [] if command is None else ["-c", _prelude(home) + command.partition(b"\0")[0]]
        )
        process = await asyncio.create_subprocess_exec(
            "/system/bin/sh",
            *text,
            executable=self._mksh,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=home / "root",
            env=self._environment(home),
            start_new_session=True,
        )
        return await _attend(process, console)

    async def close(self) -> None:
        """End the tools' side of every relay, which ends the relays, and remove the directory."""
        if self._server is not None:
            self._server.close()
        for call in tuple(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    async def _opened(self) -> Path:
        """The private directory, made at the first command."""
        if self._home is None:
            home = Path(tempfile.mkdtemp(prefix="droidrack-sh-"))
            self._home = home
            (home / "root").mkdir()
            (home / "bin").mkdir()
            self._relay.link(home / "bin", self._toolbox.names - {"sh"})
            (home / "bin" / "sh").symlink_to(self._mksh)
            self._server = await asyncio.start_unix_server(self._accept, home / "tools")
        return self._home

    def _environment(self, home: Path) -> dict[str, str]:
        # TMPDIR: mksh keeps here-documents there.
        paths = {"PATH": str(home / "bin"), "TMPDIR": str(home), "HOME": "/"}
        return {**PHONE_ENVIRONMENT, **paths, "DROIDRACK_TOOLS": str(home / "tools")}

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One call of a tool by a relay process."""
        call = asyncio.ensure_future(self._serve(reader, writer))
        self._calls.add(call)
        try:
            await asyncio.wait({call})
            with suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                call.result()  # These three: the relay was killed, or the phone is closing.
        finally:
            self._calls.discard(call)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        argv = [decode(word) for word in await _arguments(reader)]
        console = _RelayConsole(writer)
        tool = asyncio.ensure_future(self._toolbox.run(argv, console))
        listening = asyncio.ensure_future(console.listen(reader))
        try:
            await asyncio.wait({tool, listening}, return_when=asyncio.FIRST_COMPLETED)
            if tool.done():
                await console.end(tool.result())
        finally:
            tool.cancel()
            listening.cancel()
            await asyncio.gather(tool, listening, return_exceptions=True)


def _prelude(home: Path) -> bytes:
    """Functions in front of a command, on a line of their own, that hide mksh's file tools."""
    shadows = (f"{name}() {{ '{home}/bin/{name}' \"$@\"; }}" for name in _BUILTIN_FILE_TOOLS)
    return encode("; ".join(shadows) + "\n")


async def _arguments(reader: asyncio.StreamReader) -> list[bytes]:
    """What a relay sends first."""
    count = await _u32(reader)
    if not 0 < count <= _ARGUMENTS_LIMIT:
        raise ConnectionAbortedError(f"{count} arguments")
    words = []
    for _ in range(count):
        size = await _u32(reader)
        if size > _ARGUMENT_LIMIT:
            raise ConnectionAbortedError(f"an argument of {size} bytes")
        words.append(await reader.readexactly(size))
    return words


async def _u32(reader: asyncio.StreamReader) -> int:
    return int.from_bytes(await reader.readexactly(4), sys.byteorder)


class _RelayConsole:
    """The standard streams of a tool that a relay process runs."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Take answers to `read` until the relay ends."""
        while head := await reader.read(1):
            size = await _u32(reader)
            if head != b"\0":
                raise ConnectionAbortedError("a relay sends nothing but input")
            self._answers.put_nowait(await reader.readexactly(size))

    async def read(self, size: int) -> bytes:
        """Ask the relay for its standard input."""
        self._writer.write(struct.pack("=BI", 0, size))
        return await self._answers.get()

    async def stdout(self, data: bytes) -> None:
        """Let the relay write."""
        await self._send(1, data)

    async def stderr(self, data: bytes) -> None:
        """Let the relay write."""
        await self._send(2, data)

    async def end(self, status: int) -> None:
        """Let the relay leave."""
        await self._send(3, bytes([status & 255]))

    async def _send(self, kind: int, content: bytes) -> None:
        if content:
            self._writer.write(struct.pack("=BI", kind, len(content)) + content)
            await self._writer.drain()


async def _attend(process: asyncio.subprocess.Process, console: Console) -> int:
    """Carry the streams of a shell to its end; cancelled, end its whole process group."""
    if not (process.stdin and process.stdout and process.stderr):
        raise AssertionError("the shell was started with pipes")
    feeding = asyncio.ensure_future(_feed(console, process.stdin))
    try:
        await asyncio.gather(
            _drain(process.stdout, console.stdout), _drain(process.stderr, console.stderr)
        )
        return await _exit_code(process)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        process.stdin.close()
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            # The pipes end with the last process of the group.
            await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())


async def _exit_code(process: asyncio.subprocess.Process) -> int:
    """As a shell tells it: 128 + n for signal n."""
    code = await process.wait()
    return code if code >= 0 else 128 - code


async def _feed(console: Console, stdin: asyncio.StreamWriter) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        while chunk := await console.read(_CHUNK):
            stdin.write(chunk)
            await stdin.drain()
    stdin.close()


async def _drain(pipe: asyncio.StreamReader, sink: Sink) -> None:
    """Carry output; what nobody reads any more is thrown away, so that the shell can end."""
    while chunk := await pipe.read(_CHUNK):
        with suppress(BrokenPipeError):
            await sink(chunk)
