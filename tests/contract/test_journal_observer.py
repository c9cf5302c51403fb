"""Looking at a journal beside the controller that writes it."""

import asyncio
import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from journal_bench import NOON, PHONE, at, attempt, bring_to, message, settle, told

from droidrack.adapters.journal_sql import SqlJournal
from droidrack.core.errors import JournalBusy, JournalDamaged, JournalError
from droidrack.core.ids import MessageUid
from droidrack.core.message import MessageState
from droidrack.ports import Event, Journal, PhoneRecord

S = MessageState
RECORD = PhoneRecord(PHONE, "bay-1", "SERIAL", "gateway", "print", NOON)
LOOKS: tuple[Callable[[Journal], Awaitable[object]], ...] = (
    lambda journal: journal.phones(),
    lambda journal: journal.phone(PHONE),
    lambda journal: journal.sims(PHONE),
    lambda journal: journal.backlog(PHONE),
    lambda journal: journal.waiting(PHONE, limit=10),
    lambda journal: journal.open_attempts(PHONE),
    lambda journal: journal.tries(MessageUid("m2")),
    lambda journal: journal.life(MessageUid("m2")),
    lambda journal: journal.messages(limit=10),
    lambda journal: journal.outbox(PHONE, limit=10),
    lambda journal: journal.events(limit=10),
    lambda journal: journal.usage.of_phone(PHONE, NOON),
)
WRITES: tuple[Callable[[Journal], Awaitable[object]], ...] = (
    lambda journal: journal.remember_phone(RECORD),
    lambda journal: journal.accept(PHONE, [message("new")]),
    lambda journal: journal.open_attempt(attempt("m1")),
    lambda journal: settle(journal, "m2", S.SENT),
    lambda journal: journal.record(Event(NOON, None, "kind", "text")),
    lambda journal: journal.unbind_sim(PHONE, "sim-1"),
    lambda journal: journal.park(1, "never", NOON),
)


async def beside(path: Path, play: Callable[[Journal, Journal], Awaitable[None]]) -> None:
    """Play with a writer that holds the lock and an observer of the same file."""
    writer, observer = SqlJournal(path), SqlJournal(path, observe=True)
    await writer.open()
    try:
        await writer.remember_phone(RECORD)
        await writer.accept(PHONE, [message("m1")])
        await bring_to(writer, "m2", S.SENDING)
        await observer.open()
        await play(writer, observer)
    finally:
        await observer.close()
        await writer.close()


def test_observer_sees_what_the_writer_sees(tmp_path: Path) -> None:
    """Beside a controller that holds the lock every question has the controller's answer."""

    async def play(writer: Journal, observer: Journal) -> None:
        for look in LOOKS:
            assert await look(writer) == await look(observer)

    asyncio.run(beside(tmp_path / "j", play))


def test_observer_sees_each_commit_at_once(tmp_path: Path) -> None:
    """An observer that stays open reads what was committed after it came."""

    async def play(writer: Journal, observer: Journal) -> None:
        await settle(writer, "m2", S.SENT, report=told("m2"))
        life = await observer.life(MessageUid("m2"))
        assert life is not None
        assert S.SENT is life.state

    asyncio.run(beside(tmp_path / "j", play))


def test_observer_refuses_every_write(tmp_path: Path) -> None:
    """A writing call raises JournalError, which is no damage: looking goes on."""

    async def play(writer: Journal, observer: Journal) -> None:
        before = await writer.messages()
        for write in WRITES:
            with pytest.raises(JournalError, match="look only") as refused:
                await write(observer)
            assert not isinstance(refused.value, JournalBusy | JournalDamaged)
        assert before == await observer.messages()

    asyncio.run(beside(tmp_path / "j", play))


def test_observer_leaves_a_resting_journal_as_it_is(tmp_path: Path) -> None:
    """Looking at the journal of a stopped controller changes not one byte of it."""
    path = tmp_path / "j"

    async def play(_: Journal, __: Journal) -> None:
        return

    async def look() -> None:
        observer = SqlJournal(path, observe=True)
        await observer.open()
        assert 2 == len(await observer.messages())
        await observer.close()

    asyncio.run(beside(path, play))
    before = hashlib.sha256(path.read_bytes()).digest()
    asyncio.run(look())
    assert before == hashlib.sha256(path.read_bytes()).digest()


def test_observer_takes_no_lock(tmp_path: Path) -> None:
    """A controller can start while somebody looks."""
    path = tmp_path / "j"

    async def play(_: Journal, __: Journal) -> None:
        return

    async def start_beside() -> None:
        observer, writer = SqlJournal(path, observe=True), SqlJournal(path)
        await observer.open()
        await writer.open()
        await writer.accept(PHONE, [message("m3")])
        assert 3 == len(await observer.messages())
        await writer.close()
        await observer.close()

    asyncio.run(beside(path, play))
    asyncio.run(start_beside())


async def refusal(path: Path) -> JournalError:
    """The error with which an observer does not open."""
    with pytest.raises(JournalError) as refused:
        await SqlJournal(path, observe=True).open()
    return refused.value


def test_observer_of_no_journal_creates_none(tmp_path: Path) -> None:
    """Where there is no journal the observer says so and leaves the disk empty."""
    refused = asyncio.run(refusal(tmp_path / "j"))
    assert "no journal yet" in refused.message
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("revision", "said"), [("9999", "newer"), (None, "empty")])
def test_observer_refuses_other_revisions(tmp_path: Path, revision: str | None, said: str) -> None:
    """A newer program's journal, and one that was never migrated, are refused and named."""
    path = tmp_path / "j"
    with sqlite3.connect(path) as database:
        if revision:
            database.execute("CREATE TABLE alembic_version (version_num TEXT)")
            database.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
    database.close()
    assert said in asyncio.run(refusal(path)).message


def test_observer_of_no_database_calls_it_damaged(tmp_path: Path) -> None:
    """Any other file in its place is called damaged, with the advice to keep it."""
    path = tmp_path / "j"
    path.write_text("no database at all, " * 100)
    assert isinstance(asyncio.run(refusal(path)), JournalDamaged)


def test_holder_names_the_writer_and_nobody_else(tmp_path: Path) -> None:
    """Who holds the journal is told while somebody does, and without disturbing him."""

    async def play(writer: Journal, observer: Journal) -> None:
        assert isinstance(observer, SqlJournal)
        assert observer.holder().startswith("process ")
        await writer.record(Event(at(1), None, "kind", "text"))
        await writer.close()
        assert "" == observer.holder()

    asyncio.run(beside(tmp_path / "j", play))
