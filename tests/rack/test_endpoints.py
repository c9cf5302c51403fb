"""Webhooks and hook commands against the real thing: sockets and processes of this host."""

import asyncio
import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from receiver_bench import SECRET, receiving

from droidrack.adapters.hook import HookCommand
from droidrack.adapters.webhook import Webhook, signed
from droidrack.core.errors import ConfigError, EndpointFailed
from droidrack.core.ids import Token
from droidrack.ports.endpoint import Endpoint, Event

EVENT: Event = {"id": "00ff", "type": "sms.received", "sender": "+15550100001", "text": "two\n€"}


def failure(endpoint: Endpoint) -> EndpointFailed:
    """The error with which an endpoint does not take the event."""

    async def play() -> EndpointFailed:
        try:
            with pytest.raises(EndpointFailed) as failed:
                await endpoint.deliver(EVENT)
        finally:
            await endpoint.close()
        return failed.value

    return asyncio.run(play())


def webhook(url: str, **options: float) -> Webhook:
    """A webhook with the bench's secret."""
    return Webhook("crm", url, secret=Token(SECRET), **options)  # type: ignore[arg-type]


def test_signature_is_that_of_the_standard_webhooks_specification() -> None:
    """The specification's own example, whose secret decodes to bytes."""
    secret = Token("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    hook = Webhook("crm", "http://127.0.0.1:1", secret=secret)
    headers = signed(
        hook._key,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )
    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == headers["webhook-signature"]


def test_webhook_sends_the_event_signed() -> None:
    """A receiver that knows the secret can tell that it is ours, and reads the text as it was."""

    async def play() -> None:
        async with receiving() as receiver:
            hook = webhook(receiver.url)
            await hook.deliver(EVENT)
            await hook.deliver(EVENT)
            await hook.close()
            assert ([EVENT, EVENT], 0) == (receiver.taken, receiver.forged)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("status", "refused"), [(301, True), (404, True), (422, True), (429, False), (503, False)]
)
def test_webhook_tells_a_refusal_from_a_bad_day(status: int, refused: bool) -> None:
    """Only what the receiver will say again is a refusal; a redirect is not followed."""

    async def play() -> EndpointFailed:
        async with receiving() as receiver:
            receiver.answers = [status]
            hook = webhook(receiver.url)
            with pytest.raises(EndpointFailed) as failed:
                await hook.deliver(EVENT)
            await hook.close()
            return failed.value

    failed = asyncio.run(play())
    assert refused is failed.refused
    assert f"status {status}" in failed.message


def test_webhook_without_a_receiver_fails_and_tells_nothing_private() -> None:
    """Neither secret, number, text nor the address with its key is in the error."""
    failed = failure(webhook("http://127.0.0.1:1/key-7f3a?x=key-7f3a"))
    assert not failed.refused
    for private in (SECRET, "+15550100001", "two", "key-7f3a"):
        assert private not in f"{failed.message} {failed.hint} {failed!r}"


def test_webhook_that_never_answers_costs_its_deadline() -> None:
    """A receiver that hangs is left."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        failed = failure(webhook(f"http://127.0.0.1:{silent.getsockname()[1]}", deadline_s=0.2))
    assert "no answer within 0.2 s" in failed.message


def test_webhook_refuses_plain_http_to_another_host() -> None:
    """Texts do not travel readable unless the operator says that the network is his."""
    with pytest.raises(ConfigError):
        webhook("http://192.0.2.1/sms")


def hook(code: str, **options: float) -> HookCommand:
    """A hook that runs some Python."""
    return HookCommand("on-sms", [sys.executable, "-c", code], **options)


def test_hook_gets_the_event_on_stdin_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One JSON line; nothing of the text in its arguments, nothing of ours in its environment."""
    monkeypatch.setenv("PAIRING_TOKEN", "gw-secret")
    seen = tmp_path / "seen"
    code = (
        "import json, os, sys\n"
        f"json.dump([json.load(sys.stdin), sys.argv, dict(os.environ)], open({str(seen)!r}, 'w'))"
    )

    async def play() -> None:
        await hook(code).deliver(EVENT)

    asyncio.run(play())
    event, argv, environment = json.loads(seen.read_text())
    assert EVENT == event
    assert ["-c"] == argv
    assert "PAIRING_TOKEN" not in environment
    assert "PATH" in environment


def test_hook_that_ends_badly_or_cannot_run_has_not_taken_the_event() -> None:
    """Exit code 0 and nothing else means taken."""
    assert "ended with 3" in failure(hook("raise SystemExit(3)")).message
    absent = failure(HookCommand("on-sms", ["/nonexistent/program"]))
    assert "no such file" in absent.message
    assert "+15550100001" not in absent.message


def test_hook_that_does_not_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """At the deadline nothing of it is left."""
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    failed = failure(hook(code, deadline_s=3.0))
    assert "not done within 3 s" in failed.message
    leader, child = map(int, pids.read_text().split())
    with pytest.raises(ProcessLookupError):
        os.kill(leader, 0)
    assert _ends(child)


def _ends(pid: int) -> bool:
    """Whether a process dies; one that nobody reaps yet is dead.

    A signal has been sent when `kill` returns; the kernel ends its receiver a little later, and
    only a parent can wait for that.
    """
    for _ in range(500):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False
