"""Every command a phone's shell can find: the model's own tools, file tools, the package manager.

Both shells run commands through one `Toolbox`, so they differ in nothing but the shell itself.
"""

import hashlib
import posixpath
from collections.abc import Awaitable, Callable, Mapping

from droidrack.virtual.console import Console
from droidrack.virtual.file_tools import FILE_TOOLS
from droidrack.virtual.files import FileTree
from droidrack.virtual.package_tool import Confirm, PackageTool
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.shell_words import encode

Extra = Callable[[list[str], Console], Awaitable[int]]
"""A tool that the phone's surroundings bring, such as `reboot`."""

API_23_TOYBOX = 23


class Toolbox:
    """Finds a command by its name. What `extras` names wins, then the model, then file tools."""

    def __init__(
        self,
        phone: VirtualPhone,
        files: FileTree,
        extras: Mapping[str, Extra],
        confirm: Confirm,
    ) -> None:
        self._packages = PackageTool(phone.estate, files, confirm)
        self._phone = phone
        self._files = files
        self._extras = {
            "pm": self._pm,
            "cmd": self._cmd,
            "toybox": self._toybox,
            "sha256sum": self._sha256sum,
            **extras,
        }

    @property
    def names(self) -> frozenset[str]:
        """All commands."""
        return self._phone.tools | self._extras.keys() | FILE_TOOLS.keys()

    def add(self, name: str, tool: Extra) -> None:
        """Give the phone one more command, such as an app's own or a test's witness."""
        self._extras[name] = tool

    async def run(self, argv: list[str], console: Console) -> int:
        """Run a command to its end; its exit code, 127 if there is none of this name."""
        name = posixpath.basename(argv[0])
        if extra := self._extras.get(name):
            return await extra(argv, console)
        if name in FILE_TOOLS and name not in self._phone.tools:
            return await FILE_TOOLS[name](argv, self._files, console)
        return await self._phone.tool(argv, console)

    async def _toybox(self, argv: list[str], console: Console) -> int:
        if self._phone.spec.api < 23:
            return await self._phone.tool(argv, console)  # Android 5 has no toybox.
        if len(argv) > 1 and argv[1] in FILE_TOOLS:
            return await self.run(argv[1:], console)
        await console.stderr(encode(f"toybox: Unknown command {' '.join(argv[1:2])}\n"))
        return 127

    async def _cmd(self, argv: list[str], console: Console) -> int:
        if len(argv) > 2 and argv[1] == "package":
            return await self._package(argv[2:], argv, console)
        return await self._phone.tool(argv, console)

    async def _pm(self, argv: list[str], console: Console) -> int:
        return await self._package(argv[1:], argv, console)

    async def _package(self, words: list[str], argv: list[str], console: Console) -> int:
        """The package manager; away while the framework is."""
        if not self._phone.framework_up:
            await console.stderr(b"cmd: Can't find service: package\n")
            return 20
        return await self._packages.run(words, console)

    async def _sha256sum(self, argv: list[str], console: Console) -> int:
        """Since Android 6, with toybox."""
        if self._phone.spec.api < API_23_TOYBOX:
            return await self._phone.tool(argv, console)
        status = 0
        for path in argv[1:]:
            try:
                digest = hashlib.sha256(self._files.read(path)).hexdigest()
                await console.stdout(encode(f"{digest}  {path}\n"))
            except OSError as error:
                await console.stderr(encode(f"sha256sum: {path}: {error.strerror}\n"))
                status = 1
        return status
