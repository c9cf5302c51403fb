"""A receiver of webhooks on loopback: it checks what it gets as a stranger would."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from droidrack.virtual.panel.server import serving

SECRET = "an invented signing secret, 1234"


@dataclass(slots=True)
class Receiver:
    """What arrived, in order, and what it answers: `answers` first, then 204."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    forged: int = 0
    refuse: str = ""  # Texts that hold this are answered with 503.

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/sms?site=1"

    def texts(self) -> list[str]:
        """What was taken, repeats by id left out."""
        return list({each["id"]: each["text"] for each in self.taken}.values())

    async def take(self, request: Request) -> Response:
        """Check the signature over the bytes as they came, as docs/inbound.md shows."""
        body = await request.body()
        event_id = request.headers["webhook-id"]
        signed = f"{event_id}.{request.headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        version, _, signature = request.headers["webhook-signature"].partition(",")
        event = json.loads(body)
        genuine = base64.b64decode(signature) == digest and version == "v1"
        self.forged += not (genuine and event["id"] == event_id)
        self.asked.append(event)
        status = self.answers.pop(0) if self.answers else 204
        if self.refuse and self.refuse in event["text"]:
            status = 503
        if status < 300:
            self.taken.append(event)
        return Response(status_code=status)


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    app = Starlette(routes=[Route("/sms", receiver.take, methods=["POST"])])
    async with serving(app, port=port) as bound:
        receiver.port = bound
        yield receiver
