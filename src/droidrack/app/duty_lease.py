"""A phone works for the panel only while it is leased to sending.

Provisioning asks for a phone by the same lease. Then nothing new is handed to its radio, calls in
flight end, and the phone is let go; open attempts stay in the journal and are settled afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable

from droidrack.core.ids import DeviceUuid
from droidrack.core.provision.record import Lease, Purpose
from droidrack.ports import Clock
from droidrack.ports.provisioning import Leases

TTL_S = 120.0
"""A controller that died frees its phones after this."""

LOOK_S = 5.0
"""How soon a request is seen. A look that changes nothing costs no write."""

RETRY_S = 2.0


MARGIN_S = 45.0
"""No call to the radio begins with less of the lease left: 30 s for the call, and what a slow disk
takes before it. A host that slept, or was held up for a minute, thus asks anew before it sends."""


class Lessee:
    """Who takes phones for sending, and from where."""

    def __init__(self, leases: Leases, holder: str, clock: Clock) -> None:
        self.leases = leases
        self.holder = holder
        self.clock = clock
        self._standing: dict[DeviceUuid, Lease] = {}
        self._seen: dict[str, Lease] = {}
        self._seen_at = -LOOK_S
        self._looking = asyncio.Lock()

    async def take(self, device: DeviceUuid) -> Lease:
        """Take or keep a phone for sending; the lease that stands."""
        now = self.clock.now()
        lease = await self.leases.take(device, Purpose.SENDING, self.holder, now=now, ttl_s=TTL_S)
        self._standing[device] = lease
        return lease

    async def look(self, device: DeviceUuid) -> Lease:
        """The lease that stands, renewed in time; one question serves all phones of a rack."""
        async with self._looking:
            if self.clock.monotonic() - self._seen_at >= LOOK_S / 2:
                self._seen = {lease.device: lease for lease in await self.leases.leases()}
                self._seen_at = self.clock.monotonic()
        lease = self._seen.get(device)
        if lease is None or lease.holder != self.holder or lease.asked_by:
            return await self.take(device)
        if not lease.binds(self.clock.now(), margin_s=TTL_S / 2):
            return await self.take(device)
        self._standing[device] = lease
        return lease

    async def release(self, device: DeviceUuid) -> None:
        """Give it back. Idempotent."""
        self._standing.pop(device, None)
        await self.leases.release(device, self.holder)

    async def lent(self, device: DeviceUuid) -> Lease | None:
        """The lease under which another program has this phone now, if one has."""
        now = self.clock.now()
        for lease in await self.leases.leases():
            others = lease.holder not in ("", self.holder)
            if lease.device == device and others and lease.binds(now):
                return lease
        return None

    def holds(self, device: DeviceUuid) -> bool:
        """Whether a call to this phone's radio may begin now."""
        lease = self._standing.get(device)
        return (
            lease is not None
            and lease.holder == self.holder
            and lease.binds(self.clock.now(), margin_s=MARGIN_S)
        )


async def while_leased(
    lessee: Lessee | None,
    device: DeviceUuid,
    duty: Callable[[], Awaitable[None]],
    *,
    let_go: Callable[[], Awaitable[None]],
    waiting: Callable[[str], None],
) -> None:
    """Do a duty whenever the phone is ours, for as long as the caller lives.

    Args:
        lessee: None where nobody else uses the phones; the duty is then simply done.
        device: the phone.
        duty: works until it fails or is cancelled.
        let_go: returns once no call is in flight and none will be made.
        waiting: told who has the phone, or asks for it, whenever the duty is left undone.
    """
    if lessee is None:
        await duty()
        return
    while True:
        while (lease := await lessee.take(device)).holder != lessee.holder:
            waiting(_whose(lease, lessee))
            await lessee.clock.sleep(RETRY_S)
        work = asyncio.ensure_future(duty())
        try:
            lease = await _until_asked(lessee, device, work, lease)
            if work.done():
                await work
                return
            await let_go()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await lessee.release(device)
        waiting(_whose(lease, lessee))  # Also where it is ours again at once: the duty was left.


async def _until_asked(
    lessee: Lessee, device: DeviceUuid, work: "asyncio.Future[None]", lease: Lease
) -> Lease:
    """The lease that ends the duty, or the last one seen when the work ended by itself."""
    while True:
        await asyncio.wait({work}, timeout=LOOK_S)
        if work.done():
            return lease
        lease = await lessee.look(device)
        if lease.holder != lessee.holder or lease.asked_by:
            return lease


def _whose(lease: Lease, lessee: Lessee) -> str:
    if lease.holder and lease.holder != lessee.holder:
        return f"leased to {lease.purpose.value} by {lease.holder}"
    return f"asked for by {lease.asked_by}"
