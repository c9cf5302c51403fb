"""The audit: what was decided and done, one line each, in a chain."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from droidrack.core.audit import AuditEntry, AuditLine, Head


class Audit(Protocol):
    """The chain of audit lines of one journal.

    1. `append` MUST be on disk, whole, when it returns. Entries that a call of the journal takes
       along (`open_attempt`, `settle`) MUST be written in its transaction: both or neither.
    2. Whoever writes, there MUST be one chain: line n holds the digest of line n - 1, and n counts
       from 1 without a gap, over restarts and over programs that write at the same time.
    3. Numbers and texts MUST be veiled before they are stored, in no line as they are.
    4. A line MUST NOT be changed or removed, but by `prune`.
    5. The anchor MUST name a line that is on disk, and after `close` the newest one. It MAY be
       behind after a crash, never ahead.
    6. Where lines are missing that the anchor knows, opening MUST write a line of kind `gap`.
    7. `prune` MUST keep the rest checkable: it appends a line of kind `checkpoint` with the number
       and the digest of the newest line it removes. It MUST stop at a line that was changed.
    8. Reads see all committed lines, of every writer.
    """

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write lines, in this order."""
        ...

    async def lines(self, *, after: int = 0, limit: int) -> tuple[AuditLine, ...]:
        """The first `limit` lines with a number greater than `after`, the oldest first."""
        ...

    async def newest(self, limit: int) -> tuple[AuditLine, ...]:
        """The last `limit` lines, the oldest of them first."""
        ...

    async def begin(self, since: datetime) -> int:
        """Number of the first line written since then; one more than the last if there is none."""
        ...

    async def anchor(self) -> Head | None:
        """What the anchor says; None where there is none or somebody else wrote it."""
        ...

    async def prune(self, before: datetime, at: datetime) -> int:
        """Remove lines written before then, the newest line never; how many. `at` is now."""
        ...
