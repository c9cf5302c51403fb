"""Opens the journal: for a controller to write, for commands beside it to look at or add to.

As in `compose`, heavy libraries are imported inside the functions that need them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from droidrack.app.acts import Act, recorded
from droidrack.core.audit import Pen
from droidrack.core.errors import ConfigError
from droidrack.core.ids import DeviceUuid, Msisdn
from droidrack.core.settings import Settings
from droidrack.ports import HoldRecord, Journal, PhoneRecord, SimRecord
from droidrack.ports.optouts import OptOuts

if TYPE_CHECKING:
    from droidrack.adapters.journal_writer import CommitHook

JOURNAL_FILE = "journal.sqlite"
VAULT_DIR = "vault"


def state_dir_of(settings: Settings) -> Path:
    """The state directory, made for the owner's eyes where it is not there yet.

    Raises:
        StateDenied: it is there, and this user may not enter it.
    """
    from droidrack.adapters.access import require

    state_dir = Path(settings.state_dir)
    require(state_dir, write=False)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(
            f"state_dir {state_dir}: {(exc.strerror or 'cannot be made').lower()}",
            hint="name a directory that the user who runs droidrack may write",
        ) from exc
    return state_dir


def make_journal(settings: Settings, *, on_commit: "CommitHook | None" = None) -> Journal:
    """The journal, not yet opened."""
    from droidrack.adapters.journal_sql import SqlJournal

    return SqlJournal(
        Path(settings.state_dir) / JOURNAL_FILE, on_commit=on_commit, pen=partial(pen, settings)
    )


def pen(settings: Settings) -> Pen:
    """What writes and checks the audit of this host, with a key derived from the vault's.

    Raises:
        VaultError: the vault's key is lost, or others can read it.
    """
    from droidrack.adapters.vault import vault_key

    key, audit = vault_key(Path(settings.state_dir) / VAULT_DIR), settings.audit
    return Pen(key, numbers=audit.numbers, bodies=audit.bodies)


async def accept_journal(settings: Settings) -> None:
    """Take the journal as it is, although it may be older than what was used here last."""
    from droidrack.adapters.journal_sql import SqlJournal

    journal = SqlJournal(
        state_dir_of(settings) / JOURNAL_FILE, accept_any=True, pen=partial(pen, settings)
    )
    await journal.open()
    await journal.close()


@asynccontextmanager
async def audited(
    settings: Settings, what: str, *, subject: str = "", number: Msisdn | None = None
) -> AsyncIterator[Act]:
    """Around what an operator does: one line of the audit tells it, with its outcome.

    Raises:
        JournalError, VaultError: no line can be written; then nothing is done either.
    """
    from droidrack.adapters.audit_desk import AuditDesk
    from droidrack.adapters.clock import SystemClock
    from droidrack.adapters.operator import operator

    desk = AuditDesk(state_dir_of(settings) / JOURNAL_FILE, partial(pen, settings))
    act = Act(what, subject, number=number)
    async with recorded(desk, SystemClock(), operator(), act):
        yield act


@asynccontextmanager
async def open_optouts(settings: Settings) -> AsyncIterator[OptOuts]:
    """The opt-out list, to be changed beside a controller that reads it before every call.

    Raises:
        JournalError: it cannot be written, or a controller of another version has it.
    """
    from droidrack.adapters.optout_desk import OptOutDesk

    desk = OptOutDesk(state_dir_of(settings) / JOURNAL_FILE, partial(pen, settings))
    await desk.open()
    try:
        yield desk.optouts
    finally:
        await desk.close()


@asynccontextmanager
async def observe_journal(settings: Settings) -> AsyncIterator[Journal]:
    """The journal to look at, beside a controller that writes it too.

    Raises:
        JournalError: there is none yet, or another version's.
    """
    from droidrack.adapters.journal_sql import SqlJournal

    journal = SqlJournal(
        Path(settings.state_dir) / JOURNAL_FILE, observe=True, pen=partial(pen, settings)
    )
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


@asynccontextmanager
async def journal_to_ask(settings: Settings) -> AsyncIterator[Journal]:
    """The journal to look at; an empty one where there is none yet."""
    if has_journal(settings):
        async with observe_journal(settings) as journal:
            yield journal
        return
    from droidrack.adapters.journal_memory import MemoryJournal

    empty = MemoryJournal()
    await empty.open()
    yield empty


async def known_phones(settings: Settings) -> tuple[PhoneRecord, ...]:
    """Every phone that the journal ever knew; none where there is no journal yet."""
    if not has_journal(settings):
        return ()
    async with observe_journal(settings) as journal:
        return await journal.phones()


async def bound_sims(settings: Settings, device: DeviceUuid) -> tuple[SimRecord, ...] | None:
    """The cards that a phone's SIM rows are bound to; None before a controller served it."""
    if not has_journal(settings):
        return None
    async with observe_journal(settings) as journal:
        served = await journal.phone(device)
        return None if served is None else await journal.sims(device)


async def held_rows(settings: Settings, device: DeviceUuid) -> dict[str, HoldRecord]:
    """The SIM rows of a phone that are held, as the controller wrote them down last."""
    if not has_journal(settings):
        return {}
    async with observe_journal(settings) as journal:
        holds = await journal.usage.holds()
        return {record.sim_uid: record for record in holds if record.device == device}


def has_journal(settings: Settings) -> bool:
    """Whether a controller ever worked here.

    Raises:
        JournalError: one did, and its journal is gone.
        StateDenied: this user may not look.
    """
    from droidrack.adapters.access import require
    from droidrack.adapters.journal_seal import refuse_lost, seal_of

    path = Path(settings.state_dir) / JOURNAL_FILE
    require(path, write=False)
    if path.exists():
        return True
    refuse_lost(str(path), seal_of(path))
    return False
