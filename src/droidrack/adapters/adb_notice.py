"""Where a controller's own adb server can be found by the commands an operator types beside it.

A phone on USB belongs to one adb server at a time: a second server of the same rack would see
nothing of it. So an own server's port stands in a file beside its key, under a lock that dies with
the controller. Rejected: one fixed port, which a stranger may listen on.
"""

import fcntl
import os
import zlib
from pathlib import Path

from droidrack.core.settings import AdbSettings


def notice_path(home: Path, settings: AdbSettings) -> Path:
    """The notice of one `[[adb]]` table; several may share a home."""
    return home / f"adb-server-{zlib.crc32(repr(settings).encode()):08x}.port"


class Notice:
    """The port of a running server, for as long as this process lives or until `withdraw`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = -1

    def post(self, port: int) -> None:
        """Say where the server listens. Where another one says so already, that one stays."""
        lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{port}\n".encode(), 0)
        self._lock = lock

    def withdraw(self) -> None:
        """Take it back. Idempotent."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def noticed_port(path: Path) -> int | None:
    """Where a live server listens; None where there is none."""
    try:
        notice = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(notice, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(notice, 16, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdecimal() else None
    finally:
        os.close(notice)
    return None
