"""A virtual phone on a bench: virtual time, a fixed date, and command lines as a person types."""

import asyncio
import random
import selectors
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from droidrack.virtual.air import Air
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.console import CapturedConsole
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.spec import spec_with

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALL_LEVELS = range(21, 37)
NUMBER = "+15550001111"


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: the time that a wait would have taken passes at once."""

    elapsed_s = 0.0

    def select(self, timeout=None):
        """Move the clock on; a loop with nothing left to do is a test that hangs."""
        if timeout is None:
            raise RuntimeError("nothing is scheduled and nothing is ready")
        self.elapsed_s += max(timeout, 0.0)
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)

    def time(self):
        return self.jumping.elapsed_s


def in_virtual_time(main: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine function on a loop whose clock jumps to the next timer."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        runner.run(main())


def wall() -> datetime:
    """The date that belongs to the loop's clock."""
    return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


def phone(
    api: int = 33,
    *,
    seed: int = 1,
    cards: int | None = None,
    air: Air | None = None,
    **changes: object,
) -> VirtualPhone:
    """A phone of this level; `changes` are fields of its spec or of its quirks."""
    spec = spec_with(make_spec(api, api=api, sims=cards), **changes)
    return VirtualPhone(spec, wall=wall, dice=random.Random(seed), air=air)


@dataclass(frozen=True)
class Ran:
    """What a tool left behind."""

    code: int
    out: str
    err: str


async def run(target: VirtualPhone, line: str | list[str]) -> Ran:
    """Run one command line (split as a shell does) or one argument list."""
    console = CapturedConsole()
    argv = shlex.split(line) if isinstance(line, str) else line
    code = await target.tool(argv, console)
    return Ran(code, console.out.decode(), console.err.decode())


def send_line(api: int, sub_id: int, number: str, text: str, *, message_id: int = 7) -> list[str]:
    """The argument list of the reference, per release, with nothing shared with any table."""
    call = ["service", "call", "isms"]
    shell = ["s16", "com.android.shell"]
    tail = ["s16", number, "i32", "-1", "s16", text, "i32", "0", "i32", "0"]
    if api == 21:
        return [*call, "10", "i32", str(sub_id), "i32", "0", *shell, *tail]
    if api == 22:
        return [*call, "10", "i32", str(sub_id), *shell, *tail]
    if api < 30:
        return [*call, "6", "i32", str(sub_id), *shell, *tail, "i32", "1"]
    tagged = [*shell, "i32", "-1", *tail, "i32", "1", "i64", str(message_id)]
    return [*call, "5", "i32", str(sub_id), *tagged]


def multipart_line(api: int, code: int, sub_id: int, number: str, parts: list[str]) -> list[str]:
    """As `send_line`, for several parts; `code` is the build's own."""
    head = ["service", "call", "isms", str(code), "i32", str(sub_id)]
    head += ["i32", "0"] if api == 21 else []
    head += ["s16", "com.android.shell"] + (["i32", "-1"] if api >= 30 else [])
    head += ["s16", number, "i32", "-1", "i32", str(len(parts))]
    for part in parts:
        head += ["s16", part]
    tail = ["i32", "-1", "i32", "-1"] + (["i32", "1"] if api >= 23 else [])
    return head + tail + (["i64", "9"] if api >= 30 else [])


ROWS = "content query --uri content://sms --projection _id:type:sub_id:creator --sort _id"
