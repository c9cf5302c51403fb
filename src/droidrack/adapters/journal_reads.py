"""Questions to the SQL journal, as functions of a connection."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, exists, func, or_, select

from droidrack.adapters.journal_schema import (
    WAITING,
    attempts,
    cards,
    changes,
    events,
    evidence,
    messages,
    outbox,
    phones,
    sims,
)
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Flight, Tick
from droidrack.core.ids import (
    Body,
    DeviceUuid,
    Iccid,
    MessageUid,
    Msisdn,
    Slot,
    SubId,
)
from droidrack.core.message import OPEN, SETTLED, Message, MessageState, Priority
from droidrack.core.report import StatusReport, WireStatus
from droidrack.ports import Event, Life, OutboxRow, PhoneRecord, SimRecord, StateChange, Tally

WANT_VERDICT = tuple(sorted(OPEN | {MessageState.UNKNOWN}))
PRUNABLE = tuple(sorted(SETTLED | {MessageState.UNKNOWN}))

FIND = select(messages).where(messages.c.uid == bindparam("uid"))
TRIES = select(messages.c.attempts).where(messages.c.uid == bindparam("uid"))
QUEUED = and_(messages.c.device == bindparam("device"), messages.c.state == MessageState.ACCEPTED)
BACKLOG = select(func.count()).where(QUEUED)
NEXT_ROW = select(func.min(messages.c.sim_uid)).where(
    QUEUED, messages.c.sim_uid > bindparam("after")
)
WAITING_MESSAGES = (
    select(messages)
    .where(QUEUED, messages.c.sim_uid == bindparam("row"))
    .order_by(messages.c.priority, messages.c.id)
    .limit(bindparam("limit"))
)
ATTEMPTS = select(
    attempts,
    messages.c.uid,
    messages.c.state,
    messages.c.number.label("recipient"),
    cards.c.iccid,
).select_from(attempts.join(messages).outerjoin(cards))
OF_ATTEMPT = and_(
    evidence.c.message_id == attempts.c.message_id, evidence.c.attempt == attempts.c.number
)
OF_MESSAGE = messages.c.id == attempts.c.message_id
OPEN_ATTEMPTS = ATTEMPTS.where(
    messages.c.device == bindparam("device"),
    messages.c.state.in_(WANT_VERDICT),
    attempts.c.number == messages.c.attempts,
).order_by(attempts.c.opened_at, attempts.c.id)
OUTBOX = (
    select(outbox)
    .where(outbox.c.device == bindparam("device"), WAITING)
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)
LAST_REPORT = (
    select(outbox).where(outbox.c.uid == bindparam("uid")).order_by(outbox.c.id.desc()).limit(1)
)
BOUND_SIMS = (
    select(sims, cards.c.iccid)
    .select_from(sims.outerjoin(cards))
    .where(sims.c.device == bindparam("device"))
    .order_by(sims.c.slot, sims.c.sim_uid)
)
SENT = (
    select(func.count())
    .select_from(attempts.join(cards))
    .where(cards.c.iccid == bindparam("iccid"), attempts.c.sent_at >= bindparam("since"))
)


def backlog(connection: Connection, device: DeviceUuid) -> int:
    """How many ACCEPTED messages a phone has: a walk along its part of the index."""
    return connection.scalar(BACKLOG, {"device": device}) or 0


def waiting(connection: Connection, device: DeviceUuid, limit: int) -> tuple[Message, ...]:
    """The first ACCEPTED messages of each SIM row: two searches of the index for a row."""
    found: list[Row[Any]] = []
    after = ""  # Before every row: the panel gives none an empty name.
    while (row := connection.scalar(NEXT_ROW, {"device": device, "after": after})) is not None:
        wanted = {"device": device, "row": row, "limit": limit}
        found += connection.execute(WAITING_MESSAGES, wanted)
        after = row
    found.sort(key=lambda row: (row.priority, row.id))
    return tuple(as_message(row) for row in found)


def open_attempts(
    connection: Connection, device: DeviceUuid
) -> tuple[tuple[Flight, MessageState], ...]:
    """The latest attempt of each message that still wants a verdict."""
    rows = connection.execute(OPEN_ATTEMPTS, {"device": device})
    return tuple((as_flight(row), MessageState(row.state)) for row in rows)


def phones_named(connection: Connection, name: str) -> tuple[PhoneRecord, ...]:
    """The phones that had a name; "": all, by name."""
    query = select(phones).order_by(phones.c.name, phones.c.device)
    rows = connection.execute(query.where(phones.c.name == name) if name else query)
    return tuple(PhoneRecord(**row._mapping) for row in rows)


def one_phone(connection: Connection, device: DeviceUuid) -> PhoneRecord | None:
    """A phone that the journal knows."""
    row = connection.execute(select(phones).where(phones.c.device == device)).first()
    return None if row is None else PhoneRecord(**row._mapping)


def bound_sims(connection: Connection, device: DeviceUuid) -> tuple[SimRecord, ...]:
    """The bindings of a phone, by slot."""
    rows = connection.execute(BOUND_SIMS, {"device": device})
    return tuple(
        SimRecord(
            device=DeviceUuid(row.device),
            sim_uid=row.sim_uid,
            slot=Slot(row.slot),
            iccid=None if row.iccid is None else Iccid(row.iccid),
            label=row.label,
            bound_at=row.bound_at,
        )
        for row in rows
    )


def claimed_rows(connection: Connection, device: DeviceUuid, since: datetime) -> frozenset[int]:
    """Store rows that proved an attempt."""
    query = (
        select(evidence.c.row_id)
        .select_from(evidence.join(attempts, OF_ATTEMPT).join(messages, OF_MESSAGE))
        .where(
            attempts.c.device == device,
            attempts.c.opened_at >= since,
            evidence.c.row_id.is_not(None),
            messages.c.state.in_((MessageState.SENT, MessageState.FAILED)),
        )
    )
    return frozenset(connection.execute(query).scalars())


def rowless_attempts(
    connection: Connection, device: DeviceUuid, since: datetime
) -> tuple[Flight, ...]:
    """Attempts proven without a row."""
    with_row = exists().where(OF_ATTEMPT, evidence.c.row_id.is_not(None))
    query = ATTEMPTS.where(
        attempts.c.device == device,
        attempts.c.opened_at >= since,
        attempts.c.void.is_(False),
        attempts.c.number == messages.c.attempts,
        messages.c.state == MessageState.SENT,
        ~with_row,
    ).order_by(attempts.c.opened_at, attempts.c.id)
    return tuple(as_flight(row) for row in connection.execute(query))


def last_watermark(connection: Connection, device: DeviceUuid) -> int | None:
    """The store's highest row id when the phone was last about to send."""
    query = (
        select(attempts.c.watermark)
        .where(attempts.c.device == device, attempts.c.watermark.is_not(None))
        .order_by(attempts.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def waiting_reports(
    connection: Connection, device: DeviceUuid, limit: int
) -> tuple[OutboxRow, ...]:
    """Reports not yet acknowledged, oldest first."""
    rows = connection.execute(OUTBOX, {"device": device, "limit": limit})
    return tuple(OutboxRow(row.id, as_report(row)) for row in rows)


def messages_sent_since(connection: Connection, iccid: Iccid, since: datetime) -> int:
    """Messages proven sent, by SIM."""
    parameters = {"iccid": iccid.reveal(), "since": since}
    return int(connection.execute(SENT, parameters).scalar_one())


def latest_events(
    connection: Connection,
    *,
    limit: int,
    names: Collection[str],
    since: datetime | None,
    after: int,
) -> tuple[Event, ...]:
    """Newest first."""
    query = select(events).where(events.c.id > after).order_by(events.c.id.desc()).limit(limit)
    if names:  # Some events know the device only.
        devices = select(phones.c.device).where(phones.c.name.in_(names))
        query = query.where(or_(events.c.phone.in_(names), events.c.device.in_(devices)))
    if since is not None:
        query = query.where(events.c.at >= since)
    return tuple(
        Event(
            row.at,
            None if row.device is None else DeviceUuid(row.device),
            row.kind,
            row.text,
            row.phone,
            row.id,
        )
        for row in connection.execute(query)
    )


def all_tallies(connection: Connection) -> dict[DeviceUuid, Tally]:
    """The work of every phone that has any."""
    counted = func.count()
    states = connection.execute(
        select(messages.c.device, messages.c.state, counted, func.min(messages.c.received_at))
        .where(messages.c.state.in_((MessageState.ACCEPTED, *WANT_VERDICT)))
        .group_by(messages.c.device, messages.c.state)
    )
    found: dict[DeviceUuid, Tally] = {}
    for device, state, count, oldest in states:
        tally = found.get(DeviceUuid(device), Tally())
        found[DeviceUuid(device)] = _counted(tally, MessageState(state), count, oldest)
    reports = connection.execute(
        select(outbox.c.device, counted, func.min(outbox.c.at))
        .where(WAITING)
        .group_by(outbox.c.device)
    )
    for device, count, oldest in reports:
        tally = found.get(DeviceUuid(device), Tally())
        found[DeviceUuid(device)] = replace(tally, unreported=count, unreported_since=oldest)
    return found


def _counted(tally: Tally, state: MessageState, count: int, oldest: datetime) -> Tally:
    if state is MessageState.ACCEPTED:
        return replace(tally, waiting=count, waiting_since=oldest)
    if state is MessageState.UNKNOWN:
        return replace(tally, unknown=count)
    return replace(tally, open=tally.open + count)


def tries_of(connection: Connection, uid: MessageUid) -> int:
    """How many attempts a message has had."""
    return connection.scalar(TRIES, {"uid": uid}) or 0


def one_life(connection: Connection, uid: MessageUid) -> Life | None:
    """The whole life of a message."""
    found = _lives(connection, select(messages).where(messages.c.uid == uid))
    return found[0] if found else None


def lives(
    connection: Connection,
    device: DeviceUuid | None,
    states: Iterable[MessageState],
    limit: int,
) -> tuple[Life, ...]:
    """Lives, newest message first."""
    query = select(messages).order_by(messages.c.id.desc()).limit(limit)
    if device is not None:
        query = query.where(messages.c.device == device)
    if wanted := tuple(states):
        query = query.where(messages.c.state.in_(wanted))
    return _lives(connection, query)


def old_messages(
    connection: Connection, before: datetime, limit: int
) -> tuple[tuple[int, str], ...]:
    """(id, uid) of messages that nothing will happen to any more, the oldest first."""
    owed = exists().where(outbox.c.uid == messages.c.uid, WAITING)
    query = (
        select(messages.c.id, messages.c.uid)
        .where(
            messages.c.received_at < before,
            messages.c.changed_at < before,
            messages.c.state.in_(PRUNABLE),
            ~owed,
        )
        .order_by(messages.c.received_at)
        .limit(limit)
    )
    return tuple((row.id, row.uid) for row in connection.execute(query))


def old_reports(connection: Connection, before: datetime, limit: int) -> tuple[int, ...]:
    """Closed reports of messages that were pruned: the panel asked for them once more."""
    query = (
        select(outbox.c.id)
        .where(
            or_(outbox.c.acknowledged_at < before, outbox.c.parked_at < before),
            ~exists().where(messages.c.uid == outbox.c.uid),
        )
        .limit(limit)
    )
    return tuple(connection.execute(query).scalars())


def _lives(connection: Connection, query: Select[Any]) -> tuple[Life, ...]:
    rows = list(connection.execute(query))
    ids = [row.id for row in rows]
    moves = _grouped(connection, changes, ids)
    proofs = _grouped(connection, evidence, ids)
    tries: dict[int, list[Row[Any]]] = {}
    by_message = ATTEMPTS.where(attempts.c.message_id.in_(ids)).order_by(attempts.c.number)
    for row in connection.execute(by_message):
        tries.setdefault(row.message_id, []).append(row)
    told: dict[str, list[Row[Any]]] = {}
    of_these = outbox.c.uid.in_([row.uid for row in rows])
    for row in connection.execute(select(outbox).where(of_these).order_by(outbox.c.id)):
        told.setdefault(row.uid, []).append(row)
    return tuple(
        _life(row, moves[row.id], tries.get(row.id, []), proofs[row.id], told.get(row.uid, []))
        for row in rows
    )


def _grouped(connection: Connection, table: Any, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    groups: dict[int, list[Row[Any]]] = {id_: [] for id_ in ids}
    query = select(table).where(table.c.message_id.in_(ids)).order_by(table.c.id)
    for row in connection.execute(query):
        groups[row.message_id].append(row)
    return groups


def _life(
    row: Row[Any],
    moves: Sequence[Row[Any]],
    tries: Sequence[Row[Any]],
    proofs: Sequence[Row[Any]],
    told: Sequence[Row[Any]],
) -> Life:
    arrival = StateChange(row.received_at, MessageState.ACCEPTED, "")
    return Life(
        message=as_message(row),
        device=DeviceUuid(row.device),
        state=MessageState(row.state),
        code=row.code,
        changes=(arrival, *(StateChange(m.at, MessageState(m.state), m.code) for m in moves)),
        attempts=tuple(as_attempt(attempt) for attempt in tries),
        evidence=tuple(
            (p.attempt, Evidence(EvidenceKind(p.kind), p.at, p.detail, p.row_id)) for p in proofs
        ),
        reports=tuple((as_report(r), r.acknowledged_at, r.parked) for r in told),
    )


def as_message(row: Row[Any]) -> Message:
    """A row of `messages`."""
    return Message(
        uid=MessageUid(row.uid),
        number=Msisdn(row.number),
        body=Body(row.body),
        sim_uid=row.sim_uid,
        priority=Priority(row.priority),
        received_at=row.received_at,
        valid_until=row.valid_until,
    )


def as_attempt(row: Row[Any]) -> Attempt:
    """A row of `ATTEMPTS`."""
    return Attempt(
        uid=MessageUid(row.uid),
        number=row.number,
        device=DeviceUuid(row.device),
        slot=Slot(row.slot),
        sub_id=SubId(row.sub_id),
        iccid=None if row.iccid is None else Iccid(row.iccid),
        segments=row.segments,
        watermark=row.watermark,
        message_id=row.radio_id,
        boot_id=row.boot_id,
        opened_at=row.opened_at,
        tick=None if row.host_boot is None else Tick(row.host_boot, row.host_us / 1e6),
    )


def as_flight(row: Row[Any]) -> Flight:
    """A row of `ATTEMPTS`, with whom it was for."""
    return Flight(as_attempt(row), Msisdn(row.recipient))


def as_report(row: Row[Any]) -> StatusReport:
    """A row of `outbox`."""
    return StatusReport(MessageUid(row.uid), WireStatus(row.status), row.at, row.error)


def last_report(connection: Connection, uid: MessageUid) -> Row[Any] | None:
    """The newest row of `outbox` for a uid, whatever became of it."""
    return connection.execute(LAST_REPORT, {"uid": uid}).first()


def latest_reports(connection: Connection, uids: Sequence[str]) -> dict[str, Row[Any]]:
    """The newest row of `outbox` per uid."""
    newest = (
        select(func.max(outbox.c.id)).where(outbox.c.uid.in_(uids)).group_by(outbox.c.uid)
    ).scalar_subquery()
    rows = connection.execute(select(outbox).where(and_(outbox.c.id.in_(newest))))
    return {row.uid: row for row in rows}
