"""A hook command: a local program that is run once per text and gets it as JSON on its stdin.

Exit code 0 means taken. It is run as it is, without a shell, in a session of its own, so that at
the deadline whatever it started ends with it. Its arguments are the operator's and hold nothing of
the text: everybody on the host can read them. Its environment holds no secret of ours.
"""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from droidrack.core.errors import EndpointFailed
from droidrack.ports.endpoint import Event

ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")
"""What of our environment a hook sees: pairing tokens may stand in the rest."""


class HookCommand:
    """`ports.Endpoint` over a local program."""

    def __init__(self, name: str, command: Sequence[str], *, deadline_s: float = 30.0) -> None:
        self._name = name
        self._command = tuple(command)
        self._deadline_s = deadline_s

    @property
    def name(self) -> str:
        """See the port."""
        return self._name

    async def close(self) -> None:
        """Nothing is kept open."""

    async def deliver(self, event: Event) -> None:
        """See the port. Exit code 0 means taken."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
                start_new_session=True,
            )
        except OSError as exc:
            reason = (exc.strerror or "it cannot be run").lower()
            raise EndpointFailed(
                f"hook {self._name}: {reason}",
                down=True,
                hint="name an executable program by its whole path in devices.toml",
            ) from exc
        line = json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            async with asyncio.timeout(self._deadline_s):
                await process.communicate(line)
        except TimeoutError as exc:
            raise EndpointFailed(
                f"hook {self._name}: not done within {self._deadline_s:g} s",
                hint="it was ended; let it queue the text and end at once",
            ) from exc
        finally:
            await _end(process)
        if process.returncode != 0:
            raise EndpointFailed(
                f"hook {self._name}: it ended with {process.returncode}, 0 was expected",
                hint="run it by hand with a text on its stdin to see what it says",
            )


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that nothing of the hook is left, whatever became of it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
