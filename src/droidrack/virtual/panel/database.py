"""The local panel's database. Times are UTC text of one width, so they sort as text."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS pairing_tokens (
    token_hash TEXT PRIMARY KEY,
    minted_at  TEXT NOT NULL,
    used_at    TEXT
);
CREATE TABLE IF NOT EXISTS devices (
    id              INTEGER PRIMARY KEY,
    uuid            TEXT NOT NULL UNIQUE,
    gateway_uid     TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    android_version TEXT NOT NULL,
    app_version     TEXT NOT NULL,
    online          INTEGER NOT NULL,
    quota_per_day   INTEGER,                -- NULL: no limit
    registered_at   TEXT NOT NULL,
    seen_at         TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    token_hash TEXT PRIMARY KEY,
    device_id  INTEGER NOT NULL REFERENCES devices (id),
    opened_at  TEXT NOT NULL,
    closed_at  TEXT,
    closed_by  TEXT                         -- logout, relink, admin
);
CREATE INDEX IF NOT EXISTS sessions_of_device ON sessions (device_id) WHERE closed_at IS NULL;
CREATE TABLE IF NOT EXISTS sims (
    id           INTEGER PRIMARY KEY,
    uid          TEXT NOT NULL UNIQUE,
    device_id    INTEGER NOT NULL REFERENCES devices (id),
    slot         INTEGER NOT NULL,
    label        TEXT NOT NULL,
    country_code TEXT,
    active       INTEGER NOT NULL,
    UNIQUE (device_id, slot)
);
CREATE TABLE IF NOT EXISTS heartbeats (
    id                INTEGER PRIMARY KEY,
    device_id         INTEGER NOT NULL REFERENCES devices (id),
    sim_uid           TEXT NOT NULL,
    active            INTEGER,
    signal_strength   INTEGER,
    messages_sent_24h INTEGER,
    imsi              TEXT,
    received_at       TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    id           INTEGER PRIMARY KEY,
    uid          TEXT NOT NULL UNIQUE,
    device_id    INTEGER NOT NULL REFERENCES devices (id),
    sim_uid      TEXT NOT NULL,
    number       TEXT NOT NULL,
    body         TEXT NOT NULL,
    priority     TEXT NOT NULL,
    state        TEXT NOT NULL,             -- queued, offered, sent, failed, stopped
    offers       INTEGER NOT NULL DEFAULT 0,
    queued_at    TEXT NOT NULL,
    settled_at   TEXT,                      -- when the first status arrived
    delivered_at TEXT,                      -- as the device wrote it
    error        TEXT
);
CREATE INDEX IF NOT EXISTS open_messages ON messages (device_id, state)
    WHERE state IN ('queued', 'offered');
CREATE INDEX IF NOT EXISTS settled_messages ON messages (device_id, settled_at);
CREATE TABLE IF NOT EXISTS statuses (
    id           INTEGER PRIMARY KEY,
    uid          TEXT NOT NULL,
    status       TEXT NOT NULL,
    delivered_at TEXT,
    error        TEXT,
    received_at  TEXT NOT NULL,
    outcome      TEXT NOT NULL              -- first, repeat, correction
);
CREATE INDEX IF NOT EXISTS statuses_of_message ON statuses (uid);
"""


def open_database(path: str | Path) -> sqlite3.Connection:
    """Open, and create where needed, the store at `path` (":memory:" for none on disk).

    Raises:
        sqlite3.Error: the directory is missing, or the file is something else.
    """
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        # The panel stands in for a remote server: what a power cut takes of it costs a test.
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_TABLES)
    except sqlite3.Error:
        db.close()
        raise
    return db


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all of the block or none of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def stamp(moment: datetime) -> str:
    """A moment as the database writes it: UTC, always 27 characters."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
