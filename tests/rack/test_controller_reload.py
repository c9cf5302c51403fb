"""A changed configuration in a running controller: no restart, no lost message, no double."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from controller_bench import (
    DEADLINE_S,
    Bench,
    Running,
    at_work,
    bench,
    journal_events,
    journal_life,
    swift,
)

from droidrack.app.handset import Handset
from droidrack.core.ids import DeviceUuid, MessageUid
from droidrack.core.message import MessageState
from droidrack.core.settings import Pacing, PhoneSettings
from droidrack.core.settings_change import change_of
from droidrack.core.standing import Order, OrderKind, PhoneState
from droidrack.virtual.faults import Fate
from droidrack.virtual.panel.faults import Fault, FaultKind

SLOW = Fate(latency_s=1.0)
"""A radio that is still busy when the configuration changes."""


async def reload(running: Running, *phones: PhoneSettings) -> None:
    """Let a file with these phones hold from now on."""
    world = running.controller.world
    change = change_of(world.settings, replace(world.settings, phones=phones))
    await running.controller.rack.reload(change)


async def in_flight(running: Running, device: DeviceUuid) -> None:
    """Wait until an attempt of a phone is open."""
    async with asyncio.timeout(DEADLINE_S):
        while not await running.controller.world.journal.open_attempts(device):  # noqa: ASYNC110 (the journal has no event)
            await asyncio.sleep(0.01)


def playing(
    phones: int, home: Path, scene: Callable[[Bench, Running], Coroutine[Any, Any, None]]
) -> None:
    """Play a scene with phones that are ready."""

    async def play() -> None:
        async with at_work([swift(i, api=34) for i in range(phones)], home) as (table, running):
            await scene(table, running)
            assert table.compare().agree

    asyncio.run(play())


def test_reload_adds_a_phone_and_disturbs_no_other(tmp_path: Path) -> None:
    """The new one comes to work; the first keeps its worker, its state and its duty."""

    async def play() -> None:
        async with bench([swift(0, api=34), swift(1, api=34)], tmp_path) as table:
            both = table.settings.phones
            table.settings = replace(table.settings, phones=both[:1])
            async with table.controller() as running:
                await running.ready()
                first = running.workers[0]
                standing, handset = first.standing, first.handset
                await reload(running, *both)
                await running.until(
                    lambda: running.states() == ["ready", "ready"], "the new one is ready"
                )
                assert first is running.workers[0]
                assert (standing, handset) == (first.standing, first.handset)
                table.settings = replace(table.settings, phones=both)
                uids = [table.queue(f"to {i}", phone=i) for i in (0, 1)]
                await table.reported(running, uids)
            assert table.compare().agree

    asyncio.run(play())


def test_reload_removes_a_phone_that_ends_what_it_has(tmp_path: Path) -> None:
    """An attempt in flight gets its verdict, the panel hears it, then the phone is let go."""

    async def scene(table: Bench, running: Running) -> None:
        table.phones[1].model.radio.faults.always(SLOW)
        uid = table.queue("in flight", phone=1)
        await in_flight(running, table.device(1))
        await reload(running, table.settings.phones[0])
        assert ["bay-0"] == [worker.name for worker in running.workers]
        await table.reported(running, [uid])
        assert [("sent", None)] == table.told(uid)
        await running.until(lambda: "phone removed" in table.lines.events(), "let go")
        await running.controller.world.chronicle.flush()

    playing(2, tmp_path, scene)


def test_reload_cuts_no_call_that_is_not_in_the_journal_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone removed between the decision to send and its line in the journal ends the call."""
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = Handset.watermark

    async def held(handset: Handset) -> int:
        reached.set()
        await go_on.wait()
        return await real(handset)

    async def scene(table: Bench, running: Running) -> None:
        monkeypatch.setattr(Handset, "watermark", held)
        uid = table.queue("about to be sent", phone=1)
        await running.until(reached.is_set, "a call that has begun")
        await reload(running, table.settings.phones[0])
        go_on.set()
        await table.reported(running, [uid])
        assert [("sent", None)] == table.told(uid)

    playing(2, tmp_path, scene)


def test_reload_keeps_what_waits_for_a_removed_phone_until_it_is_back(tmp_path: Path) -> None:
    """Nothing is dropped and nothing goes out twice: messages wait in the journal, and are told."""

    async def play() -> None:
        async with at_work([swift(0, api=34), swift(1, api=34)], tmp_path) as (table, running):
            both = table.settings.phones
            table.phones[1].model.radio.faults.always(SLOW)
            uids = [table.queue(f"m{i}", phone=1, number=number(i, 1)) for i in range(3)]
            device = table.device(1)
            journal = running.controller.world.journal
            await in_flight(running, device)
            await reload(running, both[0])
            await running.until(lambda: "phone removed" in table.lines.events(), "let go")
            waiting = [message.uid for message in await journal.waiting(device, limit=9)]
            assert set(waiting) <= set(uids)
            assert waiting
            told = dict(table.lines.told)["phone removed"]["left"]
            assert f"{len(waiting)} messages wait" in str(told)
            await reload(running, *both)
            await table.reported(running, uids)
            assert table.compare().agree
        kinds = [event.kind for event in await journal_events(table)]
        assert "phone-removed" in kinds

    asyncio.run(play())


def test_reload_changes_a_phone_in_the_middle_of_a_call(tmp_path: Path) -> None:
    """It begins anew with the new pace; the message of the former worker is sent once."""

    async def scene(table: Bench, running: Running) -> None:
        table.phones[0].model.radio.faults.always(SLOW)
        uids = [table.queue(f"m{i}") for i in range(3)]
        await in_flight(running, table.device())
        former = running.workers[0]
        await reload(running, replace(table.settings.phones[0], pacing=Pacing(min_gap_s=0.2)))
        assert running.workers[0] is not former
        await table.reported(running, uids)
        assert {("sent", None)} == {outcome for uid in uids for outcome in table.told(uid)}

    playing(1, tmp_path, scene)


def test_reload_keeps_an_operators_pause(tmp_path: Path) -> None:
    """A phone that a person stopped does not begin to send because its entry was edited."""

    async def scene(table: Bench, running: Running) -> None:
        running.workers[0].oversight.set_order(Order(OrderKind.PAUSE, "look at its battery"))
        await reload(running, replace(table.settings.phones[0], pacing=Pacing(min_gap_s=0.2)))
        await running.until(lambda: running.states() == [PhoneState.PAUSED.value], "paused")

    playing(1, tmp_path, scene)


def test_reload_renames_a_phone(tmp_path: Path) -> None:
    """The same hardware under a new name goes on with its gateway and its messages."""

    async def scene(table: Bench, running: Running) -> None:
        device = table.device()
        renamed = replace(table.settings.phones[0], name="shelf-1")
        await reload(running, renamed)
        await running.until(lambda: running.states() == ["ready"], "ready under its new name")
        assert device == running.workers[0].device
        uid = table.queue("after the renaming")
        await table.reported(running, [uid])

    playing(1, tmp_path, scene)


def test_reload_knows_at_once_how_adb_shows_the_new_phones(tmp_path: Path) -> None:
    """A list comes only when it changes: a phone that was there before its entry is not absent."""

    async def play() -> None:
        async with bench(
            [swift(0, api=34), swift(1, api=34)], tmp_path, by_adb_serial=True
        ) as table:
            both = table.settings.phones
            table.settings = replace(table.settings, phones=both[:1])
            await table.phones[1].link.deny()
            async with table.controller() as running:
                await running.ready()
                await reload(running, *both)
                assert ["ready", "unauthorized"] == running.states()
                assert "flapping" not in table.lines.events()

    asyncio.run(play())


def test_reload_of_labels_keeps_the_worker(tmp_path: Path) -> None:
    """Labels are for commands; the phone's duty does not notice."""

    async def scene(table: Bench, running: Running) -> None:
        worker = running.workers[0]
        await reload(running, replace(table.settings.phones[0], labels=("lab",)))
        assert worker is running.workers[0]
        assert ("lab",) == worker.settings.labels

    playing(1, tmp_path, scene)


@pytest.mark.parametrize("seed", [1, 2])
def test_reload_again_and_again_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Phones come, go and change in the midst of traffic; asked, on the air and told agree."""

    async def scene(table: Bench, running: Running) -> None:
        dice = random.Random(seed)
        both = table.settings.phones
        uids = []
        for turn in range(12):
            uids += [table.queue(f"m{turn}-{i}", phone=i, number=number(turn, i)) for i in (0, 1)]
            one = replace(both[1], pacing=Pacing(min_gap_s=dice.choice([0.05, 0.1])))
            await reload(running, *dice.choice([both, both[:1], (both[0], one), (one, both[0])]))
            await asyncio.sleep(dice.random() / 4)  # What arrives between two edits of a file.
        await reload(running, *both)
        await table.reported(running, uids)
        assert {("sent", None)} == {outcome for uid in uids for outcome in table.told(uid)}

    playing(2, tmp_path, scene)


def number(turn: int, phone: int) -> str:
    """A number of its own for each message."""
    return f"+1555{turn:03d}{phone:04d}"


def test_start_without_an_entry_still_tells_what_the_journal_owes(tmp_path: Path) -> None:
    """A phone left the file between two lives: its outcome reaches the panel all the same."""

    async def play() -> None:
        async with bench([swift(0, api=34), swift(1, api=34)], tmp_path) as table:
            async with table.controller() as running:
                await running.ready()
                table.faults.add("report", Fault(FaultKind.STATUS, status=503), times=None)
                uid = table.queue("owed", phone=1)
                journal, device = running.controller.world.journal, table.device(1)
                async with asyncio.timeout(DEADLINE_S):
                    while not await journal.outbox(device, limit=1):  # noqa: ASYNC110 (the journal has no event)
                        await asyncio.sleep(0.02)
            table.faults.rules.clear()
            table.settings = replace(table.settings, phones=table.settings.phones[:1])
            async with table.controller() as running:
                await table.reported(running, [uid])
                assert "phone without an entry" in table.lines.events()
            assert [("sent", None)] == table.told(uid)

    asyncio.run(play())


def test_reload_uid_of_a_removed_phone_is_still_in_the_journal(tmp_path: Path) -> None:
    """What the panel repeats after the removal is not sent by anybody, and its life is whole."""

    async def play() -> None:
        async with at_work([swift(0, api=34), swift(1, api=34)], tmp_path) as (table, running):
            uid = table.queue("before", phone=1)
            await table.reported(running, [uid])
            await reload(running, table.settings.phones[0])
            await running.until(lambda: "phone removed" in table.lines.events(), "let go")
        life = await journal_life(table, uid)
        assert MessageState.SENT is life.state
        assert ["before"] == table.on_air()

    asyncio.run(play())


def test_stop_during_a_reload_cuts_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that is being replaced is drained as well: its call ends, and is known to have."""
    reached, real = asyncio.Event(), Handset.submit

    async def slow(handset: Handset, *given: Any) -> Any:
        reached.set()
        await asyncio.sleep(0.5)
        return await real(handset, *given)

    async def scene(table: Bench, running: Running) -> None:
        monkeypatch.setattr(Handset, "submit", slow)
        uid = table.queue("in the midst of both")
        await running.until(reached.is_set, "a call that has begun")
        paced = replace(table.settings.phones[0], pacing=Pacing(min_gap_s=0.2))
        reloading = asyncio.ensure_future(reload(running, paced))
        await asyncio.sleep(0)
        await running.controller.rack.drain(10.0)
        life = await running.controller.world.journal.life(MessageUid(uid))
        assert life is not None
        assert life.state is not MessageState.SENDING
        await reloading
        await table.reported(running, [uid])

    playing(1, tmp_path, scene)
