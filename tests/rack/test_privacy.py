"""Nothing that a run gives away holds a token, a number, a card or a text.

A real adb server, the real program in a process of its own, and everything that others could read
of it: its log, its metrics, its control socket, the commands beside it, the journal's plain
columns, and the command lines of all processes of the host, looked at throughout the run.
"""

import asyncio
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from controller_bench import DEADLINE_S, Bench, bench, swift

from droidrack import compose, compose_journal
from droidrack.virtual.faults import Fate, Outcome

BODIES = ("a rather private text", "Zweiter geheimer Text ✓", "$(third) private text")
NUMBERS = tuple(f"+1555987{n:04d}" for n in range(1, 6))
REVEALED = {("messages", "number"), ("messages", "body"), ("cards", "iccid"), ("phones", "serial")}
"""The journal's own columns: what it is for. It lies in a directory of its owner's alone."""


def configured(table: Bench) -> Path:
    """An operator's file with everything switched on that speaks."""
    phones = "".join(
        f'[[phones]]\nname = "{p.name}"\nserial = "{p.serial}"\ntoken_file = "{p.token_file}"\n'
        for p in table.settings.phones
    )
    config = table.home / "devices.toml"
    config.write_text(
        f'state_dir = "{table.settings.state_dir}"\n'
        f'[panel]\nurl = "{table.settings.panel.url}"\n'
        "[intervals]\npoll_s = 0.2\nheartbeat_s = 1\nreport_s = 0.1\n"
        '[health]\nread_s = 1\n[metrics]\nlisten = "127.0.0.1:0"\n[pacing]\nmin_gap_s = 0.1\n'
        f"[[adb]]\nown = false\nport = {table.rack.adb_port}\n{phones}",
        encoding="utf-8",
    )
    config.chmod(0o600)
    return config


class Watcher:
    """Collects the command line of every process of this host for as long as it runs."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        self.seen.add((entry / "cmdline").read_bytes())
                    except OSError:  # It ended meanwhile.
                        continue


@contextmanager
def program(config: Path, log: io.BufferedWriter) -> Iterator[subprocess.Popen[bytes]]:
    """`droidrack run`, killed at the end if it still runs."""
    command = [sys.executable, "-m", "droidrack.faces.cli.main", "run", "--log-json"]
    with subprocess.Popen(
        [*command, "--config", str(config)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={"PATH": os.defpath, "HOME": str(config.parent)},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


async def said(config: Path, *arguments: str) -> str:
    """All that a command beside the controller prints."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "droidrack.faces.cli.main",
        *arguments,
        "--config",
        str(config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=config.parent,
    )
    out, _ = await asyncio.wait_for(running.communicate(), DEADLINE_S)
    return out.decode()


async def page(port: int) -> str:
    """The page of metrics."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    text = await reader.read()
    writer.close()
    assert text.startswith(b"HTTP/1.1 200 OK")
    return text.decode()


def logged(log: Path, event: str) -> list[dict[str, object]]:
    """The lines of the log about an event."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line[:1] == "{"]
    return [line for line in lines if line["event"] == event]


async def until(running: "subprocess.Popen[bytes]", condition: Callable[[], bool]) -> None:
    """Poll until it holds; a program that ended, or time that ran out, is a failure."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            assert running.poll() is None
            await asyncio.sleep(0.05)


def tokens_of(table: Bench) -> list[str]:
    """The pairing tokens that were laid down."""
    return [Path(p.token_file).read_text("utf-8").strip() for p in table.settings.phones]


def ready(log: Path) -> int:
    """How many phones have been ready."""
    lines = logged(log, "phone state")
    return len({line["phone"] for line in lines if line["state"] == "ready"})


def plain_columns(journal: Path) -> str:
    """Everything in the journal but the columns that are for secrets."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as base:
        tables = [
            row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        texts = []
        for table in tables:
            rows = base.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in rows.description]
            for row in rows:
                texts += [
                    value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    for name, value in zip(names, row, strict=True)
                    if (table, name) not in REVEALED
                ]
    return "\n".join(texts)


def secrets_of(table: Bench, pairing: list[str]) -> list[str]:
    """What must not be seen: tokens, numbers with and without their plus, cards, texts."""
    vault = compose.open_vault(table.settings)
    sessions = [vault.load(table.device(index)) for index in range(len(table.phones))]
    cards = [card for phone in table.phones for card in phone.model.spec.sims if card]
    return [
        *pairing,
        *(session.token.reveal() for session in sessions if session),
        *(number[1:] for number in NUMBERS),
        *(identity for card in cards for identity in (card.iccid, card.imsi)),
        *BODIES,
    ]


def test_run_gives_no_secret_away(tmp_path: Path) -> None:
    """Every output of a run with successes, failures, doubts and acts of people."""
    log = tmp_path / "run.log"

    async def play() -> tuple[dict[str, str], list[str], list[str]]:
        async with bench([swift(0, api=34), swift(1, api=28)], tmp_path) as table:
            pairing = tokens_of(table)
            serials = [phone.model.spec.serial for phone in table.phones]
            serials += [phone.adb_serial for phone in table.phones]
            config = configured(table)
            outputs: dict[str, str] = {}
            with Watcher() as watcher, log.open("wb") as file, program(config, file) as running:
                await until(running, lambda: ready(log) == 2)
                table.phones[0].model.radio.faults.script(
                    Fate(), Fate(Outcome.RIL_ERROR, ril_error="MODEM_ERR")
                )
                uids = [
                    table.queue(BODIES[n % 3], number=NUMBERS[n], phone=n % 2) for n in range(4)
                ]
                table.queue("", number=NUMBERS[4])
                await until(running, lambda: all(map(table.latest, uids)))
                outputs["shell"] = await said(
                    config, "shell", "--phone", "bay-0", "--yes", "--", "echo", "hello"
                )
                outputs["pause"] = await said(config, "pause", "--all", "--why", "a look")
                for act in ("status", "events", "messages", "sims list"):
                    outputs[act] = await said(config, *act.split())
                    outputs[f"{act} --json"] = await said(config, *act.split(), "--json")
                outputs["why"] = await said(config, "why", uids[0])
                (told,) = logged(log, "metrics served")
                outputs["metrics"] = await page(int(str(told["port"])))
                answer = await compose.ask_controller(table.settings, "status", {}, deadline_s=9)
                outputs["socket"] = json.dumps(answer, ensure_ascii=False)
                running.terminate()
                await asyncio.to_thread(running.wait, DEADLINE_S)
            outputs["processes"] = b"\n".join(watcher.seen).decode("utf-8", "replace")
            outputs["log"] = log.read_text("utf-8")
            journal = Path(table.settings.state_dir) / compose_journal.JOURNAL_FILE
            outputs["journal"] = plain_columns(journal)
            return outputs, secrets_of(table, pairing), serials

    outputs, secrets, serials = asyncio.run(play())

    assert 2 + 2 + 5 + 4 + 3 <= len(secrets)
    assert all(outputs.values())
    assert "droidrack_messages_total" in outputs["metrics"]
    assert "droidrack.faces.cli.main\0run" in outputs["processes"]
    assert [] == [
        (where, secret)
        for where, text in outputs.items()
        for secret in secrets
        if secret in text or json.dumps(secret)[1:-1] in text
    ]
    assert [] == [serial for serial in serials if serial in outputs["metrics"]]
