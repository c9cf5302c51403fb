"""What an operator does, as lines of the audit: one for an act on a phone, with its outcome."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from droidrack.core.audit import AuditEntry, AuditKind
from droidrack.core.errors import RackError
from droidrack.core.ids import Msisdn
from droidrack.ports import Clock

INTERRUPTED = "INTERRUPTED"
"""Outcome of an act that its operator cut short: how far it came, the other records tell."""


class Desk(Protocol):
    """Where acts are written down: the audit's own `append`, with the opening before it."""

    async def open(self) -> None:
        """Raise unless lines can be written."""
        ...

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write lines."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


@dataclass(slots=True)
class Act:
    """One act; whoever does it fills in what he learns on the way."""

    what: str
    subject: str = ""  # the phone's name, or what else it is done to
    device: str = ""
    code: str = ""  # why it failed; "": done
    detail: str = ""
    number: Msisdn | None = None


@asynccontextmanager
async def recorded(desk: Desk, clock: Clock, who: str, act: Act) -> AsyncIterator[Act]:
    """Around an act. What cannot be written down is not done.

    Raises:
        JournalError, VaultError: the audit cannot be written; nothing was done yet, unless it
            broke while the act was under way.
    """
    await desk.open()
    try:
        yield act
    except RackError as error:
        act.code, act.detail = error.code, error.message
        raise
    except (KeyboardInterrupt, asyncio.CancelledError):
        act.code = INTERRUPTED
        raise
    finally:
        await desk.append([_line(act, clock, who)])
        await desk.close()


def _line(act: Act, clock: Clock, who: str) -> AuditEntry:
    return AuditEntry(
        at=clock.now(),
        kind=AuditKind.ACT,
        who=who,
        what=act.what,
        device=act.device,
        subject=act.subject,
        code=act.code,
        number=act.number,
        detail=act.detail,
    )
