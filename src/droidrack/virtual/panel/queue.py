"""The panel's messages: what it offers a device, and what the device said about each.

The page does not say whether `pending` repeats a message that was offered and not yet reported, so
both readings exist. A status is taken as often as it comes: a repeat changes nothing, a different
one corrects, and the history keeps them all.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from droidrack.virtual.panel.database import stamp, writing
from droidrack.virtual.panel.form import Invalid


class Reading(StrEnum):
    """How `pending` treats a message that was offered and has no status yet."""

    REPEAT = "repeat"  # Offered again at every poll until a status arrives.
    LEASE = "lease"  # Offered once.


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to queue, on the SIM row of `slot` or, with None, on `sim_uid` as it stands."""

    device_uuid: str
    number: str = field(repr=False)
    body: str = field(repr=False)
    slot: int | None = None
    sim_uid: str = ""
    priority: str = "normal"
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry of `pending`."""

    uid: str
    number: str = field(repr=False)
    body: str = field(repr=False)
    sim_uid: str
    priority: str


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One entry of `update-statuses`, validated."""

    uid: str
    status: str  # "sent" or "failed"
    delivered_at: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class StatusRow:
    """A status as it arrived. `outcome`: "first", "repeat" or "correction"."""

    uid: str
    status: str
    delivered_at: str | None
    error: str | None
    received_at: str
    outcome: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A message and what became of it.

    `state` is "queued", "offered", "sent", "failed" or "stopped"; `offers` counts how often
    `pending` handed it out; `statuses` counts reports, repeats included.
    """

    uid: str
    device_uuid: str
    sim_uid: str
    number: str = field(repr=False)
    body: str = field(repr=False)
    priority: str
    state: str
    offers: int
    delivered_at: str | None
    error: str | None
    statuses: int


class MessageQueue:
    """Messages and statuses of the store. `add` and `stop` join the caller's transaction."""

    def __init__(
        self,
        db: sqlite3.Connection,
        now: Callable[[], datetime],
        new_uid: Callable[[str], str],
        *,
        reading: Reading,
        page_size: int,
    ) -> None:
        self._db = db
        self._now = now
        self._new_uid = new_uid
        self.reading = reading
        self.page_size = page_size

    def add(self, target: tuple[int, str], new: NewMessage) -> str:
        """Queue a message for (device id, SIM uid); its uid. A known uid is Invalid."""
        uid = new.uid or self._new_uid("msg")
        device_id, sim_uid = target
        try:
            self._db.execute(
                "INSERT INTO messages (uid, device_id, sim_uid, number, body, priority, state,"
                " queued_at) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
                (uid, device_id, sim_uid, new.number, new.body, new.priority, stamp(self._now())),
            )
        except sqlite3.IntegrityError as exc:
            raise Invalid({"uid": ["The uid has already been taken."]}) from exc
        return uid

    def offer(self, device_id: int, quota_per_day: int | None) -> list[Offer]:
        """What `pending` answers: never more than the remaining quota, high priority first."""
        room = min(self.page_size, self._remaining(device_id, quota_per_day))
        rows = self._db.execute(
            "SELECT uid, number, body, sim_uid, priority FROM messages"
            " WHERE device_id = ? AND (state = 'queued' OR ? = 'repeat' AND state = 'offered')"
            " ORDER BY CASE priority WHEN 'high' THEN 0 WHEN 'low' THEN 2 ELSE 1 END, id LIMIT ?",
            (device_id, self.reading, room),
        ).fetchall()
        if rows:
            with writing(self._db):
                self._db.executemany(
                    "UPDATE messages SET state = 'offered', offers = offers + 1 WHERE uid = ?",
                    [(row[0],) for row in rows],
                )
        return [Offer(*row) for row in rows]

    def offered_before(self, device_id: int, limit: int = 100) -> list[Offer]:
        """Messages this device was ever offered, settled ones included, newest first."""
        rows = self._db.execute(
            "SELECT uid, number, body, sim_uid, priority FROM messages"
            " WHERE device_id = ? AND offers > 0 ORDER BY id DESC LIMIT ?",
            (device_id, limit),
        )
        return [Offer(*row) for row in rows]

    def owns(self, device_id: int, uid: str) -> bool:
        """Whether the message is this device's."""
        row = self._db.execute(
            "SELECT 1 FROM messages WHERE uid = ? AND device_id = ?", (uid, device_id)
        ).fetchone()
        return row is not None

    def settle(self, lines: Sequence[StatusLine]) -> None:
        """Take statuses in order. The caller has checked that the device owns them."""
        with writing(self._db):
            for line in lines:
                self._settle_one(line)

    def stop(self, sim_uid: str) -> None:
        """Stop what is open on a SIM row."""
        self._db.execute(
            "UPDATE messages SET state = 'stopped'"
            " WHERE sim_uid = ? AND state IN ('queued', 'offered')",
            (sim_uid,),
        )

    def ledger(self, device_uuid: str) -> list[LedgerEntry]:
        """See PanelStore.ledger."""
        rows = self._db.execute(
            "SELECT m.uid, d.uuid, m.sim_uid, m.number, m.body, m.priority, m.state, m.offers,"
            " m.delivered_at, m.error, (SELECT count(*) FROM statuses s WHERE s.uid = m.uid)"
            " FROM messages m JOIN devices d ON d.id = m.device_id"
            " WHERE ? IN ('', d.uuid) ORDER BY m.id",
            (device_uuid,),
        )
        return [LedgerEntry(*row) for row in rows]

    def statuses(self, uid: str) -> list[StatusRow]:
        """See PanelStore.statuses."""
        rows = self._db.execute(
            "SELECT uid, status, delivered_at, error, received_at, outcome FROM statuses"
            " WHERE ? IN ('', uid) ORDER BY id",
            (uid,),
        )
        return [StatusRow(*row) for row in rows]

    def _settle_one(self, line: StatusLine) -> None:
        state, delivered_at, error = self._db.execute(
            "SELECT state, delivered_at, error FROM messages WHERE uid = ?", (line.uid,)
        ).fetchone()
        told = state in ("sent", "failed")
        same = (state, delivered_at, error) == (line.status, line.delivered_at, line.error)
        outcome = "first" if not told else "repeat" if same else "correction"
        now = stamp(self._now())
        self._db.execute(
            "INSERT INTO statuses (uid, status, delivered_at, error, received_at, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (line.uid, line.status, line.delivered_at, line.error, now, outcome),
        )
        self._db.execute(
            "UPDATE messages SET state = ?, delivered_at = ?, error = ?,"
            " settled_at = coalesce(settled_at, ?) WHERE uid = ?",
            (line.status, line.delivered_at, line.error, now, line.uid),
        )

    def _remaining(self, device_id: int, quota_per_day: int | None) -> int:
        if quota_per_day is None:
            return self.page_size
        day_ago = stamp(self._now() - timedelta(days=1))
        # With leases an open offer has used up quota; with repeats it is in the answer itself.
        (used,) = self._db.execute(
            "SELECT count(*) FROM messages WHERE device_id = ?"
            " AND (state = 'sent' AND settled_at > ? OR ? = 'lease' AND state = 'offered')",
            (device_id, day_ago, self.reading),
        ).fetchone()
        return max(0, quota_per_day - int(used))
