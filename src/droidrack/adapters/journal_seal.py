"""Is this the journal that was written last?

A journal that was deleted, or restored from an older copy, does not know what was sent since: the
panel would offer it again, and it would go out twice. So the journal counts its commits, a small
file beside it keeps its identity and that count, and a journal that is behind it is refused.

The file is flushed at each opening. After each commit it is written in place and not flushed: a
commit is one fsync, and the seal must not make it two. A commit is on disk before its count is, so
that no crash and no power cut leaves a seal that is ahead of its journal. A killed program leaves
the newest count; a power cut may leave an older one, as old as what the system had not written back
by itself (half a minute on Linux), and a copy from between the two is taken for the newest.

A copy of the whole directory goes back together with its seal; nothing in it can tell.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from droidrack.adapters.private_files import read_private, write_private
from droidrack.core.errors import (
    JournalDamaged,
    JournalDenied,
    JournalError,
    StateDenied,
    VaultError,
)

SIZE_BYTES = 128
"""Padded to one length and within one sector, so that a write in place replaces the whole of it."""

REMEDY = (
    "put the newest journal back. If it is lost, let the panel end every message that may have "
    "been sent, then start once with `droidrack run --accept-journal`"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Which journal, and how many commits it has."""

    journal: str
    count: int

    def next(self) -> "Mark":
        """After one commit more."""
        return Mark(self.journal, self.count + 1)


def seal_of(path: Path) -> Path:
    """Where the seal of the journal at `path` is."""
    return path.with_name(f"{path.name}.seal")


def refuse_lost(name: str, seal: Path | None) -> None:
    """Refuse to go on without a journal, or to begin one, where a seal says that there was one."""
    if seal is not None and seal.exists():
        raise JournalError(
            f"{name}: the journal that was used here last is gone; its seal {seal.name} is still "
            "there. What it knew as sent would be sent again",
            hint=REMEDY,
        )


class Seal:
    """The file at `path`; nothing is kept where `path` is None."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def last(self) -> Mark | None:
        """What it says; None where there is none yet.

        Raises:
            JournalError: there is a seal that cannot be read.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            fields = json.loads(read_private(self._path))
            return Mark(str(fields["journal"]), int(fields["count"]))
        except StateDenied as error:
            raise JournalDenied(error.message, hint=error.hint) from error
        except (VaultError, ValueError, KeyError, TypeError) as error:
            raise JournalError(
                f"{self._path}: the journal's seal cannot be read: {error}",
                hint="make sure that the journal is the newest one there is, then start once with "
                "`droidrack run --accept-journal`",
            ) from error

    def keep(self, mark: Mark) -> None:
        """Write it durably, whatever it said before.

        Raises:
            JournalDamaged: the disk does not take it.
        """
        if self._path is None:
            return
        try:
            write_private(self._path, _content(mark))
        except StateDenied as error:
            raise JournalDenied(error.message, hint=error.hint) from error
        except VaultError as error:
            raise JournalDamaged(error.message, hint=error.hint) from error

    def move(self, mark: Mark) -> None:
        """Move it on to a commit that is on disk. OSError where the disk does not take it."""
        if self._path is None:
            return
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, _content(mark), 0)
        finally:
            os.close(file)


def check(name: str, found: Mark, last: Mark | None) -> None:
    """Refuse a journal that is behind its seal.

    Beside a controller the seal has to be read first: it moves with every commit.

    Args:
        name: of the journal, for the operator.
        found: what the journal itself says.
        last: what the seal says.
    """
    if last is None or (found.journal == last.journal and found.count >= last.count):
        return
    what = (
        f"an older copy of itself ({found.count} commits, last seen {last.count})"
        if found.journal == last.journal
        else "another one than was used here last, or a new one where one has been"
    )
    raise JournalError(
        f"{name}: this journal is {what}. What was sent since it was written would be sent again",
        hint=REMEDY,
    )


def _content(mark: Mark) -> bytes:
    text = json.dumps({"journal": mark.journal, "count": mark.count})
    return text.ljust(SIZE_BYTES - 1).encode() + b"\n"
