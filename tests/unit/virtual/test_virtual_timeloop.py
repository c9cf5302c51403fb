"""The loop whose clock jumps."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from droidrack.virtual.timeloop import TimeStands, VirtualClock, VirtualTimeLoop


def run(work: Coroutine[Any, Any, Any], *, seed: int | None = None) -> Any:
    """Run something to its end in virtual time."""
    dice = None if seed is None else Random(seed)
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(dice=dice)) as runner:
        return runner.run(work)


async def _turns() -> list[tuple[int, float]]:
    loop, seen = asyncio.get_running_loop(), []

    async def walk(name: int) -> None:
        for _ in range(3):
            await asyncio.sleep(600)
            seen.append((name, loop.time()))

    async with asyncio.TaskGroup() as group:
        for name in range(5):
            group.create_task(walk(name))
    return seen


def test_sleep_of_hours_takes_no_time_and_ends_on_the_second() -> None:
    """The clock goes straight on to the next timer."""
    assert [600.0, 1200.0, 1800.0] == sorted({at for _, at in run(_turns())})


def test_order_is_decided_by_the_seed_alone() -> None:
    """The same seed gives the same order, another seed another one."""
    assert run(_turns(), seed=1) == run(_turns(), seed=1)
    assert run(_turns(), seed=1) != run(_turns(), seed=2)


def test_waiting_for_nothing_is_an_error() -> None:
    """Without a timer nothing will ever happen: that is said, not waited out."""
    with pytest.raises(TimeStands, match="no timer is set"):
        run(asyncio.Event().wait())


def test_threads_are_refused() -> None:
    """A thread would be the one thing that does not replay."""
    with pytest.raises(RuntimeError, match="no threads"):
        run(asyncio.to_thread(print))


def test_clock_of_the_host_turns_and_the_monotonic_one_does_not() -> None:
    """A jump of the date moves no timer."""

    async def jump() -> tuple[timedelta, float]:
        clock = VirtualClock(asyncio.get_running_loop())
        before = clock.now()
        clock.set_off_by(timedelta(hours=-1))
        await clock.sleep(60)
        return clock.now() - before, clock.monotonic()

    assert (timedelta(minutes=-59), 60.0) == run(jump())
