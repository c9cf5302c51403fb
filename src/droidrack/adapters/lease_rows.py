"""The rows of the leases table: taken, kept, asked for and given back within one transaction each.

`ports.provisioning.Leases` is the contract.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, not_, select, update

from droidrack.adapters.journal_schema import leases
from droidrack.core.provision.record import Lease, Purpose

ASK_FOR_S = 15.0
"""A request for a phone lasts so long; who still waits repeats it every second."""

NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def lease_of(row: Row[Any]) -> Lease:
    """One row."""
    return Lease(row.device, Purpose(row.purpose), row.holder, row.expires_at, row.asked_by)


def take_lease(
    connection: Connection,
    device: str,
    purpose: Purpose,
    holder: str,
    now: datetime,
    ttl_s: float,
) -> Lease:
    """Take it, keep it, or note that we wait for it; the lease that stands."""
    here = leases.c.device == device
    row = connection.execute(select(leases).where(here).with_for_update()).first()
    taken = Lease(device, purpose, holder, now + timedelta(seconds=ttl_s))
    if row is None:
        connection.execute(insert(leases).values(asked_until=None, **_columns(taken)))
        return taken
    wanted = _wanted_by_another(row, holder, now)
    if row.holder == holder:
        return _kept(connection, row, now, taken, wanted=wanted)
    if lease_of(row).binds(now) or wanted:
        if not wanted:
            ask = {"asked_by": holder, "asked_until": now + timedelta(seconds=ASK_FOR_S)}
            connection.execute(update(leases).where(here).values(**ask))
        return lease_of(connection.execute(select(leases).where(here)).one())
    connection.execute(update(leases).where(here).values(asked_until=None, **_columns(taken)))
    return taken


def _wanted_by_another(row: Row[Any], holder: str, now: datetime) -> bool:
    """Whether somebody else's request is fresh."""
    if row.asked_by in ("", holder) or row.asked_until is None:
        return False
    left: timedelta = row.asked_until - now
    return 0 < left.total_seconds() <= ASK_FOR_S


def _kept(
    connection: Connection, row: Row[Any], now: datetime, taken: Lease, *, wanted: bool
) -> Lease:
    """Our own lease, written only where half of it is over: a disk that hears nothing is free."""
    ttl_s = (taken.expires_at - now).total_seconds()
    fresh = ttl_s / 2 < (row.expires_at - now).total_seconds() <= ttl_s
    if fresh and row.purpose == taken.purpose.value and (wanted or not row.asked_by):
        return lease_of(row)
    request = {"asked_by": "", "asked_until": None} if not wanted else {}
    values = _columns(taken) | {"asked_by": row.asked_by} | request
    here = leases.c.device == row.device
    connection.execute(update(leases).where(here).values(**values))
    return lease_of(connection.execute(select(leases).where(here)).one())


def end_leases(connection: Connection, mine: Any) -> None:
    """Expire them where somebody waits, so that the request is kept; else forget them."""
    waited_for = leases.c.asked_by != ""
    connection.execute(delete(leases).where(mine, not_(waited_for)))
    ended = update(leases).where(mine, waited_for).values(expires_at=NEVER, holder="")
    connection.execute(ended)


def _columns(lease: Lease) -> dict[str, Any]:
    return {
        "device": lease.device,
        "purpose": lease.purpose.value,
        "holder": lease.holder,
        "expires_at": lease.expires_at,
        "asked_by": lease.asked_by,
    }
