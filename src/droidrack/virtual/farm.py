"""A rack of virtual phones behind a real adb server: what any adb client can connect to."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from droidrack.virtual.adb_host import AdbHost, AdbServerLost
from droidrack.virtual.adbd import Adbd
from droidrack.virtual.air import Air
from droidrack.virtual.handset import Handset, Shell
from droidrack.virtual.link import Link, nothing
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.shell_mksh import MkshShell, Relay, build_relay, mksh_path
from droidrack.virtual.spec import PhoneSpec

ShellProfile = Literal["auto", "mksh", "parser"]

_RESTART_PAUSE_S = 1.0
_CONNECTS_AT_ONCE = 32
_MKSH_PHONES = 64
"""With `auto`, larger racks use the parser: a real shell costs 4 ms of CPU for each command."""


class NoRealShell(Exception):
    """The real shell was asked for and mksh is not installed."""


class RackPhone:
    """One phone of a rack."""

    def __init__(self, handset: Handset, adbd: Adbd) -> None:
        self.handset = handset
        self._adbd = adbd

    @property
    def model(self) -> VirtualPhone:
        """What the phone is and knows."""
        return self.handset.model

    @property
    def link(self) -> Link:
        """Its cable, and the faults of it."""
        return self.handset.link

    @property
    def adbd(self) -> Adbd:
        """Its daemon."""
        return self._adbd

    @property
    def adb_serial(self) -> str:
        """What the adb server calls it."""
        return f"127.0.0.1:{self._adbd.port}"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class VirtualRack:
    """Phones, their daemons and an adb server of their own, for as long as the context is open.

    Args:
        specs: one phone each.
        shell: "mksh" runs commands in a real mksh on this host, "parser" in process, "auto" takes
            mksh where it is installed and the rack is small.
        adb_port: of the adb server; 0: a free one; None: no server, phones only listen.
        seed: of all chance in the rack.
        wall: the phones' date, aware.
        air_path: a JSON-lines file of all messages sent, written as they go out.
        relay: a compiled relay to share between racks; None: compile one if mksh needs it.
    """

    def __init__(
        self,
        specs: Sequence[PhoneSpec],
        *,
        shell: ShellProfile = "auto",
        adb_port: int | None = 0,
        seed: int = 0,
        wall: Callable[[], datetime] = _utc_now,
        air_path: Path | None = None,
        relay: Relay | None = None,
    ) -> None:
        self.phones: tuple[RackPhone, ...] = ()
        self.air: Air
        self._specs = tuple(specs)
        self._profile = shell
        self._dice = random.Random(seed)
        self._wall = wall
        self._air_path = air_path
        self._relay = relay
        self._relay_home: Path | None = None
        self._host = None if adb_port is None else AdbHost(adb_port)
        self._server_wanted = False
        self._watch: asyncio.Task[None] | None = None

    @property
    def adb_port(self) -> int:
        """Where the adb server listens."""
        return self._server.port

    @property
    def shell(self) -> str:
        """Which shell the phones have: "mksh" or "parser"."""
        return self._profile

    async def __aenter__(self) -> Self:
        self.air = Air(self._air_path)  # First: nothing is to be closed if it cannot be.
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def server_pid(self) -> int | None:
        """The adb server's process; None while it is away."""
        return self._server.pid

    def crash_server(self) -> None:
        """Let the adb server die as by a fault of its own: the rack brings it back."""
        self._server.crash()

    async def kill_server(self) -> None:
        """End the adb server and keep it away until `restart_server`."""
        self._server_wanted = False
        await self._server.kill()

    async def restart_server(self) -> None:
        """Bring the adb server back on its port, with all plugged phones."""
        await self._server.start()
        self._server_wanted = True
        if self._watch is not None:
            await asyncio.wait({self._watch})
        self._watch = asyncio.create_task(self._watch_server())
        await self._connect_all()

    # --- Opening and closing ---

    async def _open(self) -> None:
        make_shell = await self._shell_factory()
        for spec in self._specs:
            dice = random.Random(self._dice.getrandbits(64))
            model = VirtualPhone(spec, wall=self._wall, dice=dice, air=self.air)
            handset = Handset(model, make_shell)
            phone = RackPhone(handset, Adbd(handset))
            self.phones += (phone,)
            await phone.adbd.start()
            handset.link.on_gone = partial(self._disconnect, phone)
            handset.link.on_back = partial(self._connect, phone)
        if self._host is not None:
            await self.restart_server()

    async def _close(self) -> None:
        self._server_wanted = False
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
        for phone in self.phones:
            phone.link.on_gone = phone.link.on_back = nothing
            await phone.adbd.stop()
            await phone.handset.close()
        if self._host is not None:
            await self._host.stop()
        if self._relay_home is not None:
            shutil.rmtree(self._relay_home, ignore_errors=True)
        self.air.close()

    async def _shell_factory(self) -> Callable[[Handset], Shell] | None:
        """How a phone gets its shell; None: the parser."""
        mksh = mksh_path()
        if self._profile == "auto":
            small = len(self._specs) <= _MKSH_PHONES
            self._profile = "mksh" if mksh and small else "parser"
        if self._profile == "parser":
            return None
        if mksh is None:
            raise NoRealShell("mksh is not installed; install it or choose the parser shell")
        if self._relay is None:
            self._relay_home = Path(tempfile.mkdtemp(prefix="droidrack-relay-"))
            self._relay = await build_relay(self._relay_home)
        return partial(MkshShell, relay=self._relay, mksh=mksh)

    # --- The adb server ---

    @property
    def _server(self) -> AdbHost:
        if self._host is None:
            raise AdbServerLost("this rack was made without an adb server")
        return self._host

    async def _watch_server(self) -> None:
        """Bring the server back whenever it ends unasked."""
        while True:
            await self._server.wait()
            if not self._server_wanted:
                return
            try:
                await self._server.start()
            except AdbServerLost:
                await asyncio.sleep(_RESTART_PAUSE_S)  # Another may hold the port for a moment.
            else:
                await self._connect_all()

    async def _connect_all(self) -> None:
        turn = asyncio.Semaphore(_CONNECTS_AT_ONCE)

        async def connect(phone: RackPhone) -> None:
            async with turn:
                await self._connect(phone)

        await asyncio.gather(*(connect(phone) for phone in self.phones if phone.link.plugged))

    async def _connect(self, phone: RackPhone) -> None:
        """What USB does at arrival. A server that is away finds the phone when it returns."""
        if self._host is not None and self._host.running:
            with suppress(AdbServerLost):
                await self._host.connect(phone.adb_serial)
                if phone.link.keys.consenting:
                    await self._host.admitted(phone.adb_serial)

    async def _disconnect(self, phone: RackPhone) -> None:
        """What USB does at departure."""
        if self._host is not None and self._host.running:
            with suppress(AdbServerLost):
                await self._host.disconnect(phone.adb_serial)
