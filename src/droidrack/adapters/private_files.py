"""Small files that only their owner may read, written whole or not at all.

A file is written beside its place, flushed to the disk, renamed over the old one, and the directory
is flushed too: after a crash there is the old file or the new one. What others could read is
refused rather than repaired, because it may have been read already.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from droidrack.adapters.access import refusal, require
from droidrack.core.errors import VaultError

FILE_LIMIT_BYTES = 64 * 1024
"""A session is under 4 KiB; a larger file is not ours."""

OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """The operating system's errors about a path as VaultError."""
    try:
        yield
    except OSError as exc:
        if refused := refusal(exc, path):
            raise refused from exc
        reason = (exc.strerror or "input/output error").lower()
        raise VaultError(
            f"{path}: {reason}",
            hint="give the directory to the user who runs droidrack, on a disk with free space",
        ) from exc


def make_private_directory(path: Path) -> None:
    """Make a directory of mode 0700 with its parents; an existing one is checked."""
    with translated(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    check_private_directory(path)


def check_private_directory(path: Path) -> None:
    """VaultError unless it is a directory that this user may enter, and nobody else."""
    with translated(path):
        mode = path.stat().st_mode
    if not stat.S_ISDIR(mode):
        raise VaultError(f"{path}: expected a directory, seen something else")
    _check_mode(path, mode, 0o700)
    require(path, write=False)  # A search in what may not be listed finds nothing, and says so.


def read_private(path: Path) -> bytes:
    """The content of a private file; VaultError where it is absent, open to others or too large."""
    with translated(path), path.open("rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        content = stream.read(FILE_LIMIT_BYTES + 1)
    _check_mode(path, mode, 0o600)
    if len(content) > FILE_LIMIT_BYTES:
        raise VaultError(f"{path}: larger than {FILE_LIMIT_BYTES} bytes; it is none of ours")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place, replacing an earlier one, durably."""
    with _prepared(path, content) as fresh:
        fresh.replace(path)


def create_private(path: Path, content: bytes) -> None:
    """Put a file in place unless one is there; that one stays."""
    with _prepared(path, content) as fresh, suppress(FileExistsError):
        path.hardlink_to(fresh)


def remove_private(path: Path) -> None:
    """Remove a file durably, with what a crash left beside it. Idempotent."""
    with translated(path):
        for stray in path.parent.glob(f".{path.name}.*"):
            stray.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            _flush_directory(path.parent)


@contextmanager
def _prepared(path: Path, content: bytes) -> Iterator[Path]:
    """A flushed file beside its place, for the caller to move there; then the directory flushed."""
    with translated(path):
        # mkstemp makes the file 0600 from its first moment.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        fresh = Path(name)
        try:
            with open(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            yield fresh
            _flush_directory(path.parent)
        finally:
            fresh.unlink(missing_ok=True)


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_mode(path: Path, mode: int, wanted: int) -> None:
    if mode & OTHERS:
        raise VaultError(
            f"{path}: open to other users of this host (mode {stat.S_IMODE(mode):04o})",
            hint=f"chmod {wanted:o} {path}; if others used this host meanwhile, log the phones out "
            "and pair them again",
        )
