"""Which card a message leaves on, and whether its phone may carry any: the whole controller."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from controller_bench import Bench, Running, bench, journal_events, journal_life, swift

from droidrack.app.worker import Worker
from droidrack.core.attempt import EvidenceKind
from droidrack.core.settings import Policy
from droidrack.core.standing import PhoneState
from droidrack.virtual.dex_writer import write_dex
from droidrack.virtual.faults import Fate
from droidrack.virtual.framework_jar import framework_classes
from droidrack.virtual.spec import PhoneSpec, make_sim, spec_with

PATIENT = Policy(sim_wait_s=600.0)
"""A message waits for its card longer than any test."""

HASTY = Policy(sim_wait_s=0.5)
"""It fails with its reason soon after its card was missed."""


@asynccontextmanager
async def two_cards(
    api: int, home: Path, policy: Policy
) -> AsyncIterator[tuple[Bench, Running, list[str]]]:
    """A phone with two cards at work; the cards' ICCIDs by the slot they were bound in."""
    async with bench([swift(0, api=api, sims=2)], home, policy=policy) as table:
        cards = [card.iccid for card in table.phones[0].model.spec.sims if card]
        async with table.controller() as running:
            await running.ready()
            yield table, running, cards


def queue_both(table: Bench, count: int, first: int = 0) -> dict[str, int]:
    """Messages for both slots in turn: text → slot."""
    texts = {f"m{first + i} for slot {i % 2}": i % 2 for i in range(count)}
    for index, (text, slot) in enumerate(texts.items()):
        table.queue(text, slot=slot, number=f"+1555{first + index:07d}")
    return texts


def strays(table: Bench, texts: dict[str, int], cards: list[str]) -> list[str]:
    """Messages that left on another card than the one their row was bound to."""
    sent = [(m.body, m.iccid) for m in table.rack.air.messages]
    return [body for body, iccid in sent if iccid != cards[texts[body]]]


@pytest.mark.parametrize("api", [22, 29, 34])
def test_cards_swapped_in_mid_queue_carry_nothing_of_each_other(api: int, tmp_path: Path) -> None:
    """The rest waits until the cards are back in their slots, and then leaves on its own card."""

    async def play() -> None:
        async with two_cards(api, tmp_path, PATIENT) as (table, running, cards):
            model = table.phones[0].model
            texts = queue_both(table, 12)
            await running.until(lambda: len(table.on_air()) >= 3, "some sent")
            model.swap_sims()
            texts |= queue_both(table, 6, first=12)
            worker = running.workers[0]
            await running.until(lambda: _seen(worker, cards[::-1]), "the swap is seen")
            await worker.calm()
            await running.until(lambda: model.radio.in_flight == 0, "what was in flight landed")
            settled = len(table.on_air())
            await _heartbeats(table, running, 3)
            assert settled == len(table.on_air())
            model.swap_sims()
            await running.until(lambda: len(table.on_air()) == len(texts), "all sent")

            assert [] == strays(table, texts, cards)
            assert sorted(texts) == sorted(table.on_air())

    asyncio.run(play())


@pytest.mark.parametrize("api", [22, 29, 34])
def test_card_replaced_in_mid_queue_carries_nothing(api: int, tmp_path: Path) -> None:
    """A card nobody bound: its messages fail as SIM_CHANGED, the other card's go on."""

    async def play() -> None:
        async with two_cards(api, tmp_path, HASTY) as (table, running, cards):
            texts = queue_both(table, 10)
            await running.until(lambda: len(table.on_air()) >= 3, "some sent")
            table.phones[0].model.insert_sim(0, make_sim(7_000_001))
            texts |= queue_both(table, 4, first=10)
            uids = [entry.uid for entry in table.store.ledger()]
            await table.reported(running, uids)

            assert [] == strays(table, texts, cards)
            told = {e.body: table.told(e.uid)[-1] for e in table.store.ledger()}
            late = {text: slot for text, slot in texts.items() if int(text[1:3]) >= 10}
            assert {("failed", "SIM_CHANGED")} == {told[t] for t, slot in late.items() if not slot}
            assert {("sent", None)} == {told[t] for t, slot in late.items() if slot}

    asyncio.run(play())


def test_card_removed_in_mid_queue_fails_its_messages_alone(tmp_path: Path) -> None:
    """SIM_ABSENT for those that came after; nothing is moved to the other card."""

    async def play() -> None:
        async with two_cards(34, tmp_path, HASTY) as (table, running, cards):
            texts = queue_both(table, 6)
            await running.until(lambda: len(table.on_air()) == 6, "all sent")
            table.phones[0].model.remove_sim(1)
            worker = running.workers[0]
            await running.until(lambda: _seen(worker, [cards[0], ""]), "the card's leave is seen")
            texts |= queue_both(table, 4, first=6)
            uids = [entry.uid for entry in table.store.ledger()]
            await table.reported(running, uids)

            assert [] == strays(table, texts, cards)
            told = [table.told(e.uid)[-1] for e in table.store.ledger()][6:]
            assert [("sent", None), ("failed", "SIM_ABSENT")] * 2 == told

    asyncio.run(play())


def _seen(worker: Worker, iccids: list[str]) -> bool:
    """Whether the controller knows these cards to be in the slots."""
    handset = worker.handset
    sims = handset.sims if handset else ()
    return [sim.iccid.reveal() if sim.iccid else "" for sim in sims] == iccids


async def _heartbeats(table: Bench, running: Running, count: int) -> None:
    """Wait until the panel heard that many more heartbeats: the controller was awake so long."""
    before = len(table.store.heartbeats())
    await running.until(lambda: len(table.store.heartbeats()) >= before + count, "heartbeats")


# --- A message that left on a wrong SIM -----------------------------------------------------------


def test_phone_that_used_a_wrong_sim_stops_until_it_is_lifted(tmp_path: Path) -> None:
    """Alarm, quarantine over a restart of the controller, and traffic again once it is lifted."""

    async def play() -> None:
        async with bench([swift(0, api=34, sims=2)], tmp_path) as table:
            async with table.controller() as running:
                await running.ready()
                table.phones[0].model.radio.faults.script(Fate(row_sub_id=2, silent=True), slot=0)
                first = table.queue("left on the other card", slot=0)
                await table.reported(running, [first])
                worker = running.workers[0]
                await running.until(
                    lambda: worker.standing.state is PhoneState.QUARANTINED, "quarantined"
                )
                assert "another SIM" in worker.standing.cause
                assert "wrong SIM" in table.lines.events()
                second = table.queue("waits", slot=0, number="+15550000002")
                await _heartbeats(table, running, 3)
            assert ["left on the other card"] == table.on_air()

            async with table.controller() as running:
                worker = running.workers[0]
                await running.until(
                    lambda: worker.standing.state is PhoneState.QUARANTINED, "still quarantined"
                )
                await _heartbeats(table, running, 3)
                assert ["left on the other card"] == table.on_air()
                running.controller.world.notebook.set_quarantine(table.device(), "")
                await table.reported(running, [second])
                assert ["left on the other card", "waits"] == table.on_air()
        assert "wrong-sim" in {event.kind for event in await journal_events(table)}

    asyncio.run(play())


def test_row_that_comes_after_the_radios_word_is_still_compared(tmp_path: Path) -> None:
    """The message was told as sent by then; its row shows the wrong SIM, and the phone stops."""

    async def play() -> None:
        async with bench([swift(0, api=34, sims=2)], tmp_path) as table:
            async with table.controller() as running:
                await running.ready()
                late = Fate(row_sub_id=2, row_after_s=3.0)
                table.phones[0].model.radio.faults.script(late, slot=0)
                uid = table.queue("left on the other card", slot=0)
                await table.reported(running, [uid])
                worker = running.workers[0]
                assert PhoneState.READY is worker.standing.state
                await running.until(
                    lambda: worker.standing.state is PhoneState.QUARANTINED, "quarantined"
                )
            assert [("sent", None)] == table.told(uid)
            kinds = [found.kind for _, found in (await journal_life(table, uid)).evidence]
            assert EvidenceKind.WRONG_SIM in kinds

    asyncio.run(play())


def test_rows_of_emui_prove_and_raise_no_alarm(tmp_path: Path) -> None:
    """Where the row may hold the slot's number it says nothing about the SIM."""

    async def play() -> None:
        spec = spec_with(swift(0, api=29, sims=2), maker="HUAWEI", rows_by_slot=True)
        async with bench([spec], tmp_path) as table, table.controller() as running:
            await running.ready()
            uids = [table.queue(f"m{s}", slot=s, number=f"+1555000000{s}") for s in (0, 1)]
            await table.reported(running, uids)

            assert [[("sent", None)]] * 2 == [table.told(uid) for uid in uids]
            assert PhoneState.READY is running.workers[0].standing.state

    asyncio.run(play())


# --- Learning and proof ---------------------------------------------------------------------------


def alien(api: int, **quirks: object) -> PhoneSpec:
    """A phone of a maker that no profile knows, with Qualcomm's insertions."""
    return spec_with(swift(0, api=api), maker="alps", model="P8", qualcomm_options=True, **quirks)


@pytest.mark.parametrize("api", [21, 22, 25])
def test_phone_that_the_table_bars_is_taught_by_itself_and_sends(api: int, tmp_path: Path) -> None:
    """Its own codes, read from its framework: single and multipart leave as they were asked."""

    async def play() -> None:
        quick = Policy(confirm_deadline_s=3.0, unknown_hold_s=0.0)
        spec = spec_with(alien(api), maker="vivo") if api == 25 else alien(api)
        async with bench([spec], tmp_path, policy=quick) as table, table.controller() as running:
            await running.ready()
            texts = ["a text of several parts, " * 12, "short"]
            if api == 21:
                del texts[1:]  # Without a witness, the first one's doubt holds the next one back.
            for index, text in enumerate(texts):
                table.queue(text, number=f"+1555000000{index}")
            await running.until(lambda: len(table.on_air()) == len(texts), "sent")

            assert sorted(texts) == sorted(table.on_air())
            profile = running.workers[0].handset.profile  # type: ignore[union-attr]  # on duty
            assert "the phone's own framework" in profile.name
            assert 1 == table.lines.events().count("codes learnt")

    asyncio.run(play())


def test_taught_phone_is_not_read_again_when_plugged_in_again(tmp_path: Path) -> None:
    """Codes are kept by build, the proof by phone; another build has to be read and proven."""

    async def play() -> None:
        async with bench([alien(22)], tmp_path) as table:
            async with table.controller() as running:
                await running.ready()
            async with table.controller() as running:
                await running.ready()
                assert 1 == table.lines.events().count("codes learnt")
                model = table.phones[0].model
                model.overrides["ro.build.fingerprint"] = "alps/ota/P8:5.1.1/NEW/1:user/keys"
                await table.phones[0].link.unplug()
                await running.until(lambda: not running.workers[0].occupied, "gone")
                await table.phones[0].link.replug()
                await running.ready()
                assert 2 == table.lines.events().count("codes learnt")

    asyncio.run(play())


def test_barred_phone_without_classes_stays_out_with_its_reason(tmp_path: Path) -> None:
    """An odexed framework teaches nothing: unsupported, and not pulled again and again."""

    async def play() -> None:
        async with (
            bench([alien(22, odexed=True)], tmp_path) as table,
            table.controller() as running,
        ):
            worker = running.workers[0]
            await running.until(
                lambda: worker.standing.state is PhoneState.UNSUPPORTED, "unsupported"
            )
            assert "sending is barred" in worker.standing.cause
            assert "framework.jar holds no classes" in worker.standing.cause
            assert 1 == table.lines.events().count("codes learnt")

    asyncio.run(play())


def test_phone_without_classes_in_its_jar_is_taught_by_its_boot_image(tmp_path: Path) -> None:
    """Android 5 to 7 on production builds: the classes stand within what ART compiled."""

    async def play() -> None:
        spec = alien(25, odexed=True)
        async with bench([spec], tmp_path) as table:
            dex = write_dex(framework_classes(spec))
            image = b"\x7fELF" + bytes(4092) + dex + bytes(100)
            files = table.phones[0].handset.files
            files.mkdir("/system/framework/arm64", parents=True)
            files.provide("/system/framework/arm64/boot.oat", lambda: image)
            async with table.controller() as running:
                await running.ready()
                uid = table.queue("in parts, " * 30)
                await table.reported(running, [uid])
                assert ["in parts, " * 30] == table.on_air()

    asyncio.run(play())


def test_numbered_stubs_teach_as_well(tmp_path: Path) -> None:
    """`TRANSACTION_…_4 = 5`, as on some builds of Android 7."""

    async def play() -> None:
        spec = spec_with(alien(25, numbered_stubs=True), maker="vivo")
        async with bench([spec], tmp_path) as table, table.controller() as running:
            await running.ready()
            uid = table.queue("in parts, " * 30)
            await table.reported(running, [uid])
            assert ["in parts, " * 30] == table.on_air()

    asyncio.run(play())


def test_phone_numbered_unlike_its_table_is_found_out_before_it_sends(tmp_path: Path) -> None:
    """A Pixel that is none: reads of ISms have another shape; its own codes are used."""

    async def play() -> None:
        # Nothing in its properties says that this build was made from Qualcomm's tree.
        spec = spec_with(swift(0, api=26), maker="Google", qualcomm_options=True)
        async with bench([spec], tmp_path) as table, table.controller() as running:
            await running.ready()
            assert "codes learnt" in table.lines.events()
            uid = table.queue("in parts, " * 30)
            await table.reported(running, [uid])
            assert ["in parts, " * 30] == table.on_air()

    asyncio.run(play())


@pytest.mark.parametrize("dumb", ["store", "radio"])
def test_phone_with_one_witness_only_proves_by_that(dumb: str, tmp_path: Path) -> None:
    """A maker closes the store, or silences the log: the other one speaks."""

    async def play() -> None:
        spec = spec_with(swift(0, api=34), store_closed=dumb == "store")
        async with bench([spec], tmp_path) as table:
            if dumb == "radio":
                table.phones[0].model.logs.clear(["radio"])
                table.phones[0].model.logs.silenced.add("radio")
            async with table.controller() as running:
                await running.ready()
                seen = running.workers[0].handset.witnesses  # type: ignore[union-attr]  # on duty
                assert (dumb != "store", dumb != "radio") == (seen.store, seen.radio)
                uids = [table.queue(f"m{i}", number=f"+1555000000{i}") for i in range(3)]
                await table.reported(running, uids)
                assert [[("sent", None)]] * 3 == [table.told(uid) for uid in uids]

    asyncio.run(play())
