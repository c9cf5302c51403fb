"""A lane keeps its caller free whatever the library does."""

import asyncio
import threading

import pytest

from droidrack.adapters.lane import HUNG_LIMIT, Lane
from droidrack.core.errors import Effect, PhoneTimeout

PLENTY_S = 20.0
SHORT_S = 0.03


@pytest.fixture
def release():
    """An event that hung jobs wait for; set at the end, so that no thread is left."""
    event = threading.Event()
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name.startswith("lane "):
            thread.join(timeout=5)
            assert not thread.is_alive()


def test_run_job_that_ends_gives_its_result():
    """The job runs in a thread of its own."""
    name = asyncio.run(Lane("P").run(lambda: threading.current_thread().name, deadline_s=PLENTY_S))
    assert "lane P" == name


@pytest.mark.parametrize("error", [KeyError("x"), TimeoutError("socket"), OSError(5, "io")])
def test_run_job_that_raises_gives_its_own_error(error):
    """A socket's time-out inside the job is the job's, not the lane's."""

    def job() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        asyncio.run(Lane("P").run(job, deadline_s=PLENTY_S))
    assert (type(error), error.args) == (type(caught.value), caught.value.args)


def test_run_hung_job_is_abandoned_and_the_lane_goes_on(release):
    """The caller is free at the deadline, the effect is unknown, and the next job runs."""

    async def scene() -> tuple[Effect, str, int]:
        lane = Lane("P")
        with pytest.raises(PhoneTimeout) as caught:
            await lane.run(release.wait, deadline_s=SHORT_S)
        return (
            caught.value.effect,
            await lane.run(lambda: "next", deadline_s=PLENTY_S),
            lane.hung_count,
        )

    assert (Effect.UNKNOWN, "next", 1) == asyncio.run(scene())


def test_run_too_many_hung_jobs_refuses_at_once(release):
    """Threads are not piled up behind a phone that hangs everything; ended ones are forgiven."""

    async def scene() -> tuple[Effect, str]:
        lane = Lane("P")
        for _ in range(HUNG_LIMIT):
            with pytest.raises(PhoneTimeout):
                await lane.run(release.wait, deadline_s=SHORT_S)
        with pytest.raises(PhoneTimeout) as caught:
            await lane.run(lambda: None, deadline_s=PLENTY_S)
        release.set()
        for thread in threading.enumerate():
            if thread.name == "lane P":
                thread.join()
        return caught.value.effect, await lane.run(lambda: "again", deadline_s=PLENTY_S)

    assert (Effect.NONE, "again") == asyncio.run(scene())


def test_run_second_job_waits_for_its_turn_within_its_deadline(release):
    """One job at a time; who never got a turn did nothing."""

    async def scene() -> Effect:
        lane = Lane("P")
        first = asyncio.create_task(lane.run(release.wait, deadline_s=PLENTY_S))
        await asyncio.sleep(0)
        with pytest.raises(PhoneTimeout) as caught:
            await lane.run(lambda: "second", deadline_s=SHORT_S)
        release.set()
        await first
        return caught.value.effect

    assert Effect.NONE == asyncio.run(scene())


def test_run_cancelled_caller_frees_the_lane(release):
    """A cancelled call leaves its job abandoned, not the lane locked."""

    async def scene() -> str:
        lane = Lane("P")
        started = threading.Event()

        def job() -> bool:
            started.set()
            return release.wait()

        first = asyncio.create_task(lane.run(job, deadline_s=PLENTY_S))
        await asyncio.to_thread(started.wait)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await lane.run(lambda: "next", deadline_s=PLENTY_S)

    assert "next" == asyncio.run(scene())
