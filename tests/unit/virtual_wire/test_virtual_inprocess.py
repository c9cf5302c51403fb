"""Phones in process behind the ports: answers, faults and their effects."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from shell_kit import make_handset

from droidrack.core.errors import (
    AnswerCut,
    BridgeDown,
    Effect,
    PhoneError,
    PhoneGone,
    PhoneTimeout,
)
from droidrack.virtual.handset import Handset
from droidrack.virtual.inprocess import InProcessBus, InProcessPhone

SEND = "echo done >> /data/local/tmp/journal"

Scene = Callable[[InProcessBus, Handset, InProcessPhone], Awaitable[None]]


def times_run(handset: Handset) -> int:
    """How often `SEND` took effect."""
    path = "/data/local/tmp/journal"
    return handset.files.read(path).count(b"done") if handset.files.exists(path) else 0


async def sighted(bus: InProcessBus) -> InProcessPhone:
    """The phone that the bus shows now."""
    async for sightings in bus.watch():
        return bus.phone(sightings[0])
    raise AssertionError("watch never ends")


def play(scene: Scene, *, api: int = 34) -> None:
    """Run a scene with one phone on a bus."""

    async def main() -> None:
        handset = make_handset(api=api)
        bus = InProcessBus([handset])
        try:
            await scene(bus, handset, await sighted(bus))
        finally:
            await bus.close()

    asyncio.run(main())


async def failure(work: Awaitable[object]) -> PhoneError:
    """The error that a call ends with."""
    with pytest.raises(PhoneError) as caught:
        await work
    return caught.value


def test_completed_command_keeps_streams_apart() -> None:
    """Exit code, stdout, stderr and stdin as on shell v2."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        done = await phone.run("cat; echo err >&2; exit 3", deadline_s=5, stdin=b"in")
        assert (3, b"in", b"err\n") == (done.exit_code, done.stdout, done.stderr)

    play(scene)


def test_old_phone_merges_its_streams() -> None:
    """Up to Android 6 stderr is part of stdout."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        done = await phone.run("echo out; echo err >&2", deadline_s=5)
        assert (b"out\nerr\n", b"") == (done.stdout, done.stderr)

    play(scene, api=22)


def test_cut_before_and_after_execution_look_the_same() -> None:
    """Both are AnswerCut with an unknown effect; only the phone knows which it was."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        for after, expected in (("open", 0), ("executed", 1)):
            handset.link.cut_next(after)
            error = await failure(phone.run(SEND, deadline_s=5))
            assert isinstance(error, AnswerCut)
            assert error.effect is Effect.UNKNOWN
            assert times_run(handset) == expected

    play(scene)


def test_frozen_phone_times_out_and_runs_the_command_later() -> None:
    """The caller is told "unknown", and the thaw executes what it gave up on."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        handset.link.freeze()
        error = await failure(phone.run(SEND, deadline_s=0.01))
        assert isinstance(error, PhoneTimeout)
        assert error.effect is Effect.UNKNOWN
        assert times_run(handset) == 0
        handset.link.thaw()
        await phone.run("true", deadline_s=5)
        assert times_run(handset) == 1

    play(scene)


def test_command_to_a_gone_transport_has_no_effect() -> None:
    """Even when the same phone is back, the old transport is dead."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        await handset.link.unplug()
        await handset.link.replug()
        error = await failure(phone.run(SEND, deadline_s=5))
        assert isinstance(error, PhoneGone)
        assert error.effect is Effect.NONE
        done = await (await sighted(bus)).run("echo back", deadline_s=5)
        assert done.stdout == b"back\n"

    play(scene)


def test_unplug_within_a_command_is_unknown() -> None:
    """The link ends while the phone works: nobody knows what it did."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        running = asyncio.ensure_future(phone.run("sleep 60", deadline_s=90))
        await asyncio.sleep(0)
        await handset.link.unplug()
        error = await failure(running)
        assert isinstance(error, PhoneGone)
        assert error.effect is Effect.UNKNOWN

    play(scene)


def test_unauthorised_phone_is_refused_without_effect() -> None:
    """The bus shows it as unauthorized, and nothing is handed over."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        await handset.link.deny()
        error = await failure((await sighted(bus)).run(SEND, deadline_s=5))
        assert isinstance(error, PhoneGone)
        assert error.effect is Effect.NONE
        await handset.link.allow()
        assert (await (await sighted(bus)).run("true", deadline_s=5)).exit_code == 0

    play(scene)


def test_server_death_is_seen_by_watch_and_by_calls() -> None:
    """While it is away the list is empty and calls raise BridgeDown; then all is back."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        lists = bus.watch()
        assert len(await anext(lists)) == 1
        bus.stop_server()
        assert await anext(lists) == ()
        error = await failure(phone.run(SEND, deadline_s=5))
        assert isinstance(error, BridgeDown)
        assert error.effect is Effect.NONE
        bus.start_server()
        assert len(await anext(lists)) == 1

    play(scene)


def test_stream_yields_as_it_comes_and_ends_with_the_link() -> None:
    """Lines arrive while the command runs; an unplug ends the stream by PhoneGone."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        async with phone.stream("echo one; sleep 60") as chunks:
            assert await anext(chunks) == b"one\n"
            await handset.link.unplug()
            assert isinstance(await failure(anext(chunks)), PhoneGone)

    play(scene)


def test_stream_left_early_ends_the_command() -> None:
    """Leaving the context is no error, and the phone's command goes away."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        async with phone.stream("echo one; sleep 60; echo two > /sdcard/f") as chunks:
            assert await anext(chunks) == b"one\n"
        await handset.end_processes()
        assert not handset.files.exists("/sdcard/f")

    play(scene)


def test_files_travel_and_a_full_phone_refuses() -> None:
    """Push and pull round trip; a full phone's reason is in the error."""

    async def scene(bus: InProcessBus, handset: Handset, phone: InProcessPhone) -> None:
        async for sightings in bus.watch():
            files = bus.files(sightings[0])
            break
        await files.push(b"content", "/data/local/tmp/x", deadline_s=5)
        assert await files.pull("/data/local/tmp/x", deadline_s=5, limit_bytes=10) == b"content"
        handset.files.capacity_bytes = 0
        error = await failure(files.push(b"more", "/data/local/tmp/y", deadline_s=5))
        assert "No space left" in error.message
        assert (await files.screenshot(deadline_s=5)).startswith(b"\x89PNG")

    play(scene)
