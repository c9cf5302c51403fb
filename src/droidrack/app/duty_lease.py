"""A phone works for the panel only while it is leased to sending.

Provisioning asks for a phone by the same lease. Then nothing new is handed to its radio, calls in
flight end, and the phone is let go; open attempts stay in the journal and are settled afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable

from droidrack.app.world import World
from droidrack.core.ids import DeviceUuid
from droidrack.core.provision.record import Lease, Purpose

TTL_S = 120.0
"""A controller that died frees its phones after this."""

LOOK_S = 5.0
"""How soon a request is seen. A look that changes nothing costs no write."""

RETRY_S = 2.0


async def while_leased(
    world: World,
    device: DeviceUuid,
    duty: Callable[[], Awaitable[None]],
    *,
    let_go: Callable[[], Awaitable[None]],
    waiting: Callable[[str], None],
) -> None:
    """Do a duty whenever the phone is ours, for as long as the caller lives.

    Args:
        world: brings leases; without any the duty is simply done.
        device: the phone.
        duty: works until it fails or is cancelled.
        let_go: returns once no call is in flight and none will be made.
        waiting: told who has the phone while it is not ours.
    """
    if world.leases is None:
        await duty()
        return
    while True:
        while (lease := await _take(world, device)).holder != world.holder:
            waiting(f"leased to {lease.purpose.value} by {lease.holder}")
            await world.clock.sleep(RETRY_S)
        work = asyncio.ensure_future(duty())
        try:
            await _until_asked(world, device, work)
            if work.done():
                await work
                return
            await let_go()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await world.leases.release(device, world.holder)


async def _until_asked(world: World, device: DeviceUuid, work: "asyncio.Future[None]") -> None:
    while True:
        await asyncio.wait({work}, timeout=LOOK_S)
        if work.done():
            return
        lease = await _take(world, device)
        if lease.holder != world.holder or lease.asked_by:
            return


async def _take(world: World, device: DeviceUuid) -> Lease:
    if world.leases is None:
        raise AssertionError("asked for a lease where there are none")
    now = world.clock.now()
    return await world.leases.take(
        device, Purpose.SENDING, world.holder, now=now, ttl_s=TTL_S
    )
