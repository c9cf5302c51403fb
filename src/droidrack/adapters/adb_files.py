"""Transfers with a phone: adbutils in a lane, bound by the caller's deadline.

Commands are the business of `adb.py`, so the package manager and the screen's picture are asked
through it: adbutils would take a cut answer for a whole one, push every APK to one name, and give a
black picture where the phone refused one.
"""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from droidrack.adapters.adb import AdbPhone
from droidrack.adapters.lane import Lane
from droidrack.core.errors import PhoneRefused, excerpt
from droidrack.core.shell import command_line

if TYPE_CHECKING:
    from droidrack.adapters.adb_transfer import Transfer

T = TypeVar("T")

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"


class AdbFiles:
    """`ports.PhoneFiles` of one transport; `lane` is shared by all of its transfers."""

    def __init__(self, phone: AdbPhone, lane: Lane) -> None:
        self._phone = phone
        self._lane = lane

    async def pull(self, remote: str, *, deadline_s: float, limit_bytes: int) -> bytes:
        """A file's content; PhoneRefused when it is absent, unreadable or larger than the limit."""
        return await self._transfer(
            f"pull {remote}", lambda transfer: transfer.pull(remote, limit_bytes), deadline_s
        )

    async def push(self, data: bytes, remote: str, *, deadline_s: float, mode: int = 0o644) -> None:
        """Write a file whole; PhoneRefused with the phone's own reason."""
        await self._transfer(
            f"push {remote}", lambda transfer: transfer.push(data, remote, mode), deadline_s
        )

    async def install(self, apk: Path, *, deadline_s: float) -> None:
        """Install or update an APK; PhoneRefused with the package manager's reason.

        The file goes to a name of its own first, and is removed once the package manager answered.
        """
        subject = f"install {apk.name}"
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        remote = f"/data/local/tmp/droidrack-{secrets.token_hex(8)}.apk"
        try:
            content = await asyncio.to_thread(apk.read_bytes)
        except OSError as exc:
            raise PhoneRefused(
                f"{self._phone.serial}: {subject}: cannot read {apk}: {exc.strerror}",
                serial=self._phone.serial,
                hint="check the path of the APK on this host",
            ) from exc
        await self._transfer(subject, lambda to: to.push(content, remote, 0o644), deadline_s)
        command = command_line(["pm", "install", "-r", remote])
        answer = await self._phone.run(command, deadline_s=until - loop.time())
        removal = command_line(["rm", "-f", remote])
        await self._phone.run(removal, deadline_s=until - loop.time())
        text = answer.text + answer.stderr.decode("utf-8", "replace")
        # The exit code of old package managers is 0 for a failure, too.
        if "Success" not in text.split():
            raise self._refused(subject, text or f"exit code {answer.exit_code}")

    async def forward(self, remote: str, *, deadline_s: float) -> int:
        """A new local TCP port that leads to `remote`, as long as the transport lasts."""
        return await self._transfer(
            f"forward {remote}", lambda transfer: transfer.forward(remote), deadline_s
        )

    async def screenshot(self, *, deadline_s: float) -> bytes:
        """The screen as PNG; PhoneRefused where the phone gives none."""
        answer = await self._phone.run("screencap -p", deadline_s=deadline_s)
        picture = answer.stdout
        if not (picture.startswith(PNG_START) and picture.endswith(PNG_END)):
            text = answer.stderr or picture[:200]
            seen = text.decode("utf-8", "replace") or f"exit code {answer.exit_code}"
            raise self._refused("screenshot", f"no whole PNG: {seen}")
        return picture

    async def _transfer(self, subject: str, job: Callable[["Transfer"], T], deadline_s: float) -> T:
        """Run a job of adbutils in the lane, its errors as ours."""
        phone = self._phone

        def blocking() -> T:
            from droidrack.adapters.adb_transfer import Transfer  # noqa: PLC0415 - takes 0.3 s

            transfer = Transfer(
                phone.endpoint, phone.serial, phone.transport_id or 0, timeout_s=deadline_s
            )
            with transfer.translated(subject):
                return job(transfer)

        return await self._lane.run(blocking, deadline_s=deadline_s)

    def _refused(self, subject: str, seen: str) -> PhoneRefused:
        return PhoneRefused(
            f"{self._phone.serial}: {subject}: the phone refused: {excerpt(seen)!r}",
            serial=self._phone.serial,
            hint="the phone's own reason is quoted",
        )
