"""A journal that is behind its seal is refused: what it forgot would be sent again."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from journal_bench import PHONE, attempt, message

from droidrack.adapters.journal_sql import SqlJournal
from droidrack.adapters.run_journal import SqlRunJournal
from droidrack.core.errors import JournalError

Play = Callable[[SqlJournal], Awaitable[object]]


async def nothing(journal: SqlJournal) -> None:
    """Only the opening."""


async def sends(journal: SqlJournal) -> None:
    """A message is taken, and handed to a phone."""
    await journal.accept(PHONE, [message("m-1")])
    await journal.open_attempt(attempt("m-1"))


def opened(path: Path, play: Play = nothing, *, accept_any: bool = False) -> None:
    """Open a journal, do something with it, and close it."""

    async def whole() -> None:
        journal = SqlJournal(path, accept_any=accept_any)
        try:
            await journal.open()
            await play(journal)
        finally:
            await journal.close()

    asyncio.run(whole())


def copied(source: Path, target: Path) -> None:
    """A copy as `sqlite3 .backup` makes it beside whoever writes."""
    with closing(sqlite3.connect(source)) as found, closing(sqlite3.connect(target)) as copy:
        found.backup(copy)


def put_back(copy: Path, path: Path) -> None:
    """What lies beside the journal stays."""
    remove(path)
    shutil.copy(copy, path)


def seal_of(path: Path) -> Path:
    """The file beside it."""
    return path.with_name(path.name + ".seal")


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
    put_back(copy, path)

    with pytest.raises(JournalError, match="older copy") as refused:
        opened(path)

    assert "--accept-journal" in refused.value.hint


def test_copy_of_the_same_opening_is_refused_once_more_was_written(tmp_path: Path) -> None:
    """A controller runs for weeks: last night's copy is of the same opening as the loss."""
    path, copy = tmp_path / "journal.sqlite", tmp_path / "copy.sqlite"

    async def play(journal: SqlJournal) -> None:
        copied(path, copy)
        await sends(journal)

    opened(path, play)
    put_back(copy, path)

    with pytest.raises(JournalError, match="older copy"):
        opened(path)


def test_copy_that_lacks_an_attempt_only_is_refused(tmp_path: Path) -> None:
    """It knows the message, and would send it again without being offered it."""
    path, copy = tmp_path / "journal.sqlite", tmp_path / "copy.sqlite"

    async def play(journal: SqlJournal) -> None:
        await journal.accept(PHONE, [message("m-1")])
        copied(path, copy)
        await journal.open_attempt(attempt("m-1"))

    opened(path, play)
    put_back(copy, path)

    with pytest.raises(JournalError, match="older copy"):
        opened(path)


def test_copy_of_the_last_commit_is_taken(tmp_path: Path) -> None:
    """It knows all there is to know."""
    path, copy = tmp_path / "journal.sqlite", tmp_path / "copy.sqlite"

    async def play(journal: SqlJournal) -> None:
        await sends(journal)
        copied(path, copy)

    opened(path, play)
    put_back(copy, path)

    opened(path)


def test_journal_whose_log_was_left_behind_is_refused(tmp_path: Path) -> None:
    """Only the main file was copied: what the log held is missing."""
    path, copy = tmp_path / "journal.sqlite", tmp_path / "copy.sqlite"

    async def play(journal: SqlJournal) -> None:
        await sends(journal)
        shutil.copy(path, copy)

    opened(path, play)
    put_back(copy, path)

    with pytest.raises(JournalError, match="this journal is"):
        opened(path)


def test_seal_that_a_power_cut_left_behind_refuses_nothing(tmp_path: Path) -> None:
    """It is not flushed with a commit: an older one may be all that reached the disk."""
    path, older = tmp_path / "journal.sqlite", tmp_path / "older.seal"

    async def play(journal: SqlJournal) -> None:
        shutil.copy(seal_of(path), older)
        await sends(journal)

    opened(path, play)
    shutil.copy(older, seal_of(path))

    opened(path)


def test_seal_moves_with_every_commit_that_changes_something(tmp_path: Path) -> None:
    """A panel offers the same messages at every poll: that must not cost a write each."""
    path = tmp_path / "journal.sqlite"
    seen: list[bytes] = []

    async def play(journal: SqlJournal) -> None:
        for _ in range(3):
            await journal.accept(PHONE, [message("m-1")])
            seen.append(seal_of(path).read_bytes())

    opened(path, play)

    assert seen[0] == seen[1] == seen[2]
    assert {128} == {len(content) for content in seen}


def test_journal_of_a_version_that_counted_openings_is_taken(tmp_path: Path) -> None:
    """Its count goes on, and an older copy of it is still refused."""
    path, copy = tmp_path / "journal.sqlite", tmp_path / "copy.sqlite"
    opened(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE meta SET key = 'opened', value = '7' WHERE key = 'commits'")
        connection.commit()
        (identity,) = connection.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
    seal_of(path).write_text(f'{{"journal": "{identity}", "count": 7}}')
    shutil.copy(path, copy)

    opened(path)
    opened(path)
    put_back(copy, path)

    with pytest.raises(JournalError, match="7 commits, last seen 9"):
        opened(path)


def test_provisioning_beside_a_controller_takes_the_journal(tmp_path: Path) -> None:
    """It looks at a seal that moves meanwhile."""
    path = tmp_path / "journal.sqlite"

    async def play(journal: SqlJournal) -> None:
        for number in range(20):
            runs = SqlRunJournal(path)
            _, _ = await asyncio.gather(
                journal.accept(PHONE, [message(f"m-{number}")]), runs.open()
            )
            await runs.close()

    opened(path, play)


def test_journal_that_was_deleted_is_not_begun_anew(tmp_path: Path) -> None:
    """An empty journal where one has been would send everything the panel still offers."""
    path = tmp_path / "journal.sqlite"
    opened(path)
    remove(path)

    with pytest.raises(JournalError, match="is gone; its seal") as refused:
        opened(path)

    assert "--accept-journal" in refused.value.hint
    assert not path.exists()


@pytest.mark.parametrize("leftover", [False, True], ids=["gone", "empty"])
def test_journal_that_was_deleted_is_named_by_whoever_looks(
    tmp_path: Path, *, leftover: bool
) -> None:
    """A look, provisioning and a start name one loss and one remedy, and none makes a file."""
    path = tmp_path / "journal.sqlite"
    opened(path)
    remove(path)
    if leftover:  # Of a start of an earlier release.
        path.touch(mode=0o600)
    before = sorted(tmp_path.iterdir())

    async def hints() -> set[str]:
        said = set()
        for journal in (SqlJournal(path, observe=True), SqlRunJournal(path), SqlJournal(path)):
            with pytest.raises(JournalError) as refused:
                await journal.open()
            await journal.close()
            said.add(refused.value.hint)
        return said

    (hint,) = asyncio.run(hints())

    assert "--accept-journal" in hint
    assert before == sorted(tmp_path.iterdir())


def test_journal_accepted_by_the_operator_is_taken_from_then_on(tmp_path: Path) -> None:
    """The word counts once, and the seal is that of the journal that was accepted."""
    path = tmp_path / "journal.sqlite"
    opened(path)
    remove(path)

    opened(path, accept_any=True)

    opened(path)


def test_journal_that_gave_way_to_an_accepted_one_does_not_come_back(tmp_path: Path) -> None:
    """What was sent from the copy, the one it replaced does not know."""
    path, copy, newest = (tmp_path / f"{name}.sqlite" for name in ("journal", "copy", "newest"))

    async def play(journal: SqlJournal) -> None:
        copied(path, copy)
        await sends(journal)
        copied(path, newest)

    opened(path, play)
    put_back(copy, path)
    opened(path, accept_any=True)
    put_back(newest, path)

    with pytest.raises(JournalError, match="older copy"):
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

    opened(path, accept_any=True)
    opened(path)
