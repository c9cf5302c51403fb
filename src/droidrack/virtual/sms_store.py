"""The phone's SMS provider: rows in a real SQLite table, and the view that the shell gets."""

import sqlite3
import weakref
from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum

SHELL_PACKAGE = "com.android.shell"


class SmsType(IntEnum):
    """`Telephony.Sms.MESSAGE_TYPE_…`."""

    INBOX = 1
    SENT = 2
    DRAFT = 3
    OUTBOX = 4
    FAILED = 5
    QUEUED = 6


_COLUMNS = """
    _id INTEGER PRIMARY KEY{autoincrement}, thread_id INTEGER, address TEXT, person INTEGER,
    date INTEGER, date_sent INTEGER DEFAULT 0, protocol INTEGER, read INTEGER DEFAULT 0,
    status INTEGER DEFAULT -1, type INTEGER, reply_path_present INTEGER, subject TEXT, body TEXT,
    service_center TEXT, locked INTEGER DEFAULT 0, sub_id INTEGER DEFAULT -1,
    error_code INTEGER DEFAULT 0, creator TEXT, seen INTEGER DEFAULT 0{priority}
"""
PRIORITY_API = 28
AUTOINCREMENT_API = 28  # Earlier, an id may be given again once its row was the last and is gone.


class SmsStore:
    """Rows survive reboots; ids grow. Every write is the phone's own: the shell only reads."""

    def __init__(self, api: int) -> None:
        self.api = api
        self.blind = False  # Shows no row, as while its cards are not known to it.
        # The collector may close it from any thread.
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._db.close)
        columns = _COLUMNS.format(
            autoincrement=" AUTOINCREMENT" if api >= AUTOINCREMENT_API else "",
            priority=", priority INTEGER DEFAULT -1" if api >= PRIORITY_API else "",
        )
        self._db.executescript(
            f"CREATE TABLE sms ({columns});"  # noqa: S608  (our own column list)
            "CREATE VIEW sms_restricted AS SELECT * FROM sms WHERE type=1 OR type=2;"
        )

    def add(
        self,
        kind: SmsType,
        *,
        sub_id: int,
        address: str,
        body: str,
        at: datetime,
        sent_at: datetime | None = None,
        creator: str = SHELL_PACKAGE,
        error_code: int = 0,
    ) -> int:
        """Insert a row; returns its `_id`. `sent_at`: by the network's clock, of an inbound one."""
        cursor = self._db.execute(
            "INSERT INTO sms (thread_id, address, date, date_sent, type, body, sub_id, error_code,"
            " creator, read, seen, protocol, service_center)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._thread(address),
                address,
                int(at.timestamp() * 1000),
                int(sent_at.timestamp()) * 1000 if sent_at is not None else 0,
                int(kind),
                body,
                sub_id,
                error_code,
                creator,
                int(kind is not SmsType.INBOX),
                int(kind is not SmsType.INBOX),
                0 if kind is SmsType.INBOX else None,
                "+15550000000" if kind is SmsType.INBOX else None,
            ),
        )
        return int(cursor.lastrowid or 0)

    def receive(
        self,
        *,
        sub_id: int,
        address: str,
        body: str,
        at: datetime,
        sent_at: datetime | None = None,
    ) -> int:
        """An inbound message; returns its `_id`. `sent_at`: by the network, to the second."""
        return self.add(
            SmsType.INBOX,
            sub_id=sub_id,
            address=address,
            body=body,
            at=at,
            sent_at=sent_at or at,
            creator="com.google.android.apps.messaging",
        )

    def retype(self, row_id: int, kind: SmsType, *, error_code: int = 0) -> None:
        """Move a row to another folder; without effect where it is gone."""
        self._db.execute(
            "UPDATE sms SET type = ?, error_code = ? WHERE _id = ?", (int(kind), error_code, row_id)
        )

    def delete(self, row_id: int) -> None:
        """Delete a row, as the user's messaging app may."""
        self._db.execute("DELETE FROM sms WHERE _id = ?", (row_id,))

    def clear(self) -> None:
        """Delete every row, as "clear storage" does."""
        self._db.execute("DELETE FROM sms")

    def reset(self) -> None:
        """What a factory reset leaves: nothing, with ids that start anew."""
        self.clear()
        if self.api >= AUTOINCREMENT_API:
            self._db.execute("DELETE FROM sqlite_sequence")

    def query(
        self,
        *,
        restricted: bool,
        projection: Sequence[str],
        folder: str,
        where: str,
        sort: str,
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Column names and rows of a `content query`.

        Raises:
            sqlite3.Error: the caller's SQL is wrong; the text is SQLite's own.
        """
        cursor = self._db.execute(
            self.statement(restricted, projection, folder, where, sort or "date DESC")
        )
        found = [] if self.blind else cursor.fetchall()
        return [column[0] for column in cursor.description], found

    @staticmethod
    def statement(
        restricted: bool, projection: Sequence[str], folder: str, where: str, sort: str
    ) -> str:
        """The SELECT that the provider compiles; it appears in its error messages too."""
        table = "sms_restricted" if restricted else "sms"
        conditions = [f"({condition})" for condition in (folder, where) if condition]
        filtered = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        chosen = ", ".join(projection) or "*"
        # The caller's SQL is meant to be run as it is, as the provider does with a shell's.
        return f"SELECT {chosen} FROM {table}{filtered} ORDER BY {sort}"  # noqa: S608

    def rows(self) -> list[dict[str, object]]:
        """Everything the provider holds, oldest id first: for tests and judges."""
        cursor = self._db.execute("SELECT * FROM sms ORDER BY _id")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _thread(self, address: str) -> int:
        found = self._db.execute(
            "SELECT thread_id FROM sms WHERE address = ? LIMIT 1", (address,)
        ).fetchone()
        if found is not None:
            return int(found[0])
        top = self._db.execute("SELECT COALESCE(MAX(thread_id), 0) FROM sms").fetchone()
        return int(top[0]) + 1
