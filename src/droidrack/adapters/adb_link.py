"""One connection to an adb server, and the one table that turns its troubles into our errors.

A connection asks the server something, or is switched to one phone and then carries one service of
it. What may be tried again hangs on one moment: before the phone's service was requested nothing
can have reached the phone (`Effect.NONE`); from the first byte of that request on everything can.
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from droidrack.adapters import adb_wire
from droidrack.core.errors import (
    AnswerCut,
    BridgeDown,
    Effect,
    PhoneError,
    PhoneGone,
    PhoneTimeout,
    excerpt,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an adb server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class FailedError(Exception):
    """The server answered FAIL; the text is its reason. Never leaves the adb adapters."""


class Link:
    """One connection to an adb server; an async context that never leaves its socket behind.

    Methods raise FailedError, GarbledError, EOFError and OSError: `translated` maps them. asyncio
    sets TCP_NODELAY on every TCP socket, so a small request is not held back.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            self.endpoint.host, self.endpoint.port, limit=READ_SIZE
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not close(): that waits for unsent input, which a frozen phone never takes.
        self._writer.transport.abort()

    async def ask(self, service: str | bytes) -> None:
        """Request a service and see the server's OKAY."""
        name = service.encode() if isinstance(service, str) else service
        self._writer.write(adb_wire.request(name))
        status = await self.exactly(adb_wire.STATUS_SIZE)
        if status == adb_wire.FAIL:
            raise FailedError((await self.block()).decode("utf-8", "replace"))
        if status != adb_wire.OKAY:
            raise adb_wire.GarbledError(f"OKAY or FAIL expected, {status!r} seen")

    async def block(self) -> bytes:
        """A text with its length in front, at most 65,535 bytes."""
        size = adb_wire.block_length(await self.exactly(adb_wire.LENGTH_SIZE))
        return await self.exactly(size)

    async def exactly(self, size: int) -> bytes:
        """`size` bytes; EOFError when the connection ends before."""
        return await self._reader.readexactly(size)

    async def chunk(self) -> bytes:
        """What has come, at least one byte; b"" at the end of the connection."""
        return await self._reader.read(READ_SIZE)

    def write(self, payload: bytes) -> None:
        """Hand bytes over; they go out while the answer is read."""
        self._writer.write(payload)


@dataclass(slots=True)
class Progress:
    """How far a call came: what its failure did to the phone hangs on `requested`."""

    serial: str
    subject: str  # What is being run, without any argument: it may hold a number or a body.
    requested: bool = False  # The first byte of the phone's service may have left this host.


# A FAIL that the server gives by itself, without having told the phone anything, and what helps.
# Source: transport.cpp, acquire_one_transport, and sockets.cpp, smart_socket_enqueue.
_HINTS = {
    "unauthorized": "unlock the phone and allow USB debugging for this host's key",
    "authorizing": "the phone has not answered yet; unlock it and allow USB debugging",
    "offline": "wait, replug the cable or restart the phone",
    "connecting": "wait: the phone is still connecting",
    "udev": "add a udev rule for the phone's vendor, or join the group plugdev",
    "permissions": "add a udev rule for the phone's vendor, or join the group plugdev",
    "not found": "wait for the phone to come back; check its cable",
    "no device": "wait for the phone to come back; check its cable",
}
_NEVER_TOLD = frozenset({"device offline (no transport)", "device offline (transport offline)"})


def failed(reason: str, progress: Progress) -> PhoneError:
    """A FAIL in our words.

    After the service was requested, "closed" says that the phone refused it or that the link ended
    before the phone answered: the two look the same, so the phone may have begun.
    """
    where = f"{progress.serial}: {progress.subject}"
    if progress.requested and reason not in _NEVER_TOLD:
        return AnswerCut(
            f"{where}: the adb server gave up before the phone answered: {excerpt(reason)!r}",
            serial=progress.serial,
            hint="what the phone did with it is not known; look before trying again",
            effect=Effect.UNKNOWN,
        )
    return PhoneGone(
        f"{where}: the adb server cannot reach the phone: {excerpt(reason)!r}",
        serial=progress.serial,
        hint=next((hint for word, hint in _HINTS.items() if word in reason), ""),
    )


def _late(endpoint: Endpoint, deadline_s: float, progress: Progress) -> PhoneError:
    """The deadline passed. Before the request only the server can be to blame."""
    where = f"{progress.serial}: {progress.subject}"
    if progress.requested:
        return PhoneTimeout(
            f"{where}: no end seen within {deadline_s:g} s",
            serial=progress.serial,
            hint="the phone may still run it; look before trying again",
            effect=Effect.UNKNOWN,
        )
    return _down(endpoint, f"no answer within {deadline_s:g} s", progress)


def _down(endpoint: Endpoint, what: str, progress: Progress) -> BridgeDown:
    """The server is away or talks nonsense."""
    return BridgeDown(
        f"{progress.serial}: {progress.subject}: adb server at {endpoint}: {what}",
        serial=progress.serial,
        hint="check that an adb server, and nothing else, listens there",
        effect=Effect.UNKNOWN if progress.requested else Effect.NONE,
    )


@asynccontextmanager
async def translated(
    endpoint: Endpoint, deadline_s: float | None, progress: Progress
) -> "AsyncIterator[None]":
    """Bound a call by an absolute deadline and map what goes wrong in it.

    The whole table of this adapter. None: no deadline, for streams.
    """
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except TimeoutError as exc:
        raise _late(endpoint, deadline_s or 0, progress) from exc
    except FailedError as exc:
        raise failed(str(exc), progress) from exc
    except EOFError as exc:  # IncompleteReadError is one.
        raise _down(endpoint, "the connection ended within an answer", progress) from exc
    except adb_wire.GarbledError as exc:
        raise _down(endpoint, str(exc), progress) from exc
    except OSError as exc:
        raise _down(endpoint, exc.strerror or str(exc), progress) from exc
