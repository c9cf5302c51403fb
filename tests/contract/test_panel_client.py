"""What our client writes, and what it makes of answers that no sane panel gives."""

import asyncio
import gzip
import json
import ssl
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from panel_bench import NOW, ScriptedServer, registration, sent

from droidrack.adapters.panel_http import ANSWER_LIMIT, HttpPanel
from droidrack.core.checkup import PanelSight
from droidrack.core.errors import (
    ConfigError,
    Effect,
    PanelBusy,
    PanelError,
    PanelRefused,
    PanelUnavailable,
    SessionOver,
)
from droidrack.core.ids import Imsi, Token
from droidrack.ports import Pending, SimPulse
from droidrack.virtual.panel.server import create_app
from droidrack.virtual.panel.store import PanelStore

SECRET = "eyJ0eXAi.c2VjcmV0.c2lnbmF0dXJl"

# --- What goes out ----------------------------------------------------------------------------


def test_delivered_at_is_written_on_the_panels_clock() -> None:
    """12:01:14 UTC in May is 14:01:14 in Berlin; fractions of a second are cut, not rounded."""
    server = ScriptedServer(b'{"success": true}')
    at = NOW + timedelta(microseconds=999_999)

    async def run() -> None:
        async with server.panel(zone=ZoneInfo("Europe/Berlin")) as panel:
            await panel.report(Token("t"), [sent("msg-1", at)])

    asyncio.run(run())
    line = {"uid": "msg-1", "status": "sent", "delivered_at": "2026-05-23 14:01:14"}
    assert {"statuses": [line]} == server.asked[0][3]


def test_report_of_nothing_does_not_call_the_panel() -> None:
    """An empty batch costs no request."""
    server = ScriptedServer()

    async def run() -> None:
        async with server.panel() as panel:
            await panel.report(Token("t"), [])

    asyncio.run(run())
    assert [] == server.asked


@pytest.mark.parametrize("slash", ["", "/"])
def test_base_address_with_a_path_is_kept(slash: str) -> None:
    """A panel below a prefix is asked below it, with or without a slash at the end."""
    server = ScriptedServer(b'{"success": true, "data": []}')

    async def run() -> None:
        async with server.panel(f"http://127.0.0.1/xsender{slash}") as panel:
            await panel.pending(Token("t"), NOW)

    asyncio.run(run())
    assert ("GET", "/xsender/api/logs/sms/pending") == server.asked[0][:2]


def test_every_call_asks_for_json_uncompressed_and_without_cookies() -> None:
    """The headers that keep a login page, a zip bomb and a mixed-up session away."""
    cookie = (b"set-cookie", b"laravel_session=abc; Path=/")
    server = ScriptedServer(b'{"success": true, "data": []}', headers=[cookie])

    async def run() -> None:
        async with server.panel() as panel:
            for _ in range(2):
                await panel.pending(Token("t"), NOW)

    asyncio.run(run())
    headers = server.asked[1][2]
    expected = ("application/json", "identity", "Bearer t", None)
    names = ("accept", "accept-encoding", "authorization", "cookie")
    assert expected == tuple(headers.get(name) for name in names)


def test_expired_login_without_accept_answers_with_a_redirect() -> None:
    """Why Accept matters: the local panel does as the real one's framework does."""

    async def run() -> tuple[int, int]:
        store = PanelStore()
        transport = httpx.ASGITransport(create_app(store))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            path = "/api/logs/sms/pending"
            page = await client.get(path, headers={"Accept": "text/html"})
            answer = await client.get(path, headers={"Accept": "application/json"})
        store.close()
        return page.status_code, answer.status_code

    assert (302, 401) == asyncio.run(run())


def test_plain_http_panel_of_this_host_is_accepted() -> None:
    """A lab's panel on loopback needs no certificate."""
    for url in ("http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"):
        assert isinstance(HttpPanel(url, now=lambda: datetime.now(UTC)), HttpPanel)


# --- What comes in ----------------------------------------------------------------------------


def poll(server: ScriptedServer, token: str = SECRET) -> Pending:
    """One poll of a server."""

    async def run() -> Pending:
        async with server.panel() as panel:
            return await panel.pending(Token(token), NOW)

    return asyncio.run(run())


BROKEN = {
    "nothing": b"",
    "a page": b"<html></html>",
    "cut": b'{"success": true, "data": [{"uid": "a',
    "no envelope": b"[]",
    "no success": b'{"data": []}',
    "success is one": b'{"success": 1, "data": []}',
    "success is a word": b'{"success": "true", "data": []}',
    "success twice": b'{"success": false, "success": true, "data": []}',
    "no data": b'{"success": true}',
    "data is null": b'{"success": true, "data": null}',
    "data is an object": b'{"success": true, "data": {"0": {}}}',
    "latin-1": '{"success": true, "data": ["é"]}'.encode("latin-1"),
    "nested deep": b"[" * 100_000,
    "number too long": b'{"success": true, "data": [' + b"9" * 10_000 + b"]}",
    "two answers": b'{"success": true, "data": []}{"success": true, "data": []}',
    "too long": b" " * (ANSWER_LIMIT + 1),
    "compressed": gzip.compress(b'{"success": true, "data": []}'),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_answer_that_is_not_the_documented_one_is_unavailable(body: bytes) -> None:
    """Whatever comes with status 200, it is either the answer or a passing fault."""
    with pytest.raises(PanelUnavailable):
        poll(ScriptedServer(body))


def test_answer_with_unknown_fields_and_a_byte_order_mark_is_read() -> None:
    """Fields of later versions are ignored, a missing priority is normal."""
    item = {"uid": "m", "number": "1", "body": "", "sim_uid": "s", "campaign": {"id": 7}}
    body = json.dumps({"success": True, "data": [item], "meta": {}}).encode("utf-8-sig")
    assert [("m", 1)] == [(m.uid, m.priority) for m in poll(ScriptedServer(body)).messages]


@pytest.mark.parametrize("word", ['"urgent"', "null", "7", "[]", "NaN"])
def test_priority_that_is_unknown_counts_as_normal(word: str) -> None:
    """It decides the order only, so it is no reason to refuse a message."""
    item = f'{{"uid": "m", "number": "1", "body": "x", "sim_uid": "s", "priority": {word}}}'
    body = f'{{"success": true, "data": [{item}]}}'.encode()
    assert [1] == [m.priority for m in poll(ScriptedServer(body)).messages]


def test_registration_with_an_unreadable_sim_row_keeps_the_session() -> None:
    """The pairing token is spent by then; the good rows count, 0 and 1 are booleans."""
    sims = [{"uid": "a", "slot": 0, "label": None, "active": 1}, {"uid": 7}, None]
    fields = {"session_token": "t", "gateway_uid": "g", "user": None, "sims": sims}
    server = ScriptedServer(json.dumps({"success": True, "data": fields}).encode())

    async def run() -> None:
        async with server.panel() as panel:
            session = await panel.register(registration("ATKN-1"))
        rows = [(sim.uid, sim.slot, sim.label, sim.active) for sim in session.sims]
        assert ([("a", 0, "", True)], "") == (rows, session.user_name)

    asyncio.run(run())


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "é", 7, None])
def test_registration_with_an_impossible_token_is_unavailable(token: object) -> None:
    """What no header can carry is not stored as a session."""
    fields = {"session_token": token, "gateway_uid": "g"}
    server = ScriptedServer(json.dumps({"success": True, "data": fields}).encode())

    async def run() -> None:
        async with server.panel() as panel:
            await panel.register(registration("ATKN-1"))

    with pytest.raises(PanelUnavailable) as lost:
        asyncio.run(run())
    assert Effect.UNKNOWN is lost.value.effect


def test_stored_token_that_no_header_can_carry_ends_the_session() -> None:
    """A damaged vault leads to pairing, not to a crash that prints the token."""
    token = "\r\n".join(("a", "spoiled", "one"))
    with pytest.raises(SessionOver) as over:
        poll(ScriptedServer(), token)
    assert "spoiled\r" not in "".join(traceback.format_exception(over.value))


def test_no_content_is_a_good_answer_to_a_report() -> None:
    """204 is what the framework sends where there is nothing to say."""
    server = ScriptedServer(status=204, headers=())

    async def run() -> None:
        async with server.panel() as panel:
            await panel.report(Token("t"), [sent("m")])

    asyncio.run(run())
    assert 1 == len(server.asked)


def test_empty_200_is_no_acknowledgement_of_a_report() -> None:
    """An answer that lost its body must not make us forget the report."""

    async def run() -> None:
        async with ScriptedServer().panel() as panel:
            await panel.report(Token("t"), [sent("m")])

    with pytest.raises(PanelUnavailable):
        asyncio.run(run())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_never_followed(status: int) -> None:
    """The token stays with the host it was given for; the hint names the likely cause."""
    location = (b"location", b"https://elsewhere.invalid/")
    server = ScriptedServer(status=status, headers=[location])
    with pytest.raises(PanelUnavailable) as refused:
        poll(server)
    assert (1, True) == (len(server.asked), "redirects are not followed" in refused.value.hint)


@pytest.mark.parametrize(
    ("value", "date", "delay_s"),
    [
        ("Sat, 23 May 2026 12:02:14 GMT", None, 60.0),
        ("Sat, 23 May 2026 12:02:14 GMT", "Sat, 23 May 2026 12:01:44 GMT", 30.0),
        ("Sat, 23 May 2026 11:00:00 GMT", None, 0.0),
        ("Sun, 24 May 2026 12:01:14 GMT", None, 3_600.0),
        ("Sat, 99 May 2026 12:02:14 GMT", None, None),
        ("1.5", None, None),
        ("٣", None, None),
    ],
)
def test_retry_after_date_is_counted_on_the_panels_clock(
    value: str, date: str | None, delay_s: float | None
) -> None:
    """The answer's Date header, where there is one, else ours; past is now, an hour is the most."""
    headers = [(b"retry-after", value.encode())]
    if date:
        headers.append((b"date", date.encode()))
    server = ScriptedServer(status=429, headers=headers)

    async def run() -> None:
        async with server.panel(now=lambda: NOW) as panel:
            await panel.pending(Token("t"), NOW)

    with pytest.raises(PanelBusy) as busy:
        asyncio.run(run())
    assert delay_s == busy.value.retry_after_s


def test_refusal_that_quotes_the_request_shows_no_secret() -> None:
    """Tokens, subscriber numbers and telephone numbers are blotted out of the panel's words."""
    imsi = "001010000000001"
    said = f"Token {SECRET} and {imsi} and +15555550123 are wrong."
    body = json.dumps({"message": said, "errors": {"imsi": [said], SECRET: "x"}}).encode()
    server = ScriptedServer(body, status=422)

    async def run() -> None:
        async with server.panel() as panel:
            pulse = SimPulse("s", True, None, None, Imsi(imsi))
            await panel.heartbeat(Token(SECRET), pulse)

    with pytest.raises(PanelRefused) as refused:
        asyncio.run(run())
    shown = "".join(traceback.format_exception(refused.value)) + str(refused.value.fields)
    assert [] == [secret for secret in (SECRET, imsi, "5555550123") if secret in shown]


def test_refused_item_shows_neither_number_nor_text() -> None:
    """A reason names the field and the rule, and quotes nothing."""
    items = [
        {"uid": "m", "number": 15555550123, "body": "open sesame", "sim_uid": "s"},
        {"uid": "n", "number": "+15555550123", "body": ["open sesame"], "sim_uid": "s"},
    ]
    body = json.dumps({"success": True, "data": items}).encode()
    reasons = " ".join(item.reason for item in poll(ScriptedServer(body)).refused)
    assert [] == [secret for secret in ("5555550123", "sesame") if secret in reasons]


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_broken_answer_with_a_secret_in_it_is_not_quoted(body: bytes) -> None:
    """The whole chain of causes is free of what the panel sent."""
    spoiled = body.replace(b"a", b"open sesame", 1) + b"open sesame"
    with pytest.raises(PanelError) as error:
        poll(ScriptedServer(spoiled))
    assert "sesame" not in "".join(traceback.format_exception(error.value))


# --- Addresses and certificates ---------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "panel.example",
        "ftp://panel.example",
        "https://",
        "https://user:pass@panel.example",
        "https://panel.example/?a=b",
        "https://panel.example/#a",
        "http://panel.example",
        "http://192.0.2.1",
        "https://panel.example:port",
    ],
)
def test_address_that_cannot_be_used_is_a_config_error(url: str) -> None:
    """Plain http to another host is among them: a token would cross the network in clear."""
    with pytest.raises(ConfigError) as mistake:
        HttpPanel(url)
    assert mistake.value.hint
    assert "pass" not in str(mistake.value).replace("password", "")


def test_plain_http_to_another_host_can_be_allowed() -> None:
    """For a network that belongs to the operator alone."""
    assert isinstance(HttpPanel("http://panel.example", allow_plain_http=True), HttpPanel)


def test_certificates_that_cannot_be_read_are_a_config_error(tmp_path: Path) -> None:
    """Found when the program starts, not at the first poll."""
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        HttpPanel("https://panel.example", ca_file=path)


def test_panel_that_is_not_there_is_unavailable_and_nothing_happened() -> None:
    """Connection refused proves that the pairing token is unspent."""

    async def run() -> None:
        listener = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.close()
        await listener.wait_closed()
        async with HttpPanel(f"http://127.0.0.1:{port}") as panel:
            await panel.register(registration("ATKN-1"))

    with pytest.raises(PanelUnavailable) as lost:
        asyncio.run(run())
    assert (Effect.NONE, False) == (lost.value.effect, "spent" in lost.value.hint)


@asynccontextmanager
async def tls_server(directory: Path, *, days: int) -> AsyncIterator[int]:
    """A TLS server with a certificate of its own that ends in `days`; yields its port."""
    _write_certificate(directory, days)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    body = b'{"success": true, "data": []}'
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _write_certificate(directory: Path, days: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    start = datetime.now(UTC) - timedelta(days=30)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(datetime.now(UTC) + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.mark.parametrize(
    ("days", "trusted", "flaw"),
    [(1, True, ""), (1, False, "certificate verify failed"), (-1, True, "has expired")],
)
def test_tls_certificate_is_verified(tmp_path: Path, days: int, trusted: bool, flaw: str) -> None:
    """28: a certificate we trust opens the door; a strange or an expired one does not."""

    async def run() -> None:
        async with tls_server(tmp_path, days=days) as port:
            ca_file = tmp_path / "cert.pem" if trusted else None
            async with HttpPanel(f"https://127.0.0.1:{port}", ca_file=ca_file) as panel:
                await panel.pending(Token("t"), NOW)

    if not flaw:
        asyncio.run(run())
        return
    with pytest.raises(PanelUnavailable, match=flaw) as lost:
        asyncio.run(run())
    assert Effect.NONE is lost.value.effect


def test_look_tells_status_and_certificate(tmp_path: Path) -> None:
    """A look without a token brings back what answered and until when its certificate is good."""

    async def run() -> PanelSight:
        async with tls_server(tmp_path, days=9) as port:
            url = f"https://127.0.0.1:{port}"
            async with HttpPanel(url, ca_file=tmp_path / "cert.pem") as panel:
                return await panel.look()

    sight = asyncio.run(run())
    assert (200, "TLSv1.3") == (sight.status, sight.tls)
    assert sight.certificate_until is not None
    left = sight.certificate_until - datetime.now(UTC)
    assert timedelta(days=8) < left < timedelta(days=9)
