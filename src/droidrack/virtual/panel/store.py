"""The local panel's memory: pairing, sessions, SIM rows, heartbeats, and the queue behind it.

Decisions where the API's page leaves room:

- Re-linking a known `device_uuid` gives back the same `gateway_uid` and SIM rows, and closes every
  older session of that device: a token is bound to one device, and a reset phone has lost its own.
- A pairing token is spent by its first use, whoever used it.
- Creating a SIM row for a slot that has one changes that row: the answer to the first request may
  have been lost, and the API has no call that lists rows.

Tokens are stored as SHA-256 only. Calls are short and synchronous, so that the panel also runs on a
loop with virtual time.
"""

import base64
import hashlib
import json
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from droidrack.virtual.panel.database import open_database, stamp, writing
from droidrack.virtual.panel.form import Invalid
from droidrack.virtual.panel.queue import LedgerEntry, MessageQueue, NewMessage, Reading, StatusRow

# A day of 100 phones with two SIMs at one heartbeat a minute; older ones have nobody to read them.
HEARTBEATS_KEPT = 288_000


class Unauthenticated(Exception):
    """No open session has this token: status 401."""


class NotFound(Exception):
    """No such row, or it belongs to another device: status 404."""


@dataclass(frozen=True, slots=True)
class Device:
    """A phone as the panel knows it. `quota_per_day` None: no limit."""

    id: int
    uuid: str
    gateway_uid: str
    name: str
    android_version: str
    app_version: str
    online: bool
    quota_per_day: int | None
    registered_at: str
    seen_at: str


@dataclass(frozen=True, slots=True)
class SimRow:
    """The panel's record of a SIM slot."""

    uid: str
    slot: int
    label: str
    country_code: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a device told about a SIM; None where it said nothing."""

    sim_uid: str
    active: bool | None
    signal_strength: int | None
    messages_sent_24h: int | None
    imsi: str | None
    received_at: str


def utc_now() -> datetime:
    """The host's clock."""
    return datetime.now(UTC)


class PanelStore:
    """One SQLite file, or ":memory:". `now` and `dice` make every answer repeatable."""

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        now: Callable[[], datetime] = utc_now,
        dice: random.Random | None = None,
        reading: Reading = Reading.REPEAT,
        page_size: int = 500,
    ) -> None:
        self._now = now
        self._dice = dice or random.SystemRandom()
        self._db = open_database(path)
        self.messages = MessageQueue(self._db, now, self._uid, reading=reading, page_size=page_size)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # --- What a person does in the panel ------------------------------------------------------

    def mint(self) -> str:
        """A new pairing token, good for one registration."""
        token = f"ATKN-{self._uuid()}"
        self._db.execute(
            "INSERT INTO pairing_tokens VALUES (?, ?, NULL)", (_hash(token), self._stamp())
        )
        return token

    def queue(
        self,
        device_uuid: str,
        number: str,
        body: str,
        *,
        slot: int | None = None,
        sim_uid: str = "",
        priority: str = "normal",
        uid: str = "",
    ) -> str:
        """Queue one message on a slot's SIM row, or on any `sim_uid`; its uid."""
        new = NewMessage(device_uuid, number, body, slot, sim_uid, priority, uid)
        return self.queue_all([new])[0]

    def queue_all(self, new: Sequence[NewMessage]) -> list[str]:
        """Queue several, all or none; their uids in the same order."""
        with writing(self._db):
            return [self.messages.add(self._target(item), item) for item in new]

    def ledger(self, device_uuid: str = "") -> list[LedgerEntry]:
        """Every message (of one device) with what became of it, in the order of queueing."""
        return self.messages.ledger(device_uuid)

    def statuses(self, uid: str = "") -> list[StatusRow]:
        """Every status ever received (for one message), repeats included, oldest first."""
        return self.messages.statuses(uid)

    def devices(self) -> list[Device]:
        """All devices, in the order of their first registration."""
        rows = self._db.execute("SELECT * FROM devices ORDER BY id")
        return [_device(row) for row in rows]

    def device(self, device_uuid: str) -> Device:
        """The device with this uuid, or NotFound."""
        row = self._db.execute("SELECT * FROM devices WHERE uuid = ?", (device_uuid,)).fetchone()
        if row is None:
            raise NotFound("device")
        return _device(row)

    def heartbeats(self, sim_uid: str = "") -> list[Heartbeat]:
        """Heartbeats (of one SIM row), oldest first."""
        rows = self._db.execute(
            "SELECT sim_uid, active, signal_strength, messages_sent_24h, imsi, received_at"
            " FROM heartbeats WHERE ? IN ('', sim_uid) ORDER BY id",
            (sim_uid,),
        )
        return [
            Heartbeat(row[0], None if row[1] is None else bool(row[1]), *row[2:]) for row in rows
        ]

    def revoke(self, device_uuid: str) -> None:
        """Close the device's sessions, as an admin does in the panel."""
        device = self.device(device_uuid)
        with writing(self._db):
            self._close_sessions(device.id, "admin")

    def set_quota(self, device_uuid: str, per_day: int | None) -> None:
        """Messages the device may send in 24 hours; None: no limit."""
        device = self.device(device_uuid)
        self._db.execute("UPDATE devices SET quota_per_day = ? WHERE id = ?", (per_day, device.id))

    # --- What a device does over the API ------------------------------------------------------

    def register(
        self,
        *,
        pairing_token: str,
        device_name: str,
        device_uuid: str,
        android_version: str,
        app_version: str,
    ) -> tuple[str, Device]:
        """Spend a pairing token; the session token and the (re-linked) device."""
        with writing(self._db):
            spent = self._db.execute(
                "UPDATE pairing_tokens SET used_at = ? WHERE token_hash = ? AND used_at IS NULL",
                (self._stamp(), _hash(pairing_token)),
            )
            if not spent.rowcount:
                raise Invalid({"pairing_token": ["The pairing token is invalid or already used."]})
            self._upsert_device(device_uuid, device_name, android_version, app_version)
            device = self.device(device_uuid)
            self._close_sessions(device.id, "relink")
            self._db.execute("UPDATE devices SET online = 1 WHERE id = ?", (device.id,))
            token = self._session_token(device)
            self._db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, NULL, NULL)",
                (_hash(token), device.id, self._stamp()),
            )
        return token, self.device(device_uuid)

    def authenticate(self, token: str) -> Device:
        """The device of an open session, or Unauthenticated."""
        row = self._db.execute(
            "SELECT devices.* FROM devices JOIN sessions ON device_id = devices.id"
            " WHERE token_hash = ? AND closed_at IS NULL",
            (_hash(token),),
        ).fetchone()
        if row is None:
            raise Unauthenticated
        return _device(row)

    def logout(self, device: Device) -> None:
        """Close the device's sessions; the row and its SIM rows stay."""
        with writing(self._db):
            self._close_sessions(device.id, "logout")

    def sims(self, device: Device) -> list[SimRow]:
        """The device's SIM rows by slot."""
        rows = self._db.execute(
            "SELECT uid, slot, label, country_code, active FROM sims"
            " WHERE device_id = ? ORDER BY slot",
            (device.id,),
        )
        return [
            SimRow(uid, slot, label, country_code, bool(active))
            for uid, slot, label, country_code, active in rows
        ]

    def sim(self, device: Device, uid: str) -> SimRow:
        """One of the device's SIM rows, or NotFound."""
        for row in self.sims(device):
            if row.uid == uid:
                return row
        raise NotFound(f"SIM {uid}")

    def create_sim(
        self, device: Device, slot: int, label: str, country_code: str | None
    ) -> tuple[SimRow, bool]:
        """The row of the slot, and whether it is new."""
        uid = self._uid("sim")
        self._db.execute(
            "INSERT INTO sims (uid, device_id, slot, label, country_code, active)"
            " VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (device_id, slot)"
            " DO UPDATE SET label = excluded.label, country_code = excluded.country_code",
            (uid, device.id, slot, label, country_code),
        )
        row = next(row for row in self.sims(device) if row.slot == slot)
        return row, row.uid == uid

    def update_sim(
        self,
        device: Device,
        uid: str,
        *,
        label: str | None = None,
        country_code: str | None = None,
        active: bool | None = None,
    ) -> SimRow:
        """Change what is given; the whole row."""
        self.sim(device, uid)
        self._db.execute(
            "UPDATE sims SET label = coalesce(?, label), active = coalesce(?, active),"
            " country_code = coalesce(?, country_code) WHERE uid = ?",
            (label, active, country_code, uid),
        )
        return self.sim(device, uid)

    def delete_sim(self, device: Device, uid: str) -> None:
        """Remove a row; its messages that nobody settled are stopped."""
        self.sim(device, uid)
        with writing(self._db):
            self.messages.stop(uid)
            self._db.execute("DELETE FROM sims WHERE uid = ?", (uid,))

    def beat(
        self,
        device: Device,
        sim_uid: str,
        *,
        active: bool | None,
        signal_strength: int | None,
        messages_sent_24h: int | None,
        imsi: str | None,
    ) -> None:
        """Record a heartbeat; the device counts as online because of it."""
        with writing(self._db):
            self.update_sim(device, sim_uid, active=active)
            row_id = self._db.execute(
                "INSERT INTO heartbeats (device_id, sim_uid, active, signal_strength,"
                " messages_sent_24h, imsi, received_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    device.id,
                    sim_uid,
                    active,
                    signal_strength,
                    messages_sent_24h,
                    imsi,
                    self._stamp(),
                ),
            ).lastrowid
            self._db.execute(
                "DELETE FROM heartbeats WHERE id <= ?", ((row_id or 0) - HEARTBEATS_KEPT,)
            )
            self._db.execute(
                "UPDATE devices SET online = 1, seen_at = ? WHERE id = ?",
                (self._stamp(), device.id),
            )

    # --- Helpers ------------------------------------------------------------------------------

    def _upsert_device(self, device_uuid: str, name: str, android: str, app: str) -> None:
        now = self._stamp()
        self._db.execute(
            "INSERT INTO devices (uuid, gateway_uid, name, android_version, app_version, online,"
            " registered_at, seen_at) VALUES (?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (uuid) DO UPDATE"
            " SET name = excluded.name, android_version = excluded.android_version,"
            " app_version = excluded.app_version, seen_at = excluded.seen_at",
            (device_uuid, self._uuid(), name, android, app, now, now),
        )

    def _close_sessions(self, device_id: int, by: str) -> None:
        self._db.execute(
            "UPDATE sessions SET closed_at = ?, closed_by = ?"
            " WHERE device_id = ? AND closed_at IS NULL",
            (self._stamp(), by, device_id),
        )
        self._db.execute("UPDATE devices SET online = 0 WHERE id = ?", (device_id,))

    def _target(self, new: NewMessage) -> tuple[int, str]:
        """The device's id and the SIM row's uid that a new message is for."""
        device = self.device(new.device_uuid)
        if new.slot is None:
            return device.id, new.sim_uid
        for row in self.sims(device):
            if row.slot == new.slot:
                return device.id, row.uid
        raise NotFound(f"SIM row of slot {new.slot}")

    def _stamp(self) -> str:
        return stamp(self._now())

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def _uid(self, prefix: str) -> str:
        return f"{prefix}-{self._dice.getrandbits(48):012x}"

    def _session_token(self, device: Device) -> str:
        """Three parts in base64url, as a JWT looks; it is opaque, only its hash is compared."""
        claims = {"sub": device.gateway_uid, "jti": f"{self._dice.getrandbits(128):032x}"}
        parts = (
            json.dumps({"typ": "JWT", "alg": "HS256"}).encode(),
            json.dumps(claims).encode(),
            self._dice.randbytes(32),
        )
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _device(row: Sequence[Any]) -> Device:
    fields = dict(zip(Device.__slots__, row, strict=True))
    return Device(**fields | {"online": bool(fields["online"])})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
