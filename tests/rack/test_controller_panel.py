"""A panel that fails, forgets or revokes: nothing is lost, nothing is doubled."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from controller_bench import DEADLINE_S, Bench, Running, at_work, bench, swift

from droidrack import compose
from droidrack.app import panel_line, sending, session
from droidrack.core.ids import Token
from droidrack.core.settings import RepairSettings
from droidrack.ports import Registration, StoredSession
from droidrack.virtual.panel.faults import Fault, FaultKind
from droidrack.virtual.panel.queue import Reading


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks that have time in the field come five times a second here."""
    monkeypatch.setattr(session, "TOKEN_CHECK_S", 0.2)
    monkeypatch.setattr(sending, "HELD_RECHECK_S", 0.2)
    monkeypatch.setattr(sending, "SIMS_FRESH_S", 0.1)


FAULTS = {
    "500": Fault(FaultKind.STATUS, status=500),
    "503": Fault(FaultKind.STATUS, status=503, retry_after="1"),
    "429": Fault(FaultKind.STATUS, status=429, retry_after="1"),
    "hang": Fault(FaultKind.HANG),
    "reset": Fault(FaultKind.RESET),
    "html": Fault(FaultKind.HTML),
    "half": Fault(FaultKind.HALF),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_panel_that_fails_in_mid_run_hears_everything_later(kind: str, tmp_path: Path) -> None:
    """A message taken before is sent, and told once the panel answers again."""

    async def play() -> None:
        async with (
            bench([swift(0, api=34)], tmp_path, panel_deadline_s=0.5) as table,
            table.controller() as running,
        ):
            await running.ready()
            for endpoint in ("pending", "heartbeat", "report"):
                table.faults.add(endpoint, FAULTS[kind])
            uid = table.queue("told later")
            await table.reported(running, [uid])
            # An answer that came half has been carried out, and no heartbeat may be due yet.
            await running.until(
                lambda: 3 == table.faults.played[FAULTS[kind].kind], "every fault played"
            )

            assert ["told later"] == table.on_air()
            assert [("sent", None)] == table.told(uid)

    asyncio.run(play())


def test_panel_that_is_away_is_one_trouble_with_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The phones stay ready; the rack says since when and why nobody hears of new messages."""
    monkeypatch.setattr(panel_line, "GRACE_S", 0.3)

    async def play() -> None:
        async with bench([swift(0, api=34), swift(1, api=30)], tmp_path) as table:
            table.settings = replace(table.settings, repair=RepairSettings(patience_s=0.4))
            async with table.controller() as running:
                await running.ready(0)
                await running.ready(1)
                await table.desk.close()
                await running.until(lambda: "panel lost" in table.lines.events(), "lost")
                picture: Any = await running.controller.desk.status()
                lost = picture["panel_lost"]
                assert {"bay-0", "bay-1"} >= set(lost["phones"]) > set()
                assert table.settings.panel.url == lost["panel"]
                assert "no connection" in lost["seen"]
                await table.desk.open()
                await running.until(lambda: "panel back" in table.lines.events(), "back")
                picture = await running.controller.desk.status()
                assert picture["panel_lost"] is None
            told = [event for event in table.lines.events() if event.startswith("panel")]
            assert ["panel lost", "panel back"] == told

    asyncio.run(play())


def test_panel_away_in_mid_run_loses_no_report(tmp_path: Path) -> None:
    """With connections refused, what was taken goes out; it is reported after the return."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            table.phones[0].link.latency_s = 0.5  # The panel is gone before the radio has it.
            uid = table.queue("while the panel is away")
            await running.until(lambda: table.store.ledger()[0].offers > 0, "offered")
            await table.desk.close()
            await running.until(lambda: bool(table.on_air()), "on the air")
            assert [] == table.told(uid)
            await table.desk.open()
            await table.reported(running, [uid])

            assert [("sent", None)] == table.told(uid)
            assert ["while the panel is away"] == table.on_air()

    asyncio.run(play())


def test_panel_dead_at_the_start_is_named_and_awaited(tmp_path: Path) -> None:
    """The phone shows that it cannot pair and why, and pairs once the panel is there."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            await table.desk.close()
            async with table.controller() as running:
                worker = running.workers[0]
                await running.until(
                    lambda: (
                        worker.standing.state.value == "needs pairing"
                        and "no connection" in worker.standing.cause
                    ),
                    lambda: f"the cause shown, but it is {worker.standing}",
                )
                await table.desk.open()
                await running.ready()

    asyncio.run(play())


def test_spent_pairing_token_is_told_with_the_remedy(tmp_path: Path) -> None:
    """A token the panel refuses is not tried again; a new one is taken as soon as it lies there."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            table.lay_token(0, "ATKN-never-minted")
            async with table.controller() as running:
                worker = running.workers[0]
                await running.until(
                    lambda: "Mint a new pairing token" in worker.standing.cause,
                    lambda: f"the remedy shown, but it is {worker.standing}",
                )
                assert 1 == table.lines.events().count("pairing refused")
                table.lay_token(0)
                await running.ready()

    asyncio.run(play())


def test_lost_answer_to_pairing_says_that_the_token_may_be_spent(tmp_path: Path) -> None:
    """Where the panel took the token and its answer was lost, a new one makes no second gateway."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            table.faults.add("register", Fault(FaultKind.DROP, taken=True))
            async with table.controller() as running:
                worker = running.workers[0]
                await running.until(
                    lambda: "may be spent" in worker.standing.cause,
                    lambda: f"the doubt shown, but it is {worker.standing}",
                )
                table.lay_token(0)
                await running.ready()
                assert 1 == len(table.store.devices())

    asyncio.run(play())


def test_revoked_token_keeps_taken_messages_going(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone without a session sends what it took, and reports it under the next one."""
    monkeypatch.setattr(sending, "SIMS_FRESH_S", 0.0)  # Or the locked SIM may be called once.

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            table.phones[0].model.slots[0].pin_required = True  # Holds the message.
            uid = await taken(table, running, "taken before the revocation")
            table.store.revoke(table.device())
            await running.until(lambda: running.states() == ["session over"], "needs pairing")
            table.phones[0].model.slots[0].pin_required = False
            await running.until(lambda: bool(table.on_air()), "on the air")
            assert [] == table.told(uid)
            table.lay_token(0)
            await table.reported(running, [uid])
            await running.ready()

            assert [("sent", None)] == table.told(uid)
            assert ["taken before the revocation"] == table.on_air()
            assert 1 == len(table.store.devices())

    asyncio.run(play())


def test_unpaired_phone_sends_what_it_took_after_a_new_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart without a session neither forgets nor holds what was taken before it ended."""
    monkeypatch.setattr(sending, "SIMS_FRESH_S", 0.0)  # Or the locked SIM may be called once.

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            slot = table.phones[0].model.slots[0]
            async with table.controller() as running:
                await running.ready()
                slot.pin_required = True  # Holds the message.
                uid = await taken(table, running, "taken before the stop")
            table.store.revoke(table.device())
            slot.pin_required = False
            async with table.controller() as running:
                await running.until(lambda: bool(table.on_air()), "on the air")
                await running.until(lambda: running.states() == ["session over"], "unpaired")
                assert [] == table.told(uid)
            async with table.controller() as running:  # Now the vault holds no session either.
                await running.until(lambda: running.states() == ["session over"], "unpaired")
                table.lay_token(0)
                await table.reported(running, [uid])

            assert ["taken before the stop"] == table.on_air()

    asyncio.run(play())


def test_session_paired_anew_by_another_program_is_kept(tmp_path: Path) -> None:
    """The end of the old session must not destroy the one that `droidrack pair` just stored."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            device = table.device()
            async with compose.open_panel(table.settings) as panel:
                fresh = await panel.register(
                    Registration(Token(table.store.mint()), "bay-0", device, "14", "1")
                )
            vault = compose.open_vault(table.settings)
            kept = StoredSession(fresh.token, fresh.gateway_uid, fresh.sims)
            vault.store(device, kept)
            uid = table.queue("under the new session")
            await table.reported(running, [uid])

            assert kept == vault.load(device)
            await running.ready()

    asyncio.run(play())


def test_refused_report_is_parked_and_the_others_arrive(tmp_path: Path) -> None:
    """A batch that the panel refuses is halved until the bad report stands alone."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            table.faults.add("report", Fault(FaultKind.STATUS, status=500), times=None)
            uids = [table.queue(f"m{i}", number=f"+1555000{i:04d}") for i in range(4)]
            await running.until(
                lambda: table.lines.events().count("message settled") == 4, "four outcomes"
            )
            table.faults.clear()
            table.faults.script("report", [Fault(FaultKind.STATUS, status=422)] * 3)
            await running.until(
                lambda: sum(table.latest(uid) is not None for uid in uids) == 3, "three told"
            )

            assert 4 == len(table.on_air())
            parked = [facts for event, facts in table.lines.told if event == "report parked"]
            assert [uids[0]] == [facts["uid"] for facts in parked]

    asyncio.run(play())


def test_answer_that_was_under_way_when_the_phone_left_is_not_lost(tmp_path: Path) -> None:
    """What a panel offers only once is taken, although the cable was pulled as it answered."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            table.store.messages.reading = Reading.LEASE
            table.faults.add("pending", Fault(FaultKind.SLOW, delay_s=0.005), times=None)
            uid = table.queue("offered once")
            await running.until(lambda: table.store.ledger()[0].offers > 0, "offered")
            await table.phones[0].link.unplug()
            await running.until(lambda: running.states() == ["absent"], "absent")
            table.faults.clear()
            await table.phones[0].link.replug()
            await table.reported(running, [uid])

            assert 1 == table.store.ledger()[0].offers
            assert ["offered once"] == table.on_air()

    asyncio.run(play())


def test_drained_controller_takes_nothing_more(tmp_path: Path) -> None:
    """From the first moment of a stop on, what the panel has stays there for the next one."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            await running.controller.rack.drain(5.0)
            uid = table.queue("for the next one")
            row = table.store.sims(table.store.device(table.device()))[0]
            seen = len(table.store.heartbeats(row.uid))
            await running.until(lambda: len(table.store.heartbeats(row.uid)) > seen + 3, "beats")
            assert 0 == table.store.ledger()[0].offers
            await running.stop()
            async with table.controller() as second:
                await table.reported(second, [uid])

    asyncio.run(play())


async def taken(table: Bench, running: Running, text: str) -> str:
    """Queue a message and return once the journal has it."""
    uid = table.queue(text)
    journal = running.controller.world.journal
    async with asyncio.timeout(DEADLINE_S):
        while not (await journal.messages(limit=1)):  # noqa: ASYNC110 (the journal has no event)
            await asyncio.sleep(0.02)
    return uid
