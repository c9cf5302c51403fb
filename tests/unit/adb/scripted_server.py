"""A loopback server that plays a list of adb conversations, byte for byte."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from droidrack.adapters.adb_link import Endpoint

OKAY = b"OKAY"


def block(text: bytes) -> bytes:
    """An answer with its length in front."""
    return b"%04x" % len(text) + text


def fail(text: bytes) -> bytes:
    """A FAIL with its reason."""
    return b"FAIL" + block(text)


def bound(transport_id: int) -> bytes:
    """The answer to `host:tport:serial:…`."""
    return OKAY + transport_id.to_bytes(8, "little")


@dataclass
class Turn:
    """Expect a request that begins so, then answer.

    `answer` may be made from the request; None: never. `end` closes the connection after it.
    """

    request: bytes
    answer: bytes | Callable[[bytes], bytes] | None = OKAY
    end: bool = False
    dribble_s: float | None = None  # One byte each so many seconds, for ever.


@dataclass
class Script:
    """The conversations in order of connection, and what came of them.

    `extra` is what each client sent beyond its requests; `finished`: all requests have come.
    """

    conversations: Sequence[Sequence[Turn]]
    seen: list[bytes] = field(default_factory=list)
    extra: list[bytes] = field(default_factory=list)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    players: list[asyncio.Task[None]] = field(default_factory=list)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Play for one more client."""
        self.players.append(asyncio.get_running_loop().create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Play the next conversation."""
        index = len(self.extra)
        self.extra.append(b"")
        try:
            for turn in self.conversations[index]:
                size = int(await reader.readexactly(4), 16)
                request = await reader.readexactly(size)
                self.seen.append(request)
                assert turn.request == request[: len(turn.request)]
                if len(self.seen) == sum(map(len, self.conversations)):
                    self.finished.set()
                await self._answer(turn, request, writer)
                if turn.end:
                    return
            while more := await reader.read(65536):
                self.extra[index] += more
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(self, turn: Turn, request: bytes, writer: asyncio.StreamWriter) -> None:
        answer = turn.answer(request) if callable(turn.answer) else turn.answer
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        while turn.dribble_s is not None:
            await asyncio.sleep(turn.dribble_s)
            writer.write(b"\x01\x01\0\0\0.")
            await writer.drain()


@asynccontextmanager
async def scripted(*conversations: Sequence[Turn]) -> AsyncIterator[tuple[Endpoint, Script]]:
    """A server on a free loopback port; every connection must be closed by the end."""
    script = Script(conversations)
    server = await asyncio.start_server(script.connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield Endpoint(host, port), script
    finally:
        server.close()
        await server.wait_closed()
        async with asyncio.timeout(5):  # A client's socket left open would hang here.
            await asyncio.gather(*script.players)


FEATURES_V2 = [Turn(b"host-transport-id:7:features", OKAY + block(b"shell_v2,cmd"), end=True)]
FEATURES_V1 = [Turn(b"host-transport-id:7:features", OKAY + block(b""), end=True)]
BIND = Turn(b"host:tport:serial:FAKE1", bound(7))
