"""Every command a phone's shell can find: the model's own tools, file tools, the package manager.

Both shells run commands through one `Toolbox`, so they differ in nothing but the shell itself.
"""

import posixpath
from collections.abc import Awaitable, Callable, Mapping

from droidrack.virtual.apk import NotAnApk, package_name
from droidrack.virtual.console import Console
from droidrack.virtual.file_tools import FILE_TOOLS
from droidrack.virtual.files import FileTree
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.shell_words import encode
from droidrack.virtual.tools import PACKAGES

Extra = Callable[[list[str], Console], Awaitable[int]]
"""A tool that the phone's surroundings bring, such as `reboot`."""

_READ_SIZE = 1 << 20


class Toolbox:
    """Finds a command by its name. What `extras` names wins, then the model, then file tools."""

    def __init__(self, phone: VirtualPhone, files: FileTree, extras: Mapping[str, Extra]) -> None:
        self.packages = set(PACKAGES)
        self._phone = phone
        self._files = files
        self._extras = {"pm": self._pm, "cmd": self._cmd, "toybox": self._toybox, **extras}

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
        """The package manager's verbs that change or list packages; others are the model's."""
        if not self._phone.framework_up:
            return await self._phone.tool(argv, console)
        match words:
            case ["install", *options]:
                return await self._install(options, console)
            case ["uninstall", *_, name]:
                known = name in self.packages
                self.packages.discard(name)
                answer = "Success" if known else "Failure [DELETE_FAILED_INTERNAL_ERROR]"
                await console.stdout(encode(f"{answer}\n"))
                return 0 if known else 1
            case ["list", "packages", *_]:
                lines = [f"package:{name}\n" for name in sorted(self.packages)]
                await console.stdout("".join(lines).encode())
                return 0
            case ["path", name]:
                if name in self.packages:
                    await console.stdout(encode(f"package:/data/app/{name}/base.apk\n"))
                return 0 if name in self.packages else 1
            case _:
                return await self._phone.tool(argv, console)

    async def _install(self, options: list[str], console: Console) -> int:
        """`install [options] path`, or `install [options] -S size` with the APK on stdin."""
        try:
            if "-S" in options:
                apk = await _exactly(int(options[options.index("-S") + 1]), console)
            else:
                apk = self._files.read(options[-1])
            self.packages.add(package_name(apk))
        except (NotAnApk, OSError, EOFError) as error:
            reason = f"INSTALL_PARSE_FAILED_NOT_APK: Failed to parse APK: {error}"
            await console.stdout(encode(f"Failure [{reason}]\n"))
            return 1
        await console.stdout(b"Success\n")
        return 0


async def _exactly(size: int, console: Console) -> bytes:
    taken = bytearray()
    while len(taken) < size:
        chunk = await console.read(min(_READ_SIZE, size - len(taken)))
        if not chunk:
            raise EOFError(f"{len(taken)} of {size} bytes came")
        taken += chunk
    return bytes(taken)
