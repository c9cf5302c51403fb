"""The door in front of the panel's API where faults happen.

A pure ASGI middleware. Faults of the connection itself (reset, drop, half an answer) need the
socket, which the server in `server.py` hands over in the scope. Where there is none, as with an
in-process transport, the nearest thing is done: the call raises `ConnectionResetError`, so that
the caller sees a connection that ended early and none of the bytes before it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from droidrack.virtual.panel.faults import BAD_ITEMS, Fault, FaultKind, FaultPlan
from droidrack.virtual.panel.store import PanelStore, Unauthenticated

CONNECTION = "droidrack.connection"
"""Key of the socket in the scope's extensions."""

_CHUNK = b" " * 65_536
_HTML = b"<!DOCTYPE html><html><title>Maintenance</title><h1>We will be back soon</h1></html>"
_ELSEWHERE = b"https://elsewhere.invalid/api"


class Connection(Protocol):
    """A client's socket, as far as a fault needs it."""

    def close(self) -> None:
        """Send what is buffered, then FIN."""

    def reset(self) -> None:
        """RST at once."""


@dataclass(slots=True)
class Exchange:
    """One faulty request: how to answer it, and the true answer where the panel made one."""

    fault: Fault
    scope: Scope
    receive: Receive
    send: Send
    status: int = 200
    headers: list[tuple[bytes, bytes]] | None = None
    body: bytes = b""

    async def head(self, status: int, *, length: int, kind: bytes = b"application/json") -> None:
        """Send status and headers."""
        headers = [(b"content-type", kind), (b"content-length", str(length).encode())]
        if self.fault.retry_after:
            headers.append((b"retry-after", self.fault.retry_after.encode()))
        if self.fault.kind is FaultKind.REDIRECT:
            headers.append((b"location", _ELSEWHERE))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def part(self, body: bytes, *, more: bool = True) -> None:
        """Send some of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def whole(self, status: int, body: bytes, kind: bytes = b"application/json") -> None:
        """Send a complete answer."""
        await self.head(status, length=len(body), kind=kind)
        await self.part(body, more=False)

    async def hold(self) -> None:
        """Wait until the client goes away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def cut(self, *, reset: bool) -> None:
        """End the connection without ending the answer."""
        connection: Connection | None = self.scope.get("extensions", {}).get(CONNECTION)
        if connection is None:
            raise ConnectionResetError("the panel closed the connection")
        if reset:
            connection.reset()
        else:
            connection.close()
        await self.hold()


class FaultGate:
    """Lets each request through, or plays the fault that the plan draws for it."""

    def __init__(
        self, app: ASGIApp, *, plan: FaultPlan, store: PanelStore, routes: list[Route]
    ) -> None:
        self._app = app
        self._plan = plan
        self._store = store
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        endpoint = "" if self._plan.idle else self._endpoint(scope)
        device = self._device_uuid(scope) if endpoint else ""
        fault = self._plan.draw(endpoint, device) if endpoint else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(fault, scope, receive, send)
        if fault.kind is FaultKind.REVOKED and device:
            self._store.revoke(device)
        if fault.acts:
            await self._carry_out(exchange)
        if fault.kind in (FaultKind.REPEAT, FaultKind.CHANGED) and device:
            self._offer_again(exchange, device)
        await _PLAYS[fault.kind](exchange)

    def _endpoint(self, scope: Scope) -> str:
        if scope["type"] == "http":
            for route in self._routes:
                if route.matches(scope)[0] is Match.FULL:
                    return route.name
        return ""

    def _device_uuid(self, scope: Scope) -> str:
        token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        try:
            return self._store.authenticate(token.partition(" ")[2].strip()).uuid
        except Unauthenticated:
            return ""

    async def _carry_out(self, exchange: Exchange) -> None:
        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.headers = list(message["headers"])
            else:
                exchange.body += message.get("body", b"")

        await self._app(exchange.scope, exchange.receive, keep)

    def _offer_again(self, exchange: Exchange, device_uuid: str) -> None:
        if exchange.status != 200:
            return
        fresh = json.loads(exchange.body)["data"]
        device = self._store.device(device_uuid)
        again = [asdict(offer) for offer in self._store.messages.offered_before(device.id)]
        if exchange.fault.kind is FaultKind.CHANGED:
            again = [item | {"body": f"{item['body']} (changed)"} for item in again]
        exchange.body = json.dumps({"success": True, "data": fresh + again}).encode()


async def _status(exchange: Exchange) -> None:
    message = f"Fault on request: {exchange.fault.status}."
    body: dict[str, object] = {"message": message}
    if exchange.fault.status == 422:
        body["errors"] = {"statuses": [message]}
    await exchange.whole(exchange.fault.status, json.dumps(body).encode())


async def _answer(exchange: Exchange) -> None:
    await exchange.whole(exchange.status, exchange.body)


async def _drop(exchange: Exchange) -> None:
    await exchange.cut(reset=False)


async def _reset(exchange: Exchange) -> None:
    await exchange.head(exchange.status, length=len(exchange.body))
    await exchange.cut(reset=True)


async def _half(exchange: Exchange) -> None:
    await exchange.head(exchange.status, length=len(exchange.body))
    await exchange.part(exchange.body[: len(exchange.body) // 2])
    await exchange.cut(reset=False)


async def _slow(exchange: Exchange) -> None:
    await exchange.head(exchange.status, length=len(exchange.body))
    for index in range(len(exchange.body)):
        await asyncio.sleep(exchange.fault.delay_s)
        await exchange.part(exchange.body[index : index + 1])
    await exchange.part(b"", more=False)


async def _html(exchange: Exchange) -> None:
    await exchange.whole(200, _HTML, kind=b"text/html; charset=UTF-8")


async def _empty(exchange: Exchange) -> None:
    await exchange.whole(200, b"")


async def _cut_json(exchange: Exchange) -> None:
    await exchange.whole(exchange.status, exchange.body[: len(exchange.body) // 2])


async def _failure(exchange: Exchange) -> None:
    await exchange.whole(200, b'{"success": false, "message": "Something went wrong."}')


async def _redirect(exchange: Exchange) -> None:
    await exchange.whole(302, b"")


async def _huge(exchange: Exchange) -> None:
    size = exchange.fault.size_bytes
    await exchange.head(200, length=size)
    for start in range(0, size, len(_CHUNK)):
        await exchange.part(_CHUNK[: size - start])
    await exchange.part(b"", more=False)


async def _malformed(exchange: Exchange) -> None:
    variant = exchange.fault.variant
    bad = [BAD_ITEMS[variant]] if variant else list(BAD_ITEMS.values())
    good = [json.dumps(item) for item in json.loads(exchange.body).get("data") or []]
    # Bad ones on both sides, so that neither the first nor the last may end the reading.
    items = ", ".join([*bad, *good, *bad])
    await exchange.whole(200, f'{{"success": true, "data": [{items}]}}'.encode())


_PLAYS: dict[FaultKind, Callable[[Exchange], Awaitable[None]]] = {
    FaultKind.STATUS: _status,
    FaultKind.HANG: Exchange.hold,
    FaultKind.DROP: _drop,
    FaultKind.RESET: _reset,
    FaultKind.HALF: _half,
    FaultKind.SLOW: _slow,
    FaultKind.HTML: _html,
    FaultKind.EMPTY: _empty,
    FaultKind.CUT_JSON: _cut_json,
    FaultKind.FAILURE: _failure,
    FaultKind.REDIRECT: _redirect,
    FaultKind.HUGE: _huge,
    FaultKind.REPEAT: _answer,
    FaultKind.CHANGED: _answer,
    FaultKind.MALFORMED: _malformed,
    FaultKind.REVOKED: _answer,
}
