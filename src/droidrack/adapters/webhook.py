"""A webhook: one signed POST per text, as the Standard Webhooks specification lays it down.

    webhook-id: the event's id, the same at every repeat
    webhook-timestamp: seconds since 1970 of this try
    webhook-signature: v1,BASE64(HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"))

Whoever receives it checks the signature over the bytes as they came, refuses an old timestamp, and
drops an id that it knows. No redirect is followed, no proxy or password is taken from the
environment, and what the receiver answers is not read beyond its status.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from droidrack import __version__
from droidrack.adapters.http_address import checked_address, trust
from droidrack.adapters.panel_wire import retry_after_s
from droidrack.core.errors import EndpointFailed, excerpt
from droidrack.core.ids import Token
from droidrack.ports.endpoint import Event

TRANSIENT = frozenset({408, 425, 429})
"""Answers that ask for another try, although they begin with a 4."""

KEEP_ALIVE_S = 60.0
_FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError)


class Webhook:
    """`ports.Endpoint` over HTTP.

    Args:
        name: the operator's name for it; errors and logs say it instead of the address, which may
            hold a key of its own.
        secret: signs; `whsec_` and base64 as the specification writes it, or any other text.
        now: host clock, for the timestamp.

    Raises:
        ConfigError: the address or the certificates cannot be used.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        secret: Token,
        deadline_s: float = 10.0,
        ca_file: Path | None = None,
        allow_plain_http: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name = name
        self._url = checked_address(
            url, allow_plain_http=allow_plain_http, whose=f"webhook {name}: its", query=True
        )
        self._key = _key(secret)
        self._deadline_s = deadline_s
        self._trust = trust(ca_file) if self._url.startswith("https:") else False
        self._now = now
        self._client: httpx.AsyncClient | None = None

    @property
    def name(self) -> str:
        """See the port."""
        return self._name

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def deliver(self, event: Event) -> None:
        """See the port. Any 2xx means taken."""
        content = json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"droidrack/{__version__}",
            **signed(self._key, str(event["id"]), self._now(), content),
        }
        try:
            async with asyncio.timeout(self._deadline_s):
                response = await self._post(content, headers)
        except _FAILURES as exc:
            raise self._lost(exc) from exc
        if not response.is_success:
            raise self._refusal(response)

    async def _post(self, content: bytes, headers: dict[str, str]) -> httpx.Response:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._trust,
                trust_env=False,
                follow_redirects=False,
                timeout=self._deadline_s,  # Of each step; the whole call has it, too.
                limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
            )
        request = self._client.build_request("POST", self._url, content=content, headers=headers)
        response = await self._client.send(request, stream=True)
        await response.aclose()
        return response

    def _lost(self, exc: BaseException) -> EndpointFailed:
        """No answer came: the one table from the library's errors to ours."""
        if isinstance(exc, TimeoutError | httpx.TimeoutException):
            seen = f"no answer within {self._deadline_s:g} s"
        elif isinstance(exc, httpx.ConnectError):
            seen = f"no connection: {excerpt(str(exc)) or 'refused'}"
        else:
            seen = f"the connection failed ({type(exc).__name__})"
        return EndpointFailed(
            f"webhook {self._name}: {seen}",
            down=True,
            hint="check that the receiver runs and can be reached from this host",
        )

    def _refusal(self, response: httpx.Response) -> EndpointFailed:
        status = response.status_code
        delay_s = retry_after_s(
            response.headers.get("retry-after"),
            answered_at=response.headers.get("date"),
            now=self._now(),
        )
        return EndpointFailed(
            f"webhook {self._name}: it answered status {status}, 2xx was expected",
            refused=300 <= status < 500 and status not in TRANSIENT,
            retry_after_s=delay_s,
            hint="look at the receiver's own log; a redirect is not followed",
        )


def signed(key: bytes, event_id: str, at: datetime, content: bytes) -> dict[str, str]:
    """The three headers of a try."""
    timestamp = str(int(at.timestamp()))
    signature = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + content, hashlib.sha256)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def _key(secret: Token) -> bytes:
    """The bytes to sign with: decoded from the specification's form, else the text itself."""
    text = secret.reveal()
    if text.startswith("whsec_"):
        try:
            return base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            return text.encode()
    return text.encode()
