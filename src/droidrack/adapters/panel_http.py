"""The panel over HTTP.

One file holds the panel's use of the HTTP library, so that the engine can be changed here. Three of
its habits are switched off on purpose: it follows no redirect (the token would travel to another
host), it keeps no cookies (connections are shared by phones, a session cookie would mix them), and
it takes no proxy or password from the environment.

Every call has one absolute deadline and one cap on the answer's size: a panel that drips a byte a
second, or never ends, costs bounded time and memory. Nothing is repeated here.
"""

import asyncio
import json
import re
import ssl
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from urllib.parse import quote

import httpx

from droidrack import __version__
from droidrack.adapters import panel_wire as wire
from droidrack.adapters.http_address import checked_address, trust
from droidrack.core.checkup import PanelSight
from droidrack.core.errors import (
    Effect,
    PanelBusy,
    PanelError,
    PanelRefused,
    PanelUnavailable,
    SessionOver,
    excerpt,
)
from droidrack.core.ids import Masked, Slot, Token
from droidrack.core.report import StatusReport
from droidrack.ports import PanelSim, Pending, Registration, Session, SimPulse

ANDROID = "/api/gateway/sms/android"
LOGS = "/api/logs/sms"

# 10,000 pending texts of 160 characters are 2.5 MB; more is no answer of a panel.
ANSWER_LIMIT = 4 << 20
# httpx closes idle connections after 5 s, the shortest polling interval: each poll would open a new
# one. A minute outlasts the longest interval (15 s) and most servers' own limit.
KEEP_ALIVE_S = 60.0
# The library compares all connections of a pool with each other at every request, so phones share
# several small pools. Few are kept idle: after a burst of 500 phones a poll cost more than twice
# the CPU with all of them kept. Fewer still would make each call on a slow panel open a new one.
POOLS = 32
CONNECTIONS_PER_POOL = 32
IDLE_PER_POOL = 6

_TOKEN = re.compile(r"[!-~]+")
_LONG_DIGITS = re.compile(r"\d{5,}")
# The request was certainly not written: no connection was made.
_NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_TRANSIENT_STATUSES = frozenset({408, 425})


Content = TypeVar("Content")
Value = TypeVar("Value")


class HttpPanel:
    """Panel over HTTP and JSON.

    Args:
        base_url: `https://host[:port][/prefix]`. Plain http only to this host, unless allowed.
        deadline_s: longest time of a call, from asking for a connection to the last byte.
        zone: zone of the panel's wall clock, for `delivered_at`.
        ca_file: certificates (PEM) to trust instead of the public ones.
        allow_plain_http: whether a token may cross a network unencrypted.
        transport: stands in for the network, such as one into an application in this process.
        now: host clock, for a Retry-After date without a Date header.

    Raises:
        ConfigError: the address or the certificates cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        deadline_s: float = 20.0,
        zone: tzinfo = UTC,
        ca_file: Path | None = None,
        allow_plain_http: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base_url = checked_address(
            base_url, allow_plain_http=allow_plain_http, whose="the panel's"
        ).rstrip("/")
        self._deadline_s = deadline_s
        self._zone = zone
        self._now = now
        self._transport = transport
        # One context for all pools: each copy would hold all public certificates again.
        self._trust = trust(ca_file) if self._base_url.startswith("https:") else False
        self._pools: dict[int, httpx.AsyncClient] = {}

    async def __aenter__(self) -> "HttpPanel":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.aclose()

    # --- The eight calls ----------------------------------------------------------------------

    async def register(self, registration: Registration) -> Session:
        """See Panel. If the answer is lost the error's effect is UNKNOWN, and its hint says so."""
        body = wire.registration_body(registration)
        secret = registration.pairing_token
        try:
            answer = await self._call("POST", f"{ANDROID}/register-session", None, body, (secret,))
            return self._read("register-session", wire.session_from, answer)
        except PanelUnavailable as exc:
            if exc.effect is not Effect.NONE:
                exc.hint = (
                    "the pairing token may be spent: make a new one in the panel and pair again; "
                    "the phone keeps its gateway"
                )
            raise

    async def logout(self, token: Token) -> None:
        await self._call("POST", f"{ANDROID}/logout", token, {})

    async def create_sim(self, token: Token, slot: Slot, label: str, country: str) -> PanelSim:
        body = {"slot": slot, "label": label, "country_code": country}
        answer = await self._call("POST", f"{ANDROID}/sim", token, body)
        return self._read("sim", wire.sim_from, answer)

    async def update_sim(
        self, token: Token, uid: str, *, label: str, country: str, active: bool
    ) -> PanelSim:
        body = {"label": label, "country_code": country, "active": active}
        answer = await self._call("PUT", _sim_path(uid), token, body)
        return self._read("sim", wire.sim_from, answer)

    async def delete_sim(self, token: Token, uid: str) -> None:
        await self._call("DELETE", _sim_path(uid), token)

    async def heartbeat(self, token: Token, pulse: SimPulse) -> None:
        secrets = (pulse.imsi,) if pulse.imsi else ()
        body = wire.pulse_body(pulse)
        await self._call("POST", f"{ANDROID}/sim/update-status", token, body, secrets)

    async def pending(self, token: Token, now: datetime) -> Pending:
        answer = await self._call("GET", f"{LOGS}/pending", token)
        return self._read("pending", lambda data: wire.pending_from(data, now), answer)

    async def report(self, token: Token, reports: Sequence[StatusReport]) -> None:
        if reports:
            body = wire.statuses_body(reports, self._zone)
            await self._call("POST", f"{LOGS}/update-statuses", token, body)

    async def look(self) -> PanelSight:
        """Ask the API something without a token, which has no effect there: what answered.

        Raises:
            PanelUnavailable: nothing did; the message says where the way ended.
        """
        path = f"{LOGS}/pending"
        request = self._request("GET", path, None, None)
        try:
            async with asyncio.timeout(self._deadline_s):
                response = await self._pool(None).send(request, stream=True)
                await response.aclose()
        except _FAILURES as exc:
            raise self._lost(f"GET {path}", exc) from exc
        stream = response.extensions.get("network_stream")
        secured = stream.get_extra_info("ssl_object") if stream else None
        if secured is None:
            return PanelSight(response.status_code)
        until = ssl.cert_time_to_seconds(secured.getpeercert()["notAfter"])
        return PanelSight(
            response.status_code, secured.version() or "", datetime.fromtimestamp(until, UTC)
        )

    # --- One call -----------------------------------------------------------------------------

    async def _call(
        self,
        method: str,
        path: str,
        token: Token | None,
        body: dict[str, object] | None = None,
        secrets: tuple[Masked, ...] = (),
    ) -> object:
        """One request; what stands under `data`."""
        where = f"{method} {path}"
        request = self._request(method, path, token, body)
        try:
            async with asyncio.timeout(self._deadline_s):
                response, content = await self._exchange(request, token)
        except _FAILURES as exc:
            raise self._lost(where, exc) from exc
        if response.is_success:
            if response.status_code == 204:
                return None
            return self._read(where, wire.open_envelope, content)
        raise self._refusal(where, response, content, (token, *secrets) if token else secrets)

    def _request(
        self, method: str, path: str, token: Token | None, body: dict[str, object] | None
    ) -> httpx.Request:
        headers = {
            # Without it an expired login answers with a redirect to a page instead of 401.
            "Accept": "application/json",
            # A compressed answer could unfold to any size.
            "Accept-Encoding": "identity",
            "User-Agent": f"droidrack/{__version__}",
        }
        if token is not None:
            if not _TOKEN.fullmatch(token.reveal()):
                raise SessionOver(
                    "the stored session token holds characters that no token has",
                    hint="pair the phone again",
                )
            headers["Authorization"] = f"Bearer {token.reveal()}"
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        # A tenth less than the deadline, so that a connection that was never made is told apart
        # from an answer that never came.
        timeout = httpx.Timeout(None, connect=self._deadline_s * 0.9, pool=self._deadline_s * 0.9)
        return httpx.Request(
            method,
            self._base_url + path,
            headers=headers,
            content=content,
            extensions={"timeout": timeout.as_dict()},
        )

    async def _exchange(
        self, request: httpx.Request, token: Token | None
    ) -> tuple[httpx.Response, bytes]:
        response = await self._pool(token).send(request, stream=True, follow_redirects=False)
        try:
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > ANSWER_LIMIT:
                    raise _AnswerTooLong
            return response, bytes(content)
        finally:
            await response.aclose()

    def _pool(self, token: Token | None) -> httpx.AsyncClient:
        index = zlib.crc32(token.reveal().encode()) % POOLS if token else 0
        pool = self._pools.get(index)
        if pool is None:
            pool = self._pools[index] = httpx.AsyncClient(
                verify=self._trust,
                transport=self._transport,
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                limits=httpx.Limits(
                    max_connections=CONNECTIONS_PER_POOL,
                    max_keepalive_connections=IDLE_PER_POOL,
                    keepalive_expiry=KEEP_ALIVE_S,
                ),
            )
        return pool

    # --- From theirs to ours ------------------------------------------------------------------

    def _lost(self, where: str, exc: BaseException) -> PanelUnavailable:
        """No whole answer came: the one table from the library's errors to ours."""
        effect = Effect.NONE if isinstance(exc, _NOT_WRITTEN) else Effect.UNKNOWN
        if isinstance(exc, _AnswerTooLong):
            seen = f"the answer is longer than {ANSWER_LIMIT >> 20} MiB"
        elif isinstance(exc, TimeoutError | httpx.TimeoutException):
            seen = f"no whole answer within {self._deadline_s:g} s"
        elif isinstance(exc, httpx.ConnectError):
            seen = f"no connection: {excerpt(str(exc)) or 'refused'}"
        else:
            seen = f"the connection broke ({type(exc).__name__})"
        return PanelUnavailable(
            f"{where}: {seen}",
            hint=f"check that {self._base_url} can be reached from this host",
            effect=effect,
        )

    def _refusal(
        self, where: str, response: httpx.Response, content: bytes, secrets: tuple[Masked, ...]
    ) -> PanelError:
        """The one table from status codes to ours."""
        status = response.status_code
        seen = f"{where}: status {status}"
        if status in (401, 403):
            return SessionOver(
                f"{seen}: the token is not, or no longer, valid",
                hint="make a new pairing token in the panel and pair the phone again",
            )
        delay_s = wire.retry_after_s(
            response.headers.get("retry-after"),
            answered_at=response.headers.get("date"),
            now=self._now(),
        )
        if status == 429 or (status == 503 and delay_s is not None):
            return PanelBusy(f"{seen}: the panel asks for a pause", retry_after_s=delay_s)
        if 400 <= status < 500 and status not in _TRANSIENT_STATUSES:
            fields = tuple(
                (_clean(name, secrets), _clean(sentence, secrets))
                for name, sentence in wire.field_errors(content)
            )
            said = "; ".join(f"{name}: {text}" if name else text for name, text in fields)
            return PanelRefused(
                f"{seen}: {excerpt(said) or 'no reason'}", status=status, fields=fields
            )
        hint = "the panel is out of order; it is asked again later"
        if 300 <= status < 400:
            hint = (
                f"redirects are not followed with a token; is {self._base_url} the panel's address?"
            )
        return PanelUnavailable(seen, hint=hint, effect=Effect.UNKNOWN)

    def _read(self, where: str, read: Callable[[Content], Value], content: Content) -> Value:
        try:
            return read(content)
        except wire.NotOurAnswer as exc:
            raise PanelUnavailable(
                f"{where}: the answer is not the documented one: {exc}",
                hint=f"is {self._base_url} the panel's address, and the panel in order?",
                effect=Effect.UNKNOWN,
            ) from exc


class _AnswerTooLong(Exception):
    """More bytes than any answer has."""


# OSError: what a transport that is not the library's own raises bare.
_FAILURES = (TimeoutError, httpx.HTTPError, OSError, _AnswerTooLong)


def _sim_path(uid: str) -> str:
    return f"{ANDROID}/sim/{quote(uid, safe='')}"


def _clean(text: str, secrets: tuple[Masked, ...]) -> str:
    """A sentence of the panel without what it may quote of our request."""
    for secret in secrets:
        text = text.replace(secret.reveal(), "•••")
    return excerpt(_LONG_DIGITS.sub("•••", text))
