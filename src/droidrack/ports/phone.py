"""The phone: a shell on it, and files to and from it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from droidrack.core.ids import Serial


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that certainly ran to its end.

    `exit_code` is None where the phone cannot tell (shell v1 without a marker). Up to Android 6
    `stderr` is empty and its text is part of `stdout`.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """`stdout` as text with LF line ends; undecodable bytes become U+FFFD."""
        return self.stdout.decode("utf-8", "replace").replace("\r\n", "\n")


class Phone(Protocol):
    """One attached phone, as far as a shell reaches.

    1. `run` MUST return `Completed` only after the command's own end was seen.
    2. `run` MUST raise PhoneGone, PhoneRefused or BridgeDown with `Effect.NONE` when the command
       certainly never reached the phone, and with `Effect.UNKNOWN` (PhoneTimeout, AnswerCut,
       PhoneGone, BridgeDown) whenever the phone may have started it, however likely it did not.
    3. `deadline_s` MUST bound the whole call, the opening phase included.
    4. A cancelled `run` leaves an unknown effect; it MUST NOT leave a socket behind.
    5. `run` MUST carry `command` and `stdin` byte for byte; a command too long for the phone's
       transport MUST be carried another way (over stdin), never cut, never sent as it is.
    6. Calls MAY run at the same time; none MUST wait for another phone's.
    7. `stream` MUST yield the command's stdout as it comes, and end by PhoneGone, AnswerCut or
       BridgeDown when the way to the phone ends; leaving the context MUST end the stream.
    """

    @property
    def serial(self) -> Serial:
        """The transport's name; opaque."""
        ...

    async def run(self, command: str, *, deadline_s: float, stdin: bytes = b"") -> Completed:
        """Run one line (or script) of the phone's shell; quote arguments with `core.shell`."""
        ...

    def stream(self, command: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Run a command that speaks for long, such as `logcat`."""
        ...


class PhoneFiles(Protocol):
    """Transfers to and from a phone. Slow, rare, never on the path of a message.

    1. Every call MUST end by its deadline for the caller, even where the transfer itself hangs.
    2. A failed `push` MUST raise with the phone's own reason in the message.
    3. At most one transfer per phone runs at a time; others MUST wait within their own deadline.
    """

    async def pull(self, remote: str, *, deadline_s: float, limit_bytes: int) -> bytes:
        """A file's content; PhoneRefused when it is absent, unreadable or larger than the limit."""
        ...

    async def push(self, data: bytes, remote: str, *, deadline_s: float, mode: int = 0o644) -> None:
        """Write a file whole."""
        ...

    async def install(self, apk: Path, *, deadline_s: float) -> None:
        """Install or update an APK; PhoneRefused with the package manager's reason."""
        ...

    async def forward(self, remote: str, *, deadline_s: float) -> int:
        """A local TCP port that leads to `remote` (such as `tcp:9008`) on the phone."""
        ...

    async def screenshot(self, *, deadline_s: float) -> bytes:
        """The screen as PNG."""
        ...
