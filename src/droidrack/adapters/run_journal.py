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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    insert,
    inspect,
    not_,
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
from droidrack.adapters.journal_store import SqliteStore, store_for, translated
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

ASK_FOR_S = 15.0
"""A request for a phone lasts so long; who still waits repeats it every second."""


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
                provision_steps.c.state.in_([state.value for state in TELLING]),
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
        return tuple(
            PhoneRecord(**dict(row._mapping) | {"fate": PhoneFate(row.fate)})
            for row in await self._rows(query)
        )

    async def steps(self, run: str) -> tuple[StepRecord, ...]:
        """See the port."""
        steps = provision_steps.c
        query = select(provision_steps).where(steps.run == run)
        query = query.order_by(steps.device, steps.position)
        return tuple(map(_step, await self._rows(query)))

    # --- Leases -------------------------------------------------------------------------------

    async def take(
        self, device: str, purpose: Purpose, holder: str, *, now: datetime, ttl_s: float
    ) -> Lease:
        """See the port."""
        return await self._do(lambda c: _take(c, device, purpose, holder, now, ttl_s))

    async def release(self, device: str, holder: str) -> None:
        """See the port. The request that waits for the phone stays behind, expired as a lease."""
        mine = and_(leases.c.device == device, leases.c.holder == holder)
        await self._do(lambda c: _release(c, mine))

    async def bury(self, purpose: Purpose, heir: str) -> None:
        """See the port."""
        dead = and_(leases.c.purpose == purpose.value, leases.c.holder != heir)
        await self._do(lambda c: _release(c, dead))

    async def leases(self) -> tuple[Lease, ...]:
        """See the port."""
        return tuple(map(_lease, await self._rows(select(leases).order_by(leases.c.device))))

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
            self._connection = self._store.connect(writing=True)
        except (SQLAlchemyError, OSError) as error:
            raise translated(error, self._store.name) from error

    def _outdated(self) -> bool:
        if isinstance(self._store, SqliteStore) and not self._store.path.exists():
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


def _step(row: Row[Any]) -> StepRecord:
    values = dict(row._mapping)
    del values["id"]
    files = tuple(KeptFile(*entry) for entry in json.loads(values["files"]))
    return StepRecord(**values | {"state": StepState(values["state"]), "files": files})


def _lease(row: Row[Any]) -> Lease:
    return Lease(row.device, Purpose(row.purpose), row.holder, row.expires_at, row.asked_by)


def _take(
    connection: Connection,
    device: str,
    purpose: Purpose,
    holder: str,
    now: datetime,
    ttl_s: float,
) -> Lease:
    here = leases.c.device == device
    row = connection.execute(select(leases).where(here).with_for_update()).first()
    ours = row is not None and row.holder == holder
    asked = (
        row is not None
        and row.asked_by not in ("", holder)
        and row.asked_until is not None
        and row.asked_until > now
    )
    if row is not None and not ours and (_lease(row).binds(now) or asked):
        if not asked:
            ask = {"asked_by": holder, "asked_until": now + timedelta(seconds=ASK_FOR_S)}
            connection.execute(update(leases).where(here).values(**ask))
        return _lease(connection.execute(select(leases).where(here)).one())
    left_s = (row.expires_at - now).total_seconds() if row is not None else 0.0
    fresh = ours and ttl_s / 2 < left_s <= ttl_s
    if fresh and row is not None and row.purpose == purpose.value and (asked or not row.asked_by):
        return _lease(row)  # A look: a disk that hears nothing costs nothing.
    values = {
        "device": device,
        "purpose": purpose.value,
        "holder": holder,
        "expires_at": now + timedelta(seconds=ttl_s),
        "asked_by": row.asked_by if ours and asked and row is not None else "",
        "asked_until": row.asked_until if ours and asked and row is not None else None,
    }
    _upsert(connection, leases, values, "device")
    return _lease(connection.execute(select(leases).where(here)).one())


def _release(connection: Connection, mine: Any) -> None:
    """Expire it where somebody waits, so that the request is kept; else forget it."""
    waited_for = leases.c.asked_by != ""
    connection.execute(delete(leases).where(mine, not_(waited_for)))
    connection.execute(
        update(leases)
        .where(mine, waited_for)
        .values(expires_at=datetime.fromisoformat("1970-01-01T00:00:00+00:00"), holder="")
    )
