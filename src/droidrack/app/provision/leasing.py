"""Keeping a phone's lease: taken before anything is done, renewed while it is, given back after."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from droidrack.core.errors import JournalError, RackError
from droidrack.core.provision.record import Lease, Purpose
from droidrack.ports import Clock
from droidrack.ports.provisioning import Leases

TTL_S = 45.0
"""A holder that died frees its phones after this; renewed three times within."""

ASK_S = 1.0
"""How often a busy phone is asked for. Its holder looks every few seconds."""


MARGIN_S = 5.0
"""Nothing is done to a phone with less of the lease left: a program that was stopped and goes on
asks for its phones before it touches one."""


class LeasedAway(RackError):
    """Another holder has the phone."""

    code = "PHONE_LEASED"


@dataclass(slots=True)
class Hold:
    """A lease in the hand."""

    lease: Lease
    clock: Clock

    def require(self) -> None:
        """Raise LeasedAway where it has run out, whoever has the phone now."""
        if not self.lease.binds(self.clock.now(), margin_s=MARGIN_S):
            raise LeasedAway(
                f"the lease of this phone ran out at {self.lease.expires_at:%H:%M:%S} UTC: this "
                "program was held up",
                hint="repeat the command: it goes on here",
            )


@asynccontextmanager
async def leased(
    leases: Leases,
    device: str,
    purpose: Purpose,
    holder: str,
    *,
    clock: Clock,
    wait_s: float,
    waiting: Callable[[str], None] = lambda why: None,
) -> AsyncIterator[Hold]:
    """Hold a phone while the context is open. `waiting` is told whose it still is.

    Raises:
        LeasedAway: another holder did not let go within `wait_s`, or took it over after ours had
            expired; then what is under way is cancelled first.
    """
    lease = await _take(
        leases, device, purpose, holder, clock=clock, wait_s=wait_s, waiting=waiting
    )
    hold = Hold(lease, clock)
    body = asyncio.current_task()
    lost: list[Lease] = []

    async def renew() -> None:
        while True:
            await clock.sleep(TTL_S / 3)
            try:
                lease = await leases.take(device, purpose, holder, now=clock.now(), ttl_s=TTL_S)
            except JournalError:
                continue  # Asked again in time, or the hold runs out and nothing more is done.
            if lease.holder != holder:
                lost.append(lease)
                if body is not None:
                    body.cancel()
                return
            hold.lease = lease

    renewing = asyncio.create_task(renew())
    try:
        yield hold
    except asyncio.CancelledError:
        if lost:
            if body is not None:
                body.uncancel()
            raise _away(lost[0]) from None
        raise
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await leases.release(device, holder)


async def _take(
    leases: Leases,
    device: str,
    purpose: Purpose,
    holder: str,
    *,
    clock: Clock,
    wait_s: float,
    waiting: Callable[[str], None],
) -> Lease:
    until, told = clock.monotonic() + wait_s, ""
    while True:
        lease = await leases.take(device, purpose, holder, now=clock.now(), ttl_s=TTL_S)
        if lease.holder == holder:
            return lease
        if clock.monotonic() >= until:
            raise _away(lease)
        if (why := _whose(lease)) != told:
            told = why
            waiting(why)
        await clock.sleep(ASK_S)


def _whose(lease: Lease) -> str:
    if not lease.holder:
        return f"asked for by {lease.asked_by} before"
    return f"leased to {lease.purpose.value} by {lease.holder}"


def _away(lease: Lease) -> LeasedAway:
    until = f" until {lease.expires_at:%H:%M:%S} UTC" if lease.holder else ""
    return LeasedAway(
        f"the phone is {_whose(lease)}{until}",
        hint="wait for it, or stop that process; a dead one's lease ends by itself",
    )
