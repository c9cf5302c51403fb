"""What only a journal on a disk can get wrong: locks, files, revisions, full disks, kills."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from journal_bench import CARD, PHONE, at, attempt, bring_to, message, settle, told
from sqlalchemy import create_engine, event

from droidrack.adapters.journal_migration import revisions
from droidrack.adapters.journal_schema import HEAD, REVISIONS, metadata
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.core.errors import JournalBusy, JournalDamaged, JournalError
from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import MessageState
from droidrack.ports import Event, HoldRecord

S = MessageState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a journal may live; its folder does not exist yet."""
    return tmp_path / "state" / "journal.db"


def play(path: Path, scenario: Callable[[SqlJournal], Awaitable[None]], **options: Any) -> None:
    """Open a journal at `path`, play, close."""

    async def run() -> None:
        journal = SqlJournal(path, **options)
        await journal.open()
        try:
            await scenario(journal)
        finally:
            await journal.close()

    asyncio.run(run())


def opened(path: Path) -> None:
    """Make a journal with one message waiting and one being sent."""

    async def fill(journal: SqlJournal) -> None:
        await journal.accept(PHONE, [message("m1")])
        await bring_to(journal, "m2", S.SENDING)

    play(path, fill, inline=True)


def refusal(path: Path) -> JournalError:
    """The error with which a journal refuses to open."""

    async def play() -> JournalError:
        with pytest.raises(JournalError) as refused:
            await SqlJournal(path, inline=True).open()
        return refused.value

    return asyncio.run(play())


@pytest.fixture
def child() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes started by a test; none is left behind."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Run a script that knows the bench."""
    lead = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    return subprocess.Popen(
        [sys.executable, "-c", lead + textwrap.dedent(script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


HOLD = """
    import asyncio
    from droidrack.adapters.journal_sql import SqlJournal

    async def hold():
        journal = SqlJournal(sys.argv[1])
        await journal.open()
        print("held", flush=True)
        await asyncio.Event().wait()

    asyncio.run(hold())
"""


def test_lock_of_a_live_process_is_named_and_dies_with_it(
    path: Path, child: list[subprocess.Popen[str]]
) -> None:
    """The second controller is told who has the journal; kill -9 of the first frees it at once."""
    child.append(start(HOLD, path))
    assert child[0].stdout is not None
    assert "held\n" == child[0].stdout.readline()
    refused = refusal(path)
    assert isinstance(refused, JournalBusy)
    assert f"process {child[0].pid} on " in refused.message
    child[0].send_signal(signal.SIGKILL)
    child[0].wait()
    opened(path)


DIE = """
    import asyncio, os, signal
    from droidrack.adapters.journal_sql import SqlJournal
    from journal_bench import PHONE, message, attempt, told, settle
    from droidrack.core.message import MessageState as S

    path, phase, unit, inline = sys.argv[1:]

    def kill(now, units):
        if (now, unit) == (phase, units[-1]):
            os.kill(os.getpid(), signal.SIGKILL)

    async def play():
        journal = SqlJournal(path, inline=inline == "True", on_commit=kill)
        await journal.open()
        await journal.accept(PHONE, [message("m1")])
        await journal.open_attempt(attempt("m1"))
        await settle(journal, "m1", S.SENT, report=told("m1"))
        (row,) = await journal.outbox(PHONE, limit=9)
        await journal.reported([row.id], row.report.at)

    asyncio.run(play())
"""

STEPS = ("accept", "attempt", "settle", "reported")
AFTER = {
    "": (None, 0, 0),
    "accept": (S.ACCEPTED, 0, 0),
    "attempt": (S.SENDING, 1, 0),
    "settle": (S.SENT, 1, 1),
    "reported": (S.SENT, 1, 0),
}


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("unit", STEPS)
@pytest.mark.parametrize("phase", ["before", "after"])
def test_kill_at_a_commit_leaves_the_step_before_or_after(
    path: Path, child: list[subprocess.Popen[str]], phase: str, unit: str, *, inline: bool
) -> None:
    """A process killed at any commit leaves a journal with that step whole, or without it."""
    child.append(start(DIE, path, phase, unit, inline))
    _, errors = child[0].communicate()
    assert (-signal.SIGKILL, "") == (child[0].returncode, errors)
    last = unit if phase == "after" else ("", *STEPS)[STEPS.index(unit)]

    async def look(journal: SqlJournal) -> None:
        lives = await journal.messages()
        state = lives[0].state if lives else None
        attempts = len(await journal.open_attempts(PHONE)) + (state is S.SENT)
        assert AFTER[last] == (state, attempts, len(await journal.outbox(PHONE, limit=9)))

    play(path, look, inline=True)


FILL = """
    import asyncio, resource
    from droidrack.adapters.journal_sql import SqlJournal
    from droidrack.core.errors import JournalDamaged
    from droidrack.core.ids import Body
    from journal_bench import PHONE, message

    async def play():
        journal = SqlJournal(sys.argv[1])
        await journal.open()
        await journal.accept(PHONE, [message("kept")])
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            for number in range(1000):
                await journal.accept(PHONE, [message(f"m{number}", body=Body("x" * 5000))])
        except JournalDamaged as error:
            print("damaged", "free space" in error.hint)
        accepted = number
        try:
            await journal.accept(PHONE, [message("refused")])
        except JournalDamaged as error:
            print("refused", "nothing more is written" in error.message)
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        await journal.open()
        await journal.accept(PHONE, [message("after")])
        kept = {life.message.uid for life in await journal.messages(limit=2000)}
        lost = {f"m{number}" for number in range(accepted)} | {"kept", "after"}
        print("lost", len(lost - kept), "alien", "refused" in kept)
        await journal.close()

    asyncio.run(play())
"""


def test_full_disk_stops_writing_and_heals_when_reopened(
    path: Path, child: list[subprocess.Popen[str]]
) -> None:
    """A disk without room: loud, no further write, nothing lost, whole again after `open`."""
    child.append(start(FILL, path))
    output, errors = child[0].communicate()
    assert "" == errors
    assert ["damaged True", "refused True", "lost 0 alien False"] == output.splitlines()


def test_files_are_for_their_owner_only(path: Path) -> None:
    """Folder 0700, every file 0600: they hold numbers and texts. A loose mode is tightened."""
    path.parent.mkdir(mode=0o755)
    path.touch(0o644)

    async def play() -> None:
        journal = SqlJournal(path.parent / "new" / path.name)
        for each in (journal, SqlJournal(path)):
            await each.open()
            await each.accept(PHONE, [message("m1")])
        folder = path.parent / "new"
        files = [file for where in (folder, path.parent) for file in where.glob("journal*")]
        assert 12 == len(files)
        assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}
        assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
        await each.close()
        await journal.close()

    asyncio.run(play())


@pytest.mark.parametrize("where", ["head", "page"])
def test_damaged_file_is_refused_with_a_remedy(path: Path, where: str) -> None:
    """Flipped bytes are found at `open`, and the file is left as it is."""
    opened(path)
    content = bytearray(path.read_bytes())
    start_at = 0 if where == "head" else 4096 * 3
    content[start_at : start_at + 60] = b"\xa5" * 60
    path.write_bytes(content)
    refused = refusal(path)
    assert isinstance(refused, JournalDamaged)
    assert ".recover" in refused.hint
    assert bytes(content) == path.read_bytes()


def test_unwritable_place_is_refused(tmp_path: Path) -> None:
    """A path that cannot hold a file is told as such, not as a crash."""
    (tmp_path / "file").touch()
    refused = refusal(tmp_path / "file" / "journal.db")
    assert isinstance(refused, JournalDamaged)
    assert "Not a directory" in refused.message or "File exists" in refused.message


def test_newer_journal_is_refused(path: Path) -> None:
    """A downgrade never guesses at tables it does not know."""
    opened(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    refused = refusal(path)
    assert "9999" in refused.message
    assert HEAD in refused.message


def test_database_of_something_else_is_refused(path: Path) -> None:
    """A file with other tables is not turned into a journal."""
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE invoices (id)")
    connection.close()
    assert "invoices" in refusal(path).message


def test_revisions_and_tables_agree_with_the_migrations(path: Path) -> None:
    """What the migrations build is what the statements expect, to the last index."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    opened(path)
    assert REVISIONS == revisions()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()


def test_reopening_a_current_journal_needs_no_alembic(
    path: Path, child: list[subprocess.Popen[str]]
) -> None:
    """Alembic is imported for a journal that has to change, and only then."""
    opened(path)
    script = """
        import asyncio
        from droidrack.adapters.journal_sql import SqlJournal
        journal = SqlJournal(sys.argv[1], inline=True)
        asyncio.run(journal.open())
        print("alembic" in sys.modules)
        asyncio.run(journal.close())
    """
    child.append(start(script, path))
    assert ("False\n", "") == child[0].communicate()


def test_calls_at_the_same_time_share_commits(path: Path) -> None:
    """A hundred phones that write at once cost a handful of commits, not a hundred."""
    commits: list[tuple[str, ...]] = []

    def count(phase: str, units: tuple[str, ...]) -> None:
        if phase == "after":
            commits.append(units)

    async def write(journal: SqlJournal) -> None:
        await journal.accept(PHONE, [message(f"m{number}") for number in range(100)])
        commits.clear()
        await asyncio.gather(*(journal.open_attempt(attempt(f"m{n}")) for n in range(100)))

    play(path, write, on_commit=count)
    assert [("attempt",) * 100] == commits


def test_commits_are_synced_before_their_callers_hear(path: Path) -> None:
    """The connection that writes promises durability: WAL, FULL, foreign keys."""

    async def look(journal: SqlJournal) -> None:
        assert journal._lanes.writer is not None
        with journal._lanes.writer.begin():
            found = [
                journal._lanes.writer.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum")
            ]
        assert ["wal", 2, 1, 2] == found

    play(path, look, inline=True)


def test_foreign_writer_makes_the_journal_busy_not_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's own tool that holds the file is waited for, named, and survived."""
    monkeypatch.setattr("droidrack.adapters.journal_store.BUSY_TIMEOUT_S", 0.05)

    async def write(journal: SqlJournal) -> None:
        tool = sqlite3.connect(path, isolation_level=None)
        tool.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalBusy):
            await journal.accept(PHONE, [message("m1")])
        tool.execute("ROLLBACK")
        tool.close()
        await journal.accept(PHONE, [message("m1")])
        assert 1 == len(await journal.waiting(PHONE, limit=9))

    play(path, write)


def test_pruning_gives_space_back_and_leaves_no_text(path: Path) -> None:
    """Pruned texts are gone from the file, and the file shrinks."""
    secret = "the secret text " * 200

    async def fill(journal: SqlJournal) -> None:
        offered = [message(f"m{number}", body=Body(secret)) for number in range(700)]
        await journal.accept(PHONE, offered)
        for each in offered:
            await settle(journal, each.uid, S.EXPIRED)

    async def prune(journal: SqlJournal) -> None:
        assert 700 == await journal.prune(at(3600))

    play(path, fill)
    size = path.stat().st_size
    play(path, prune)
    assert path.stat().st_size < size / 4
    assert b"secret text" not in path.read_bytes()


@pytest.mark.parametrize("inline", [True, False])
def test_no_query_of_the_hot_path_scans_a_table(path: Path, *, inline: bool) -> None:
    """Whatever the history, sending, confirming and reporting go through an index."""
    statements: list[tuple[str, object]] = []

    async def listen(journal: SqlJournal) -> None:
        for connection in (journal._lanes.writer, journal._lanes.reader):
            event.listen(
                connection,
                "before_cursor_execute",
                lambda _c, _cursor, sql, values, _x, many: statements.append(
                    (sql, values[0] if many else values)
                ),
            )
        await hot_path(journal)

    play(path, listen, inline=inline)
    with contextlib.closing(sqlite3.connect(path)) as plain:
        plans = [
            step[3]
            for sql, values in statements
            if sql.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))
            for step in plain.execute(f"EXPLAIN QUERY PLAN {sql}", values)  # type: ignore[arg-type]
        ]
    assert any("INDEX outbox_waiting" in plan for plan in plans)
    assert [] == [plan for plan in plans if plan.startswith("SCAN")]


async def hot_path(journal: SqlJournal) -> None:
    """Every call that is made again and again while messages flow."""
    await bring_to(journal, "m1", S.SUBMITTED)
    await settle(journal, "m1", S.SENT, report=told("m1"))
    await journal.backlog(PHONE)
    await journal.waiting(PHONE, limit=9)
    await journal.open_attempts(PHONE)
    await journal.tries(MessageUid("m1"))
    await journal.optouts.among([Msisdn("+15550100001")])
    (row,) = await journal.outbox(PHONE, limit=9)
    await journal.reported([row.id], at(30))
    await journal.accept(PHONE, [message("m1")])
    await journal.usage.of_phone(PHONE, at(0))
    await journal.usage.of_card(CARD, at(0))
    await journal.usage.hold(HoldRecord(PHONE, "sim-1", "QUOTA_USED", "", at(0)))
    await journal.usage.release(PHONE, "sim-1")
    await journal.sims(PHONE)
    await journal.record(Event(at(0), PHONE, "sim", "gone"))


def inheritable_files(folder: Path) -> dict[str, bool]:
    """Files of a folder that this process has open, and whether a child would get them."""
    found = {}
    for descriptor in os.listdir("/proc/self/fd"):
        link = Path("/proc/self/fd", descriptor)
        if link.is_symlink() and link.readlink().parent == folder:
            found[link.readlink().name] = os.get_inheritable(int(descriptor))
    return found


def test_files_are_not_inherited(path: Path) -> None:
    """A child that outlives the controller, such as an adb server, does not keep its lock."""

    async def look(journal: SqlJournal) -> None:
        await journal.accept(PHONE, [message("m1")])
        open_files = inheritable_files(path.parent)
        assert {"journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"} == set(
            open_files
        )
        assert {False} == set(open_files.values())

    play(path, look)
