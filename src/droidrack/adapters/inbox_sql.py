"""The inbox over SQL: units of work on the lanes of the journal, so that they share its commits.

They run one after another on the only connection that writes, so that reading before writing is
safe; the same statements serve both dialects.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from droidrack.adapters.inbox_schema import OPEN, deliveries, inbound, inbox_marks
from droidrack.adapters.journal_schema import EPOCH, cards
from droidrack.adapters.journal_writes import card_id
from droidrack.adapters.optout_sql import add_entries, entries_among, remove_entry
from droidrack.core.audit import AuditEntry
from droidrack.core.ids import Body, DeviceUuid, Iccid, Msisdn, Slot
from droidrack.core.inbound import (
    NOBODY,
    Asked,
    InboundText,
    Mark,
    Watermark,
    heed,
    request_line,
)
from droidrack.ports.inbox import REMOVED, Delivery, Passed

T = TypeVar("T")

PRUNE_BATCH = 200
"""Texts per transaction while pruning, as with messages."""

TEXTS = select(inbound, cards.c.iccid).select_from(inbound.outerjoin(cards))
FIRST_OPEN = (  # Per sender: nothing overtakes a text that is still being offered.
    select(func.min(deliveries.c.id))
    .select_from(deliveries.join(inbound))
    .where(deliveries.c.endpoint == bindparam("endpoint"), OPEN)
    .group_by(inbound.c.sender)
)
DUE = (
    select(
        inbound,
        cards.c.iccid,
        deliveries.c.id.label("delivery"),
        deliveries.c.tries,
        deliveries.c.next_at,
    )
    .select_from(deliveries.join(inbound).outerjoin(cards))
    .where(deliveries.c.id.in_(FIRST_OPEN), deliveries.c.next_at <= bindparam("now"))
    .order_by(deliveries.c.next_at, deliveries.c.id)
    .limit(bindparam("limit"))
)
NEXT_DUE = select(func.min(deliveries.c.next_at)).where(deliveries.c.id.in_(FIRST_OPEN))
THIS = and_(deliveries.c.id == bindparam("this"), OPEN)


class Submit(Protocol):
    """One of the journal's lanes."""

    def __call__(self, name: str, work: Callable[[Connection], T], /) -> Awaitable[T]:
        """Run a unit of work."""
        ...


Lines = Callable[[Connection, Sequence[AuditEntry]], None]
"""Writes lines of the audit within the open transaction."""


class SqlInbox:
    """`ports.Inbox` on the lanes of whoever has the connections, with the audit beside it."""

    def __init__(self, write: Submit, read: Submit, audit: Lines) -> None:
        self._write, self._read, self._audit = write, read, audit

    async def watermark(self, device: DeviceUuid) -> Watermark | None:
        """See the port."""
        found = await self._read("watermark", partial(_watermarks, device=device))
        return found[0] if found else None

    async def watermarks(self) -> tuple[Watermark, ...]:
        """See the port."""
        return await self._read("watermark", _watermarks)

    async def receive(
        self,
        watermark: Watermark,
        texts: Sequence[InboundText],
        endpoints: Collection[str],
        asked: Mapping[str, Asked] = NOBODY,
    ) -> tuple[InboundText, ...]:
        """See the port."""
        work = partial(
            _receive,
            watermark=watermark,
            texts=tuple(texts),
            endpoints=sorted(endpoints),
            asked=dict(asked),
            audit=self._audit,
        )
        return await self._write("inbound", work)

    async def texts(
        self,
        *,
        device: DeviceUuid | None = None,
        iccid: Iccid | None = None,
        since: datetime | None = None,
        after: int = 0,
        limit: int,
    ) -> tuple[tuple[int, InboundText], ...]:
        """See the port."""
        query = TEXTS.where(inbound.c.id > after).limit(limit)
        query = query.where(inbound.c.device == device) if device else query
        query = query.where(cards.c.iccid == iccid.reveal()) if iccid else query
        query = query.where(inbound.c.seen_at >= since) if since else query
        return await self._read("texts", partial(_texts, query=query, forward=after > 0))

    async def passed(self, ids: Sequence[str]) -> dict[str, tuple[Passed, ...]]:
        """See the port."""
        return await self._read("passed", partial(_passed, ids=tuple(ids)))

    async def due(self, endpoint: str, now: datetime, *, limit: int) -> tuple[Delivery, ...]:
        """See the port."""
        work = partial(_due, endpoint=endpoint, now=now, limit=limit)
        return await self._read("due", work)

    async def next_due(self, endpoint: str) -> datetime | None:
        """See the port."""
        return await self._read("next-due", partial(_next_due, endpoint=endpoint))

    async def delivered(self, id: int, at: datetime) -> None:
        """See the port."""
        await self._write("delivered", partial(_close, this=id, at=at, reason="", tries=1))

    async def postponed(self, id: int, next_at: datetime, reason: str) -> None:
        """See the port."""
        work = partial(_postpone, this=id, next_at=next_at, reason=reason)
        await self._write("postponed", work)

    async def given_up(self, id: int, reason: str, at: datetime) -> None:
        """See the port."""
        await self._write("given-up", partial(_close, this=id, at=at, reason=reason, tries=1))

    async def disown(self, endpoints: Collection[str], at: datetime) -> int:
        """See the port."""
        return await self._write("disown", partial(_disown, endpoints=sorted(endpoints), at=at))

    async def prune(self, before: datetime) -> int:
        """See the port. One transaction per `PRUNE_BATCH`."""
        pruned = 0
        while gone := await self._write("inbox-prune", partial(_prune, before=before)):
            pruned += gone
        return pruned


# --- Units of work --------------------------------------------------------------------------------


def _receive(
    connection: Connection,
    watermark: Watermark,
    texts: Sequence[InboundText],
    endpoints: Sequence[str],
    asked: Mapping[str, Asked],
    audit: Lines,
) -> tuple[InboundText, ...]:
    new = tuple(text for text in texts if _store(connection, text, endpoints))
    audit(
        connection,
        [_heed(connection, asked[text.id], text) for text in new if text.id in asked],
    )
    row = _mark_row(watermark)
    same = inbox_marks.c.device == watermark.device
    if connection.execute(update(inbox_marks).where(same).values(row)).rowcount == 0:
        connection.execute(insert(inbox_marks), row)
    return new


def _store(connection: Connection, text: InboundText, endpoints: Sequence[str]) -> bool:
    """Store a text with its deliveries; False: it was known."""
    if _known(connection, text):
        return False
    row = {
        "text_id": text.id,
        "device": text.device,
        "epoch": text.epoch,
        "row_id": text.row_id,
        "slot": text.slot,
        "card_id": card_id(connection, text.iccid),
        "sender": text.sender.reveal(),
        "body": text.body.reveal(),
        "received_at": text.received_at,
        "seen_at": text.seen_at,
    }
    new_id = connection.execute(insert(inbound).returning(inbound.c.id), row).scalar_one()
    owed = [
        {"inbound_id": new_id, "endpoint": name, "tries": 0, "next_at": text.seen_at, "reason": ""}
        for name in endpoints
    ]
    if owed:
        connection.execute(insert(deliveries), owed)
    return True


def _heed(connection: Connection, asked: Asked, text: InboundText) -> AuditEntry:
    listed = entries_among(connection, (asked.number.reveal(),)).get(asked.number)
    entry, detail = heed(asked, text, listed)
    if entry is None:
        remove_entry(connection, asked.number)
    else:
        add_entries(connection, (entry,))  # Leaves one that is there as it is.
    return request_line(asked, text, detail)


def _known(connection: Connection, text: InboundText) -> bool:
    same = inbound.c.text_id == text.id
    if text.epoch > 0:
        same = same | and_(
            inbound.c.device == text.device,
            inbound.c.received_at == text.received_at,
            inbound.c.sender == text.sender.reveal(),
            inbound.c.body == text.body.reveal(),
            inbound.c.epoch != text.epoch,
        )
    return connection.execute(select(inbound.c.id).where(same).limit(1)).first() is not None


def _texts(
    connection: Connection, query: Select[Any], *, forward: bool
) -> tuple[tuple[int, InboundText], ...]:
    order = inbound.c.id if forward else inbound.c.id.desc()
    rows = [(row.id, _as_text(row)) for row in connection.execute(query.order_by(order))]
    return tuple(rows if forward else reversed(rows))


def _passed(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Passed, ...]]:
    query = (
        select(deliveries, inbound.c.text_id)
        .select_from(deliveries.join(inbound))
        .where(inbound.c.text_id.in_(ids))
        .order_by(deliveries.c.id)
    )
    found: dict[str, tuple[Passed, ...]] = {}
    for row in connection.execute(query):
        passed = Passed(row.endpoint, row.tries, row.closed_at, row.reason)
        found[row.text_id] = (*found.get(row.text_id, ()), passed)
    return found


def _due(connection: Connection, endpoint: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
    rows = connection.execute(DUE, {"endpoint": endpoint, "now": now, "limit": limit})
    return tuple(
        Delivery(row.delivery, _as_text(row), endpoint, row.tries, row.next_at) for row in rows
    )


def _next_due(connection: Connection, endpoint: str) -> datetime | None:
    found: datetime | None = connection.execute(NEXT_DUE, {"endpoint": endpoint}).scalar_one()
    return found


def _postpone(connection: Connection, this: int, next_at: datetime, reason: str) -> None:
    values = {"tries": deliveries.c.tries + 1, "next_at": next_at, "reason": reason}
    connection.execute(update(deliveries).where(THIS).values(values), {"this": this})


def _close(connection: Connection, this: int, at: datetime, reason: str, tries: int) -> None:
    values = {"tries": deliveries.c.tries + tries, "closed_at": at, "reason": reason}
    connection.execute(update(deliveries).where(THIS).values(values), {"this": this})


def _disown(connection: Connection, endpoints: Sequence[str], at: datetime) -> int:
    stray = update(deliveries).where(OPEN, deliveries.c.endpoint.not_in(endpoints))
    return connection.execute(stray.values(closed_at=at, reason=REMOVED)).rowcount


def _prune(connection: Connection, before: datetime) -> int:
    """Forget some; what a store emptied later holds from before then is no news either."""
    owed = exists().where(deliveries.c.inbound_id == inbound.c.id, OPEN)
    query = select(inbound.c.id).where(inbound.c.seen_at < before, ~owed).limit(PRUNE_BATCH)
    old = connection.execute(query).scalars().all()
    horizon_ms = _milliseconds(before)
    later = case((inbox_marks.c.since_ms > horizon_ms, inbox_marks.c.since_ms), else_=horizon_ms)
    connection.execute(update(inbox_marks).values(since_ms=later))
    connection.execute(delete(inbound).where(inbound.c.id.in_(old)))
    return len(old)


# --- Rows to values -------------------------------------------------------------------------------


def _watermarks(connection: Connection, device: DeviceUuid | None = None) -> tuple[Watermark, ...]:
    query = select(inbox_marks).order_by(inbox_marks.c.device)
    query = query.where(inbox_marks.c.device == device) if device else query
    return tuple(
        Watermark(
            device=DeviceUuid(row.device),
            epoch=row.epoch,
            marks=tuple(Mark(*mark) for mark in json.loads(row.marks)),
            since_ms=row.since_ms,
            newest_ms=row.newest_ms,
            changed_at=row.changed_at,
            closed=row.closed,
        )
        for row in connection.execute(query)
    )


def _mark_row(watermark: Watermark) -> dict[str, object]:
    marks = [[mark.row_id, mark.date_ms, mark.sent_ms] for mark in watermark.marks]
    return {
        "device": watermark.device,
        "epoch": watermark.epoch,
        "marks": json.dumps(marks),
        "since_ms": watermark.since_ms,
        "newest_ms": watermark.newest_ms,
        "changed_at": watermark.changed_at,
        "closed": watermark.closed,
    }


def _as_text(row: Row[Any]) -> InboundText:
    return InboundText(
        id=row.text_id,
        device=DeviceUuid(row.device),
        epoch=row.epoch,
        row_id=row.row_id,
        slot=None if row.slot is None else Slot(row.slot),
        iccid=None if row.iccid is None else Iccid(row.iccid),
        sender=Msisdn(row.sender),
        body=Body(row.body),
        received_at=row.received_at,
        seen_at=row.seen_at,
    )


def _milliseconds(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds() * 1000)
