"""Where the SQL journal lives: what differs between SQLite and PostgreSQL, and nothing else.

A store owns the lock, the connections and the words for what went wrong. SQLite is opened so that
a commit is on the disk when it returns: WAL with `synchronous=FULL` lost nothing in rebuilt power
cuts, `NORMAL` lost rows in all of them.
"""

import fcntl
import os
import socket
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from droidrack.adapters.access import denial, refusal
from droidrack.adapters.journal_seal import refuse_lost, seal_of
from droidrack.core.errors import (
    JournalBusy,
    JournalDamaged,
    JournalDenied,
    JournalError,
    StateDenied,
)

BUSY_TIMEOUT_S = 5.0
"""Our own connections never wait for each other longer than one commit on a slow disk (0.5 s was
simulated); the rest is for an operator who looks at the file with a tool of his own."""

WAL_LIMIT_BYTES = 16 * 1024 * 1024
"""The log is cut back to this after a checkpoint; a group of 256 units stays well below it."""

RECLAIM_PAGES = 2_000
"""Pages (4 KiB each) given back to the disk per pruned batch: short enough not to be noticed."""

FULL_DISK = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")
CLOSED_FILE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")
BROKEN_FILE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")


class Store(Protocol):
    """A database that can hold one journal."""

    name: str  # Shown to the operator; holds no password.
    seal: Path | None  # Where `journal_seal` keeps its word; None: nowhere.
    anchor: Path | None  # Where `audit_anchor` keeps the newest audit line; None: nowhere.

    def there(self) -> bool:
        """Whether there is something to open; where not, `acquire` makes it."""
        ...

    def acquire(self) -> None:
        """Take the lock, or raise JournalBusy naming who has it. Idempotent."""
        ...

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        ...

    def holder(self) -> str:
        """Who holds the lock, as they named themselves; "" where nobody does."""
        ...

    def connect(self, *, writing: bool) -> Connection:
        """One connection for as long as the journal is open."""
        ...

    def watch(self) -> Connection:
        """A connection for somebody who only looks, beside whoever writes; creates nothing.

        Raises:
            JournalError: there is no journal yet.
        """
        ...

    def beside(self) -> Connection:
        """A connection that writes beside a controller: without the lock, one moment at a time."""
        ...

    def check(self, connection: Connection) -> None:
        """Raise JournalDamaged unless the stored bytes are sound."""
        ...

    def changes(self, connection: Connection) -> int:
        """How many rows this connection has changed so far; 0 for ever where there is no seal."""
        ...

    def reclaim(self, connection: Connection) -> None:
        """Give freed space back, a bounded amount per call."""
        ...


def store_for(location: str | Path) -> Store:
    """A path, or a SQLAlchemy URL such as `postgresql+psycopg://…`."""
    if isinstance(location, str) and "://" in location:
        return PostgresStore(location)
    return SqliteStore(Path(location))


def translated(error: SQLAlchemyError | sqlite3.Error | OSError, name: str) -> JournalError:
    """The one table from the libraries' errors to ours.

    Nothing of the statement is repeated: its parameters are numbers and bodies.
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    word = getattr(cause, "sqlite_errorname", "") or type(cause).__name__
    if refused := _refused(cause, word, name):
        return JournalDenied(refused.message, hint=refused.hint)
    if isinstance(cause, OSError):
        word = os.strerror(cause.errno) if cause.errno else word
    if word.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalBusy(
            f"{name}: another program held the journal for {BUSY_TIMEOUT_S:g} s ({word})",
            hint="close the tool that has this file open; droidrack goes on by itself",
        )
    if word.startswith(BROKEN_FILE):
        return _broken(name, word)
    hint = "nothing is sent until the journal opens again: look at the disk and the system's log"
    if word in FULL_DISK or getattr(cause, "errno", None) is not None:
        hint = "free space on this disk and see that it is writable; nothing is sent until then"
    return JournalDamaged(f"{name}: the journal cannot be read or written ({word})", hint=hint)


def _refused(cause: BaseException, word: str, name: str) -> StateDenied | None:
    """What the system forbids; SQLite does not say so, but which files it uses is known."""
    if isinstance(cause, OSError):
        return refusal(cause, Path(name))
    if not word.startswith(CLOSED_FILE):
        return None
    refused = (denial(Path(f"{name}{suffix}")) for suffix in ("", "-wal", "-shm"))
    return next(filter(None, refused), None)


def _broken(name: str, seen: str) -> JournalDamaged:
    return JournalDamaged(
        f"{name}: the journal's file is damaged ({seen})",
        hint="keep the file and its -wal; put back a copy, or run `sqlite3 FILE .recover` on one. "
        "Do not start with an empty journal: it would not know what was already sent",
    )


class SqliteStore:
    """A file, with its lock beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.seal: Path | None = seal_of(path)
        self.anchor: Path | None = path.with_name(f"{path.name}.audit")
        self._lock = -1
        self._engine: Engine | None = None

    def there(self) -> bool:
        """Whether the file is there, with whatever in it."""
        return self.path.exists()

    def acquire(self) -> None:
        """Take an advisory lock of the operating system: it dies with the process, however."""
        if self._lock >= 0:
            return
        self._create_files()
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(lock, 200, 0).decode("utf-8", "replace").strip()
            os.close(lock)
            raise _busy(self.name, holder) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        self._lock = lock

    def release(self) -> None:
        """The file stays: removing it would let two processes lock two files of one name."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def holder(self) -> str:
        """A look: it holds the lock shared for microseconds, and only where nobody has it."""
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return ""
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(lock, 200, 0).decode("utf-8", "replace").strip() or "another process"
        finally:
            os.close(lock)
        return ""

    def watch(self) -> Connection:
        """SQLite's own read-only mode: not a byte of the file can change, whatever is asked."""
        self._require()
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=ro",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                check_same_thread=False,
                isolation_level=None,
            ),
            poolclass=NullPool,
            hide_parameters=True,
        )
        event.listen(self._engine, "begin", _begin)
        return self._engine.connect()

    def beside(self) -> Connection:
        """As durable as the writer's, but the log is the writer's to move into the file."""
        self._require()
        connection = self._connection()
        connection.info["begin"] = "BEGIN IMMEDIATE"
        return connection

    def connect(self, *, writing: bool) -> Connection:
        """A connection that commits durably, or one that can only read."""
        # For the writer: moves what a crash left in the log into the file, with an fsync of its
        # own, because frames whose fsync once failed may be in the page cache only.
        connection = self._connection("wal_checkpoint(TRUNCATE)" if writing else "query_only=ON")
        connection.info["begin"] = "BEGIN IMMEDIATE" if writing else "BEGIN"
        return connection

    def check(self, connection: Connection) -> None:
        """Walk every page: seconds per gigabyte, which retention keeps away."""
        seen = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if seen != "ok":
            raise _broken(self.name, "quick_check")

    def changes(self, connection: Connection) -> int:
        """SQLite counts them, also those that a savepoint took back."""
        driver: Any = connection.connection.dbapi_connection
        return int(driver.total_changes)

    def reclaim(self, connection: Connection) -> None:
        """Shrink the file by free pages at its end, within the open transaction.

        One page per statement: SQLite gives back one per step, and the driver takes one step.
        """
        cursor = connection.connection.cursor()
        free_pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        for _ in range(min(RECLAIM_PAGES, free_pages)):
            cursor.execute("PRAGMA incremental_vacuum(1)")
        cursor.close()

    def _connection(self, pragma: str = "") -> Connection:
        """A connection; the pragma ran on it outside any transaction: SQLite wants it so.

        Raises:
            JournalError: what SQLite says where SQLAlchemy does not listen yet.
        """
        if self._engine is None:
            self._engine = _sqlite_engine(self.path)
        try:
            with ExitStack() as undo:
                connection = self._engine.connect()
                undo.callback(connection.close)
                if pragma:
                    cursor = connection.connection.cursor()
                    cursor.execute(f"PRAGMA {pragma}")
                    cursor.close()
                undo.pop_all()
        except sqlite3.Error as error:
            raise translated(error, self.name) from error
        return connection

    def _require(self) -> None:
        if not self.there():
            refuse_lost(self.name, self.seal)
            raise _absent(self.name)

    def _create_files(self) -> None:
        """Files and folders for the owner's eyes: they hold the text of every message.

        SQLite gives its -wal and -shm the mode of the main file. The folders are synced, because a
        new file is only as durable as the entry that names it.
        """
        folder = self.path.parent
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
            _sync_folder(folder.parent)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(file).st_mode & 0o077:
                os.fchmod(file, 0o600)
        finally:
            os.close(file)
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # The driver's own BEGIN comes too late and too often.
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # Only before the first page.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "fullfsync=ON",  # macOS: its fsync stops at the drive's cache.
            "checkpoint_fullfsync=ON",
            "foreign_keys=ON",
            "secure_delete=ON",  # A pruned text is gone, not only its row.
            f"journal_size_limit={WAL_LIMIT_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.info.get("begin", "BEGIN"))


class PostgresStore:
    """One schema of a PostgreSQL database. The lock belongs to the writing connection.

    Hosts that share a server give each journal its own schema (`?options=-csearch_path=rack1`).
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={"application_name": f"droidrack {socket.gethostname()} {os.getpid()}"},
        )
        self.name = self._engine.url.render_as_string(hide_password=True)
        self.seal: Path | None = None  # A server keeps its own copies.
        self.anchor: Path | None = None

    def there(self) -> bool:
        """The server is asked when it is connected to."""
        return True

    def acquire(self) -> None:
        """Nothing yet: the lock is taken by the connection that writes, and dies with it."""

    def release(self) -> None:
        """The lock went with its connection."""
        self._engine.dispose()

    def holder(self) -> str:
        """The server knows."""
        with self._engine.connect() as connection:
            key = connection.scalar(text(f"SELECT {SCHEMA_KEY}")) & 0xFFFFFFFF
            return str(connection.scalar(text(LOCK_HOLDER), {"key": key}) or "")

    def watch(self) -> Connection:
        """The server itself refuses what this connection would write."""
        connection = self._engine.connect()
        connection.execute(text("SET default_transaction_read_only TO on"))
        connection.commit()
        return connection

    def beside(self) -> Connection:
        """The server lets many write."""
        connection = self._engine.connect()
        connection.execute(text("SET synchronous_commit TO on"))
        connection.commit()
        return connection

    def connect(self, *, writing: bool) -> Connection:
        """The writing connection holds the lock of this schema."""
        connection = self._engine.connect()
        if writing:
            connection.execute(text("SET synchronous_commit TO on"))
            key = connection.scalar(text(f"SELECT {SCHEMA_KEY}")) & 0xFFFFFFFF
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
                holder = connection.scalar(text(LOCK_HOLDER), {"key": key}) or ""
                connection.close()
                raise _busy(self.name, str(holder))
            connection.commit()
        return connection

    def check(self, connection: Connection) -> None:
        """The server checks its own pages."""

    def changes(self, connection: Connection) -> int:
        """Nobody asks: a server keeps its own copies."""
        return 0

    def reclaim(self, connection: Connection) -> None:
        """The server's autovacuum does it."""


SCHEMA_KEY = "hashtext('droidrack ' || current_database() || current_schema())"
LOCK_HOLDER = (
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted "
    "AND ((l.classid::bigint << 32) | l.objid::bigint) = :key"
)


def _absent(name: str) -> JournalError:
    return JournalError(
        f"{name}: there is no journal yet",
        hint="it is made by the first `droidrack run`; is the state_dir the right one?",
    )


def _busy(name: str, holder: str) -> JournalBusy:
    return JournalBusy(
        f"{name}: the journal is held by {holder or 'another controller'}",
        hint="stop that controller first; two of them would send the same messages twice",
    )
