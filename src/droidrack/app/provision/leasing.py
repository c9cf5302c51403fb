"""Keeping a phone's lease: taken before anything is done, renewed while it is, given back after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from droidrack.core.errors import RackError
from droidrack.core.provision.record import Lease, Purpose
from droidrack.ports import Clock
from droidrack.ports.provisioning import Leases

TTL_S = 45.0
"""A holder that died frees its phones after this; renewed three times within."""

ASK_S = 1.0
"""How often a busy phone is asked for. Its holder looks every few seconds."""


class LeasedAway(RackError):
    """Another holder has the phone."""

    code = "PHONE_LEASED"


@asynccontextmanager
async def leased(
    leases: Leases,
    device: str,
    purpose: Purpose,
    holder: str,
    *,
    clock: Clock,
    wait_s: float,
) -> AsyncIterator[None]:
    """Hold a phone while the context is open.

    Raises:
        LeasedAway: another holder did not let go within `wait_s`, or took it over after ours had
            expired; then what is under way is cancelled first.
    """
    await _take(leases, device, purpose, holder, clock=clock, wait_s=wait_s)
    body = asyncio.current_task()
    lost: list[Lease] = []

    async def renew() -> None:
        while True:
            await clock.sleep(TTL_S / 3)
            lease = await leases.take(device, purpose, holder, now=clock.now(), ttl_s=TTL_S)
            if lease.holder != holder:
                lost.append(lease)
                if body is not None:
                    body.cancel()
                return

    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise _away(lost[0]) from None
        raise
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await leases.release(device, holder)


async def _take(
    leases: Leases, device: str, purpose: Purpose, holder: str, *, clock: Clock, wait_s: float
) -> None:
    until = clock.monotonic() + wait_s
    while True:
        lease = await leases.take(device, purpose, holder, now=clock.now(), ttl_s=TTL_S)
        if lease.holder == holder:
            return
        if clock.monotonic() >= until:
            raise _away(lease)
        await clock.sleep(ASK_S)


def _away(lease: Lease) -> LeasedAway:
    return LeasedAway(
        f"the phone is leased to {lease.purpose.value} by {lease.holder} "
        f"until {lease.expires_at:%H:%M:%S} UTC",
        hint="wait for it, or stop that process; a dead one's lease ends by itself",
    )
