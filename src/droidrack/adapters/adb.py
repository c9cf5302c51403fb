"""A phone behind an adb server: commands with a deadline and an honest outcome.

Each call opens a connection of its own, binds it to the phone's transport, requests the service
and reads to the command's own end. adbutils was measured and rejected for this: its time-outs are
per read, it returns a cut answer as a whole one, and it costs twenty times the latency.

Binding names the serial *and* checks the transport id in the server's answer. The id alone is not
enough: ids start again at 1 with a new server, so after a restart an old id may be another phone.
The serial alone is not either: two phones may share one, and a phone that came back may have been
reset meanwhile. Phones that share a serial are bound by id, and then the server is asked on a
second connection whose serial that id has; opened after the first, it cannot speak for an older
server.
"""

import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from droidrack.adapters import adb_script
from droidrack.adapters.adb_link import Endpoint, FailedError, Link, Progress, translated
from droidrack.adapters.adb_script import Carriage
from droidrack.adapters.adb_wire import TRANSPORT_ID_SIZE, GarbledError, Kind, ShellDecoder
from droidrack.core.errors import AnswerCut, Effect, PhoneRefused
from droidrack.core.ids import Serial
from droidrack.ports import Completed

OUTPUT_LIMIT = 8 * 1024 * 1024
"""Bytes one command may write. A whole `dumpsys` is 2-5 MiB, a PNG of the screen up to 6 MiB."""

STDIN_LIMIT = 8 * 1024 * 1024
"""Bytes of standard input: all of it waits in memory until the phone takes it."""

STREAM_OPENING_S = 10.0
"""Opening a stream takes milliseconds; a frozen phone must not hold its caller for good."""

_NAMELESS = "(no serial number)"  # How the device list shows a phone without a serial …
_NAMELESS_ANSWER = "unknown"  # … and what `get-serialno` answers for it.


class AdbPhone:
    """`ports.Phone` over an adb server's socket."""

    def __init__(self, endpoint: Endpoint, serial: Serial, transport_id: int | None) -> None:
        self._endpoint = endpoint
        self._serial = serial
        self._transport_id = transport_id
        self._bound_by_id = serial == _NAMELESS
        self._speaks_v2: bool | None = None  # Features never change within a transport.

    def __repr__(self) -> str:
        return f"AdbPhone({self._serial!r}, transport_id={self._transport_id})"

    @property
    def serial(self) -> Serial:
        """The transport's name; opaque."""
        return self._serial

    @property
    def endpoint(self) -> Endpoint:
        """The adb server in between."""
        return self._endpoint

    @property
    def transport_id(self) -> int | None:
        """The server's number for this plugging-in; None: it could not be learnt."""
        return self._transport_id

    async def run(self, command: str, *, deadline_s: float, stdin: bytes = b"") -> Completed:
        """Run one command to its end; `ports.Phone` says what each error means."""
        progress = Progress(self._serial, _subject(command))
        encoded = _encoded(command, stdin, progress)
        async with translated(self._endpoint, deadline_s, progress):
            if await self._shell_is_v2():
                carriage = adb_script.carry_v2(encoded, stdin)
                output: _OutputV2 | _OutputV1 = _OutputV2()
            else:
                mark = secrets.token_hex(8).encode()
                carriage = adb_script.carry_v1(encoded, stdin, mark)
                output = _OutputV1(mark)
            async with self._service(carriage, progress) as link:
                return await _collect(link, output, progress)

    @asynccontextmanager
    async def stream(self, command: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Run a command that speaks for long. Its stderr is dropped where the phone tells it apart.

        The iterator ends by itself only where the phone said that the command ended.
        """
        progress = Progress(self._serial, _subject(command))
        encoded = _encoded(command, b"", progress)
        if len(encoded) > adb_script.SERVICE_LIMIT - len(adb_script.V2_PREFIX):
            raise _refused(progress, f"{len(encoded)} bytes are too many for a streamed command")
        async with AsyncExitStack() as stack:
            async with translated(self._endpoint, STREAM_OPENING_S, progress):
                v2 = await self._shell_is_v2()
                prefix = adb_script.V2_PREFIX if v2 else adb_script.V1_PREFIX
                service = self._service(Carriage(prefix + encoded, b""), progress)
                link = await stack.enter_async_context(service)
            chunks = _chunks_v2(link, progress) if v2 else _chunks_v1(link, progress)
            yield await stack.enter_async_context(aclosing(chunks))

    async def _shell_is_v2(self) -> bool:
        """Whether adbd offers shell v2 (Android 7 and later); asked once per transport."""
        if self._speaks_v2 is None:
            async with Link(self._endpoint) as link:
                await link.ask(f"host-transport-id:{self._transport_id or 0}:features")
                features = (await link.block()).decode("utf-8", "replace")
            self._speaks_v2 = "shell_v2" in features.split(",")
        return self._speaks_v2

    @asynccontextmanager
    async def _service(self, carriage: Carriage, progress: Progress) -> AsyncIterator[Link]:
        """A connection on which the phone has accepted the service."""
        async with self.bound() as link:
            progress.requested = True
            await link.ask(carriage.service)
            link.write(carriage.opening)
            yield link

    @asynccontextmanager
    async def bound(self) -> AsyncIterator[Link]:
        """A connection switched to exactly this transport, nothing requested on it yet.

        Raises (until it is entered) what `translated` maps.
        """
        async with AsyncExitStack() as stack:
            link = await stack.enter_async_context(Link(self._endpoint))
            if not self._bound_by_id:
                try:
                    await self._bind_by_serial(link)
                except FailedError as exc:
                    if not str(exc).startswith("more than one"):
                        raise
                    self._bound_by_id = True
                    link = await stack.enter_async_context(Link(self._endpoint))
            if self._bound_by_id:
                await self._bind_by_id(link)
            yield link

    async def _bind_by_serial(self, link: Link) -> None:
        await link.ask(f"host:tport:serial:{self._serial}")
        seen = int.from_bytes(await link.exactly(TRANSPORT_ID_SIZE), "little")
        if seen != self._transport_id:
            raise FailedError(f"no device with transport id '{self._transport_id}', now '{seen}'")

    async def _bind_by_id(self, link: Link) -> None:
        await link.ask(f"host:transport-id:{self._transport_id or 0}")
        async with Link(self._endpoint) as second:
            await second.ask(f"host-transport-id:{self._transport_id}:get-serialno")
            seen = (await second.block()).decode("utf-8", "replace")
        if seen != (_NAMELESS_ANSWER if self._serial == _NAMELESS else self._serial):
            raise FailedError(f"no device with transport id '{self._transport_id}' and this serial")


# --- What the phone writes --------------------------------------------------------------------


class _OutputV2:
    """Gathers packets until the exit code."""

    def __init__(self) -> None:
        self._decoder = ShellDecoder()
        self._written = {Kind.STDOUT: bytearray(), Kind.STDERR: bytearray()}

    def feed(self, received: bytes) -> Completed | None:
        for packet in self._decoder.feed(received):
            if packet.exit_code is not None:
                out, err = self._written[Kind.STDOUT], self._written[Kind.STDERR]
                return Completed(packet.exit_code, bytes(out), bytes(err))
            self._written[packet.kind] += packet.payload
        return None


class _OutputV1:
    """Gathers bytes until the marked line."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._written = bytearray()

    def feed(self, received: bytes) -> Completed | None:
        self._written += received
        # The line is the last thing written; looking at the tail keeps a long dump linear.
        if self._mark not in self._written[-len(self._mark) - 8 :]:
            return None
        found = adb_script.split_marked(bytes(self._written), self._mark)
        return Completed(found[1], found[0], b"") if found else None


async def _collect(link: Link, output: _OutputV2 | _OutputV1, progress: Progress) -> Completed:
    """Read to the command's own end."""
    size = 0
    while received := await link.chunk():
        size += len(received)
        if size > OUTPUT_LIMIT:
            raise _cut(progress, f"more than {OUTPUT_LIMIT} bytes of output")
        try:
            completed = output.feed(received)
        except GarbledError as exc:
            raise _cut(progress, str(exc)) from exc
        if completed is not None:
            return completed
    raise _cut(progress, "the answer ended before the command's end was seen")


async def _received(link: Link, progress: Progress) -> bytes:
    """The next bytes of a stream, or the error that ends it."""
    async with translated(link.endpoint, None, progress):
        if received := await link.chunk():
            return received
    raise _cut(progress, "the stream ended without the command's end")


async def _chunks_v2(link: Link, progress: Progress) -> AsyncGenerator[bytes, None]:
    decoder = ShellDecoder()
    while True:
        received = await _received(link, progress)
        try:
            packets = decoder.feed(received)
        except GarbledError as exc:
            raise _cut(progress, str(exc)) from exc
        for packet in packets:
            if packet.kind is Kind.EXIT:
                return
            if packet.kind is Kind.STDOUT:
                yield packet.payload


async def _chunks_v1(link: Link, progress: Progress) -> AsyncGenerator[bytes, None]:
    while True:
        yield await _received(link, progress)


# --- What we hand over ------------------------------------------------------------------------

_FIRST_WORD = re.compile(r"[A-Za-z_./][\w./-]{0,39}")


def _subject(command: str) -> str:
    """The command's first word; all an error may show, for the rest may be a number or a body."""
    word = _FIRST_WORD.match(command.strip())
    return word[0] if word else "command"


def _encoded(command: str, stdin: bytes, progress: Progress) -> bytes:
    """The command's bytes, if a phone can receive them whole.

    A NUL would end the service's name, and cut the command, on the phone.
    """
    if len(stdin) > STDIN_LIMIT:
        raise _refused(progress, f"{len(stdin)} bytes of input, at most {STDIN_LIMIT} are carried")
    try:
        encoded = command.encode()
    except UnicodeEncodeError as exc:
        raise _refused(progress, "the command holds half a surrogate pair") from exc
    if b"\0" in encoded:
        raise _refused(progress, "the command holds a NUL character")
    return encoded


def _refused(progress: Progress, what: str) -> PhoneRefused:
    return PhoneRefused(
        f"{progress.serial}: {progress.subject}: {what}; nothing was sent",
        serial=progress.serial,
        hint="this input cannot be carried to a phone's shell",
    )


def _cut(progress: Progress, what: str) -> AnswerCut:
    return AnswerCut(
        f"{progress.serial}: {progress.subject}: {what}",
        serial=progress.serial,
        hint="the phone may have run it; look before trying again",
        effect=Effect.UNKNOWN,
    )
