"""The real program killed at each point of receiving and forwarding: nothing is lost or doubled."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from controller_bench import DEADLINE_S, Bench, bench, swift
from receiver_bench import SECRET, Receiver, receiving

from droidrack import compose_journal
from droidrack.core.errors import JournalError

SENDERS = ("+15550200001", "+15550200002")
TEXTS = [f"text {n}" for n in range(4)]


def write_config(table: Bench, receiver: Receiver) -> Path:
    """The bench's settings with a webhook, as an operator's file."""
    secret = table.home / "crm.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    (phone,) = table.settings.phones
    config = table.home / "devices.toml"
    config.write_text(
        f'state_dir = "{table.settings.state_dir}"\n'
        f'[panel]\nurl = "{table.settings.panel.url}"\n'
        "[intervals]\npoll_s = 0.2\n"
        "[inbound]\npoll_s = 0.2\n"
        f'[[inbound.webhooks]]\nname = "crm"\nurl = "{receiver.url}"\nsecret_file = "{secret}"\n'
        f"[[adb]]\nown = false\nport = {table.rack.adb_port}\n"
        f'[[phones]]\nname = "{phone.name}"\nserial = "{phone.serial}"\n'
        f'token_file = "{phone.token_file}"\n',
        encoding="utf-8",
    )
    return config


class Life:
    """One run of the program."""

    def __init__(self, config: Path, failpoints: str = "") -> None:
        environment = {
            "PATH": os.defpath,
            "HOME": str(config.parent),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        if failpoints:
            environment["DROIDRACK_FAILPOINTS"] = failpoints
        self.program = subprocess.Popen(
            [sys.executable, "-m", "droidrack.faces.cli.main", "run", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Poll what can be seen from outside; running out of time is a failure."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DEADLINE_S
        while not await condition():
            assert loop.time() < deadline, f"never: {what}"
            await asyncio.sleep(0.05)

    async def died(self) -> int:
        """Its exit code."""
        return await asyncio.to_thread(self.program.wait, DEADLINE_S)

    async def kill(self) -> None:
        """As a power cut would."""
        self.program.kill()
        await self.died()


async def begun(table: Bench) -> bool:
    """Whether a first look is on disk."""
    try:
        async with compose_journal.observe_journal(table.settings) as journal:
            return bool(await journal.inbox.watermarks())
    except JournalError:
        return False


async def settled(table: Bench) -> bool:
    """Whether all texts are in the journal and nobody is owed one."""
    async with compose_journal.observe_journal(table.settings) as journal:
        whole = len(await journal.inbox.texts(limit=99)) == len(TEXTS) * len(SENDERS)
        return whole and await journal.inbox.next_due("crm") is None


@pytest.mark.parametrize(
    "point",
    [
        "commit.inbound.before:2",
        "commit.inbound.after:2",
        "endpoint.deliver.before:2",
        "endpoint.deliver.after:2",
        "commit.delivered.before",
        "commit.delivered.after:2",
        "commit.postponed.before",
        "commit.postponed.after",
    ],
)
def test_program_killed_at_any_point_delivers_each_text_in_order(
    point: str, tmp_path: Path
) -> None:
    """The journal holds each once; the receiver gets each at least once, by one id."""

    async def play() -> None:
        async with receiving() as receiver, bench([swift(0, api=34, sims=1)], tmp_path) as table:
            config = write_config(table, receiver)
            if "postponed" in point:
                receiver.answers = [503]
            first = Life(config, point)
            try:
                await first.until(lambda: begun(table), "a first look")
                for text in TEXTS:
                    for sender in SENDERS:
                        table.phones[0].model.receive_sms(0, sender, text)
                assert -signal.SIGKILL == await first.died()
            finally:
                await first.kill()
            second = Life(config)
            try:
                await second.until(lambda: settled(table), "all forwarded")
            finally:
                await second.kill()
            for sender in SENDERS:
                got = {e["id"]: e["text"] for e in receiver.taken if e["sender"] == sender}
                assert TEXTS == list(got.values())
            repeats = Counter(event["id"] for event in receiver.taken)
            assert len(TEXTS) * len(SENDERS) == len(repeats)
            assert max(repeats.values()) <= 2
            assert 0 == receiver.forged

    asyncio.run(play())
