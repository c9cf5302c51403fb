"""The books about sending over SQL: see `ports.Usage`."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select

from droidrack.adapters.journal_schema import attempts, cards, holds, messages
from droidrack.core.attempt import Tick
from droidrack.core.ids import DeviceUuid, Iccid, Msisdn, Slot
from droidrack.ports import HoldRecord, Send
from droidrack.ports.usage import NEWEST_SENDS

T = TypeVar("T")

SENDS = (
    select(
        attempts.c.id,
        attempts.c.opened_at,
        attempts.c.host_boot,
        attempts.c.host_us,
        attempts.c.segments,
        attempts.c.slot,
        messages.c.number,
        cards.c.iccid,
    )
    .select_from(attempts.join(messages).outerjoin(cards))
    .where(attempts.c.void.is_(False))
    .order_by(attempts.c.id.desc())
    .limit(NEWEST_SENDS)
)


class Submit(Protocol):
    """Hands a unit of work to one of the journal's lanes."""

    def __call__(self, name: str, work: Callable[[Connection], T]) -> Awaitable[T]:
        """Its value once it is done."""
        ...


class SqlUsage:
    """See `ports.Usage`."""

    def __init__(self, write: Submit, read: Submit) -> None:
        self._write, self._read = write, read

    async def of_phone(self, device: DeviceUuid, since: datetime) -> tuple[Send, ...]:
        """See the port."""
        of = attempts.c.device == device
        return await self._read("sends", partial(_newest, of=of, since=since))

    async def of_card(self, iccid: Iccid, since: datetime) -> tuple[Send, ...]:
        """See the port."""
        card = select(cards.c.id).where(cards.c.iccid == iccid.reveal()).scalar_subquery()
        of = attempts.c.card_id == card
        return await self._read("sends", partial(_newest, of=of, since=since))

    async def hold(self, record: HoldRecord) -> None:
        """See the port."""
        await self._write("hold", partial(_hold, record=record))

    async def release(self, device: DeviceUuid, sim_uid: str) -> None:
        """See the port."""
        await self._write("hold", partial(_release, device=device, sim_uid=sim_uid))

    async def holds(self) -> tuple[HoldRecord, ...]:
        """See the port."""
        return await self._read("holds", _holds)


def _newest(connection: Connection, of: ColumnElement[bool], since: datetime) -> tuple[Send, ...]:
    """Page by page, so that a long past costs only those who ask for it."""
    query = SENDS.where(of)
    found = list(connection.execute(query))
    page = found
    while len(page) == NEWEST_SENDS:
        page = list(connection.execute(query.where(attempts.c.id < found[-1].id)))
        fresh = next((n for n, row in enumerate(page) if row.opened_at < since), None)
        found += page if fresh is None else page[:fresh]
        if fresh is not None:
            break
    return tuple(_send(row) for row in reversed(found))


def _send(row: Row[Any]) -> Send:
    return Send(
        opened_at=row.opened_at,
        tick=None if row.host_boot is None else Tick(row.host_boot, row.host_us / 1e6),
        segments=row.segments,
        number=Msisdn(row.number),
        slot=Slot(row.slot),
        iccid=None if row.iccid is None else Iccid(row.iccid),
    )


def _hold(connection: Connection, record: HoldRecord) -> None:
    _release(connection, record.device, record.sim_uid)
    row = {
        "device": record.device,
        "sim_uid": record.sim_uid,
        "code": record.code,
        "detail": record.detail,
        "since": record.since,
    }
    connection.execute(insert(holds), row)


def _release(connection: Connection, device: DeviceUuid, sim_uid: str) -> None:
    connection.execute(delete(holds).where(holds.c.device == device, holds.c.sim_uid == sim_uid))


def _holds(connection: Connection) -> tuple[HoldRecord, ...]:
    query = select(holds).order_by(holds.c.device, holds.c.sim_uid)
    return tuple(
        HoldRecord(DeviceUuid(row.device), row.sim_uid, row.code, row.detail, row.since)
        for row in connection.execute(query)
    )
