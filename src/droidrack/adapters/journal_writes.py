"""Units of work of the SQL journal: each function is whole or absent.

They run one after another on the only connection that writes, so that reading before writing is
safe; the same functions serve both dialects for that reason.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from droidrack.adapters import journal_reads as reads
from droidrack.adapters import journal_rules as rules
from droidrack.adapters.journal_schema import (
    WAITING,
    attempts,
    cards,
    changes,
    events,
    evidence,
    known_uids,
    messages,
    meta,
    outbox,
    phones,
    sims,
)
from droidrack.adapters.journal_seal import Mark
from droidrack.core.attempt import Attempt, Evidence
from droidrack.core.ids import DeviceUuid, Iccid, MessageUid
from droidrack.core.message import Message, MessageState
from droidrack.core.report import StatusReport, WireStatus
from droidrack.ports import Accepted, Event, PhoneRecord, SimRecord

T = TypeVar("T")

CHUNK = 500
"""Values in one IN list; SQLite takes 32,766, older builds 999."""

# Statements stand here, and not where they run: the library works out only once what each one is.
NEW_MESSAGE, NEW_ATTEMPT, NEW_EVIDENCE = insert(messages), insert(attempts), insert(evidence)
NEW_CHANGE, NEW_REPORT, NEW_EVENT = insert(changes), insert(outbox), insert(events)
OFFERED = select(messages).where(messages.c.uid.in_(bindparam("uids", expanding=True)))
PRUNED = select(known_uids).where(known_uids.c.uid.in_(bindparam("uids", expanding=True)))
COUNTED = update(meta).where(meta.c.key == "commits").values(value=bindparam("count"))
CARD = select(cards.c.id).where(cards.c.iccid == bindparam("iccid"))
MOVE = (
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values(
        state=bindparam("to"),
        code=bindparam("why"),
        changed_at=bindparam("when"),
        attempts=bindparam("tries"),
    )
)
SUPERSEDE = (
    update(outbox)
    .where(outbox.c.uid == bindparam("of"), WAITING)
    .values(parked_at=bindparam("when"), parked=rules.SUPERSEDED)
)
THIS_ATTEMPT = (
    attempts.c.message_id == bindparam("message"),
    attempts.c.number == bindparam("no"),
)
VOID = update(attempts).where(*THIS_ATTEMPT).values(void=True)
PROVEN = update(attempts).where(*THIS_ATTEMPT).values(sent_at=bindparam("when"))
ACKNOWLEDGE = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.acknowledged_at.is_(None))
    .values(acknowledged_at=bindparam("when"))
)
PARK = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"), WAITING)
    .values(parked_at=bindparam("when"), parked=bindparam("why"))
)


def mark_of(connection: Connection) -> Mark:
    """The journal's identity ("": it has none yet), and how many commits it has."""
    kept = {row.key: row.value for row in connection.execute(select(meta))}
    # Earlier versions counted openings; the count goes on from there.
    return Mark(kept.get("identity", ""), int(kept.get("commits", kept.get("opened", 0))))


def count_opening(connection: Connection, found: Mark) -> Mark:
    """Count this opening as a commit; a real write, so that a full or read-only disk is found now.

    Returns:
        The journal's mark from this commit on.
    """
    mark = Mark(found.journal or uuid.uuid4().hex, found.count + 1)
    for key, value in {"identity": mark.journal, "commits": str(mark.count)}.items():
        known = update(meta).where(meta.c.key == key).values(value=value)
        if connection.execute(known).rowcount == 0:
            connection.execute(insert(meta), {"key": key, "value": value})
    return mark


def count_commit(connection: Connection, mark: Mark) -> None:
    """Write down the count that this transaction makes true."""
    connection.execute(COUNTED, {"count": str(mark.count)})


def remember_phone(connection: Connection, record: PhoneRecord) -> None:
    """Insert or update a phone."""
    row = asdict(record)
    known = update(phones).where(phones.c.device == record.device).values(row)
    if connection.execute(known).rowcount == 0:
        connection.execute(insert(phones), row)


def bind_sim(connection: Connection, record: SimRecord) -> None:
    """Insert or replace the binding of one of the panel's SIM rows."""
    unbind_sim(connection, record.device, record.sim_uid)
    row = {
        "device": record.device,
        "sim_uid": record.sim_uid,
        "slot": record.slot,
        "card_id": card_id(connection, record.iccid),
        "label": record.label,
        "bound_at": record.bound_at,
    }
    connection.execute(insert(sims), row)


def unbind_sim(connection: Connection, device: DeviceUuid, sim_uid: str) -> None:
    """Drop a binding."""
    connection.execute(delete(sims).where(sims.c.device == device, sims.c.sim_uid == sim_uid))


def accept(
    connection: Connection, device: DeviceUuid, offered: Sequence[Message]
) -> tuple[Accepted, ...]:
    """Store new messages; queue the report of known ones again."""
    fates: list[Accepted] = []
    for chunk in _chunks(offered):
        fates += _accept_chunk(connection, device, chunk)
    return tuple(fates)


def _accept_chunk(
    connection: Connection, device: DeviceUuid, offered: Sequence[Message]
) -> list[Accepted]:
    uids = [message.uid for message in offered]
    first = {row.uid: reads.as_message(row) for row in connection.execute(OFFERED, {"uids": uids})}
    pruned = {row.uid: row for row in connection.execute(PRUNED, {"uids": uids})}
    repeated = [uid for uid in dict.fromkeys(uids) if uid in first or uid in pruned]
    fates, fresh = [], []
    for message in offered:
        if message.uid in pruned:
            fate = rules.KNOWN  # Its content is gone with the message.
        elif message.uid in first:
            fate = rules.fate(first[message.uid], message)
        else:
            fate = rules.NEW
            first[message.uid] = message
            fresh.append(_message_row(device, message))
        fates.append(Accepted(message.uid, fate))
    if fresh:
        connection.execute(NEW_MESSAGE, fresh)
    if repeated:
        _repeat_reports(connection, device, repeated, pruned)
    return fates


def _message_row(device: DeviceUuid, message: Message) -> dict[str, object]:
    return {
        "uid": message.uid,
        "device": device,
        "number": message.number.reveal(),
        "body": message.body.reveal(),
        "sim_uid": message.sim_uid,
        "priority": int(message.priority),
        "received_at": message.received_at,
        "valid_until": message.valid_until,
        "state": MessageState.ACCEPTED,
        "code": "",
        "changed_at": message.received_at,
        "attempts": 0,
    }


def _repeat_reports(
    connection: Connection, device: DeviceUuid, uids: Sequence[MessageUid], pruned: dict[str, Any]
) -> None:
    newest = reads.latest_reports(connection, uids)
    for uid in uids:
        row = newest.get(uid)
        if row is None:  # Pruned, or nothing was told yet.
            report = _tombstone_report(uid, pruned.get(uid))
        else:
            heard, closed = row.acknowledged_at is not None, row.parked_at is not None
            report = rules.repeat(reads.as_report(row), acknowledged=heard, parked=closed)
        if report:
            connection.execute(NEW_REPORT, _outbox_row(device, report))


def _tombstone_report(uid: MessageUid, row: Any) -> StatusReport | None:
    if row is None or row.status is None:
        return None
    return StatusReport(uid, WireStatus(row.status), row.at, row.error)


def _outbox_row(device: str, report: StatusReport) -> dict[str, object]:
    return {
        "uid": report.uid,
        "device": device,
        "status": report.status,
        "at": report.at,
        "error": report.error,
        "parked": "",
    }


def open_attempt(connection: Connection, attempt: Attempt) -> None:
    """Write the intent to send and move its message to SENDING."""
    row = _found(connection, attempt.uid)
    rules.check_attempt(attempt, row.device, MessageState(row.state), row.attempts)
    columns = {
        "message_id": row.id,
        "number": attempt.number,
        "device": attempt.device,
        "slot": attempt.slot,
        "sub_id": attempt.sub_id,
        "card_id": card_id(connection, attempt.iccid),
        "segments": attempt.segments,
        "watermark": attempt.watermark,
        "radio_id": attempt.message_id,
        "boot_id": attempt.boot_id,
        "opened_at": attempt.opened_at,
        "host_boot": attempt.tick.boot if attempt.tick else None,
        "host_us": round(attempt.tick.seconds * 1e6) if attempt.tick else None,
        "void": False,
    }
    connection.execute(NEW_ATTEMPT, columns)
    move = {"to": MessageState.SENDING, "why": "", "when": attempt.opened_at}
    _move(connection, row.id, {**move, "tries": attempt.number})


def card_id(connection: Connection, iccid: Iccid | None) -> int | None:
    """The row of a card in `cards`, made where it is new; None for None."""
    if iccid is None:
        return None
    known = connection.scalar(CARD, {"iccid": iccid.reveal()})
    if known is not None:
        return int(known)
    inserted = connection.execute(insert(cards).returning(cards.c.id), {"iccid": iccid.reveal()})
    return int(inserted.scalar_one())


def settle(
    connection: Connection,
    uid: MessageUid,
    target: MessageState,
    *,
    code: str,
    proofs: Sequence[Evidence],
    report: StatusReport | None,
    at: datetime,
) -> MessageState:
    """Move a message, with its proof and its report."""
    row = _found(connection, uid)
    last = reads.last_report(connection, uid) if report else None
    decided = rules.settlement(
        MessageState(row.state), target, proofs, report, reads.as_report(last) if last else None
    )
    if proofs:
        connection.execute(NEW_EVIDENCE, [_evidence_row(row, proof) for proof in proofs])
    if decided.moved:
        move = {"to": target, "why": code, "when": at}
        _move(connection, row.id, {**move, "tries": row.attempts})
        this = {"message": row.id, "no": row.attempts}
        if decided.void:
            connection.execute(VOID, this)
        if target is MessageState.SENT:
            connection.execute(PROVEN, {**this, "when": at})
    if decided.finding:
        record(connection, Event(at, row.device, rules.FINDING, f"{uid}: {decided.finding}"))
    if decided.report:
        connection.execute(SUPERSEDE, {"of": uid, "when": at})
        connection.execute(NEW_REPORT, _outbox_row(row.device, decided.report))
    return decided.state


def _evidence_row(message: Any, proof: Evidence) -> dict[str, object]:
    return {
        "message_id": message.id,
        "attempt": message.attempts,
        "kind": proof.kind,
        "at": proof.at,
        "detail": proof.detail,
        "row_id": proof.row_id,
    }


def reported(connection: Connection, ids: Sequence[int], at: datetime) -> None:
    """The panel heard these, also one that a newer report replaced meanwhile."""
    if ids:
        connection.execute(ACKNOWLEDGE, [{"row": id_, "when": at} for id_ in ids])


def park(connection: Connection, id_: int, reason: str, at: datetime) -> None:
    """Keep a report that the panel will never take."""
    connection.execute(PARK, {"row": id_, "why": reason, "when": at})


def record(connection: Connection, event: Event) -> None:
    """Append an event."""
    row = asdict(event)
    del row["id"]  # The database numbers them.
    connection.execute(NEW_EVENT, row)


def prune_messages(connection: Connection, old: Sequence[tuple[int, str]]) -> int:
    """Reduce these messages to their uid and their last report.

    Those that owe a report again since they were chosen are left alone.
    """
    uids = [uid for _, uid in old]
    owing = set(connection.execute(select(outbox.c.uid).where(outbox.c.uid.in_(uids), WAITING)))
    gone = [(id_, uid) for id_, uid in old if (uid,) not in owing]
    newest = reads.latest_reports(connection, [uid for _, uid in gone])
    for chunk in _chunks(gone):
        names = [uid for _, uid in chunk]
        connection.execute(insert(known_uids), [_tombstone(uid, newest) for uid in names])
        connection.execute(delete(outbox).where(outbox.c.uid.in_(names)))
        connection.execute(delete(messages).where(messages.c.id.in_([id_ for id_, _ in chunk])))
    return len(gone)


def _tombstone(uid: str, newest: dict[str, Any]) -> dict[str, object]:
    told = newest.get(uid)
    if told is None or told.acknowledged_at is None:  # Parked: never to be offered again.
        return {"uid": uid, "status": None, "at": None, "error": None}
    return {"uid": uid, "status": told.status, "at": told.at, "error": told.error}


def prune_reports(connection: Connection, ids: Sequence[int]) -> None:
    """Drop closed reports."""
    connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))


def prune_events(connection: Connection, before: datetime, limit: int) -> int:
    """Drop old events, at most `limit` of them."""
    old = select(events.c.id).where(events.c.at < before).order_by(events.c.at).limit(limit)
    return connection.execute(delete(events).where(events.c.id.in_(old))).rowcount


def _found(connection: Connection, uid: MessageUid) -> Any:
    row = connection.execute(reads.FIND, {"uid": uid}).first()
    if row is None:
        raise ValueError(f"message {uid} is not in the journal")
    return row


def _move(connection: Connection, id_: int, move: dict[str, Any]) -> None:
    connection.execute(MOVE, {"message": id_, **move})
    change = {"message_id": id_, "at": move["when"], "state": move["to"], "code": move["why"]}
    connection.execute(NEW_CHANGE, change)


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
