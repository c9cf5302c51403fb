"""Journals under test, and the rows they are fed. All numbers and cards are invented."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.adapters.journal_writer import CommitHook
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Flight
from droidrack.core.ids import Body, DeviceUuid, Iccid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.message import Message, MessageState, Priority
from droidrack.core.report import StatusReport, WireStatus
from droidrack.ports import Journal

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PHONE = DeviceUuid("phone-a")
OTHER_PHONE = DeviceUuid("phone-b")
CARD = Iccid("8901000000000000001")
POSTGRES_URL = os.environ.get("DROIDRACK_TEST_POSTGRES", "")


def at(seconds: float) -> datetime:
    """A moment after noon."""
    return NOON + timedelta(seconds=seconds)


def message(uid: str, **changes: object) -> Message:
    """A message like any other."""
    fields: dict[str, object] = {
        "uid": MessageUid(uid),
        "number": Msisdn("+15550100001"),
        "body": Body("hello"),
        "sim_uid": "sim-1",
        "priority": Priority.NORMAL,
        "received_at": NOON,
    }
    return Message(**{**fields, **changes})  # type: ignore[arg-type]


def attempt(uid: str, number: int = 1, **changes: object) -> Attempt:
    """An attempt like any other."""
    fields: dict[str, object] = {
        "uid": MessageUid(uid),
        "number": number,
        "device": PHONE,
        "slot": Slot(0),
        "sub_id": SubId(3),
        "iccid": CARD,
        "segments": 1,
        "watermark": 41,
        "message_id": 7_000_000_000_000_000_001,
        "boot_id": "boot-1",
        "opened_at": at(10),
    }
    return Attempt(**{**fields, **changes})  # type: ignore[arg-type]


def flight(uid: str, number: int = 1, **changes: object) -> Flight:
    """That attempt, with whom `message` is for."""
    return Flight(attempt(uid, number, **changes), message(uid).number)


def proof(kind: EvidenceKind = EvidenceKind.STORE_SENT, seconds: float = 20) -> Evidence:
    """One thing a witness said."""
    return Evidence(kind, at(seconds), "row seen twice", 42)


def told(uid: str, status: WireStatus = WireStatus.SENT, error: str = "") -> StatusReport:
    """One line for the panel."""
    return StatusReport(MessageUid(uid), status, at(20), error)


async def settle(
    journal: Journal,
    uid: str,
    state: MessageState,
    *,
    kind: EvidenceKind | None = None,
    report: StatusReport | None = None,
    seconds: float = 20,
) -> MessageState:
    """Settle with the usual trimmings."""
    return await journal.settle(
        MessageUid(uid),
        state,
        code="" if state is MessageState.SENT else "SOME_CODE",
        evidence=[proof(kind, seconds)] if kind else [],
        report=report,
        at=at(seconds),
    )


async def bring_to(journal: Journal, uid: str, state: MessageState) -> None:
    """Take a new message along a legal path to `state`, without reports."""
    states = MessageState
    await journal.accept(PHONE, [message(uid)])
    if state in (states.EXPIRED, states.CANCELLED):
        await settle(journal, uid, state)
    elif state is not states.ACCEPTED:
        await journal.open_attempt(attempt(uid))
        if state is not states.SENDING:
            await settle(journal, uid, states.SUBMITTED)
        if state not in (states.SENDING, states.SUBMITTED):
            await settle(journal, uid, state)


@dataclass(frozen=True, slots=True)
class Bench:
    """One kind of journal over one storage; `make` gives a controller's view of it."""

    name: str
    make: Callable[[CommitHook | None], Journal]

    def run(
        self,
        scenario: Callable[[Journal], Awaitable[None]],
        *,
        on_commit: CommitHook | None = None,
    ) -> None:
        """Open a journal, play, close."""

        async def play() -> None:
            journal = self.make(on_commit)
            await journal.open()
            try:
                await scenario(journal)
            finally:
                await journal.close()

        asyncio.run(play())


KINDS = ("memory", "sqlite-inline", "sqlite-threaded") + (("postgres",) if POSTGRES_URL else ())


@contextmanager
def bench_for(kind: str, folder: Path) -> Iterator[Bench]:
    """Storage of its own, gone afterwards."""
    if kind == "memory":
        disk = MemoryDisk()
        yield Bench(kind, lambda hook: MemoryJournal(disk, on_commit=hook))
    elif kind == "postgres":
        with postgres_schema() as url:
            yield Bench(kind, lambda hook: SqlJournal(url, on_commit=hook))
    else:
        path, inline = folder / "journal.db", kind == "sqlite-inline"
        yield Bench(kind, lambda hook: SqlJournal(path, inline=inline, on_commit=hook))


@contextmanager
def postgres_schema() -> Iterator[str]:
    """A URL whose connections live in a new schema."""
    from sqlalchemy import create_engine, text

    schema = f"droidrack_{uuid.uuid4().hex}"
    engine = create_engine(POSTGRES_URL)
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        separator = "&" if "?" in POSTGRES_URL else "?"
        yield f"{POSTGRES_URL}{separator}options=-csearch_path%3D{schema}"
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()
