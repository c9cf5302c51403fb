"""The package manager's shell: `pm …` and `cmd package …`."""

from collections.abc import Awaitable, Callable

from droidrack.virtual.apk import ApkContent, NotAnApk, read_content
from droidrack.virtual.console import Console
from droidrack.virtual.estate import Estate, Package
from droidrack.virtual.files import FileTree
from droidrack.virtual.shell_words import encode

_READ_SIZE = 1 << 20
API_26_OPTIONAL_REPLACE = 26  # From here `-r` is understood.
PERMISSION_DENIED = (
    "Exception occurred while executing '{verb}':\njava.lang.SecurityException: {verb}: Neither "
    "user 2000 nor current process has android.permission.GRANT_RUNTIME_PERMISSIONS.\n"
)

Confirm = Callable[[str], Awaitable[bool]]
"""Asks a person on the phone whether a package may be installed; returns what was tapped."""


class PackageTool:
    """The package manager of one phone."""

    def __init__(self, estate: Estate, files: FileTree, confirm: Confirm) -> None:
        self._estate = estate
        self._files = files
        self._confirm = confirm
        self._last_session = 1000

    async def run(self, words: list[str], console: Console) -> int:
        """One verb with its arguments."""
        plain = [word for word in words if word not in ("--user", "0", "current")]
        match plain:
            case ["install", *options]:
                return await self._install(options, console)
            case ["install-create", *options]:
                return await self._create(options, console)
            case ["install-write", *options]:
                return await self._write(options, console)
            case ["install-commit", number]:
                return await self._commit(number, console)
            case ["install-abandon", number]:
                self._estate.sessions.pop(int(number), None)
                return await _say(console, "Success\n")
            case ["uninstall", *options]:
                return await self._uninstall(options[-1], console)
            case ["install-existing", name]:
                return await self._existing(name, console)
            case ["disable-user" | "disable" | "enable" as verb, name]:
                return await self._enable(verb, name, console)
            case ["grant" | "revoke" as verb, name, permission]:
                return await self._grant(verb, name, permission, console)
            case ["list", "users"]:
                lines = [f"\tUserInfo{{{n}:{who}:c13}} running\n" for n, who in self._estate.users]
                return await _say(console, "Users:\n" + "".join(lines))
            case ["list", "packages", *options]:
                return await self._list(options, console)
            case ["path", name]:
                return await self._path(name, console)
        await console.stderr(encode(f"Unknown command: {' '.join(words[:1])}\n"))
        return 255

    # --- Installing ---------------------------------------------------------------------------

    async def _install(self, options: list[str], console: Console) -> int:
        """`install [options] path`, or `install [options] -S size` with the APK on stdin."""
        try:
            if "-S" in options:
                apk = await _exactly(int(options[options.index("-S") + 1]), console)
            else:
                apk = self._files.read(options[-1])
        except (OSError, EOFError) as error:
            return await _fail(console, f"INSTALL_PARSE_FAILED_NOT_APK: {error}")
        return await self._bring([apk], tuple(options), console)

    async def _create(self, options: list[str], console: Console) -> int:
        self._last_session += 1
        self._estate.sessions[self._last_session] = ([], tuple(options))
        text = f"Success: created install session [{self._last_session}]\n"
        return await _say(console, text)

    async def _write(self, options: list[str], console: Console) -> int:
        """`install-write -S size session name path`."""
        _, size, number, _, path = options
        parts, _ = self._estate.sessions.get(int(number), ([], ()))
        content = self._files.read(path) if path != "-" else await _exactly(int(size), console)
        if len(content) != int(size):
            return await _fail(console, "INSTALL_FAILED_INVALID_APK")
        parts.append(content)
        return await _say(console, f"Success: streamed {size} bytes\n")

    async def _commit(self, number: str, console: Console) -> int:
        parts, options = self._estate.sessions.pop(int(number), ([], ()))
        return await self._bring(parts, options, console)

    async def _bring(self, parts: list[bytes], options: tuple[str, ...], console: Console) -> int:
        try:
            contents = [read_content(part) for part in parts]
        except NotAnApk as error:
            return await _fail(
                console, f"INSTALL_PARSE_FAILED_NOT_APK: Failed to parse APK: {error}"
            )
        if not contents:
            return await _fail(console, "INSTALL_FAILED_INVALID_APK")
        if self._estate.habits.install_prompt and not await self._confirm(contents[0].package):
            return await _fail(console, "INSTALL_FAILED_USER_RESTRICTED: Install canceled by user")
        if reason := self._objection(contents, options):
            return await _fail(console, reason)
        self._put(contents, parts)
        return await _say(console, "Success\n")

    def _objection(self, contents: list[ApkContent], options: tuple[str, ...]) -> str:
        base = contents[0]
        if len({(c.package, c.version_code, c.signer) for c in contents}) > 1:
            return "INSTALL_FAILED_INVALID_APK: splits do not belong together"
        old = self._estate.live(base.package)
        if old is None:
            return ""
        if old.signer != base.signer:
            return f"INSTALL_FAILED_UPDATE_INCOMPATIBLE: Package {base.package} signatures differ"
        if "-r" not in options and self._estate.spec.api < API_26_OPTIONAL_REPLACE:
            return "INSTALL_FAILED_ALREADY_EXISTS"
        if base.version_code < old.version_code and "-d" not in options:
            return "INSTALL_FAILED_VERSION_DOWNGRADE"
        return ""

    def _put(self, contents: list[ApkContent], parts: list[bytes]) -> None:
        base, estate = contents[0], self._estate
        folder = f"/data/app/{base.package}-1"
        if self._files.exists(folder):
            self._files.remove(folder, recursive=True)
        self._files.mkdir(folder, parents=True)
        paths = [f"{folder}/{(c.split and f'split_{c.split}') or 'base'}.apk" for c in contents]
        for path, part in zip(paths, parts, strict=True):
            self._files.write(path, part)
        old = estate.packages.get(base.package)
        granted = old.granted & set(base.permissions) if old else set()
        estate.packages[base.package] = Package(
            base.package,
            version_code=base.version_code,
            signer=base.signer,
            requested=base.permissions,
            granted=granted if estate.spec.api >= 23 else set(base.permissions),
            paths=tuple(paths),
            ops=dict(old.ops) if old else {},
            bucket=old.bucket if old else 10,
            uid=old.uid if old else 10_100 + len(estate.packages),
        )
        estate.changed(f"install {base.package} {base.version_code}")

    # --- Removing, enabling, rights -----------------------------------------------------------

    async def _uninstall(self, name: str, console: Console) -> int:
        package = self._estate.live(name)
        if package is None:
            return await _fail(console, "DELETE_FAILED_INTERNAL_ERROR")
        if package.system:
            package.installed = False
        else:
            del self._estate.packages[name]
            if self._files.exists(f"/data/app/{name}-1"):
                self._files.remove(f"/data/app/{name}-1", recursive=True)
        self._estate.changed(f"uninstall {name}")
        return await _say(console, "Success\n")

    async def _existing(self, name: str, console: Console) -> int:
        package = self._estate.packages.get(name)
        if package is None:
            await console.stderr(
                encode(f"android.content.pm.PackageManager$NameNotFoundException: {name}\n")
            )
            return 1
        if not package.installed:
            package.installed = True
            self._estate.changed(f"install-existing {name}")
        return await _say(console, f"Package {name} installed for user: 0\n")

    async def _enable(self, verb: str, name: str, console: Console) -> int:
        package = self._estate.live(name)
        if package is None:
            await console.stderr(
                encode(f"Error: java.lang.IllegalArgumentException: Unknown package: {name}\n")
            )
            return 1
        package.enabled = {"enable": 1, "disable": 2}.get(verb, 3)
        self._estate.changed(f"{verb} {name}")
        state = {1: "enabled", 2: "disabled", 3: "disabled-user"}[package.enabled]
        return await _say(console, f"Package {name} new state: {state}\n")

    async def _grant(self, verb: str, name: str, permission: str, console: Console) -> int:
        package = self._estate.live(name)
        if package is None:
            await console.stderr(
                encode(f"Exception occurred while executing '{verb}':\n"
                       f"java.lang.IllegalArgumentException: Unknown package: {name}\n")
            )  # fmt: skip
            return 255
        if not self._estate.may_grant:
            await console.stderr(encode(PERMISSION_DENIED.format(verb=verb)))
            return 255
        if permission not in package.requested:
            await console.stderr(
                encode(f"Exception occurred while executing '{verb}':\njava.lang.SecurityException:"
                       f" Package {name} has not requested permission {permission}\n")
            )  # fmt: skip
            return 255
        change = package.granted.add if verb == "grant" else package.granted.discard
        change(permission)
        self._estate.changed(f"{verb} {name} {permission}")
        return 0

    # --- Looking ------------------------------------------------------------------------------

    async def _list(self, options: list[str], console: Console) -> int:
        flags = {word for word in options if word.startswith("-")}
        wanted = next((word for word in options if not word.startswith("-")), "")
        names = sorted(
            p.name
            for p in self._estate.packages.values()
            if (p.installed or "-u" in flags)
            and wanted in p.name
            and ("-d" not in flags or p.enabled > 1)
            and ("-e" not in flags or p.enabled <= 1)
            and ("-s" not in flags or p.system)
            and ("-3" not in flags or not p.system)
        )
        return await _say(console, "".join(f"package:{name}\n" for name in names))

    async def _path(self, name: str, console: Console) -> int:
        package = self._estate.live(name)
        if package is None:
            return 1
        return await _say(console, "".join(f"package:{path}\n" for path in package.paths))


def package_dump(estate: Estate, name: str) -> str:
    """`dumpsys package NAME`."""
    package = estate.packages.get(name)
    if package is None:
        return f"Unable to find package: {name}\n"
    requested = "".join(f"      {permission}\n" for permission in package.requested)
    granted = "".join(
        f"        {p}: granted={str(p in package.granted).lower()}, flags=[ USER_SET ]\n"
        for p in package.requested
    )
    where = (
        "      runtime permissions:\n" if estate.spec.api >= 23 else "    install permissions:\n"
    )
    return (
        "Packages:\n"
        f"  Package [{name}] (8f3c2d1):\n"
        f"    userId={package.uid}\n"
        f"    codePath={package.paths[0].rpartition('/')[0] if package.paths else ''}\n"
        f"    versionCode={package.version_code} minSdk=21 targetSdk={estate.spec.api}\n"
        f"    versionName={package.version_code}.0\n"
        + (f"    requested permissions:\n{requested}" if requested else "")
        + f"    User 0: ceDataInode=1 installed={str(package.installed).lower()} hidden=false "
        f"suspended=false stopped=false notLaunched=false enabled={package.enabled}\n"
        + (where + granted if granted else "")
    )


async def _say(console: Console, text: str) -> int:
    await console.stdout(encode(text))
    return 0


async def _fail(console: Console, reason: str) -> int:
    await console.stdout(encode(f"Failure [{reason}]\n"))
    return 1


async def _exactly(size: int, console: Console) -> bytes:
    taken = bytearray()
    while len(taken) < size:
        chunk = await console.read(min(_READ_SIZE, size - len(taken)))
        if not chunk:
            raise EOFError(f"{len(taken)} of {size} bytes came")
        taken += chunk
    return bytes(taken)
