"""What `droidrack doctor` asks of this host: the adb program, and directories."""

import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from droidrack.adapters.access import denial
from droidrack.adapters.adb_server import adb_binary
from droidrack.core.checkup import Place
from droidrack.core.errors import BridgeDown

TOOL_DEADLINE_S = 10.0


def adb_version() -> str:
    """Path and version of the adb that an own server runs. It starts no server.

    Raises:
        BridgeDown: there is none for this platform, or it does not run.
    """
    binary = adb_binary()
    try:
        answer = subprocess.run(  # noqa: S603 - a binary of our own installation
            [str(binary), "version"],
            capture_output=True,
            text=True,
            timeout=TOOL_DEADLINE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        raise BridgeDown(
            f"{binary} does not run ({type(exc).__name__})",
            hint="reinstall adbutils from a wheel for this platform, or use a given adb server",
        ) from exc
    words = [line.removeprefix("Version ") for line in answer.stdout.splitlines()[1:2]]
    return f"{binary}, version {words[0] if words else 'unknown'}"


def look_at(path: Path) -> Place:
    """A directory, or what its nearest existing parent lets one make there."""
    there = next(p for p in (path, *path.absolute().parents) if _seen(p))
    mode = stat.S_IMODE(there.stat().st_mode) if there == path else None
    return Place(
        path=str(path),
        mode=mode,
        writable=there.is_dir() and (mode is not None or _takes_folders(there)),
        free_bytes=shutil.disk_usage(there).free,
        denied=denial(path, write=mode is not None),
    )


def _seen(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False


def _takes_folders(path: Path) -> bool:
    """Tried, because modes do not tell it of every file system: root may not in /proc either."""
    try:
        Path(tempfile.mkdtemp(prefix=".droidrack-", dir=path)).rmdir()
    except OSError:
        return False
    return True
