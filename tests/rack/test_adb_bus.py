"""The adb client before a real adb server: watching, addressing, and the server's own deaths."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_watch import AdbBus
from droidrack.core.errors import AnswerCut, BridgeDown, Effect, PhoneError, PhoneGone
from droidrack.ports import Sighting
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.farm import VirtualRack
from droidrack.virtual.spec import spec_with

PLENTY_S = 30.0
Seen = tuple[Sighting, ...]


@asynccontextmanager
async def racked(count: int) -> AsyncIterator[tuple[VirtualRack, AdbBus]]:
    """Some phones and a bus on their server."""
    specs = [spec_with(make_spec(n, api=34), boot_s=0.0, off_s=0.05) for n in range(count)]
    async with VirtualRack(specs, shell="parser") as rack:
        yield rack, AdbBus(Endpoint("127.0.0.1", rack.adb_port))


async def until(bus: AdbBus, wanted: Callable[[Seen], bool]) -> Seen:
    """Watch until the list is as wanted."""
    async with asyncio.timeout(PLENTY_S), aclosing(bus.watch()) as lists:
        async for seen in lists:
            if wanted(seen):
                return seen
    raise AssertionError("the watch ended")


def all_ready(count: int) -> Callable[[Seen], bool]:
    """All phones are usable."""
    return lambda seen: [sighting.state for sighting in seen] == ["device"] * count


def test_watch_shows_arrivals_departures_and_states():
    """Plug, unplug, replug: each shows, and a replugged phone has a new transport."""

    async def scene() -> tuple[int, int]:
        async with racked(2) as (rack, bus):
            first = await until(bus, all_ready(2))
            await rack.phones[0].link.unplug()
            (left,) = await until(bus, all_ready(1))
            assert rack.phones[1].adb_serial == left.serial
            await rack.phones[0].link.replug()
            again = await until(bus, all_ready(2))
            ids = [
                next(s.transport_id for s in seen if s.serial == rack.phones[0].adb_serial)
                for seen in (first, again)
            ]
            return ids[0] or 0, ids[1] or 0

    before, after = asyncio.run(scene())
    assert 0 < before < after


def test_phone_unauthorized_or_offline_is_gone_with_a_hint():
    """What a person must do at the phone is said, and nothing was sent."""

    async def scene() -> list[tuple[type[PhoneError], Effect, str]]:
        async with racked(1) as (rack, bus):
            (ready,) = await until(bus, all_ready(1))
            found = []
            for fault, state in (
                (rack.phones[0].link.deny, "unauthorized"),
                (rack.phones[0].link.silence, "offline"),
            ):
                await fault()
                (seen,) = await until(bus, lambda s, w=state: [x.state for x in s] == [w])
                with pytest.raises(PhoneError) as caught:
                    await bus.phone(seen).run("id", deadline_s=PLENTY_S)
                found.append((type(caught.value), caught.value.effect, caught.value.hint))
            assert ready.serial == seen.serial
            return found

    unauthorized, offline = asyncio.run(scene())
    assert (PhoneGone, Effect.NONE) == unauthorized[:2] == offline[:2]
    assert "allow USB debugging" in unauthorized[2]
    assert "replug" in offline[2]


def test_phone_replugged_is_not_the_one_that_was_sighted():
    """Bus MUST 2: an old sighting does not reach the same serial on a new transport."""

    async def scene() -> tuple[PhoneError, str]:
        async with racked(1) as (rack, bus):
            (old,) = await until(bus, all_ready(1))
            await rack.phones[0].link.unplug()
            await rack.phones[0].link.replug()
            (new,) = await until(bus, all_ready(1))
            with pytest.raises(PhoneGone) as caught:
                await bus.phone(old).run("id", deadline_s=PLENTY_S)
            answer = await bus.phone(new).run("echo new", deadline_s=PLENTY_S)
            return caught.value, answer.text

    error, text = asyncio.run(scene())
    assert (Effect.NONE, "new\n") == (error.effect, text)


def test_phone_after_server_restart_never_reaches_another_phone_with_its_id():
    """Ids count from 1 again: an old id may be another phone, which must not hear the command."""

    async def scene() -> tuple[PhoneError, bool]:
        async with racked(2) as (rack, bus):
            by_id = {sighting.transport_id: sighting for sighting in await until(bus, all_ready(2))}
            first, second = by_id[min(by_id, key=str)], by_id[max(by_id, key=str)]
            phone = bus.phone(first)
            await phone.run("true", deadline_s=PLENTY_S)  # It knows its features by now.
            keep = next(p for p in rack.phones if p.adb_serial == second.serial)
            gone = next(p for p in rack.phones if p.adb_serial == first.serial)
            await rack.kill_server()
            gone.link.plugged = False
            await rack.restart_server()
            (only,) = await until(bus, all_ready(1))
            assert (keep.adb_serial, first.transport_id) == (only.serial, only.transport_id)
            with pytest.raises(PhoneGone) as caught:
                await phone.run("touch /data/local/tmp/ran", deadline_s=PLENTY_S)
            ran = await bus.phone(only).run("ls /data/local/tmp/ran", deadline_s=PLENTY_S)
            return caught.value, ran.exit_code == 0

    error, ran = asyncio.run(scene())
    assert (Effect.NONE, False) == (error.effect, ran)


def test_server_killed_within_a_command_leaves_its_effect_unknown():
    """Before the next command, the server's absence is without effect."""

    async def scene() -> list[tuple[type[PhoneError], Effect]]:
        async with racked(1) as (rack, bus):
            (sighting,) = await until(bus, all_ready(1))
            phone, found = bus.phone(sighting), []
            async with phone.stream("echo begun; sleep 60") as chunks:
                running = asyncio.create_task(phone.run("sleep 60", deadline_s=PLENTY_S))
                await anext(chunks)
                await phone.run("true", deadline_s=PLENTY_S)  # The other has been sent by now.
                await rack.kill_server()
                for lost in (running, anext(chunks), phone.run("id", deadline_s=PLENTY_S)):
                    with pytest.raises(PhoneError) as caught:
                        await lost
                    found.append((type(caught.value), caught.value.effect))
            return found

    running, stream, later = asyncio.run(scene())
    assert Effect.UNKNOWN == running[1] == stream[1]
    assert {running[0], stream[0]} <= {AnswerCut, BridgeDown}
    assert (BridgeDown, Effect.NONE) == later


def test_watch_goes_on_over_the_servers_death():
    """Bus MUST 1: empty while the server is away, full when it is back."""

    async def scene() -> list[int]:
        counts: list[int] = []
        async with racked(2) as (rack, bus), asyncio.timeout(PLENTY_S):
            await until(bus, all_ready(2))
            async with aclosing(bus.watch()) as lists:
                counts.append(len(await anext(lists)))
                await rack.kill_server()
                counts.append(len(await anext(lists)))
                await rack.restart_server()
                async for seen in lists:
                    if all_ready(2)(seen):
                        counts.append(len(seen))
                        break
        return counts

    assert [2, 0, 2] == asyncio.run(scene())


def test_stream_logcat_follows_the_radio_log():
    """A long-lived logcat gives lines as the phone writes them."""

    async def scene() -> bytes:
        async with racked(1) as (rack, bus), asyncio.timeout(PLENTY_S):
            (sighting,) = await until(bus, all_ready(1))
            seen = b""
            async with bus.phone(sighting).stream("logcat -b radio -v threadtime") as chunks:
                async for chunk in chunks:
                    if not seen:  # What was in the log already; the rest comes as it is written.
                        rack.phones[0].model.logs.write("radio", "D", "Probe", "written-later")
                    seen += chunk
                    if b"written-later" in seen:
                        return seen
        raise AssertionError("the stream ended")

    assert b"Probe" in asyncio.run(scene())


def test_frozen_phones_delay_no_other():
    """Promise 6: calls to frozen phones end at their own deadline, others answer meanwhile."""

    async def scene() -> tuple[int, int]:
        async with racked(6) as (rack, bus):
            seen = await until(bus, all_ready(6))
            phones = {sighting.serial: bus.phone(sighting) for sighting in seen}
            await asyncio.gather(*(p.run("true", deadline_s=PLENTY_S) for p in phones.values()))
            for frozen in rack.phones[:3]:
                frozen.link.freeze()
            calls = {
                serial: asyncio.create_task(phone.run("echo ok", deadline_s=PLENTY_S))
                for serial, phone in phones.items()
            }
            alive = [calls[phone.adb_serial] for phone in rack.phones[3:]]
            stuck = [calls[phone.adb_serial] for phone in rack.phones[:3]]
            answers = await asyncio.gather(*alive)
            waiting = sum(not call.done() for call in stuck)
            for phone in rack.phones[:3]:
                phone.link.thaw()
            await asyncio.gather(*stuck)
            return sum(answer.text == "ok\n" for answer in answers), waiting

    assert (3, 3) == asyncio.run(scene())
