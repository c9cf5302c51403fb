"""The adb server that the phones hang on: a supervised one of our own, or a given one.

An own server runs in the foreground of a child process with its own port and key, refuses
`kill-server` from other tools, and dies with the controller. Whether it lives is asked, not
looked up: a phone that announces a payload of zero makes it spin, with its process in best health.
When it died or does not answer it is started again on the same port, and the phones on the network,
which only it knew, are connected again. A given server is never started and never killed.
"""

import asyncio
import importlib.util
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from droidrack.adapters.access import require, told
from droidrack.adapters.adb_host import PROBE_DEADLINE_S, Tell, keep_connected, version
from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_notice import Notice, notice_path, noticed_port
from droidrack.core.errors import BridgeDown, PhoneError
from droidrack.core.leash import leashed
from droidrack.core.server_fault import ServerEnd, judge_end
from droidrack.core.settings import AdbSettings

PROBE_INTERVAL_S = 5.0
"""One question costs 0.2 ms of CPU; a dead server is noticed by its exit at once."""

START_DEADLINE_S = 15.0
"""A fresh server answers within 21 ms; a loaded host may take seconds."""

START_TRIES = 3
"""Another process may take the free port between our look and the server's start."""

LOG_LIMIT = 1024 * 1024
"""Bytes of the server's log that are kept over a start; a start writes some 100."""

RESTART_FIRST_S = 0.1
RESTART_LIMIT_S = 10.0


# --- A server of our own ----------------------------------------------------------------------


def adb_binary() -> Path:
    """The adb that adbutils ships: one version on every host, whatever is on the PATH.

    Found without importing adbutils, which takes a third of a second.
    """
    found = importlib.util.find_spec("adbutils")
    for place in (found.submodule_search_locations or ()) if found else ():
        binary = Path(place) / "binaries" / "adb"
        if binary.is_file():
            return binary
    raise BridgeDown(
        "no adb binary in the installed adbutils",
        hint="reinstall adbutils from a wheel for this platform, or use a given adb server",
    )


@dataclass(frozen=True, slots=True)
class OwnServer:
    """How to start a server.

    `home` holds the key (`.android/adbkey`, readable by the owner only) and the log.
    """

    home: Path
    port: int = 0  # 0: a free one, kept over restarts
    usb: bool = True
    env: Mapping[str, str] | None = None  # More for the server's environment.

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.home / "adb-server.log"

    def open_log(self) -> BinaryIO:
        """The log, to be appended to; begun anew once it is larger than its limit."""
        with told(self.log):
            grown = self.log.exists() and self.log.stat().st_size > LOG_LIMIT
            return self.log.open("wb" if grown else "ab")

    def environment(self) -> dict[str, str]:
        """Nothing of ours but the PATH: a stray ADB_… or ANDROID_… would change the server."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home.resolve()),
            "TMPDIR": str(self.home.resolve()),
            "ADB_REJECT_KILL_SERVER": "1",
            "ADB_MDNS": "0",
            "ADB_EMU": "0",  # Not a scan of ports 5555-5585, where other phones may listen.
            "ADB_USB": "1" if self.usb else "0",
            **(self.env or {}),
        }


class Supervisor:
    """Keeps one own server alive; `restarted` is set each time it was started again."""

    def __init__(self, server: OwnServer, tell: Tell, restarted: asyncio.Event) -> None:
        self._server = server
        self._tell = tell
        self._restarted = restarted
        self._process: asyncio.subprocess.Process | None = None
        self._asked = False
        self.endpoint = Endpoint("127.0.0.1", server.port)

    @property
    def pid(self) -> int | None:
        """The server's process; None while there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the server and see it answer.

        Raises:
            BridgeDown: the port is taken, or the server does not come up.
            StateDenied: this user may not use its home.
        """
        with told(self._server.home):
            self._server.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        require(self._server.home)
        for tries_left in reversed(range(START_TRIES)):
            self.endpoint = Endpoint("127.0.0.1", free_port(self._server.port))
            try:
                await self._spawn()
            except BridgeDown:
                if self._server.port or not tries_left:
                    raise
            else:
                return

    async def stop(self) -> None:
        """Kill the server; its phones and key stay as they are. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def restart(self) -> None:
        """End the server, so that `supervise` starts it again. For all of its phones at once."""
        self._asked = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def supervise(self) -> None:
        """Restart the server whenever it died or does not answer. Runs until cancelled."""
        delay_s = RESTART_FIRST_S
        while True:
            if self._process is not None:
                end = await self._fault(self._process)
                self._asked = False
                self._tell(
                    "adb server lost",
                    at=str(self.endpoint),
                    fault=end.fault.value,
                    reason=end.seen,
                    hint=end.hint,
                )
            await self.stop()
            try:
                free_port(self.endpoint.port)
                await self._spawn()
            except BridgeDown as error:
                self._tell("adb server does not start", reason=error.message, hint=error.hint)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, RESTART_LIMIT_S)
            else:
                self._restarted.set()
                delay_s = RESTART_FIRST_S
                self._tell("adb server restarted", at=str(self.endpoint))

    async def _fault(self, process: asyncio.subprocess.Process) -> ServerEnd:
        """Wait until the server is no good any more; why."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PROBE_INTERVAL_S):
                    return judge_end(await process.wait(), asked=self._asked)
            try:
                await version(self.endpoint, deadline_s=PROBE_DEADLINE_S)
            except PhoneError as error:
                # One that died meanwhile does not spin.
                return judge_end(process.returncode, asked=self._asked, silence=error.message)

    async def _spawn(self) -> None:
        """One start: the process runs and answers, or it is gone and BridgeDown is raised."""
        server = leashed(sys.executable, os.getpid(), str(adb_binary()))
        with self._server.open_log() as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *server,
                *("-P", str(self.endpoint.port), "--reply-fd", "3", "nodaemon", "server"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._server.environment(),
                start_new_session=True,  # Ctrl-C is for the controller, which then stops it.
            )
        if not await _listens(process):
            await self.stop()
            raise BridgeDown(
                f"adb server at {self.endpoint} did not come up: {_exit_text(process.returncode)}",
                hint=f"its own words are in {self._server.log}",
            )


async def _listens(process: asyncio.subprocess.Process) -> bool:
    """Whether this very server says that it listens; a version might come from another one."""
    if process.stdout is None:
        return False
    try:
        async with asyncio.timeout(START_DEADLINE_S):
            return await process.stdout.readline() == b"OK\n"
    except TimeoutError:
        return False


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else BridgeDown; 0: any free port.

    Looked at before the start, for a second server on one port exits and its clients then talk to
    the first.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as exc:
            raise BridgeDown(
                f"port {wanted} for our adb server is taken: {exc.strerror}",
                hint="stop what listens there, or choose another port (0: any free one)",
            ) from exc
        return int(probe.getsockname()[1])


def _exit_text(code: int | None) -> str:
    if code is None:
        return "no answer"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


# --- Either, ready for use --------------------------------------------------------------------


@asynccontextmanager
async def open_server(
    settings: AdbSettings,
    home: Path,
    tell: Tell,
    *,
    usb: bool = True,
    borrow: bool = False,
    on_own: Callable[[Supervisor], None] = lambda _: None,
) -> AsyncIterator[Endpoint]:
    """The server the settings name: ours, started here and gone at the end, or the given one.

    `home` is where an own server keeps its key and log, unless the settings say another place.
    `borrow`: use the own server of a controller that runs, if one does, and leave it alone.
    `on_own` hears of the supervisor of a server that was started here.

    Raises:
        BridgeDown: an own server cannot be started. A given one may be away: it may come later.
    """
    again = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []
    async with AsyncExitStack() as stack:
        endpoint = Endpoint(settings.host, settings.port)
        if settings.own:
            key_dir = Path(settings.key_dir) if settings.key_dir else home
            notice = notice_path(key_dir, settings)
            port = noticed_port(notice) if borrow else None
            if port is not None:
                yield Endpoint("127.0.0.1", port)
                return
            supervisor = Supervisor(OwnServer(key_dir, settings.port, usb=usb), tell, again)
            stack.push_async_callback(supervisor.stop)
            await supervisor.start()
            on_own(supervisor)
            endpoint = supervisor.endpoint
            posted = Notice(notice)
            with told(notice):
                posted.post(endpoint.port)
            stack.callback(posted.withdraw)
            tasks.append(asyncio.create_task(supervisor.supervise(), name="adb server"))
        if settings.connect:
            keeping = keep_connected(endpoint, settings.connect, tell, again)
            tasks.append(asyncio.create_task(keeping, name="adb connect"))
        stack.push_async_callback(_end, tasks)
        yield endpoint


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel, and let a bug that ended a task early come out."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
