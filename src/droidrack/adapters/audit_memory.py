"""The audit of the memory journal: a list that obeys the same contract."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from droidrack.adapters.clock import SystemClock
from droidrack.core.audit import (
    AuditEntry,
    AuditKind,
    AuditLine,
    Head,
    Pen,
    checkpoint,
    gap,
    written_at,
)


class AuditPages:
    """What is left of the audit when its controller dies: the lines, and the anchor."""

    def __init__(self) -> None:
        self.lines: list[AuditLine] = []
        self.anchor = Head()

    def append(self, pen: Pen, entries: Sequence[AuditEntry]) -> None:
        """Write lines."""
        for entry in entries:
            self.lines.append(pen.write(entry, self.head))
        if entries:
            self.anchor = self.head

    @property
    def head(self) -> Head:
        """The newest line's."""
        return self.lines[-1].head if self.lines else Head()

    def opened(self, pen: Pen) -> None:
        """A loss becomes a line."""
        if self.anchor.seq and self.anchor not in (line.head for line in self.lines):
            lost = gap(pen.sealed(self.anchor), self.head, SystemClock().now())
            self.append(pen, [lost])


class MemoryAudit:
    """`ports.Audit` over `AuditPages`, through the ways of its journal."""

    def __init__(
        self,
        pen: Pen,
        pages: Callable[[], AuditPages],
        writing: Callable[[str], AbstractContextManager[AuditPages]],
    ) -> None:
        self._pen, self._pages, self._writing = pen, pages, writing

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """See the port."""
        if entries:
            with self._writing("audit") as pages:
                pages.append(self._pen, entries)

    async def lines(self, *, after: int = 0, limit: int) -> tuple[AuditLine, ...]:
        """See the port."""
        return tuple(line for line in self._pages().lines if line.seq > after)[:limit]

    async def newest(self, limit: int) -> tuple[AuditLine, ...]:
        """See the port."""
        return tuple(self._pages().lines[-limit:]) if limit else ()

    async def begin(self, since: datetime) -> int:
        """See the port."""
        lines = self._pages().lines
        late = (line.seq for line in lines if written_at(line) >= since)
        return next(late, self._pages().head.seq + 1)

    async def anchor(self) -> Head | None:
        """See the port."""
        return self._pages().anchor

    async def prune(self, before: datetime, at: datetime) -> int:
        """See the port."""
        old: list[AuditLine] = []
        for line in self._pages().lines[:-1]:
            if not self._pen.genuine(line) or written_at(line) >= before:
                break
            old.append(line)
        if all(line.facts().get("kind") == AuditKind.CHECKPOINT for line in old):
            return 0
        with self._writing("audit-prune") as pages:
            pages.append(self._pen, [checkpoint(old[-1].head, at)])
            pages.lines = [line for line in pages.lines if line.seq > old[-1].seq]
        return len(old)
