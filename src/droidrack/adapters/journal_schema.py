"""Tables of the SQL journal: one definition for SQLite and PostgreSQL.

Times are integer microseconds since 1970 UTC: exact, ordered, the same in both dialects. Numbers
and bodies are UTF-8 bytes, because text columns differ in what they refuse (PostgreSQL: NUL; both:
lone surrogates) and the journal refuses nothing a panel can say. ICCIDs stand once, in `cards`.

Every index serves a named question; none is there to be safe:

- `messages_queue`: what waits on this phone by SIM row, and which of its attempts are open
- `messages_state`, `messages_device`: the operator's lists, newest first
- `messages_received`: what is old enough to be pruned
- `attempts_pace`: attempts of a phone since a date; `attempts_card`: messages of a SIM since one
- `attempts_phone`, `attempts_sim`: the newest sends of a phone, and of a SIM
- `provision_steps_key`: what is known of this thing on this phone; `provision_steps_boot`: what
  changed a phone since it started; `provision_runs_started`: the latest runs
- `outbox_waiting`: reports of a phone not yet acknowledged; `outbox_uid`: the last one of a message
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    and_,
)
from sqlalchemy.types import TypeDecorator

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision this program knows, oldest first. A journal at another one is from a newer
program and is refused. A test pins that this agrees with `migrations/versions`."""

HEAD = REVISIONS[-1]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970 UTC; naive ones raise TypeError."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else EPOCH + value * MICROSECOND


class Utf8(TypeDecorator[str]):
    """Any Python string, lone surrogates and NUL included, as bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """To the database."""
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """From the database."""
        return None if value is None else bytes(value).decode("utf-8", "surrogatepass")


BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER keys by itself.

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _owner() -> Column[int]:
    """The message a row belongs to and goes with."""
    return Column(
        "message_id", BigId, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False
    )


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

phones = Table(
    "phones",
    metadata,
    Column("device", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("gateway_uid", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("usb", Text, nullable=False, server_default=""),
    Column("mark", Text, nullable=False, server_default=""),
)

cards = Table(
    "cards",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("iccid", Text, nullable=False, unique=True),
)

sims = Table(
    "sims",  # The panel's SIM rows, and the card each was bound to.
    metadata,
    Column("device", Text, primary_key=True),
    Column("sim_uid", Text, primary_key=True),
    Column("slot", Integer, nullable=False),
    Column("card_id", BigId, ForeignKey("cards.id")),
    Column("label", Utf8, nullable=False),
    Column("bound_at", Instant, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", BigId, primary_key=True),  # In order of arrival.
    Column("uid", Text, nullable=False, unique=True),
    Column("device", Text, nullable=False),
    Column("number", Utf8, nullable=False),
    Column("body", Utf8, nullable=False),
    Column("sim_uid", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("valid_until", Instant),
    Column("state", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),  # How many there are; the last one's number.
)
Index(
    "messages_queue",
    messages.c.device,
    messages.c.state,
    messages.c.sim_uid,
    messages.c.priority,
    messages.c.id,
)
Index("messages_state", messages.c.state, messages.c.id)
Index("messages_device", messages.c.device, messages.c.id)
Index("messages_received", messages.c.received_at)

changes = Table(
    "changes",  # Every move but the arrival itself, which is `messages.received_at`.
    metadata,
    Column("id", BigId, primary_key=True),
    _owner(),
    Column("at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text, nullable=False),
)
Index("changes_message", changes.c.message_id)

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigId, primary_key=True),
    _owner(),
    Column("number", Integer, nullable=False),
    Column("device", Text, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("sub_id", Integer, nullable=False),
    Column("card_id", BigId, ForeignKey("cards.id")),
    Column("segments", Integer, nullable=False),
    Column("watermark", BigInteger),
    Column("radio_id", BigInteger, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("host_boot", Text),  # The same moment in µs of the host's boot: a clock nobody turns.
    Column("host_us", BigInteger),
    Column("void", Boolean, nullable=False),  # Certainly never reached the radio.
    Column("sent_at", Instant),  # When its message was proven sent.
    UniqueConstraint("message_id", "number"),
)
Index("attempts_pace", attempts.c.device, attempts.c.opened_at)
Index("attempts_card", attempts.c.card_id, attempts.c.sent_at)
Index("attempts_phone", attempts.c.device, attempts.c.id)
Index("attempts_sim", attempts.c.card_id, attempts.c.id)

holds = Table(
    "holds",  # SIM rows whose messages wait, and why.
    metadata,
    Column("device", Text, primary_key=True),
    Column("sim_uid", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", BigId, primary_key=True),
    _owner(),
    Column("attempt", Integer, nullable=False),  # 0: before any attempt.
    Column("kind", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("detail", Text, nullable=False),
    Column("row_id", BigInteger),
)
Index("evidence_message", evidence.c.message_id)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("uid", Text, nullable=False),  # No key: the report of a pruned message may be repeated.
    Column("device", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("error", Text, nullable=False),
    Column("acknowledged_at", Instant),
    Column("parked_at", Instant),
    Column("parked", Text, nullable=False),
    sqlite_autoincrement=True,  # An id acknowledged late must never meet another report.
)
WAITING = and_(outbox.c.acknowledged_at.is_(None), outbox.c.parked_at.is_(None))
"""A report that the panel still has to hear."""

Index("outbox_uid", outbox.c.uid)
Index(
    "outbox_waiting",
    outbox.c.device,
    outbox.c.id,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)

known_uids = Table(
    "known_uids",  # What is left of a pruned message: it is never sent again, its report may be.
    metadata,
    Column("uid", Text, primary_key=True),
    Column("status", Text),
    Column("at", Instant),
    Column("error", Text),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("device", Text),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),  # As it was called then.
)
Index("events_at", events.c.at)

audit = Table(
    "audit",  # Lines of `core/audit.py`, each as it was digested; found by their number alone.
    metadata,
    Column("seq", BigId, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
# --- Provisioning -----------------------------------------------------------------------------

leases = Table(
    "leases",  # Who may use a phone, and who waits for it.
    metadata,
    Column("device", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_until", Instant),
)

provision_runs = Table(
    "provision_runs",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("recipe", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", Text, nullable=False),
)
Index("provision_runs_started", provision_runs.c.started_at)

provision_phones = Table(
    "provision_phones",
    metadata,
    Column("run", Text, ForeignKey("provision_runs.uid", ondelete="CASCADE"), primary_key=True),
    Column("device", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("maker", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("fate", Text, nullable=False),
    Column("port", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
)

provision_steps = Table(
    "provision_steps",
    metadata,
    Column("id", BigId, primary_key=True),  # In order of their first word.
    Column("run", Text, ForeignKey("provision_runs.uid", ondelete="CASCADE"), nullable=False),
    Column("device", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("writes", Integer, nullable=False),
    Column("before", Text, nullable=False),
    Column("wanted", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("screen", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("files", Text, nullable=False),  # JSON: [[name, sha256, size], …]
    Column("started_at", Instant),
    Column("ended_at", Instant),
    UniqueConstraint("run", "device", "step"),
)
Index("provision_steps_key", provision_steps.c.device, provision_steps.c.key)
Index("provision_steps_boot", provision_steps.c.device, provision_steps.c.boot_id)
