"""Arrivals and departures: the adb server's device tracker, followed over the server's own deaths.

The long list (`track-devices-l`) names transport ids and USB paths. The length of a list has four
hex digits, so from 65,536 bytes on, about 600 phones on USB, the server sends a wrong length and
the rest as garbage. Before that happens, or once it has, the short list is followed instead (about
2,800 phones) and the server is asked for the transport id of each phone that is new in it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import fields

from droidrack.adapters.adb import AdbPhone
from droidrack.adapters.adb_files import AdbFiles
from droidrack.adapters.adb_host import ask_server, start_hint
from droidrack.adapters.adb_link import Endpoint, FailedError, Link, Progress, translated
from droidrack.adapters.adb_wire import TRANSPORT_ID_SIZE, GarbledError
from droidrack.adapters.lane import Lane
from droidrack.core.errors import ParseError, PhoneError, RackError
from droidrack.core.ids import Serial, UsbPath
from droidrack.core.parse.devices import DeviceLine, parse_devices
from droidrack.ports import Outage, Sighting

LONG_LIST_LIMIT = 60_000
"""Bytes of a long list from which on the short one is used: 65,535 less some 40 more phones."""

OPENING_S = 5.0
"""The server answers a tracker at once; one that does not is spinning."""

RETRY_FIRST_S = 0.1
RETRY_LIMIT_S = 2.0
"""A dead server costs a refused connection every 2 s; its return is seen within that."""

_OURS = "droidrack starts it again by itself; adb-server.log in the state directory says more"

RESOLVE_S = 5.0
RESOLVE_AT_ONCE = 32
"""Questions for transport ids at a time: the server's listen backlog is short."""


def as_it_is(path: UsbPath) -> UsbPath:
    """The name of a socket that has one side, or of which nobody knows another."""
    return path


class AdbBus:
    """`ports.Bus` over one adb server. `place` gives a USB path the name of its socket."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        place: Callable[[UsbPath], UsbPath] = as_it_is,
        restart: Callable[[], None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self.restart = restart  # Of a server that is ours; None: it is not.
        self.outage: Outage | None = None  # See `ports.Bus`.
        self._place = place
        self._short = False  # Stays so: a rack that once was too large is again.
        self._ids: dict[Serial, int] = {}  # Of the short list's phones in state "device".
        self._lanes: dict[int | None, Lane] = {}

    def phone(self, sighting: Sighting) -> AdbPhone:
        """The phone behind a sighting."""
        return AdbPhone(self._endpoint, sighting.serial, sighting.transport_id)

    def files(self, sighting: Sighting) -> AdbFiles:
        """Transfers with the phone behind a sighting; all of one transport share its lane."""
        lane = self._lanes.setdefault(sighting.transport_id, Lane(sighting.serial))
        return AdbFiles(self.phone(sighting), lane)

    async def reconnect(self, sighting: Sighting) -> None:
        """Let the server drop a transport, in whatever state it is, and find the phone anew.

        Raises:
            BridgeDown: the server does not answer.
        """
        chosen = f"host-transport-id:{sighting.transport_id}"
        if sighting.transport_id is None:
            chosen = f"host-serial:{sighting.serial}"
        # The answer is a text for people, OKAY also where there is no such transport any more.
        await ask_server(self._endpoint, f"{chosen}:reconnect", deadline_s=OPENING_S)

    async def watch(self) -> AsyncIterator[tuple[Sighting, ...]]:
        """The whole list at once and after every change; empty while the server is away."""
        shown: tuple[Sighting, ...] | None = None
        delay_s, away = RETRY_FIRST_S, False
        while True:
            try:
                async with aclosing(self._lists()) as lists:
                    async for seen in lists:
                        delay_s = RETRY_FIRST_S
                        self._drop_lanes(seen)
                        self.outage = None
                        if away or seen != shown:
                            shown, away = seen, False
                            yield seen
            except (PhoneError, ParseError) as error:
                self._ids.clear()  # A new server counts from 1 again.
                self.outage = self.outage or self._outage(error)
                if not away:
                    shown, away = (), True
                    yield ()
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, RETRY_LIMIT_S)

    def _outage(self, error: RackError) -> Outage:
        """What is told of this server while it is away."""
        remedy = start_hint(self._endpoint) if self.restart is None else _OURS
        return Outage(str(self._endpoint), error.message, remedy)

    async def _lists(self) -> AsyncGenerator[tuple[Sighting, ...], None]:
        """Lists from one connection; returns where the other form must be asked for.

        Raises:
            PhoneError: the server went away, or answers nonsense.
        """
        progress = Progress("adb", "track-devices")
        async with AsyncExitStack() as stack:
            async with translated(self._endpoint, OPENING_S, progress):
                link = await stack.enter_async_context(Link(self._endpoint))
                if not await self._opened(link):
                    return
            while True:
                async with translated(self._endpoint, None, progress):
                    text = await self._text(link)
                if text is None:
                    return
                lines = parse_devices(text)
                if self._short:
                    await self._learn_ids(lines)
                yield tuple(self._sighting(line) for line in lines)

    async def _opened(self, link: Link) -> bool:
        """Whether the tracker runs; a server too old for the long form is asked for the short."""
        try:
            await link.ask("host:track-devices" if self._short else "host:track-devices-l")
        except FailedError:
            if self._short:
                raise
            self._short = True
            return False
        return True

    async def _text(self, link: Link) -> str | None:
        """The next list; None where the long form has become too long to be trusted."""
        try:
            received = await link.block()
        except GarbledError:
            if self._short:
                raise
            received = b"cut"
        whole = not received or received.endswith(b"\n")
        if not self._short and (len(received) > LONG_LIST_LIMIT or not whole):
            self._short = True
            return None
        return received.decode("utf-8", "replace")

    async def _learn_ids(self, lines: tuple[DeviceLine, ...]) -> None:
        """Ask for the transport id of each phone that is new in state "device"."""
        ready = [line.serial for line in lines if line.state == "device"]
        self._ids = {serial: self._ids[serial] for serial in ready if serial in self._ids}
        at_once = asyncio.Semaphore(RESOLVE_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for serial in ready:
                if serial not in self._ids:
                    group.create_task(self._learn_id(serial, at_once))

    async def _learn_id(self, serial: Serial, at_once: asyncio.Semaphore) -> None:
        """A phone that has gone meanwhile, or shares its serial, stays without an id."""
        progress = Progress(serial, "transport id")
        try:
            async with (
                at_once,
                translated(self._endpoint, RESOLVE_S, progress),
                Link(self._endpoint) as link,
            ):
                await link.ask(f"host:tport:serial:{serial}")
                answer = await link.exactly(TRANSPORT_ID_SIZE)
        except PhoneError:
            return
        self._ids[serial] = int.from_bytes(answer, "little")

    def _sighting(self, line: DeviceLine) -> Sighting:
        values = {field.name: getattr(line, field.name) for field in fields(line)}
        if line.usb is not None:
            values["usb"] = self._place(line.usb)
        values["transport_id"] = values["transport_id"] or self._ids.get(line.serial)
        return Sighting(**values)

    def _drop_lanes(self, seen: tuple[Sighting, ...]) -> None:
        present = {sighting.transport_id for sighting in seen}
        for transport_id in self._lanes.keys() - present:
            del self._lanes[transport_id]
