"""One told story in a small site: for the faults that have a test of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

from sim_disk import Disk, Memory
from sim_run import judge_end
from sim_world import Plan, Site

from droidrack.core.settings import Intervals, Policy
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.spec import PhoneSpec, spec_with
from droidrack.virtual.timeloop import VirtualTimeLoop

NUMBER = "+15551230001"
END_S = 3 * 3600.0

QUICK = Plan(
    (),
    intervals=Intervals(poll_s=5.0, heartbeat_s=60.0, report_s=1.0),
    policy=Policy(confirm_deadline_s=60.0, unknown_hold_s=60.0, sim_wait_s=60.0),
)


def phones(*apis: int, **quirks: Any) -> tuple[PhoneSpec, ...]:
    """A phone of each level."""
    made = (make_spec(1000 + place, api=api) for place, api in enumerate(apis))
    return tuple(spec_with(spec, **quirks) if quirks else spec for spec in made)


def told_by(
    story: Callable[[Site], Awaitable[None]],
    *,
    specs: tuple[PhoneSpec, ...] | None = None,
    plan: Plan = QUICK,
    seed: int = 1,
    disk: Disk | None = None,
    end_s: float = END_S,
) -> Site:
    """Let a story happen in a good world and wait for everybody's end; no promise may break."""

    async def live(loop: VirtualTimeLoop) -> Site:
        whole = replace(plan, specs=specs or plan.specs or phones(34))
        site = Site(loop, whole, disk or Memory(), seed)
        site.boot()
        try:
            await story(site)
            while not site.broken and not site.settled():
                assert loop.time() < end_s, f"no end for {site.unsettled()}"
                await asyncio.sleep(5.0)
            if not site.broken:
                await site.until(loop.time() + 10.0)
                judge_end(site)
        except BaseException:
            print(site.score.text(80))
            raise
        finally:
            await site.close()
        if site.broken:
            print(site.score.text(80))
            raise site.broken[0]
        return site

    loops: list[VirtualTimeLoop] = []

    def make() -> VirtualTimeLoop:
        loops.append(VirtualTimeLoop(dice=Random(seed)))
        return loops[0]

    with asyncio.Runner(loop_factory=make) as runner:
        runner.get_loop()
        return runner.run(live(loops[0]))


async def until(seen: Callable[[], bool], every_s: float = 0.05) -> None:
    """Let time pass until something is so."""
    for _ in range(int(END_S / every_s)):
        if seen():
            return
        await asyncio.sleep(every_s)
    raise AssertionError("it never came to that")


async def ready(site: Site) -> None:
    """Wait until every phone is paired and bound."""
    await until(
        lambda: all(site.disk.bound(phone.device) >= len(phone.slots) for phone in site.phones)
    )


async def event(site: Site, kind: str, count: int = 1) -> None:
    """Wait until the score holds so many events of a kind."""
    await until(lambda: happened(site, kind) >= count)


def happened(site: Site, kind: str) -> int:
    """How many events of a kind the score holds."""
    return sum(line[1] == kind for line in site.score.lines)
