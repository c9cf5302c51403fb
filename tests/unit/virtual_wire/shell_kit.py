"""A phone's shell without a wire, for tests: run a command, look at its arguments and output."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.console import CapturedConsole, Console
from droidrack.virtual.handset import Handset, Shell
from droidrack.virtual.phone import VirtualPhone

NOON = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Ran:
    """What came of one command. `calls` are the arguments of the tool `spy`."""

    code: int
    out: bytes
    err: bytes
    calls: tuple[tuple[str, ...], ...]


def make_handset(
    make_shell: Callable[[Handset], Shell] | None = None, *, index: int = 13, api: int = 34
) -> Handset:
    """A phone with a fixed date and chance."""
    model = VirtualPhone(make_spec(index, api=api), wall=lambda: NOON, dice=random.Random(1))
    return Handset(model, make_shell)


def run(
    command: bytes | None,
    stdin: bytes = b"",
    make_shell: Callable[[Handset], Shell] | None = None,
) -> Ran:
    """Run a command on a fresh phone that has a tool `spy` which notes its arguments."""
    handset = make_handset(make_shell)
    calls: list[tuple[str, ...]] = []

    async def spy(argv: list[str], console: Console) -> int:
        calls.append(tuple(argv[1:]))
        return 0

    handset.toolbox.add("spy", spy)

    async def main() -> Ran:
        console = CapturedConsole(stdin)
        try:
            code = await handset.shell.run(command, console)
        finally:
            await handset.close()
        return Ran(code, bytes(console.out), bytes(console.err), tuple(calls))

    return asyncio.run(main())


def on_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine."""
    asyncio.run(work)
