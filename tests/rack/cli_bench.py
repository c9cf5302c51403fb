"""The command line on a bench: virtual phones, a real adb server, the local panel, real sockets.

A command runs its own event loop, so phones, panel and controllers live on another thread's. Most
commands run in this process (`Desk.run`), some as the installed program (`Desk.spawn`).
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner, Result
from controller_bench import Bench, Running, bench
from live_rack import DEADLINE_S, running_loop

from droidrack.faces.cli.main import main
from droidrack.virtual.spec import PhoneSpec

T = TypeVar("T")

PROGRAM = Path(sys.executable).with_name("droidrack")
NUMBER = "+15550142637"
TEXT = "Please call back about locker 77"


@dataclass
class Desk:
    """What a person has: a configuration, a terminal, and phones on the shelf."""

    table: Bench
    config: Path
    loop: asyncio.AbstractEventLoop
    printed: list[str] = field(default_factory=list)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something where phones and panel live."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(2 * DEADLINE_S)

    def do(self, step: Callable[[], T]) -> T:
        """Call something plain there."""

        async def run() -> T:
            return step()

        return self.call(run())

    def run(self, *words: str, stdin: str | bytes | None = None) -> Result:
        """Type a command; an exception that no user should see fails the test."""
        command = [*words, "--config", str(self.config)]
        result = CliRunner().invoke(main, command, input=stdin, catch_exceptions=False)
        self.printed += [result.stdout, result.stderr]
        return result

    def json(self, *words: str, code: int = 0, stdin: str | None = None) -> Any:
        """What a command with --json says."""
        result = self.run(*words, "--json", stdin=stdin)
        assert code == result.exit_code, result.output
        return json.loads(result.stdout)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """A command that goes on by itself, as another process."""
        return subprocess.Popen(
            [str(PROGRAM), *words, "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._surroundings,
        )

    @property
    def _surroundings(self) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.table.home), "LANG": "C.UTF-8"}

    def spawn(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """The same as another process, as a shell would start it."""
        done = subprocess.run(
            [str(PROGRAM), *words, "--config", str(self.config)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE_S,
            check=False,
            env=self._surroundings,
        )
        self.printed += [done.stdout, done.stderr]
        return done

    @contextmanager
    def controller(self) -> Iterator[Running]:
        """A controller at work on this configuration, while the block runs."""
        stack = AsyncExitStack()
        running = self.call(stack.enter_async_context(self.table.controller()))
        try:
            yield running
        finally:
            self.call(stack.aclose())

    def mint(self) -> str:
        """A new pairing token."""
        return self.do(self.table.store.mint)

    @property
    def secrets(self) -> list[str]:
        """What no output may hold: numbers, texts, and what the cards are."""
        cards = [c for p in self.table.phones for c in p.model.spec.sims if c is not None]
        return [NUMBER, NUMBER[1:], TEXT, *(c.iccid for c in cards), *(c.imsi for c in cards)]


def toml(table: Bench) -> str:
    """The bench's settings as a person would write them."""
    settings = table.settings
    lines = [
        f'state_dir = "{settings.state_dir}"',
        f'[panel]\nurl = "{settings.panel.url}"\ndeadline_s = 5.0',
        "[intervals]\npoll_s = 0.2\nheartbeat_s = 1.0\nreport_s = 0.05",
        "[pacing]\nmin_gap_s = 0.1",
        f"[policy]\nconfirm_deadline_s = {settings.policy.confirm_deadline_s}",
        f"[[adb]]\nown = false\nport = {settings.adb[0].port}",
    ]
    for phone in settings.phones:
        lines.append(f'[[phones]]\nname = "{phone.name}"\nserial = "{phone.serial}"')
    return "\n".join(lines) + "\n"


@contextmanager
def desk(specs: Sequence[PhoneSpec], home: Path, **options: Any) -> Iterator[Desk]:
    """A bench with a configuration file; no phone is paired and no token is named in the file."""
    with running_loop() as loop:
        stack = AsyncExitStack()

        def call(work: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(work, loop).result(2 * DEADLINE_S)

        table = call(stack.enter_async_context(bench(specs, home, **options)))
        phones = tuple(replace(phone, token_file="") for phone in table.settings.phones)
        table.settings = replace(table.settings, phones=phones)
        try:
            config = home / "devices.toml"
            config.write_text(toml(table), encoding="utf-8")
            yield Desk(table, config, loop)
        finally:
            call(stack.aclose())


def paired(shelf: Desk, phone: str = "bay-0", command: str = "pair") -> str:
    """Pair a phone; the token that was spent."""
    token = shelf.mint()
    result = shelf.run(command, "--phone", phone, "--token-stdin", stdin=token + "\n")
    assert 0 == result.exit_code, result.output
    assert token not in result.output
    return token
