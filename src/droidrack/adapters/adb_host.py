"""Questions an adb server answers by itself, and the phones it reaches over the network."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from droidrack.adapters.adb_link import Endpoint, Link, Progress, translated
from droidrack.core.errors import BridgeDown, PhoneError, PhoneGone, excerpt

PROBE_DEADLINE_S = 10.0
"""A server with 1,000 phones that all came back at once was busy for 4.1 s."""

CONNECT_INTERVAL_S = 30.0
"""The server forgets a phone on the network that stayed away for 61 s."""

CONNECT_DEADLINE_S = 15.0
"""A phone that accepts but says nothing blocks `connect` for exactly 10 s."""

CONNECT_AT_ONCE = 16


class Tell(Protocol):
    """Says something to the operator's log."""

    def __call__(self, event: str, /, **facts: object) -> None:
        """One line."""
        ...


def start_hint(endpoint: Endpoint) -> str:
    """What to do about a given server that does not answer."""
    return (
        f"start it (`adb -P {endpoint.port} start-server`), or let droidrack run a "
        "server of its own: own = true in devices.toml"
    )


async def ask_server(endpoint: Endpoint, service: str, *, deadline_s: float) -> str:
    """One question the server itself answers with one block of text.

    Raises:
        BridgeDown: no answer, a cut one or nonsense.
        PhoneGone: the question was about a phone that the server cannot reach.
    """
    progress = Progress(serial="adb", subject=service.rpartition(":")[2])
    async with translated(endpoint, deadline_s, progress), Link(endpoint) as link:
        await link.ask(service)
        return (await link.block()).decode("utf-8", "replace")


async def version(endpoint: Endpoint, *, deadline_s: float = PROBE_DEADLINE_S) -> int:
    """The server's protocol version, such as 41; BridgeDown when there is none."""
    answer = await ask_server(endpoint, "host:version", deadline_s=deadline_s)
    try:
        return int(answer, 16)
    except ValueError as exc:
        raise BridgeDown(
            f"adb server at {endpoint}: a version in hex expected, {excerpt(answer)!r} seen",
            hint="check that an adb server, and nothing else, listens there",
        ) from exc


async def connect(
    endpoint: Endpoint, address: str, *, deadline_s: float = CONNECT_DEADLINE_S
) -> None:
    """Connect a phone on the network (`host:port`). Idempotent.

    Raises:
        PhoneGone: the server could not; it answers OKAY for that, too, so its text is read.
        BridgeDown: no server, or no answer by the deadline.
    """
    answer = await ask_server(endpoint, f"host:connect:{address}", deadline_s=deadline_s)
    if answer.startswith(("connected to ", "already connected to ")):
        return
    hint = "check the address, and that the phone listens there (`adb tcpip 5555`)"
    if answer.startswith("failed to authenticate"):
        hint = "unlock the phone and allow USB debugging for this host's key"
    raise PhoneGone(f"{address}: adb connect: {excerpt(answer)!r}", serial=address, hint=hint)


async def keep_connected(
    endpoint: Endpoint, addresses: Iterable[str], tell: Tell, again: asyncio.Event
) -> None:
    """Connect phones on the network, for ever: now, now and again, and whenever `again` is set.

    A change of fortune is told once.
    """
    troubles: dict[str, str] = {}
    at_once = asyncio.Semaphore(CONNECT_AT_ONCE)

    async def attempt(address: str) -> None:
        async with at_once:
            try:
                await connect(endpoint, address)
            except PhoneError as error:
                trouble = error.message
            else:
                trouble = ""
        if trouble != troubles.get(address, ""):
            tell("phone on the network", address=address, trouble=trouble or "none any more")
        troubles[address] = trouble

    while True:
        async with asyncio.TaskGroup() as group:
            for address in addresses:
                group.create_task(attempt(address))
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_INTERVAL_S):
                await again.wait()
        again.clear()
