"""A phone at work for the panel lets go when provisioning asks, and comes back afterwards."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from bench_kit import LoopClock, in_virtual_time

from droidrack.adapters.run_journal_memory import MemoryRunJournal
from droidrack.app.duty_lease import TTL_S, Lessee, while_leased
from droidrack.app.provision.leasing import LeasedAway, leased
from droidrack.core.ids import DeviceUuid
from droidrack.core.provision.record import Lease, Purpose

DEVICE = DeviceUuid("d1")


def test_duty_pauses_while_provisioning_has_the_phone() -> None:
    """Asked for, it lets go after its calls; while leased away it waits; then it works again."""

    async def story() -> None:
        leases, clock = MemoryRunJournal(), LoopClock()
        told: list[str] = []

        async def duty() -> None:
            told.append("works")
            try:
                await asyncio.Event().wait()
            finally:
                told.append("stopped")

        async def let_go() -> None:
            await asyncio.sleep(3)
            told.append("calm")

        sending = asyncio.ensure_future(
            while_leased(
                Lessee(leases, "rack", clock), DEVICE, duty,
                let_go=let_go, waiting=told.append,
            )
        )  # fmt: skip
        await asyncio.sleep(1)
        async with leased(leases, DEVICE, Purpose.PROVISIONING, "bench", clock=clock, wait_s=60):
            assert ["works", "calm", "stopped"] == told[:3]
            await asyncio.sleep(200)
            waited = {"asked for by bench", "leased to provisioning by bench"}
            assert waited == set(told[3:])
        told.clear()
        await asyncio.sleep(5)
        assert ["works"] == told[-1:]
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert () == await leases.leases()

    in_virtual_time(story)


def test_lease_of_a_dead_holder_ends_by_itself() -> None:
    """Whoever died with a phone in hand blocks it no longer than its lease."""

    async def story() -> None:
        leases, clock = MemoryRunJournal(), LoopClock()
        await leases.take(DEVICE, Purpose.SENDING, "dead", now=clock.now(), ttl_s=45)
        with pytest.raises(LeasedAway, match="leased to sending by dead"):
            async with leased(leases, DEVICE, Purpose.PROVISIONING, "me", clock=clock, wait_s=10):
                pass
        async with leased(leases, DEVICE, Purpose.PROVISIONING, "me", clock=clock, wait_s=60):
            assert 45 <= clock.monotonic() < 50

    in_virtual_time(story)


class ShiftedClock(LoopClock):
    """A host's clock: it goes on while the program is held up."""

    ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)


def test_nothing_is_sent_after_the_host_slept_until_the_lease_is_asked_for_anew() -> None:
    """The lease ran out in the meantime: somebody else may have the phone already."""

    async def story() -> None:
        clock = ShiftedClock()
        lessee = Lessee(MemoryRunJournal(), "rack", clock)
        assert not lessee.holds(DEVICE)
        await lessee.take(DEVICE)
        assert lessee.holds(DEVICE)
        clock.ahead_s = TTL_S - 40
        assert not lessee.holds(DEVICE)
        await lessee.take(DEVICE)
        assert lessee.holds(DEVICE)
        await lessee.release(DEVICE)
        assert not lessee.holds(DEVICE)

    in_virtual_time(story)


def test_provisioning_that_was_held_up_touches_nothing_more() -> None:
    """Stopped for longer than its lease and continued, it refuses before the next act."""

    async def story() -> None:
        clock, leases = ShiftedClock(), MemoryRunJournal()
        async with leased(
            leases, DEVICE, Purpose.PROVISIONING, "bench", clock=clock, wait_s=0
        ) as hold:
            hold.require()
            await asyncio.sleep(200)
            hold.require()
            clock.ahead_s = 100
            with pytest.raises(LeasedAway, match="held up"):
                hold.require()

    in_virtual_time(story)


def test_lost_lease_cancels_what_is_under_way() -> None:
    """Another holder took over: the body ends with who has the phone now."""

    async def story() -> None:
        clock, leases = ShiftedClock(), MemoryRunJournal()

        async def body() -> None:
            async with leased(leases, DEVICE, Purpose.PROVISIONING, "bench", clock=clock, wait_s=0):
                late = clock.now() + timedelta(seconds=300)
                await leases.take(DEVICE, Purpose.SENDING, "rack", now=late, ttl_s=120)
                await asyncio.sleep(3600)

        with pytest.raises(LeasedAway, match="leased to sending by rack"):
            await body()

    in_virtual_time(story)


def test_phones_of_a_rack_share_one_look_at_their_leases() -> None:
    """A hundred phones, two minutes: fifty questions, three takes each, not 2,400 takes."""

    class Counting(MemoryRunJournal):
        takes = looks = 0

        async def take(self, *given: Any, **named: Any) -> Lease:
            self.takes += 1
            return await super().take(*given, **named)

        async def leases(self) -> tuple[Lease, ...]:
            self.looks += 1
            return await super().leases()

    async def story() -> None:
        leases = Counting()
        lessee = Lessee(leases, "rack", LoopClock())

        async def duty() -> None:
            await asyncio.Event().wait()

        async def let_go() -> None:
            raise AssertionError("nobody asked for a phone")

        duties = [
            asyncio.ensure_future(
                while_leased(
                    lessee, DeviceUuid(f"d{n}"), duty, let_go=let_go, waiting=lambda why: None
                )
            )
            for n in range(100)
        ]
        await asyncio.sleep(121)
        assert all(lessee.holds(DeviceUuid(f"d{n}")) for n in range(100))
        assert leases.looks <= 50
        assert leases.takes <= 300
        for one in duties:
            one.cancel()
        await asyncio.gather(*duties, return_exceptions=True)

    in_virtual_time(story)
