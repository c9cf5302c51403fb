"""What the panel's contract tests stand on: the local panel, and our client in front of it."""

import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from starlette.types import Receive, Scope, Send

from droidrack.adapters.panel_http import HttpPanel
from droidrack.core.ids import DeviceUuid, MessageUid, Slot, Token
from droidrack.core.report import StatusReport, WireStatus
from droidrack.ports import PanelSim, Registration
from droidrack.virtual.panel.faults import FaultPlan
from droidrack.virtual.panel.server import create_app, serving
from droidrack.virtual.panel.store import PanelStore

NOW = datetime(2026, 5, 23, 12, 1, 14, tzinfo=UTC)
WAYS = ("in process", "over a socket")
DEVICE = "3f0c4d5e-0000-4000-8000-000000000001"


@dataclass
class Bench:
    """A running local panel and a client that talks to it."""

    store: PanelStore
    plan: FaultPlan
    panel: HttpPanel

    async def pair(self, device: str = DEVICE) -> tuple[Token, PanelSim]:
        """A registered device with one SIM row in slot 0."""
        session = await self.panel.register(registration(self.store.mint(), device))
        sim = await self.panel.create_sim(session.token, Slot(0), "Main", "DE")
        return session.token, sim


@asynccontextmanager
async def bench(
    way: str, *, deadline_s: float = 10.0, store: PanelStore | None = None
) -> AsyncIterator[Bench]:
    """A fresh panel, reached in one of WAYS."""
    store = store or PanelStore(now=lambda: NOW, dice=random.Random(1))
    plan = FaultPlan()
    app = create_app(store, faults=plan)
    try:
        if way == "in process":
            transport = httpx.ASGITransport(app)
            url = "http://127.0.0.1"
            async with HttpPanel(url, transport=transport, deadline_s=deadline_s) as panel:
                yield Bench(store, plan, panel)
        else:
            async with serving(app) as port:
                url = f"http://127.0.0.1:{port}"
                async with HttpPanel(url, deadline_s=deadline_s) as panel:
                    yield Bench(store, plan, panel)
    finally:
        store.close()


def registration(pairing_token: str, device: str = DEVICE) -> Registration:
    """A phone that wants to be paired."""
    return Registration(Token(pairing_token), "Bench phone", DeviceUuid(device), "14", "1.0.0")


def sent(uid: str, at: datetime = NOW) -> StatusReport:
    """A report of success."""
    return StatusReport(MessageUid(uid), WireStatus.SENT, at)


def failed(uid: str, code: str = "RADIO_NOT_AVAILABLE") -> StatusReport:
    """A report of failure."""
    return StatusReport(MessageUid(uid), WireStatus.FAILED, NOW, code)


@dataclass
class ScriptedServer:
    """An ASGI application that gives one raw answer to everything, and keeps what it was asked."""

    body: bytes = b""
    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ((b"content-type", b"application/json"),)
    asked: list[tuple[str, str, dict[str, str], object]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        content = b""
        while True:
            message = await receive()
            content += message["body"]
            if not message["more_body"]:
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        fields = json.loads(content) if content else None
        self.asked.append((scope["method"], scope["path"], headers, fields))
        await send(
            {"type": "http.response.start", "status": self.status, "headers": list(self.headers)}
        )
        await send({"type": "http.response.body", "body": self.body})

    def panel(self, url: str = "http://127.0.0.1", **options: object) -> HttpPanel:
        """A client that talks to this server."""
        return HttpPanel(url, transport=httpx.ASGITransport(self), **options)  # type: ignore[arg-type]  # options are HttpPanel's own
