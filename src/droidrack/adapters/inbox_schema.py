"""Tables of the inbox, in the journal's database. Types as in `journal_schema`.

Indexes and their questions:

- `inbound_received`: is this text known under another id; `inbound_seen`: lists, and what is old
- `deliveries_open`: what an endpoint still has to get; `deliveries_inbound`: who got a text
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from droidrack.adapters.journal_schema import BigId, Instant, Utf8, metadata

inbox_marks = Table(
    "inbox_marks",
    metadata,
    Column("device", Text, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("marks", Text, nullable=False),  # JSON: [[row id, date, date sent], …], newest first.
    Column("since_ms", BigInteger, nullable=False),
    Column("newest_ms", BigInteger, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("closed", Text, nullable=False),
)

inbound = Table(
    "inbound",
    metadata,
    Column("id", BigId, primary_key=True),  # In order of arrival.
    Column("text_id", Text, nullable=False, unique=True),
    Column("device", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("row_id", BigInteger, nullable=False),
    Column("slot", Integer),
    Column("card_id", BigId, ForeignKey("cards.id")),
    Column("sender", Utf8, nullable=False),
    Column("body", Utf8, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    sqlite_autoincrement=True,  # Readers go on after a number: none may come twice.
)
Index("inbound_received", inbound.c.device, inbound.c.received_at)
Index("inbound_seen", inbound.c.seen_at)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("inbound_id", BigId, ForeignKey("inbound.id", ondelete="CASCADE"), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("reason", Text, nullable=False),
    sqlite_autoincrement=True,  # An answer that comes late must never close another delivery.
)
OPEN = deliveries.c.closed_at.is_(None)
"""A delivery that an endpoint still has to get."""

Index("deliveries_inbound", deliveries.c.inbound_id)
Index(
    "deliveries_open",
    deliveries.c.endpoint,
    deliveries.c.id,
    sqlite_where=OPEN,
    postgresql_where=OPEN,
)
