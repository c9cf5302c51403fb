"""The gateway API over HTTP, as the phones' side sees it.

Behaves as the framework behind the real panel does: answers in an envelope, 422 with the mistakes
of each field, and a redirect to an HTML page where the caller did not ask for JSON.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from droidrack.virtual.panel.form import Form, Invalid
from droidrack.virtual.panel.queue import StatusLine
from droidrack.virtual.panel.store import Device, NotFound, PanelStore, SimRow, Unauthenticated

ANDROID = "/api/gateway/sms/android"
LOGS = "/api/logs/sms"
OWNER = {"id": 17, "name": "Local Panel"}
# The longest batch of statuses, and of queued messages, that one request may carry.
BATCH_LIMIT = 1_000
# 1,000 statuses take 150 KiB; the rest is room for long error codes.
BODY_LIMIT = 1 << 20
_COUNTRY = "[A-Z]{2}"  # ISO 3166-1 alpha-2


class GatewayApi:
    """The eight calls over a store."""

    def __init__(self, store: PanelStore) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Every route; the name is the endpoint's name in fault rules."""
        post, put, delete, get = ["POST"], ["PUT"], ["DELETE"], ["GET"]
        return [
            Route(f"{ANDROID}/register-session", self.register, methods=post, name="register"),
            Route(f"{ANDROID}/logout", self.logout, methods=post, name="logout"),
            Route(f"{ANDROID}/sim", self.create_sim, methods=post, name="create_sim"),
            Route(f"{ANDROID}/sim/update-status", self.beat, methods=post, name="heartbeat"),
            Route(f"{ANDROID}/sim/{{uid}}", self.update_sim, methods=put, name="update_sim"),
            Route(f"{ANDROID}/sim/{{uid}}", self.delete_sim, methods=delete, name="delete_sim"),
            Route(f"{LOGS}/pending", self.pending, methods=get, name="pending"),
            Route(f"{LOGS}/update-statuses", self.report, methods=post, name="report"),
        ]

    async def register(self, request: Request) -> Response:
        """Exchange a pairing token for a session."""
        form = Form(await read_json(request))
        fields = {
            "pairing_token": form.text("pairing_token"),
            "device_name": form.text("device_name"),
            "device_uuid": form.match("device_uuid", "[A-Za-z0-9-]{8,64}"),
            "android_version": form.text("android_version", longest=32),
            "app_version": form.text("app_version", longest=32),
        }
        form.check()
        token, device = self._store.register(**fields)
        sims = [_sim_answer(row) for row in self._store.sims(device)]
        return envelope(
            {
                "session_token": token,
                "gateway_uid": device.gateway_uid,
                "user": OWNER,
                "sims": sims,
            }
        )

    async def logout(self, request: Request) -> Response:
        """End the session."""
        self._store.logout(self._device(request))
        return envelope(None)

    async def create_sim(self, request: Request) -> Response:
        """A row for a slot; 201 where it is new."""
        device = self._device(request)
        form = Form(await read_json(request))
        slot = form.integer("slot", 0, 7)
        label = form.text("label")
        country = form.match("country_code", _COUNTRY, required=False)
        form.check()
        row, new = self._store.create_sim(device, slot or 0, label, country or None)
        return envelope(_sim_answer(row), status=201 if new else 200)

    async def update_sim(self, request: Request) -> Response:
        """Change a row."""
        device = self._device(request)
        form = Form(await read_json(request))
        label = form.text("label", required=False)
        country = form.match("country_code", _COUNTRY, required=False)
        active = form.boolean("active")
        form.check()
        uid = request.path_params["uid"]
        row = self._store.update_sim(
            device, uid, label=label or None, country_code=country or None, active=active
        )
        return envelope(_sim_answer(row))

    async def delete_sim(self, request: Request) -> Response:
        """Remove a row."""
        self._store.delete_sim(self._device(request), request.path_params["uid"])
        return envelope(None)

    async def beat(self, request: Request) -> Response:
        """Take a heartbeat."""
        device = self._device(request)
        form = Form(await read_json(request))
        sim_uid = form.text("sim_uid")
        active = form.boolean("active")
        # 5G's SS-RSRP reaches down to -156 dBm (3GPP TS 38.133).
        signal = form.integer("signal_strength", -156, -1, required=False)
        sent = form.integer("messages_sent_24h", 0, 10**9, required=False)
        imsi = form.match("imsi", "[0-9]{6,15}", required=False)
        if sim_uid and all(row.uid != sim_uid for row in self._store.sims(device)):
            form.refuse("sim_uid", "is invalid.")
        form.check()
        self._store.beat(
            device,
            sim_uid,
            active=active,
            signal_strength=signal,
            messages_sent_24h=sent,
            imsi=imsi or None,
        )
        return envelope(None)

    async def pending(self, request: Request) -> Response:
        """Messages to send."""
        device = self._device(request)
        offers = self._store.messages.offer(device.id, device.quota_per_day)
        return envelope([asdict(offer) for offer in offers])

    async def report(self, request: Request) -> Response:
        """Take statuses: all of them, or none where one is wrong."""
        device = self._device(request)
        form = Form(await read_json(request))
        items = form.items("statuses", BATCH_LIMIT)
        lines = [self._status(form, index, item, device) for index, item in enumerate(items)]
        form.check()
        self._store.messages.settle(lines)
        return envelope(None)

    def _status(self, batch: Form, index: int, item: object, device: Device) -> StatusLine:
        form = Form(item, f"statuses.{index}.")
        uid = form.text("uid")
        if uid and not self._store.messages.owns(device.id, uid):
            form.refuse("uid", "is invalid.")
        status = form.word("status", ("sent", "failed"))
        delivered_at = form.moment("delivered_at") if status == "sent" else None
        error = form.text("error") if status == "failed" else None
        batch.errors.update(form.errors)
        return StatusLine(uid, status, delivered_at, error)

    def _device(self, request: Request) -> Device:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        return self._store.authenticate(token.strip())


def envelope(content: object, *, status: int = 200) -> JSONResponse:
    """The panel's way to say yes."""
    return JSONResponse({"success": True, "data": content}, status_code=status)


async def read_json(request: Request) -> object:
    """The request's JSON; {} for what is not JSON, as the framework reads it."""
    try:
        return json.loads(await read_body(request))
    except (ValueError, RecursionError):
        return {}


async def read_body(request: Request) -> bytearray:
    """The request's body; 413 for one that is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise HTTPException(413, "Payload Too Large")
    return body


def error_answers() -> dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]:
    """How each refusal of the store, and of the router, looks on the wire."""
    return {
        Unauthenticated: _unauthenticated,
        Invalid: _invalid,
        NotFound: _not_found,
        HTTPException: _http_error,
    }


async def _unauthenticated(request: Request, exc: Exception) -> Response:
    if not _wants_json(request):
        return RedirectResponse("/login", status_code=302)
    return JSONResponse({"message": "Unauthenticated."}, status_code=401)


async def _invalid(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, Invalid):
        raise exc
    if not _wants_json(request):
        return RedirectResponse("/", status_code=302)
    return JSONResponse({"message": exc.summary, "errors": exc.errors}, status_code=422)


async def _not_found(request: Request, exc: Exception) -> Response:
    return JSONResponse({"message": f"No such {exc}."}, status_code=404)


async def _http_error(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise exc
    return JSONResponse({"message": exc.detail}, status_code=exc.status_code)


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    # The admin API is our own and has no pages to redirect to.
    return "/json" in accept or "+json" in accept or request.url.path.startswith("/admin/")


def _sim_answer(row: SimRow) -> dict[str, object]:
    return asdict(row)
