"""The main job, end to end: what the panel asks goes out once, unchanged, and is told truly."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

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

from droidrack import compose
from droidrack.app.arrival import survey
from droidrack.app.handset import Handset
from droidrack.core.attempt import Attempt
from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import Message, Priority
from droidrack.core.reply import Returned
from droidrack.core.settings import Pacing
from droidrack.virtual.faults import Fate, Row
from droidrack.virtual.panel.faults import Fault, FaultKind
from droidrack.virtual.shell_mksh import mksh_path
from droidrack.virtual.usage_guard import UsageGuard

needs_mksh = pytest.mark.skipif(mksh_path() is None, reason="Debian's mksh is not installed")

TEXTS = (
    "plain",
    "👍🏽 👩‍🚀 🇩🇪 and “quotes” 'of' all `kinds`",
    'It\'s $(reboot) && `id`; rm -rf / | "$HOME" \\ %s !! \\n',
    "first line\nsecond line\r\n\tthird, with a tab\n",
    "שלום עולם — مرحبا \u202eabc\u202c",
    "-e --help -n",
    " \t ",
    "long text, " * 30,
    "длинный текст 🚚 " * 14,
)


@pytest.mark.parametrize("api", [22, 26, 28, 29, 30, 33, 36])
def test_texts_of_every_kind_arrive_once_on_the_right_card(api: int, tmp_path: Path) -> None:
    """Byte for byte at the radio, on the card of the SIM row, and reported with its time."""

    async def play() -> None:
        async with at_work([swift(0, api=api, sims=2)], tmp_path) as (bench, running):
            wanted = [(i % 2, text) for i, text in enumerate(TEXTS)]
            uids = [
                bench.queue(text, slot=slot, number=f"+1555000{i:04d}")
                for i, (slot, text) in enumerate(wanted)
            ]
            await bench.reported(running, uids)

            assert bench.compare().agree
            cards = bench.phones[0].model.spec.sims
            air = {(m.iccid, m.number, m.body) for m in bench.rack.air.messages}
            assert air == {
                (cards[slot].iccid, f"+1555000{i:04d}", text)  # type: ignore[union-attr]  # two cards
                for i, (slot, text) in enumerate(wanted)
            }
            told = [bench.latest(uid) for uid in uids]
            assert [("sent", None)] * len(uids) == [(t.status, t.error) for t in told if t]
            assert all(t.delivered_at for t in told if t)

    asyncio.run(play())


def test_message_repeated_by_the_panel_goes_out_once(tmp_path: Path) -> None:
    """A panel that offers everything again and again gets one SMS each, and its status again."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (bench, running):
            bench.faults.add("pending", Fault(FaultKind.REPEAT), times=None)
            uid = bench.queue("only once")
            await bench.reported(running, [uid])
            await running.until(lambda: len(bench.store.statuses(uid)) >= 3, "told again")

            assert ["only once"] == bench.on_air()
            assert [("sent", None)] == bench.told(uid)

    asyncio.run(play())


def test_equal_texts_to_one_number_are_two_messages(tmp_path: Path) -> None:
    """Two uids with the same number and text are two SMS, each with its own proof."""

    async def play() -> None:
        async with at_work([swift(0, api=29)], tmp_path) as (bench, running):
            uids = [bench.queue("same", number="+15550001111") for _ in range(2)]
            await bench.reported(running, uids)

            assert ["same", "same"] == bench.on_air()
            assert bench.compare().agree
        lives = [await journal_life(bench, uid) for uid in uids]
        rows = [{e.row_id for _, e in life.evidence if e.row_id} for life in lives]
        assert set() == rows[0] & rows[1]

    asyncio.run(play())


def test_other_text_under_a_known_uid_is_a_conflict(tmp_path: Path) -> None:
    """The first version wins, nothing else goes out, and the operator can read of it."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (bench, running):
            bench.faults.add("pending", Fault(FaultKind.CHANGED), times=None)
            uid = bench.queue("the first version")
            await running.until(lambda: "message conflict" in bench.lines.events(), "a conflict")
            await bench.reported(running, [uid])

            assert ["the first version"] == bench.on_air()

    asyncio.run(play())


def test_malformed_items_do_not_keep_good_ones_back(tmp_path: Path) -> None:
    """Every kind of bad item is refused alone; the good message among them is sent."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (bench, running):
            bench.faults.add("pending", Fault(FaultKind.MALFORMED), times=None)
            uid = bench.queue("good")
            await bench.reported(running, [uid])

            assert ["good"] == bench.on_air()
        assert "item-refused" in {event.kind for event in await journal_events(bench)}

    asyncio.run(play())


def test_bad_numbers_do_not_delay_good_ones(tmp_path: Path) -> None:
    """What can never be sent fails with its code, takes no pace, and good ones go on."""

    async def play() -> None:
        async with bench_with(Pacing(min_gap_s=0.2), tmp_path) as (bench, running):
            bad = [bench.queue("x", number=n) for n in ("12", "not a number", "*21#") * 5]
            good = bench.queue("good")
            await bench.reported(running, [good, *bad])

            assert ["good"] == bench.on_air()
            codes = ["NUMBER_INVALID", "NUMBER_INVALID", "NUMBER_SERVICE_CODE"] * 5
            assert [[("failed", code)] for code in codes] == [bench.told(uid) for uid in bad]
        assert () == (await journal_life(bench, bad[0])).attempts

    asyncio.run(play())


@pytest.mark.parametrize("api", [28, 30, 33])
def test_modem_error_is_failed_with_its_code(api: int, tmp_path: Path) -> None:
    """What the network refuses is told as failed, with a code of the list; others are sent.

    From Android 11 on the refusal is tied to its message although several are in flight.
    """

    async def play() -> None:
        async with at_work([swift(0, api=api)], tmp_path) as (bench, running):
            radio = bench.phones[0].model.radio
            radio.bad_numbers.add("+15550009999")
            radio.faults.always(Fate(latency_s=0.5))
            lucky = [bench.queue(f"hello {i}", number=f"+1555000111{i}") for i in range(2)]
            unlucky = bench.queue("nobody there", number="+15550009999")
            await bench.reported(running, [unlucky, *lucky])

            assert [("failed", "RIL_NETWORK_REJECT")] == bench.told(unlucky)
            assert [[("sent", None)]] * 2 == [bench.told(uid) for uid in lucky]
            assert ["hello 0", "hello 1"] == sorted(bench.on_air())

    asyncio.run(play())


def test_burst_never_exceeds_the_window(tmp_path: Path) -> None:
    """A burst of long and short texts keeps the segments of any window under the limit."""
    pacing = Pacing(min_gap_s=0.0, window_s=2.0, window_segments=4)

    async def play() -> None:
        async with bench_with(pacing, tmp_path) as (bench, running):
            bodies = ["short", "long " * 60, "short too", "short again", "long " * 60]
            uids = [bench.queue(text, number=f"+1555000{i:04d}") for i, text in enumerate(bodies)]
            await bench.reported(running, uids)
            assert bench.compare().agree
        lives = [await journal_life(bench, uid) for uid in uids]
        sends = [(a.opened_at, a.segments) for life in lives for a in life.attempts]
        for start, _ in sends:
            end = start + timedelta(seconds=pacing.window_s)
            assert sum(n for at, n in sends if start <= at < end) <= pacing.window_segments

    asyncio.run(play())


ALPHABET = (
    *"'\"`$\\(){}[]<>|&;*?~#!%^=-+ \t\n\r",
    *"abcXYZ0189",
    *("é", "ß", "€", "中", "א", "ب", "👍", "🏽", "\u200d", "\u202e", "\ufeff", "\x01", "\x7f"),
    *("$(id)", "${x}", "\\n", "--", "null", "i32", "EOF", "%s"),
)
"""What shells, tools and parcels might trip over, and some plain letters between."""


def hostile_text(dice: random.Random) -> str:
    """A text of one part or several, made of what breaks careless quoting."""
    return "".join(dice.choices(ALPHABET, k=dice.choice((1, 3, 12, 60, 120))))


def number_of(index: int) -> str:
    """One number per text, so that each can be found on the air."""
    return f"+1555{index:07d}"


async def meet(wired: compose.Controller, table: Bench) -> Handset:
    """The one phone of the bench, as the rooms speak to it."""
    async with compose.open_bus(table.settings.adb[0], table.home, table.lines) as bus:
        (seen,) = await survey([bus], settle_s=1.0)
    assert seen.arrival is not None
    return await Handset.meet(wired.world, seen.arrival)


async def hand_over(handset: Handset, index: int, text: str) -> None:
    """Make the call that a sending room would make."""
    now = datetime.now(UTC)
    uid = MessageUid(f"m{index}")
    message = Message(uid, Msisdn(number_of(index)), Body(text), "sim", Priority.NORMAL, now)
    sub_id = handset.sims[0].sub_id
    assert sub_id is not None
    attempt = Attempt(
        uid=uid,
        number=1,
        device=handset.device,
        slot=handset.sims[0].slot,
        sub_id=sub_id,
        iccid=None,
        segments=1,
        watermark=None,
        message_id=index + 1,
        boot_id=handset.boot_id,
        opened_at=now,
    )
    reply = await handset.submit(handset.call_for(attempt, message), message)
    assert isinstance(reply, Returned), f"text {index}: {reply}"


@asynccontextmanager
async def bench_with(pacing: Pacing, home: Path) -> AsyncIterator[tuple[Bench, Running]]:
    """One ready phone with a pace of its own."""
    async with bench([swift(0, api=34)], home, pacing=pacing) as table, table.controller() as now:
        await now.ready()
        yield table, now


@pytest.mark.parametrize(
    "shell", ["parser", pytest.param("mksh", marks=[pytest.mark.mksh, needs_mksh])]
)
def test_thousand_hostile_texts_reach_the_radio_unchanged(shell: str, tmp_path: Path) -> None:
    """Any text survives quoting, shell, service tool and parcel, in one part or in several."""
    dice = random.Random(20)
    texts = [hostile_text(dice) for _ in range(1000)]

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path, shell=shell) as table:
            phone = table.phones[0].model
            phone.radio.guard = UsageGuard({"sms_outgoing_check_max_count": "100000"}, phone.now)
            phone.radio.faults.always(Fate(latency_s=0.0, row=Row.NEVER, silent=True))
            async with compose.open_controller(table.settings, table.lines) as wired:
                handset = await meet(wired, table)
                at_once = asyncio.Semaphore(4)

                async def submit(index: int, text: str) -> None:
                    async with at_once:
                        await hand_over(handset, index, text)

                async with asyncio.TaskGroup() as group:
                    for index, text in enumerate(texts):
                        group.create_task(submit(index, text))
            end = asyncio.get_running_loop().time() + DEADLINE_S
            while phone.radio.in_flight:
                assert asyncio.get_running_loop().time() < end, "the radio never came to rest"
                await asyncio.sleep(0.02)
            sent = {message.number: message.body for message in table.rack.air.messages}
            assert {number_of(i): text for i, text in enumerate(texts)} == sent
            assert len(texts) == len(table.rack.air.messages)

    asyncio.run(play())
