"""The audit's anchor: the newest line's number and digest, in a small file beside the journal.

Written in place after each commit that added lines, and not flushed: a commit of the journal is one
fsync, and the anchor must not make it two. A power cut therefore leaves an anchor that is some
lines behind, which only shortens the tail it guards; a killed program leaves the newest one. What
was read at opening and is written at closing is flushed.

Several programs write lines to one journal: the file is locked for the moment of writing, and an
older head never replaces a newer one.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from droidrack.core.audit import Head, Pen

SIZE_BYTES = 256
"""Padded to one length and within one sector, so that a write replaces the whole of it."""


class Anchor:
    """The file at `path`; nothing is kept where `path` is None."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def kept(self) -> bool:
        """Whether there is a place for it."""
        return self._path is not None

    def text(self) -> str | None:
        """What the file holds; None where there is none."""
        if self._path is None or not self._path.exists():
            return None
        with self._path.open("rb") as stream:
            return stream.read(SIZE_BYTES).decode("ascii", "replace").strip()

    def head(self, pen: Pen) -> Head | None:
        """The head it names; None where there is none or another key sealed it."""
        text = self.text()
        return None if text is None else pen.unsealed(text)

    def keep(self, pen: Pen, head: Head, *, flush: bool = False) -> None:
        """Move it on to this head. OSError where the disk does not take it."""
        if self._path is None:
            return
        with self._locked(self._path) as file:
            known = pen.unsealed(os.pread(file, SIZE_BYTES, 0).decode("ascii", "replace").strip())
            if known is None or known.seq < head.seq:
                os.pwrite(file, pen.sealed(head).ljust(SIZE_BYTES - 1).encode() + b"\n", 0)
            if flush:
                os.fsync(file)

    def replace(self, pen: Pen, head: Head) -> None:
        """Start again from a head that may be older: the loss itself is a line of the chain."""
        if self._path is None:
            return
        with self._locked(self._path) as file:
            os.pwrite(file, pen.sealed(head).ljust(SIZE_BYTES - 1).encode() + b"\n", 0)
            os.fsync(file)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # A new file is only as durable as the entry that names it.
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self, path: Path) -> Iterator[int]:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)
