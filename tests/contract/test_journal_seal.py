"""A journal that is behind its seal is refused: what it forgot would be sent again."""

import asyncio
import shutil
from pathlib import Path

import pytest

from droidrack.adapters.journal_sql import SqlJournal
from droidrack.core.errors import JournalError


def opened(path: Path, *, accept_any: bool = False) -> None:
    """Open a journal once, and close it."""

    async def play() -> None:
        journal = SqlJournal(path, accept_any=accept_any)
        try:
            await journal.open()
        finally:
            await journal.close()

    asyncio.run(play())


def remove(path: Path) -> None:
    """The journal is gone; what lies beside it is not."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def test_journal_opened_again_and_again_is_taken(tmp_path: Path) -> None:
    """The seal follows every opening."""
    for _ in range(3):
        opened(tmp_path / "journal.sqlite")


def test_journal_restored_from_an_older_copy_is_refused(tmp_path: Path) -> None:
    """Yesterday's copy does not know what was sent today."""
    path, copy = tmp_path / "journal.sqlite", tmp_path / "copy.sqlite"
    opened(path)
    shutil.copy(path, copy)
    opened(path)
    opened(path)
    remove(path)
    shutil.copy(copy, path)

    with pytest.raises(JournalError, match="older copy") as refused:
        opened(path)

    assert "--accept-journal" in refused.value.hint


def test_journal_that_was_deleted_is_not_begun_anew(tmp_path: Path) -> None:
    """An empty journal where one has been would send everything the panel still offers."""
    path = tmp_path / "journal.sqlite"
    opened(path)
    remove(path)

    with pytest.raises(JournalError, match="a new one where one has been"):
        opened(path)


def test_journal_accepted_by_the_operator_is_taken_from_then_on(tmp_path: Path) -> None:
    """The word counts once, and the seal is that of the journal that was accepted."""
    path = tmp_path / "journal.sqlite"
    opened(path)
    remove(path)

    opened(path, accept_any=True)

    opened(path)


def test_seal_that_cannot_be_read_is_an_error_and_no_licence(tmp_path: Path) -> None:
    """Nonsense in the seal is told with its remedy."""
    path = tmp_path / "journal.sqlite"
    opened(path)
    seal = tmp_path / "journal.sqlite.seal"
    seal.write_bytes(b"nonsense")
    seal.chmod(0o600)

    with pytest.raises(JournalError, match="seal cannot be read"):
        opened(path)
