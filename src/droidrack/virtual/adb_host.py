"""A real adb server of a rack's own, and the few requests a rack makes of it.

Its port, key and settings are private; it never touches adb's usual port 5037. That the server
which answers is our own child is proven by the child itself: adb writes "OK" to the descriptor
given by `--reply-fd` once it listens, and ends without a word when the port belongs to another. It
ends with the rack, also where that is killed: the next one may want its port.
"""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from droidrack.core.leash import leashed

_USUAL_PORT = 5037
_START_DEADLINE_S = 10.0
_STOP_DEADLINE_S = 3.0
_START_TRIES = 5
_FORGET_POLLS = 1000
_FORGET_POLL_S = 0.005  # It takes the server a millisecond or two.
_CONSENT_POLLS = 400
_CONSENT_POLL_S = 0.005  # As above; a phone that says no more of it is left as it is after 2 s.
CONNECT_DEADLINE_S = 15.0
"""The server itself gives a silent phone 10 s."""


class AdbServerLost(Exception):
    """The private adb server could not be started, or does not answer."""


def adb_path() -> str:
    """The adb binary that adbutils ships."""
    import adbutils  # noqa: PLC0415 (heavy: loads on first use)

    return str(adbutils.adb_path())


def free_port() -> int:
    """A loopback port that nobody listens on now, and never adb's usual one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return port if port != _USUAL_PORT else free_port()


def _is_taken(port: int) -> bool:
    """Whether somebody listens on this loopback port; nobody does on "any"."""
    with socket.socket() as probe:
        return port != 0 and probe.connect_ex(("127.0.0.1", port)) == 0


async def ask(port: int, request: str, *, deadline_s: float) -> str:
    """One `host:` request to the server at `port` that is answered by a text.

    Raises:
        AdbServerLost: no answer, a refusal, or nonsense.
    """
    try:
        async with asyncio.timeout(deadline_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"%04x" % len(request) + request.encode())
                status = await reader.readexactly(4)
                size = int(await reader.readexactly(4), 16)
                text = (await reader.readexactly(size)).decode("utf-8", "replace")
            finally:
                writer.transport.abort()
    except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError.
        raise AdbServerLost(f"adb server at port {port}: {request}: {error!r}") from error
    if status != b"OKAY":
        raise AdbServerLost(f"adb server at port {port}: {request}: {text}")
    return text


class AdbHost:
    """One supervised adb server. `port` 0: a free one is chosen at the first start and kept."""

    def __init__(self, port: int = 0) -> None:
        if port == _USUAL_PORT:
            raise ValueError("5037 is the port of the machine's own adb server")
        self.port = port
        self._given = port != 0
        self._process: asyncio.subprocess.Process | None = None
        self._home: Path | None = None

    @property
    def running(self) -> bool:
        """Whether our child lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Our child's process id; None while it does not run."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def home(self) -> Path:
        """The server's private HOME, with its key and its log; exists after `start`."""
        if self._home is None:
            self._home = Path(tempfile.mkdtemp(prefix="droidrack-adb-"))
        return self._home

    async def start(self) -> None:
        """Start the server and see that it is ours and listens.

        Raises:
            AdbServerLost: the given port is taken, or no free one could be won.
        """
        for _ in range(1 if self._given or self.port else _START_TRIES):
            port = self.port or free_port()
            if await self._spawn(port):
                self.port = port
                return
        why = "another program listens there" if _is_taken(self.port) else self._log_tail()
        raise AdbServerLost(f"no adb server on port {self.port or 'any'}: {why}")

    async def wait(self) -> None:
        """Return when the server has ended, for whatever reason."""
        if self._process is not None:
            await self._process.wait()

    def crash(self) -> None:
        """End the server without a warning."""
        if self._process is not None and self.running:
            self._process.kill()

    async def kill(self) -> None:
        """End the server without a warning, and see it gone."""
        self.crash()
        await self.wait()

    async def stop(self) -> None:
        """End the server and remove its home."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_DEADLINE_S):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    async def ask(self, request: str, *, deadline_s: float = 5.0) -> str:
        """One `host:` request."""
        return await ask(self.port, request, deadline_s=deadline_s)

    async def connect(self, address: str) -> str:
        """Let the server connect to a phone; its answer, which may also tell of a failure."""
        return await self.ask(f"host:connect:{address}", deadline_s=CONNECT_DEADLINE_S)

    async def admitted(self, address: str) -> None:
        """Return once the phone's consent to a new key has arrived.

        A server that has to show its key answers `connect` before the phone took it.
        """
        for _ in range(_CONSENT_POLLS):
            if f"{address}\tunauthorized" not in await self.ask("host:devices"):
                return
            await asyncio.sleep(_CONSENT_POLL_S)

    async def disconnect(self, address: str) -> None:
        """Let the server forget a phone, and see that it did.

        Without waiting, a `connect` that follows at once is answered "already connected".
        """
        try:
            await self.ask(f"host:disconnect:{address}")
        except AdbServerLost as error:
            if "no such device" not in str(error):
                raise
        for _ in range(_FORGET_POLLS):
            if f"{address}\t" not in await self.ask("host:devices"):
                return
            await asyncio.sleep(_FORGET_POLL_S)
        raise AdbServerLost(f"adb server at port {self.port} does not let go of {address}")

    async def _spawn(self, port: int) -> bool:
        """Start the binary; whether it said that it listens."""
        server = leashed(sys.executable, os.getpid(), adb_path())
        with (self.home / "adb.out").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *server,
                *("-P", str(port), "--reply-fd", "3", "nodaemon", "server"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
            )
        if await _listens(self._process):
            return True
        await self.kill()
        return False

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.defpath,
            "ANDROID_ADB_LOG_PATH": str(self.home / "adb.log"),
            "ADB_REJECT_KILL_SERVER": "1",
            "ADB_MDNS": "0",
            "ADB_USB": "0",
            "ADB_EMU": "0",
        }

    def _log_tail(self) -> str:
        log = self.home / "adb.out"
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        return lines[-1] if lines else "it said nothing"


async def _listens(process: asyncio.subprocess.Process) -> bool:
    """Whether the server says so before the deadline; one that ends says nothing."""
    if process.stdout is None:
        return False
    try:
        async with asyncio.timeout(_START_DEADLINE_S):
            return await process.stdout.readline() == b"OK\n"
    except TimeoutError:
        return False
