"""A whole phone: the model with the surroundings it needs to be used, whatever the way to it."""

import asyncio
import math
import posixpath
from collections.abc import Callable
from functools import partial
from typing import Protocol

from droidrack.virtual import framework_jar
from droidrack.virtual.console import Console
from droidrack.virtual.files import FileTree
from droidrack.virtual.link import Hook, Link, nothing
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.prompts import InstallPrompt
from droidrack.virtual.screen import Screen
from droidrack.virtual.settings_app import PhoneApps
from droidrack.virtual.shell_parser import ParserShell
from droidrack.virtual.streams import Service
from droidrack.virtual.toolbox import Toolbox
from droidrack.virtual.u2_server import U2Launcher, U2Server

API_24_ANDROID_7 = 24

HANGUP_GRACE_S = 1.0
"""How long a command may go on after its caller left.

On a phone SIGHUP reaches only the shell, in a race with what it has already begun. Here the command
wins, because that is the case a caller has to be ready for.
"""


class Shell(Protocol):
    """A `/system/bin/sh` of the phone."""

    async def run(self, command: bytes | None, console: Console) -> int:
        """Run `sh -c command`, or for None a script from standard input; the exit code.

        Cancelling ends every process of it.
        """
        ...

    async def close(self) -> None:
        """End what is left running."""
        ...


async def run_until_hung_up(
    shell: Shell, command: bytes | None, console: Console, hung_up: asyncio.Event
) -> int:
    """Run a command to its end, or to the end of the grace after its caller has left.

    Raises:
        BrokenPipeError: the caller has left.
    """
    running = asyncio.ensure_future(shell.run(command, console))
    leaving = asyncio.ensure_future(hung_up.wait())
    try:
        await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            await asyncio.wait({running}, timeout=HANGUP_GRACE_S)
        if not running.done():
            raise BrokenPipeError("the caller has left")
        return running.result()
    finally:
        running.cancel()
        leaving.cancel()
        await asyncio.gather(running, leaving, return_exceptions=True)


class Handset:
    """Model, files, screen, tools, shell and cable of one phone.

    `listeners` are the device's own sockets by address, such as `tcp:9008`. `end_processes` is set
    by whoever runs commands on the phone: it ends them when the power goes.
    """

    def __init__(
        self, model: VirtualPhone, make_shell: Callable[["Handset"], Shell] | None = None
    ) -> None:
        self.model = model
        self.link = Link()
        self.files = FileTree(lambda: math.floor(model.now().timestamp()))
        for path, content in model.proc_files.items():
            self.files.provide(path, content)
        self.files.mkdir(posixpath.dirname(framework_jar.PATH), parents=True)
        self.files.provide(framework_jar.PATH, partial(framework_jar.framework_jar, model.spec))
        self.files.on_change = model.estate.changed
        self.screen = Screen()
        self.apps = PhoneApps(model.estate, self.screen)
        self.listeners: dict[str, Service] = {}
        self.end_processes: Hook = nothing
        self._restart: asyncio.Task[None] | None = None
        u2 = U2Launcher(U2Server(model.spec, self.screen), self.files, self.listeners)
        self.toolbox = Toolbox(
            model,
            self.files,
            {
                "am": self._am,
                "app_process": u2.run,
                "reboot": self._reboot_tool,
                "screencap": self._screencap,
                "uiautomator": self._uiautomator,
            },
            InstallPrompt(self.screen).confirm,
        )
        self.shell: Shell = (
            make_shell(self) if make_shell else ParserShell(self.toolbox, self.files)
        )

    @property
    def speaks_v2(self) -> bool:
        """Whether adbd knows shell v2: since Android 7."""
        return self.model.spec.api >= API_24_ANDROID_7

    async def factory_reset(self) -> None:
        """Come back empty; the owner has set it up and allowed USB debugging again."""
        await self.reboot(between=self.model.erase)

    async def reboot(self, *, between: Callable[[], None] | None = None) -> None:
        """Switch off, stay away as long as this build does, come back."""
        await self.model.power_off()
        self.screen.windows.clear()
        if between is not None:
            between()
        await self.link.unplug()
        await self.end_processes()
        await asyncio.sleep(self.model.spec.quirks.off_s)
        self.link.thaw()
        await self.model.boot()
        await self.link.replug()

    def begin_reboot(self) -> None:
        """`reboot` in the background: the caller is one of those who do not survive it."""
        if self._restart is None or self._restart.done():
            self._restart = asyncio.get_running_loop().create_task(self.reboot())

    async def close(self) -> None:
        """End everything that runs on the phone."""
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.wait({self._restart})
        await self.shell.close()
        await self.model.power_off()

    async def _reboot_tool(self, argv: list[str], console: Console) -> int:
        self.model.estate.changed("reboot")
        self.begin_reboot()
        return 0

    async def _am(self, argv: list[str], console: Console) -> int:
        """`am start -a ACTION` or `-n COMPONENT` opens a window; the rest is the model's."""
        if argv[1:2] != ["start"] or not {"-a", "-n"} & set(argv):
            return await self.model.tool(argv, console)
        target = argv[argv.index("-a" if "-a" in argv else "-n") + 1]
        await console.stdout(f"Starting: Intent {{ {target} }}\n".encode())
        if not self.apps.start(target):
            await console.stderr(b"Error: Activity not started, unable to resolve Intent\n")
            return 1
        return 0

    async def _uiautomator(self, argv: list[str], console: Console) -> int:
        """`uiautomator dump PATH`."""
        if argv[1:2] != ["dump"] or len(argv) != 3:
            await console.stderr(b"Usage: uiautomator dump [file]\n")
            return 1
        self.files.write(argv[2], self.screen.hierarchy().encode())
        await console.stdout(f"UI hierchary dumped to: {argv[2]}\n".encode())
        return 0

    async def _screencap(self, argv: list[str], console: Console) -> int:
        """`screencap -p` writes a PNG to standard output, with a path to a file."""
        paths = [word for word in argv[1:] if not word.startswith("-")]
        if not paths:
            await console.stdout(self.screen.png())
            return 0
        try:
            self.files.write(posixpath.normpath(paths[0]), self.screen.png())
        except OSError as error:
            await console.stderr(f"Error opening file: {paths[0]} ({error.strerror})\n".encode())
            return 1
        return 0
