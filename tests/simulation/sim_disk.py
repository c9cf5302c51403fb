"""What a controller leaves behind when it dies, and how a judge reads it."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.core.attempt import EvidenceKind
from droidrack.core.message import OPEN, MessageState
from droidrack.ports import Journal

Hook = Callable[[str, tuple[str, ...]], None]
PROOFS: set[str] = {EvidenceKind.STORE_SENT, EvidenceKind.RADIO_SENT}


class Disk(Protocol):
    """The journal's place, with a judge's view of it."""

    def journal(self, on_commit: Hook) -> Journal:
        """A new controller's journal, not yet open."""
        ...

    def died(self, journal: Journal) -> None:
        """The process that held this journal is gone."""
        ...

    def holds(self, uid: str, status: str, error: str) -> bool:
        """Whether this report was ever written."""
        ...

    def proven(self, uid: str) -> bool:
        """Whether a positive proof is on record."""
        ...

    def said(self, uid: str) -> set[str]:
        """The kinds of evidence on record."""
        ...

    def marked(self, uid: str) -> bool:
        """Whether all its attempts have a watermark of the store."""
        ...

    def states(self) -> dict[str, tuple[str, str]]:
        """(state, code) of every message."""
        ...

    def owed(self) -> int:
        """Reports that the panel has not taken."""
        ...

    def bound(self, device: str) -> int:
        """SIM rows of a phone that are bound to a card."""
        ...

    def parked(self) -> list[str]:
        """Uids of reports that the panel refused for good."""
        ...


class Memory:
    """A dictionary that outlives its controllers."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()

    def journal(self, on_commit: Hook) -> Journal:
        return MemoryJournal(self.disk, on_commit=on_commit)

    def died(self, journal: Journal) -> None:
        if self.disk.holder is journal:
            self.disk.crash()

    def holds(self, uid: str, status: str, error: str) -> bool:
        return any(
            (row.report.uid, row.report.status, row.report.error) == (uid, status, error)
            for row in self.disk.reports.values()
        )

    def proven(self, uid: str) -> bool:
        return bool(self.said(uid) & PROOFS)

    def said(self, uid: str) -> set[str]:
        record = self.disk.records.get(uid)  # type: ignore[call-overload]
        return {proof.kind for _, proof in record.evidence} if record else set()

    def marked(self, uid: str) -> bool:
        record = self.disk.records.get(uid)  # type: ignore[call-overload]
        return all(attempt.watermark is not None for attempt in (record.attempts if record else ()))

    def states(self) -> dict[str, tuple[str, str]]:
        return {
            uid: (record.state.value, record.changes[-1].code)
            for uid, record in self.disk.records.items()
        }

    def owed(self) -> int:
        return sum(row.waits for row in self.disk.reports.values())

    def bound(self, device: str) -> int:
        return sum(owner == device for owner, _ in self.disk.sims)

    def parked(self) -> list[str]:
        return [
            row.report.uid
            for row in self.disk.reports.values()
            if row.parked_at and row.parked != "superseded"
        ]


class File:
    """A real SQLite file, written on the loop's own thread."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._path = folder / "journal.sqlite"
        shutil.copy(template, self._path)
        self._look: sqlite3.Connection | None = None

    def journal(self, on_commit: Hook) -> Journal:
        from droidrack.adapters.journal_sql import SqlJournal

        return SqlJournal(self._path, inline=True, on_commit=on_commit)

    def died(self, journal: Journal) -> None:
        closing = journal.close()
        try:
            closing.send(None)
        except StopIteration:
            return
        raise AssertionError("an inline journal closes without waiting")

    def holds(self, uid: str, status: str, error: str) -> bool:
        found = "SELECT 1 FROM outbox WHERE uid = ? AND status = ? AND error = ?"
        return bool(self._ask(found, uid, status, error))

    def proven(self, uid: str) -> bool:
        return bool(self.said(uid) & PROOFS)

    def said(self, uid: str) -> set[str]:
        sql = "SELECT kind FROM evidence JOIN messages ON messages.id = message_id WHERE uid = ?"
        return {kind for (kind,) in self._ask(sql, uid)}

    def marked(self, uid: str) -> bool:
        sql = (
            "SELECT count(*) FROM attempts JOIN messages ON messages.id = message_id "
            "WHERE uid = ? AND watermark IS NULL"
        )
        return int(self._ask(sql, uid)[0][0]) == 0

    def states(self) -> dict[str, tuple[str, str]]:
        rows = self._ask("SELECT uid, state, code FROM messages")
        return {uid: (state, code) for uid, state, code in rows}

    def owed(self) -> int:
        waiting = "acknowledged_at IS NULL AND parked_at IS NULL"
        return int(self._ask(f"SELECT count(*) FROM outbox WHERE {waiting}")[0][0])

    def bound(self, device: str) -> int:
        return int(self._ask("SELECT count(*) FROM sims WHERE device = ?", device)[0][0])

    def parked(self) -> list[str]:
        sql = "SELECT uid FROM outbox WHERE parked_at IS NOT NULL AND parked <> 'superseded'"
        return [row[0] for row in self._ask(sql)]

    def close(self) -> None:
        """Let go of the judge's connection."""
        if self._look is not None:
            self._look.close()

    def _ask(self, sql: str, *values: str) -> list[tuple]:  # type: ignore[type-arg]
        if self._look is None:
            self._look = sqlite3.connect(self._path, isolation_level=None)
        return self._look.execute(sql, values).fetchall()


def undecided(disk: Disk) -> list[str]:
    """Uids that still wait for a phone or for a verdict."""
    live = {MessageState.ACCEPTED, *OPEN}
    return [uid for uid, (state, _) in disk.states().items() if state in live]
