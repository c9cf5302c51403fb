"""The local panel as an application, and the socket in front of it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from droidrack.core.errors import ConfigError
from droidrack.virtual.panel.admin import AdminApi
from droidrack.virtual.panel.api import GatewayApi, error_answers
from droidrack.virtual.panel.faults import FaultPlan
from droidrack.virtual.panel.gate import CONNECTION, FaultGate
from droidrack.virtual.panel.store import PanelStore

# Longer than any polling interval (15 s), so that each phone's connection lives from poll to poll.
KEEP_ALIVE_S = 75
# What a fault holds open must not keep the server from ending.
SHUTDOWN_S = 1


def create_app(
    store: PanelStore, *, faults: FaultPlan | None = None, admin_token: str = ""
) -> Starlette:
    """The whole panel over `store`: the gateway API, and the admin API under `/admin`.

    Args:
        store: what the panel remembers.
        faults: the misbehaviour in force; without one, a plan that the admin API can fill.
        admin_token: bearer token of the admin API; "" opens it to loopback addresses only.
    """
    plan = faults or FaultPlan()
    gateway = GatewayApi(store).routes()
    return Starlette(
        routes=[*gateway, *AdminApi(store, plan, admin_token).routes()],
        middleware=[Middleware(FaultGate, plan=plan, store=store, routes=gateway)],
        exception_handlers=error_answers(),
    )


@asynccontextmanager
async def serving(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve `app` while the block runs; yields the port (chosen by the system for 0).

    Raises:
        ConfigError: the address cannot be listened on.
    """
    listener = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            http=_SocketProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
    )
    bound: int = listener.getsockname()[1]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield bound
    finally:
        server.should_exit = True
        await task


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    started: Callable[[int], None] = lambda port: None,
) -> None:
    """Serve until the task is cancelled; `started` hears the port once connections are taken."""
    async with serving(app, host, port) as bound:
        started(bound)
        await asyncio.Event().wait()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named: without it each
    # answer waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Connections made before the server's first turn wait in the backlog.
        listener.listen(2048)
    except OSError as exc:
        listener.close()
        raise ConfigError(
            f"the local panel cannot listen on {host} port {port}: {exc.strerror or exc}",
            hint="choose another port, or 0 for any free one",
        ) from exc
    return listener


class _Server(uvicorn.Server):
    """Signals belong to the program, not to the server inside it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _SocketProtocol(H11Protocol):
    """Hands each request the socket it came through, for the faults that need it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self.app = _with_connection(self.app, _Socket(transport))


class _Socket:
    """The Connection of `gate.py` over a transport."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def close(self) -> None:
        self._transport.close()

    def reset(self) -> None:
        # With a linger of 0 seconds the kernel sends RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):
            sock = cast(socket.socket, self._transport.get_extra_info("socket"))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()


def _with_connection(app: ASGIApp, connection: _Socket) -> Callable[..., Awaitable[None]]:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), CONNECTION: connection}
        await app({**scope, "extensions": extensions}, receive, send)

    return wrapped
