"""Provisioning's memory and the phones' leases, in the journal's own database.

It works beside a running controller: it takes the journal's lock only to create or migrate the
tables, and every call is one short transaction of its own. The controller's commits wait for none
longer than one fsync.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from droidrack.adapters.journal_schema import (
    HEAD,
    REVISIONS,
    leases,
    provision_phones,
    provision_runs,
    provision_steps,
)
from droidrack.adapters.journal_schema import (
    phones as known_phones,
)
from droidrack.adapters.journal_seal import Seal, refuse_lost
from droidrack.adapters.journal_seal import check as check_seal
from droidrack.adapters.journal_store import SqliteStore, store_for, translated
from droidrack.adapters.journal_writes import mark_of
from droidrack.adapters.lease_rows import end_leases, lease_of, take_lease
from droidrack.core.errors import JournalError
from droidrack.core.provision.record import (
    KeptFile,
    Lease,
    PhoneFate,
    PhoneRecord,
    Purpose,
    RunKind,
    RunRecord,
    StepRecord,
    StepState,
)

T = TypeVar("T")

TELLING = (
    StepState.APPLYING,
    StepState.DONE,
    StepState.SATISFIED,
    StepState.FAILED,
    StepState.NEEDS_HUMAN,
)
"""States that say what became of a thing; the others say that it was not looked at."""

_TELLING = [state.value for state in TELLING]

PRUNE_BATCH = 50
"""Runs of a hundred phones and thirty steps: some 10 ms of the journal's time each."""


class SqlRunJournal:
    """`ports_provisioning.RunJournal` and `Leases` on SQLite (a path) or PostgreSQL (a URL)."""

    def __init__(self, location: str | Path, *, inline: bool = False) -> None:
        self._location = location
        self._inline = inline
        self._store = store_for(location)
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Connection | None = None

    async def open(self) -> None:
        """See the port."""
        if self._connection is not None:
            return
        if not self._inline:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="run-journal")
        await self._in_lane(self._open)

    async def close(self) -> None:
        """See the port."""
        if self._connection is not None:
            await self._in_lane(self._connection.close)
            self._connection = None
        self._store.release()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    # --- Runs ---------------------------------------------------------------------------------

    async def write_run(self, record: RunRecord) -> None:
        """See the port."""
        values = asdict(record) | {"kind": record.kind.value}
        await self._do(lambda c: _upsert(c, provision_runs, values, "uid"))

    async def write_phone(self, record: PhoneRecord) -> None:
        """See the port."""
        values = asdict(record) | {"fate": record.fate.value}
        await self._do(lambda c: _upsert(c, provision_phones, values, "run", "device"))

    async def write_step(self, record: StepRecord) -> None:
        """See the port."""
        files = json.dumps([[f.name, f.sha256, f.size_bytes] for f in record.files])
        values = asdict(record) | {"state": record.state.value, "files": files}
        await self._do(lambda c: _upsert(c, provision_steps, values, "run", "device", "step"))

    async def last_step(self, device: str, key: str) -> StepRecord | None:
        """See the port."""
        query = (
            select(provision_steps)
            .where(
                provision_steps.c.device == device,
                provision_steps.c.key == key,
                provision_steps.c.state.in_(_TELLING),
            )
            .order_by(provision_steps.c.id.desc())
            .limit(1)
        )
        found = await self._rows(query)
        return _step(found[0]) if found else None

    async def applied_under(self, device: str, boot_id: str) -> bool:
        """See the port."""
        steps = provision_steps.c
        query = select(
            exists().where(
                steps.device == device,
                steps.boot_id == boot_id,
                or_(steps.writes > 0, steps.state == StepState.APPLYING.value),
            )
        )
        return bool((await self._rows(query))[0][0]) if boot_id else False

    async def runs(self, *, recipe: str = "", limit: int = 50) -> tuple[RunRecord, ...]:
        """See the port."""
        query = select(provision_runs).order_by(provision_runs.c.started_at.desc()).limit(limit)
        if recipe:
            query = query.where(provision_runs.c.recipe == recipe)
        return tuple(
            RunRecord(**dict(row._mapping) | {"kind": RunKind(row.kind)})
            for row in await self._rows(query)
        )

    async def phones(self, run: str) -> tuple[PhoneRecord, ...]:
        """See the port."""
        phones = provision_phones.c
        query = select(provision_phones).where(phones.run == run).order_by(phones.name)
        return tuple(map(_phone, await self._rows(query)))

    async def steps(self, run: str) -> tuple[StepRecord, ...]:
        """See the port."""
        steps = provision_steps.c
        query = select(provision_steps).where(steps.run == run)
        query = query.order_by(steps.device, steps.position)
        return tuple(map(_step, await self._rows(query)))

    async def latest(self, recipe: str) -> tuple[tuple[str, StepRecord], ...]:
        """See the port."""
        steps, phones = provision_steps.c, provision_phones.c
        telling = case((steps.state.in_(_TELLING), steps.id))
        newest = (
            select(func.coalesce(func.max(telling), func.max(steps.id)))
            .join(provision_runs, provision_runs.c.uid == steps.run)
            .where(provision_runs.c.recipe == recipe)
            .group_by(steps.device, steps.step)
        )
        of_phone = and_(phones.run == steps.run, phones.device == steps.device)
        query = (
            select(provision_steps, phones.name.label("phone"))
            .join(provision_phones, of_phone)
            .where(steps.id.in_(newest))
            .order_by(steps.step, phones.name)
        )
        return tuple((row.phone, _step(row)) for row in await self._rows(query))

    async def last_good(self, recipe: str) -> tuple[tuple[PhoneRecord, datetime], ...]:
        """See the port."""
        phones, runs = provision_phones.c, provision_runs.c
        query = (
            select(provision_phones, runs.started_at.label("began"))
            .join(provision_runs, runs.uid == phones.run)
            .where(runs.recipe == recipe, phones.fate == PhoneFate.DONE.value)
            .order_by(runs.started_at)
        )
        found = {row.device: (_phone(row), row.began) for row in await self._rows(query)}
        return tuple(found.values())

    async def builds_seen(self) -> dict[str, str]:
        """See the port."""
        seen = provision_phones.c
        ours = select(seen.device, seen.fingerprint, seen.started_at.label("at"))
        theirs = select(
            known_phones.c.device, known_phones.c.fingerprint, known_phones.c.seen_at.label("at")
        )
        rows = [*await self._rows(ours), *await self._rows(theirs)]
        rows = [row for row in rows if row.fingerprint and row.at is not None]
        return {row.device: row.fingerprint for row in sorted(rows, key=lambda row: row.at)}

    async def prune(self, before: datetime) -> tuple[str, ...]:
        """See the port. One transaction per `PRUNE_BATCH` runs."""
        pruned: list[str] = []
        while old := await self._do(lambda c: _prune(c, before)):
            pruned += old
        return tuple(pruned)

    # --- Leases -------------------------------------------------------------------------------

    async def take(
        self, device: str, purpose: Purpose, holder: str, *, now: datetime, ttl_s: float
    ) -> Lease:
        """See the port."""
        return await self._do(lambda c: take_lease(c, device, purpose, holder, now, ttl_s))

    async def release(self, device: str, holder: str) -> None:
        """See the port. The request that waits for the phone stays behind, expired as a lease."""
        mine = and_(leases.c.device == device, leases.c.holder == holder)
        await self._do(lambda c: end_leases(c, mine))

    async def bury(self, purpose: Purpose, heir: str) -> None:
        """See the port."""
        dead = and_(leases.c.purpose == purpose.value, leases.c.holder != heir)
        await self._do(lambda c: end_leases(c, dead))

    async def leases(self) -> tuple[Lease, ...]:
        """See the port."""
        return tuple(map(lease_of, await self._rows(select(leases).order_by(leases.c.device))))

    # --- The lane -----------------------------------------------------------------------------

    async def _rows(self, query: Select[Any]) -> list[Row[Any]]:
        return await self._do(lambda connection: list(connection.execute(query)))

    async def _do(self, work: Callable[[Connection], T]) -> T:
        """One transaction, whole or absent."""

        def unit() -> T:
            if self._connection is None:
                raise JournalError(f"{self._store.name}: not open", hint="call open() first")
            try:
                with self._connection.begin():
                    return work(self._connection)
            except (SQLAlchemyError, OSError) as error:
                raise translated(error, self._store.name) from error

        return await self._in_lane(unit)

    async def _in_lane(self, job: Callable[[], T]) -> T:
        if self._thread is None:
            return job()
        running = asyncio.get_running_loop().run_in_executor(self._thread, job)
        return await asyncio.shield(running)  # A commit that has begun ends.

    def _open(self) -> None:
        try:
            if self._outdated():
                self._migrate()
            # On a server the writing connection is the controller's: it holds the journal's lock.
            connection = self._store.connect(writing=isinstance(self._store, SqliteStore))
            try:
                self._check_seal(connection)
            except JournalError:
                connection.close()
                raise
            self._connection = connection
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self._store.name) from error

    def _check_seal(self, connection: Connection) -> None:
        """Refuse a journal that is older than one used here: it may not know what was done once."""
        last = Seal(self._store.seal).last()
        if last is None:
            return
        with connection.begin():
            check_seal(self._store.name, mark_of(connection), last)

    def _outdated(self) -> bool:
        if not self._store.there():
            refuse_lost(self._store.name, self._store.seal)
            return True
        connection = self._store.connect(writing=False)
        try:
            with connection.begin():
                if "alembic_version" not in inspect(connection).get_table_names():
                    return True
                found = connection.scalar(text("SELECT version_num FROM alembic_version"))
        finally:
            connection.close()
        if found not in REVISIONS:
            raise JournalError(
                f"{self._store.name}: the journal is at revision {found}, this program knows "
                f"{HEAD}: a newer droidrack wrote it",
                hint="run the newer version",
            )
        return bool(found != HEAD)

    def _migrate(self) -> None:
        """Under the lock: nobody else may be between two revisions."""
        from droidrack.adapters.journal_migration import upgrade  # noqa: PLC0415 - slow, rare

        locked = store_for(self._location)
        locked.acquire()
        try:
            connection = locked.connect(writing=True)
            try:
                with connection.begin():
                    upgrade(connection)
            finally:
                connection.close()
        finally:
            locked.release()


def _upsert(connection: Connection, table: Any, values: dict[str, Any], *key: str) -> None:
    same = and_(*(table.c[name] == values[name] for name in key))
    changed = connection.execute(update(table).where(same).values(**values))
    if changed.rowcount == 0:
        connection.execute(insert(table), values)


def _prune(connection: Connection, before: datetime) -> list[str]:
    """The next old runs that hold nobody's last word, forgotten with all they have."""
    steps = provision_steps.c
    last = (
        select(func.max(steps.id))
        .where(steps.state.in_(_TELLING))
        .group_by(steps.device, steps.key)
    )
    spoken = select(steps.run).where(steps.id.in_(last))
    runs = provision_runs.c
    query = (
        select(runs.uid)
        .where(runs.started_at < before, runs.uid.not_in(spoken))
        .order_by(runs.started_at)
        .limit(PRUNE_BATCH)
    )
    old = list(connection.scalars(query))
    connection.execute(delete(provision_runs).where(runs.uid.in_(old)))
    return old


def _phone(row: Row[Any]) -> PhoneRecord:
    values = {name: getattr(row, name) for name in PhoneRecord.__slots__}
    return PhoneRecord(**values | {"fate": PhoneFate(row.fate)})


def _step(row: Row[Any]) -> StepRecord:
    values = {name: getattr(row, name) for name in StepRecord.__slots__}
    files = tuple(KeptFile(*entry) for entry in json.loads(values["files"]))
    return StepRecord(**values | {"state": StepState(values["state"]), "files": files})
