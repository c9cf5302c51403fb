"""The numbered promises of `ports.Phone`, over every implementation.

Each bench is one phone whose faults a test can call up; the virtual phone behind it is the witness
of what really ran.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random

import pytest

from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_watch import AdbBus
from droidrack.core.errors import (
    AnswerCut,
    BridgeDown,
    Effect,
    PhoneError,
    PhoneGone,
    PhoneTimeout,
)
from droidrack.core.shell import command_line
from droidrack.ports import Bus, Phone, Sighting
from droidrack.virtual.air import Air
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.farm import VirtualRack
from droidrack.virtual.handset import Handset
from droidrack.virtual.inprocess import InProcessBus
from droidrack.virtual.link import Link
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.spec import PhoneSpec, spec_with

PLENTY_S = 30.0
SHORT_S = 0.2
MARKER = "/data/local/tmp/ran"


@dataclass(frozen=True)
class Bench:
    """A phone under test and the cable of the virtual phone behind it."""

    phone: Phone
    link: Link

    async def has_run(self) -> bool:
        """Whether a command that makes `MARKER` was run."""
        seen = await self.phone.run(f"ls {MARKER}", deadline_s=PLENTY_S)
        return seen.exit_code == 0


async def sighting_of(bus: Bus, serial: str, state: str = "device") -> Sighting:
    """Wait until the bus shows a phone in a state."""
    async with asyncio.timeout(PLENTY_S), aclosing(bus.watch()) as lists:  # type: ignore[type-var]
        async for seen in lists:
            for sighting in seen:
                if (serial, state) == (sighting.serial, sighting.state):
                    return sighting
    raise AssertionError("the watch ended")


def spec_of(api: int) -> PhoneSpec:
    """A phone that boots at once."""
    return spec_with(make_spec(0, api=api), boot_s=0.0, off_s=0.05)


@asynccontextmanager
async def over_adb(api: int) -> AsyncIterator[Bench]:
    """The adb client, a real adb server, and a virtual phone on the wire."""
    async with VirtualRack([spec_of(api)], shell="parser") as rack:
        bus = AdbBus(Endpoint("127.0.0.1", rack.adb_port))
        (virtual,) = rack.phones
        sighting = await sighting_of(bus, virtual.adb_serial)
        yield Bench(bus.phone(sighting), virtual.link)


@asynccontextmanager
async def in_process(api: int) -> AsyncIterator[Bench]:
    """The same virtual phone without a socket."""
    with closing(Air()) as air:
        wall = partial(datetime.now, UTC)
        handset = Handset(VirtualPhone(spec_of(api), wall=wall, dice=Random(1), air=air))
        bus = InProcessBus([handset])
        sighting = await sighting_of(bus, handset.model.spec.serial)
        yield Bench(bus.phone(sighting), handset.link)
        await bus.close()


OpenBench = Callable[[], AbstractAsyncContextManager[Bench]]
BENCHES: dict[str, OpenBench] = {
    "adb, Android 14": partial(over_adb, 34),
    "adb, Android 7": partial(over_adb, 24),
    "adb, Android 5.1": partial(over_adb, 22),
    "in process, Android 14": partial(in_process, 34),
    "in process, Android 5.1": partial(in_process, 22),
}


@pytest.fixture(params=list(BENCHES))
def open_bench(request) -> OpenBench:
    """Each implementation in turn."""
    return BENCHES[request.param]


def failure_of(error: PhoneError) -> tuple[type[PhoneError], Effect]:
    """What a caller decides by."""
    return type(error), error.effect


def test_run_command_that_ended_is_completed_with_its_code(open_bench):
    """MUST 1: output and exit code are those of the whole command."""

    async def scene() -> tuple[int | None, str]:
        async with open_bench() as bench:
            done = await bench.phone.run("echo one; echo two; exit 7", deadline_s=PLENTY_S)
            return done.exit_code, done.text

    assert (7, "one\ntwo\n") == asyncio.run(scene())


def test_run_unknown_command_is_completed_with_127(open_bench):
    """MUST 1: a command the phone does not have is an answer, not an error."""

    async def scene() -> int | None:
        async with open_bench() as bench:
            return (await bench.phone.run("nosuchtool", deadline_s=PLENTY_S)).exit_code

    assert 127 == asyncio.run(scene())


def test_run_answer_lost_after_the_command_ran_is_unknown(open_bench):
    """MUST 2: it ran and nobody said so: sending again would send twice."""

    async def scene() -> tuple[type[PhoneError], Effect, bool]:
        async with open_bench() as bench:
            bench.link.cut_next("executed", match="touch")
            with pytest.raises(PhoneError) as caught:
                await bench.phone.run(f"touch {MARKER}", deadline_s=PLENTY_S)
            return *failure_of(caught.value), await bench.has_run()

    assert (AnswerCut, Effect.UNKNOWN, True) == asyncio.run(scene())


def test_run_command_lost_before_it_ran_is_unknown_too(open_bench):
    """MUST 2: from outside it looks the same, so it is called the same."""

    async def scene() -> tuple[type[PhoneError], Effect, bool]:
        async with open_bench() as bench:
            bench.link.cut_next("open", match="touch")
            with pytest.raises(PhoneError) as caught:
                await bench.phone.run(f"touch {MARKER}", deadline_s=PLENTY_S)
            return *failure_of(caught.value), await bench.has_run()

    assert (AnswerCut, Effect.UNKNOWN, False) == asyncio.run(scene())


def test_run_phone_unplugged_before_the_call_has_no_effect(open_bench):
    """MUST 2: what certainly never reached the phone may be tried again."""

    async def scene() -> tuple[type[PhoneError], Effect]:
        async with open_bench() as bench:
            await bench.link.unplug()
            with pytest.raises(PhoneError) as caught:
                await bench.phone.run("id", deadline_s=PLENTY_S)
            return failure_of(caught.value)

    assert (PhoneGone, Effect.NONE) == asyncio.run(scene())


def test_run_frozen_phone_times_out_and_may_still_run(open_bench):
    """MUST 2 and 3: the caller is free at its deadline; the phone may run it when it thaws."""

    async def scene() -> tuple[type[PhoneError], Effect]:
        async with open_bench() as bench:
            await bench.phone.run("true", deadline_s=PLENTY_S)
            bench.link.freeze()
            with pytest.raises(PhoneError) as caught:
                await bench.phone.run(f"touch {MARKER}", deadline_s=SHORT_S)
            bench.link.thaw()
            return failure_of(caught.value)

    assert (PhoneTimeout, Effect.UNKNOWN) == asyncio.run(scene())


def test_run_slow_command_is_bounded_by_its_deadline(open_bench):
    """MUST 3: a command that goes on is left at the deadline."""

    async def scene() -> tuple[type[PhoneError], Effect]:
        async with open_bench() as bench:
            with pytest.raises(PhoneError) as caught:
                await bench.phone.run("echo begun; sleep 60", deadline_s=SHORT_S)
            return failure_of(caught.value)

    assert (PhoneTimeout, Effect.UNKNOWN) == asyncio.run(scene())


def test_run_cancelled_leaves_the_phone_usable(open_bench):
    """MUST 4: a cancelled call leaves no socket (a warning would fail this test) and no lock."""

    async def scene() -> str:
        async with open_bench() as bench:
            call = asyncio.create_task(bench.phone.run("sleep 60", deadline_s=PLENTY_S))
            await bench.phone.run("true", deadline_s=PLENTY_S)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return (await bench.phone.run("echo after", deadline_s=PLENTY_S)).text

    assert "after\n" == asyncio.run(scene())


NASTY = "a'b\"c$(id)`id`\\n\t\r\n# ; & | \u202e\u05d0 \U0001f44d\u200d\U0001f3fd é  "


@pytest.mark.parametrize("size", [0, 4_000, 66_000])
def test_run_command_arrives_byte_for_byte(open_bench, size):
    """MUST 5: any text and any length; more than the transport takes goes another way."""
    text = NASTY + "x" * size + NASTY

    async def scene() -> bytes:
        async with open_bench() as bench:
            command = command_line(["printf", "%s", text])
            return (await bench.phone.run(command, deadline_s=PLENTY_S)).stdout

    assert text.encode() == asyncio.run(scene())


@pytest.mark.parametrize("size", [1, 5_000, 20_000])
def test_run_input_arrives_byte_for_byte(open_bench, size):
    """MUST 5: all byte values, and the end of the input."""
    stdin = (bytes(range(256)) * (size // 256 + 1))[:size]

    async def scene() -> bytes:
        async with open_bench() as bench:
            return (await bench.phone.run("cat", deadline_s=PLENTY_S, stdin=stdin)).stdout

    assert stdin == asyncio.run(scene())


def test_run_no_input_is_an_ended_input(open_bench):
    """MUST 5: a command that reads does not hang where there is nothing to read."""

    async def scene() -> tuple[int | None, bytes]:
        async with open_bench() as bench:
            done = await bench.phone.run("cat", deadline_s=PLENTY_S)
            return done.exit_code, done.stdout

    assert (0, b"") == asyncio.run(scene())


def test_run_calls_at_the_same_time_keep_their_answers(open_bench):
    """MAY 6: answers are never mixed up."""

    async def scene() -> list[str]:
        async with open_bench() as bench:
            calls = (bench.phone.run(f"echo {n}", deadline_s=PLENTY_S) for n in range(20))
            return [done.text for done in await asyncio.gather(*calls)]

    assert [f"{n}\n" for n in range(20)] == asyncio.run(scene())


def test_stream_gives_output_as_it_comes(open_bench):
    """MUST 7: what was written is there while the command goes on; leaving ends it."""

    async def scene() -> bytes:
        async with (
            open_bench() as bench,
            bench.phone.stream("echo begun; sleep 60") as chunks,
        ):
            return await anext(chunks)

    assert b"begun\n" == asyncio.run(scene())


def test_stream_of_an_unplugged_phone_ends_with_an_error(open_bench):
    """MUST 7: a stream never just falls silent when the way to the phone ends."""

    async def scene() -> type[PhoneError]:
        async with open_bench() as bench:
            async with bench.phone.stream("echo begun; sleep 60") as chunks:
                await anext(chunks)
                await bench.link.unplug()
                with pytest.raises(PhoneError) as caught:
                    await anext(chunks)
            return type(caught.value)

    assert asyncio.run(scene()) in (PhoneGone, AnswerCut, BridgeDown)


def test_stream_to_an_absent_phone_has_no_effect(open_bench):
    """MUST 7 and 2: opening fails as `run` does."""

    async def scene() -> tuple[type[PhoneError], Effect]:
        async with open_bench() as bench:
            await bench.link.unplug()
            with pytest.raises(PhoneError) as caught:
                async with bench.phone.stream("logcat"):
                    raise AssertionError("it opened")
            return failure_of(caught.value)

    assert (PhoneGone, Effect.NONE) == asyncio.run(scene())


def test_errors_never_show_the_arguments(open_bench):
    """Numbers and bodies stay out of errors."""

    async def scene() -> str:
        async with open_bench() as bench:
            bench.link.cut_next("open")
            with pytest.raises(PhoneError) as caught:
                await bench.phone.run("echo +15550123 hush", deadline_s=PLENTY_S)
            return f"{caught.value!r} {caught.value} {caught.value.hint}"

    seen = asyncio.run(scene())
    assert "hush" not in seen
    assert "15550123" not in seen
