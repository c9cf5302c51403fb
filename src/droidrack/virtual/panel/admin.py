"""A small JSON API for whoever runs the local panel: a lab's scripts, the demo, the tests.

Not part of the gateway API. It shows numbers and texts in full, so without an admin token it
answers loopback addresses only. Writing needs `Content-Type: application/json`: a web page open in
the operator's browser cannot send that across origins.
"""

import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from droidrack.virtual.panel.api import BATCH_LIMIT, envelope, read_body
from droidrack.virtual.panel.faults import BAD_ITEMS, ENDPOINTS, Fault, FaultKind, FaultPlan
from droidrack.virtual.panel.form import Form, Invalid
from droidrack.virtual.panel.queue import NewMessage, Reading
from droidrack.virtual.panel.store import PanelStore

Endpoint = Callable[[Request], Awaitable[Response]]
_DAY_LIMIT = 10**9


class AdminApi:
    """What a person does in the panel's pages, as JSON under `/admin`."""

    def __init__(self, store: PanelStore, plan: FaultPlan, token: str) -> None:
        self._store = store
        self._plan = plan
        self._token = token

    def routes(self) -> list[Route]:
        """Every route, guarded."""
        table: list[tuple[str, str, Endpoint]] = [
            ("POST", "/pairing-tokens", self.mint),
            ("POST", "/messages", self.queue),
            ("GET", "/messages", self.ledger),
            ("GET", "/statuses", self.statuses),
            ("GET", "/devices", self.devices),
            ("GET", "/heartbeats", self.heartbeats),
            ("POST", "/devices/{uuid}/revoke", self.revoke),
            ("PUT", "/devices/{uuid}/quota", self.set_quota),
            ("PUT", "/reading", self.set_reading),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
        ]
        return [
            Route(f"/admin{path}", self._guarded(endpoint), methods=[method])
            for method, path, endpoint in table
        ]

    async def mint(self, request: Request) -> Response:
        """`{"count": n}` → `{"tokens": [...]}`: pairing tokens, shown this once."""
        form = await _form(request)
        count = form.integer("count", 1, BATCH_LIMIT, required=False)
        form.check()
        return envelope({"tokens": [self._store.mint() for _ in range(count or 1)]})

    async def queue(self, request: Request) -> Response:
        """`{"messages": [{device_uuid, number, body, slot | sim_uid, priority?, uid?}]}` → uids."""
        form = await _form(request)
        items = form.items("messages", BATCH_LIMIT)
        new = [_new_message(form, index, item) for index, item in enumerate(items)]
        form.check()
        return envelope({"uids": self._store.queue_all(new)}, status=201)

    async def ledger(self, request: Request) -> Response:
        """Every message with its outcome; `?device_uuid=` for one device."""
        rows = self._store.ledger(request.query_params.get("device_uuid", ""))
        return envelope([asdict(row) for row in rows])

    async def statuses(self, request: Request) -> Response:
        """Every status received; `?uid=` for one message."""
        rows = self._store.statuses(request.query_params.get("uid", ""))
        return envelope([asdict(row) for row in rows])

    async def devices(self, request: Request) -> Response:
        """Devices with their SIM rows."""
        return envelope(
            [
                asdict(device) | {"sims": [asdict(row) for row in self._store.sims(device)]}
                for device in self._store.devices()
            ]
        )

    async def heartbeats(self, request: Request) -> Response:
        """Heartbeats; `?sim_uid=` for one SIM row."""
        rows = self._store.heartbeats(request.query_params.get("sim_uid", ""))
        return envelope([asdict(row) for row in rows])

    async def revoke(self, request: Request) -> Response:
        """Close the device's sessions."""
        self._store.revoke(request.path_params["uuid"])
        return envelope(None)

    async def set_quota(self, request: Request) -> Response:
        """`{"per_day": n | null}`."""
        form = await _form(request)
        per_day = form.integer("per_day", 0, _DAY_LIMIT, required=False)
        form.check()
        self._store.set_quota(request.path_params["uuid"], per_day)
        return envelope(None)

    async def set_reading(self, request: Request) -> Response:
        """`{"reading": "repeat" | "lease"}`."""
        form = await _form(request)
        reading = form.word("reading", tuple(Reading))
        form.check()
        self._store.messages.reading = Reading(reading)
        return envelope(None)

    async def faults(self, request: Request) -> Response:
        """Rules in force, the rest of each script, and how often each kind was played."""
        plan = self._plan
        return envelope(
            {
                "rules": [asdict(rule) for rule in plan.rules],
                "scripts": {
                    endpoint: [asdict(fault) if fault else None for fault in script]
                    for endpoint, script in plan.scripts.items()
                },
                "played": plan.played,
            }
        )

    async def add_fault(self, request: Request) -> Response:
        """`{endpoint, kind, times?, probability_percent?, device_uuid?, status?, …}`: one rule."""
        form = await _form(request)
        endpoint = form.word("endpoint", ("*", *ENDPOINTS))
        times = form.integer("times", 1, _DAY_LIMIT, required=False)
        percent = form.integer("probability_percent", 1, 100, required=False)
        device = form.text("device_uuid", required=False)
        fault = _fault(form)
        form.check()
        self._plan.add(
            endpoint, fault, times=times, probability=(percent or 100) / 100, device_uuid=device
        )
        return envelope(None, status=201)

    async def clear_faults(self, request: Request) -> Response:
        """Behave from now on."""
        self._plan.clear()
        return envelope(None)

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            if not self._allowed(request):
                return JSONResponse({"message": "Forbidden."}, status_code=403)
            kind = request.headers.get("content-type", "")
            if request.method in ("POST", "PUT") and not kind.startswith("application/json"):
                message = "Send Content-Type: application/json."
                return JSONResponse({"message": message}, status_code=415)
            return await endpoint(request)

        return guarded

    def _allowed(self, request: Request) -> bool:
        if self._token:
            given = request.headers.get("authorization", "").encode()
            return hmac.compare_digest(given, f"Bearer {self._token}".encode())
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback


async def _form(request: Request) -> Form:
    """The fields of a request; 422 for what is no JSON object, by which nothing is done."""
    try:
        fields = json.loads(await read_body(request) or "{}")
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise Invalid({"body": ["The body must be a JSON object."]})
    return Form(fields)


def _new_message(batch: Form, index: int, item: object) -> NewMessage:
    form = Form(item, f"messages.{index}.")
    new = NewMessage(
        device_uuid=form.text("device_uuid"),
        number=form.text("number", required=False),
        body=form.text("body", longest=10_000, required=False),
        slot=form.integer("slot", 0, 7, required="sim_uid" not in form),
        sim_uid=form.text("sim_uid", required=False),
        priority=form.text("priority", required=False) or "normal",
        uid=form.text("uid", required=False),
    )
    batch.errors.update(form.errors)
    return new


def _fault(form: Form) -> Fault:
    kind = form.word("kind", tuple(FaultKind))
    status = form.integer("status", 400, 599, required=False)
    retry_after = form.match("retry_after", "[ -~]{1,64}", required=False)
    delay_ms = form.integer("delay_ms", 0, 3_600_000, required=False)
    size_bytes = form.integer("size_bytes", 1, 1 << 30, required=False)
    taken = form.boolean("taken")
    variant = form.word("variant", tuple(BAD_ITEMS)) if "variant" in form else ""
    form.check()
    return Fault(
        FaultKind(kind),
        taken=bool(taken),
        status=status or 500,
        retry_after=retry_after,
        delay_s=1.0 if delay_ms is None else delay_ms / 1000,
        size_bytes=size_bytes or 8 << 20,
        variant=variant,
    )
