"""Virtual phones behind the ports, without a socket: for the app in virtual time.

The same models, shells, links and faults as on the wire, with the effects a caller must be told:
what never left this host has `Effect.NONE`, everything else `Effect.UNKNOWN`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from droidrack.core.errors import (
    BridgeDown,
    Effect,
    PhoneGone,
    PhoneRefused,
    PhoneTimeout,
)
from droidrack.core.ids import Serial, UsbPath
from droidrack.ports import Completed, Outage, Sighting
from droidrack.virtual.channels import Sink
from droidrack.virtual.console import CapturedConsole
from droidrack.virtual.handset import Handset
from droidrack.virtual.inprocess_calls import Call, Transport
from droidrack.virtual.shell_words import decode


class InProcessPhone:
    """The `Phone` port over one stay of a virtual phone."""

    def __init__(self, bus: "InProcessBus", transport: Transport) -> None:
        self._bus = bus
        self._transport = transport

    @property
    def serial(self) -> Serial:
        """The transport's name."""
        return Serial(self._transport.handset.model.spec.serial)

    async def run(self, command: str, *, deadline_s: float, stdin: bytes = b"") -> Completed:
        """See `Phone.run`."""
        call = self._begin(command, stdin, None)
        try:
            async with asyncio.timeout(deadline_s):
                return await call.answer
        except TimeoutError as error:
            raise PhoneTimeout(
                f"{self.serial}: no end seen within {deadline_s:g} s",
                serial=self.serial,
                hint="the phone may still run it; look before trying again",
                effect=Effect.UNKNOWN,
            ) from error
        finally:
            call.hung_up.set()

    @asynccontextmanager
    async def stream(self, command: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """See `Phone.stream`."""
        chunks: asyncio.Queue[bytes] = asyncio.Queue()
        thawed = self._transport.handset.link.thawed

        async def put(chunk: bytes) -> None:
            await thawed.wait()
            chunks.put_nowait(chunk)

        call = self._begin(command, b"", put)
        call.answer.add_done_callback(lambda _: chunks.put_nowait(b""))

        async def iterate() -> AsyncIterator[bytes]:
            while chunk := await chunks.get():
                yield chunk
            call.answer.result()  # Raises if the way to the phone ended.

        try:
            yield iterate()
        finally:
            call.hung_up.set()
            if call.answer.done() and not call.answer.cancelled():
                call.answer.exception()  # Seen: leaving early is not an error.

    def _begin(self, command: str, stdin: bytes, out: Sink | None) -> Call:
        self._bus.require(self._transport)
        merged = not self._transport.handset.speaks_v2
        call = Call(command, stdin, out, merged=merged)
        self._transport.start(call)
        return call


class InProcessFiles:
    """The `PhoneFiles` port over one stay of a virtual phone."""

    def __init__(self, bus: "InProcessBus", transport: Transport) -> None:
        self._bus = bus
        self._transport = transport
        self._turn = asyncio.Lock()

    async def pull(self, remote: str, *, deadline_s: float, limit_bytes: int) -> bytes:
        """See `PhoneFiles.pull`."""

        async def read() -> bytes:
            return self._transport.handset.files.read(remote)

        content = await self._transfer(read, deadline_s)
        if len(content) > limit_bytes:
            raise self._refused(f"{remote}: {len(content)} bytes, at most {limit_bytes} wanted")
        return content

    async def push(self, data: bytes, remote: str, *, deadline_s: float, mode: int = 0o644) -> None:
        """See `PhoneFiles.push`."""

        async def write() -> bytes:
            self._transport.handset.files.write(remote, data, mode=mode)
            return b""

        await self._transfer(write, deadline_s)

    async def install(self, apk: Path, *, deadline_s: float) -> None:
        """See `PhoneFiles.install`."""
        content = apk.read_bytes()  # noqa: ASYNC240 (virtual time: nothing else waits)
        console = CapturedConsole(content)

        async def package() -> bytes:
            words = ["pm", "install", "-S", str(len(content))]
            await self._transport.handset.toolbox.run(words, console)
            return bytes(console.out)

        answer = decode(await self._transfer(package, deadline_s)).strip()
        if answer != "Success":
            raise self._refused(answer)

    async def forward(self, remote: str, *, deadline_s: float) -> int:
        """Always refused: without a socket there is no port to lead anywhere."""
        self._bus.require(self._transport)
        raise self._refused(f"forward to {remote}: a phone in process has no ports")

    async def screenshot(self, *, deadline_s: float) -> bytes:
        """See `PhoneFiles.screenshot`."""

        async def shoot() -> bytes:
            return self._transport.handset.screen.png()

        return await self._transfer(shoot, deadline_s)

    async def _transfer(self, work: Callable[[], Awaitable[bytes]], deadline_s: float) -> bytes:
        self._bus.require(self._transport)
        serial = self._transport.handset.model.spec.serial
        link = self._transport.handset.link
        try:
            async with asyncio.timeout(deadline_s), self._turn:
                await link.thawed.wait()
                await asyncio.sleep(link.latency_s)
                self._bus.require(self._transport)
                return await work()
        except TimeoutError as error:
            raise PhoneTimeout(
                f"{serial}: the transfer did not end within {deadline_s:g} s",
                serial=serial,
                effect=Effect.UNKNOWN,
            ) from error
        except OSError as error:
            raise self._refused(f"{error.filename}: {error.strerror}") from error

    def _refused(self, reason: str) -> PhoneRefused:
        serial = self._transport.handset.model.spec.serial
        return PhoneRefused(f"{serial}: {reason}", serial=serial)


class InProcessBus:
    """The `Bus` port over virtual phones. Plugging, faults and reboots are the links' and phones'.

    `stop_server` and `start_server` are the adb server's death and return.
    """

    def __init__(self, handsets: Sequence[Handset]) -> None:
        self._handsets = tuple(handsets)
        self._transports: dict[int, Transport] = {}
        self._present: dict[str, Transport] = {}
        self._last_number = 0
        self._up = True
        self._changed = asyncio.Condition()
        self._version = 0
        self._resets: list[tuple[Handset, Callable[[], None]]] = []
        self._notices: set[asyncio.Task[None]] = set()
        for handset in self._handsets:
            self._attach(handset)

    @property
    def outage(self) -> Outage | None:
        """See `Bus.outage`."""
        if self._up:
            return None
        return Outage("in-process", "the adb server does not answer", "start it again")

    async def watch(self) -> AsyncIterator[tuple[Sighting, ...]]:
        """See `Bus.watch`."""
        while True:
            version = self._version
            yield self._sightings()
            async with self._changed:
                while self._version == version:
                    await self._changed.wait()

    def phone(self, sighting: Sighting) -> InProcessPhone:
        """See `Bus.phone`."""
        return InProcessPhone(self, self._sighted(sighting))

    def files(self, sighting: Sighting) -> InProcessFiles:
        """See `Bus.files`."""
        return InProcessFiles(self, self._sighted(sighting))

    def stop_server(self) -> None:
        """The adb server dies: all calls lose their answers, no phone is seen."""
        self._up = False
        for transport in self._present.values():
            transport.sever(lambda: self._down(Effect.UNKNOWN))
        self._depart_all()

    def start_server(self) -> None:
        """It returns, and with it every plugged phone as a new transport."""
        self._up = True
        for handset in self._handsets:
            if handset.link.plugged:
                self._arrive(handset)
        if not self._present:
            self._notify()  # No arrival tells that it is back.

    async def close(self) -> None:
        """End everything that runs on the phones."""
        for transport in self._transports.values():
            await transport.stop()
        for handset, reset in self._resets:
            handset.link.connections.discard(reset)
            await handset.close()

    def require(self, transport: Transport) -> None:
        """Raise, with `Effect.NONE`, unless a command can be handed to this very transport."""
        if not self._up:
            raise self._down(Effect.NONE)
        serial = transport.handset.model.spec.serial
        if transport.gone or transport.state != "device":
            seen = "gone" if transport.gone else transport.state
            raise PhoneGone(f"{serial}: transport {transport.number} is {seen}", serial=serial)

    # --- Arrivals and departures ---

    def _attach(self, handset: Handset) -> None:
        """Hang a phone on this bus: its cable and its power are watched from here."""

        async def gone() -> None:
            self._depart(handset)

        async def back() -> None:
            if self._up:
                self._arrive(handset)

        async def end_processes() -> None:
            for transport in self._transports.values():
                if transport.handset is handset:
                    await transport.stop()

        def reset() -> None:
            if transport := self._present.get(handset.model.spec.serial):
                transport.sever(lambda: _lost(transport))
            self._notify()

        handset.link.on_gone, handset.link.on_back = gone, back
        handset.end_processes = end_processes
        handset.link.connections.add(reset)
        self._resets.append((handset, reset))
        if handset.link.plugged:
            self._arrive(handset)

    def _arrive(self, handset: Handset) -> None:
        self._depart(handset)
        self._last_number += 1
        transport = Transport(self._last_number, handset)
        self._transports[transport.number] = transport
        self._present[handset.model.spec.serial] = transport
        self._notify()

    def _depart(self, handset: Handset) -> None:
        transport = self._present.pop(handset.model.spec.serial, None)
        if transport is not None:
            transport.gone = True
            transport.sever(lambda: _lost(transport))
            self._notify()

    def _depart_all(self) -> None:
        for handset in self._handsets:
            self._depart(handset)
        self._notify()

    def _notify(self) -> None:
        self._version += 1
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # Built before the loop runs: nobody watches yet.
        notice = loop.create_task(self._wake())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _sightings(self) -> tuple[Sighting, ...]:
        if not self._up:
            return ()
        return tuple(_sighting(transport) for transport in self._present.values())

    def _sighted(self, sighting: Sighting) -> Transport:
        if sighting.transport_id is None or sighting.transport_id not in self._transports:
            raise PhoneGone(f"{sighting.serial}: never seen on this bus", serial=sighting.serial)
        return self._transports[sighting.transport_id]

    def _down(self, effect: Effect) -> BridgeDown:
        return BridgeDown("the adb server does not answer", hint="start it again", effect=effect)


def _lost(transport: Transport) -> PhoneGone:
    serial = transport.handset.model.spec.serial
    return PhoneGone(
        f"{serial}: the link ended within a command",
        serial=serial,
        hint="what the phone did with it is not known; look before trying again",
        effect=Effect.UNKNOWN,
    )


def _sighting(transport: Transport) -> Sighting:
    spec = transport.handset.model.spec
    return Sighting(
        Serial(spec.serial),
        transport.state,
        transport_id=transport.number,
        usb=UsbPath(port) if (port := transport.handset.link.port) else None,
        product=spec.product,
        model=spec.model,
        device=spec.device,
    )
