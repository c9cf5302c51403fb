"""One connection of an adb server to a phone: handshake, streams and their flow control.

Per stream and direction at most one WRTE is in flight; its OKAY is sent when the phone's service
has taken the bytes. That bounds memory, so nothing here needs a socket's own back pressure.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from droidrack.virtual import adb_packets as wire
from droidrack.virtual.adb_packets import Packet, ProtocolViolation, read_packet
from droidrack.virtual.adbd_auth import TOKEN_SIZE, parse_public_key
from droidrack.virtual.link import Link

Service = Callable[["Stream"], Awaitable[None]]
"""Serves one stream to its end. The stream is closed when it returns."""


class Stream:
    """One service between host and phone."""

    def __init__(self, connection: "Connection", local: int, remote: int) -> None:
        self.local = local
        self.remote = remote
        self.closed = asyncio.Event()
        self._connection = connection
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._buffer = b""
        self._writable = asyncio.Event()
        self._turn = asyncio.Lock()

    async def read(self) -> bytes:
        """Some bytes from the host; `b""` once it has closed the stream."""
        if self._buffer:
            taken, self._buffer = self._buffer, b""
            return taken
        if self.closed.is_set() and self._inbox.empty():
            return b""
        taken = await self._inbox.get()
        if taken and not self.closed.is_set():
            await self._connection.send(Packet(wire.OKAY, self.local, self.remote))
        return taken

    async def read_exactly(self, size: int) -> bytes:
        """Exactly `size` bytes; EOFError if the host closes before."""
        parts, missing = [], size
        while missing:
            part = await self.read()
            if not part:
                raise EOFError(f"stream closed, {missing} of {size} bytes missing")
            parts.append(part[:missing])
            self._buffer = part[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    async def write(self, payload: bytes) -> None:
        """Send bytes; BrokenPipeError once the host has closed the stream."""
        limit = self._connection.max_payload
        async with self._turn:
            for start in range(0, len(payload), limit):
                await self._writable.wait()
                if self.closed.is_set():
                    raise BrokenPipeError("the host closed the stream")
                self._writable.clear()
                chunk = payload[start : start + limit]
                await self._connection.send(Packet(wire.WRTE, self.local, self.remote, chunk))

    async def finish(self) -> None:
        """Close from the phone's side, after the host has acknowledged the last bytes."""
        async with self._turn:
            await self._writable.wait()
        if not self.closed.is_set():
            self.hang_up()
            await self._connection.send(Packet(wire.CLSE, self.local, self.remote))

    def feed(self, payload: bytes) -> None:
        """Bytes came from the host."""
        self._inbox.put_nowait(payload)

    def acknowledge(self) -> None:
        """The host took the last bytes (or accepted the stream)."""
        self._writable.set()

    def hang_up(self) -> None:
        """The stream is over: readers see the end, writers a broken pipe."""
        self.closed.set()
        self._writable.set()
        self._inbox.put_nowait(b"")


class Connection:
    """Speaks the phone's side of the transport protocol over one TCP connection.

    `reversed` maps addresses of the phone to the host's, as `adb reverse` asked. `over` is set by
    whoever serves it, when nothing of it runs any more.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        link: Link,
        *,
        banner: bytes,
        max_payload: int,
        find_service: Callable[[str, "Connection"], Service | None],
    ) -> None:
        self.max_payload = 4096
        self.reversed: dict[str, str] = {}
        self.over = asyncio.Event()
        self._announced = max_payload
        self._reader = reader
        self._writer = writer
        self._link = link
        self._banner = banner
        self._find_service = find_service
        self._streams: dict[int, Stream] = {}
        self._dialled: dict[int, asyncio.Future[Stream]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_id = 0
        self._token = b""
        self._online = False
        self._checksum = True
        self._broken = False

    async def serve(self) -> None:
        """Answer until the link ends. Services of dead streams may go on for their grace."""
        self._link.connections.add(self.reset)
        try:
            while True:
                packet = await read_packet(self._reader)
                await self._link.arrival()
                if self._broken:
                    break
                await self._receive(packet)
        except (asyncio.IncompleteReadError, OSError, ProtocolViolation):
            self.reset()
        finally:
            self._link.connections.discard(self.reset)
            self._end_streams()

    def reset(self) -> None:
        """Break the connection at once, as a pulled cable does."""
        self._broken = True
        self._writer.transport.abort()
        self._end_streams()

    async def settle(self) -> None:
        """Cancel what is still running and wait for it. Only when the phone itself goes down."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drained(self) -> None:
        """Wait for services that outlive the link by their grace."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def send(self, packet: Packet) -> None:
        """Send one message as soon as the link moves. A dead link swallows it."""
        await self._link.thawed.wait()
        if not self._writer.is_closing():
            self._writer.write(packet.encoded(checksum=self._checksum))

    async def dial(self, address: str) -> Stream:
        """Open a stream from the phone to the host; ConnectionRefusedError if the host declines.

        Only for an address the host has reversed: anything else aborts a whole adb server.
        """
        local = self._new_id()
        answer: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
        self._dialled[local] = answer
        try:
            await self.send(Packet(wire.OPEN, local, 0, address.encode() + b"\0"))
            return await answer
        finally:
            del self._dialled[local]

    def _end_streams(self) -> None:
        for stream in self._streams.values():
            stream.hang_up()
        self._streams.clear()
        for answer in self._dialled.values():
            if not answer.done():
                answer.set_exception(ConnectionRefusedError("the link ended"))

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def _receive(self, packet: Packet) -> None:
        if packet.command == wire.CNXN:
            await self._greet(packet)
        elif packet.command == wire.AUTH:
            await self._authenticate(packet)
        elif not self._online:
            raise ProtocolViolation("a stream before the handshake")
        elif packet.command == wire.OPEN:
            await self._open(packet)
        elif packet.command == wire.OKAY:
            self._acknowledged(packet)
        elif packet.command == wire.WRTE:
            await self._written(packet)
        elif packet.command == wire.CLSE:
            self._closed(packet)

    # --- Handshake ---

    async def _greet(self, packet: Packet) -> None:
        self.max_payload = min(packet.arg1, self._announced)
        self._checksum = packet.arg0 < wire.VERSION
        if self._link.greets():
            await self._challenge()

    async def _challenge(self) -> None:
        self._token = secrets.token_bytes(TOKEN_SIZE)
        await self.send(Packet(wire.AUTH, wire.AUTH_TOKEN, 0, self._token))

    async def _authenticate(self, packet: Packet) -> None:
        keys = self._link.keys
        if packet.arg0 == wire.AUTH_SIGNATURE:
            if keys.recognises(self._token, packet.payload):
                await self._welcome()
            else:
                await self._challenge()
        elif packet.arg0 == wire.AUTH_PUBLIC_KEY:
            key = parse_public_key(packet.payload)
            if key is not None and keys.offer(key):
                await self._welcome()

    async def _welcome(self) -> None:
        self._online = True
        await self.send(Packet(wire.CNXN, wire.VERSION, self._announced, self._banner))

    # --- Streams ---

    async def _open(self, packet: Packet) -> None:
        name = packet.payload.rstrip(b"\0").decode("utf-8", "surrogateescape")
        service = self._find_service(name, self)
        if service is None:
            await self.send(Packet(wire.CLSE, 0, packet.arg0))
            return
        stream = Stream(self, self._new_id(), packet.arg0)
        stream.acknowledge()
        self._streams[stream.local] = stream
        await self.send(Packet(wire.OKAY, stream.local, stream.remote))
        task = asyncio.create_task(self._run(service, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, service: Service, stream: Stream) -> None:
        try:
            await asyncio.sleep(self._link.latency_s)
            await service(stream)
        except (BrokenPipeError, EOFError):
            stream.hang_up()  # The host left first: how most streams end.
        finally:
            await stream.finish()
            self._streams.pop(stream.local, None)

    def _acknowledged(self, packet: Packet) -> None:
        if packet.arg1 in self._dialled:
            stream = Stream(self, packet.arg1, packet.arg0)
            stream.acknowledge()
            self._streams[stream.local] = stream
            self._dialled[packet.arg1].set_result(stream)
        elif known := self._streams.get(packet.arg1):
            known.acknowledge()

    async def _written(self, packet: Packet) -> None:
        if stream := self._streams.get(packet.arg1):
            stream.feed(packet.payload)
        else:
            await self.send(Packet(wire.CLSE, 0, packet.arg0))

    def _closed(self, packet: Packet) -> None:
        if stream := self._streams.pop(packet.arg1, None):
            stream.hang_up()
        elif answer := self._dialled.get(packet.arg1):
            answer.set_exception(ConnectionRefusedError("the host declined"))
