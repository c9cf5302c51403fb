"""Second tries: only after a proven failure whose cause passes, and never more than granted."""

import asyncio
from pathlib import Path

import pytest
from controller_bench import Bench, Running, at_work, bench, journal_life, swift

from droidrack.app import confirming
from droidrack.core import retry
from droidrack.core.settings import Policy
from droidrack.virtual.faults import Fate, Outcome

BUSY = Fate(Outcome.RIL_ERROR, ril_error="NO_RESOURCES")
"""The modem proves that nothing went out, for a cause that passes by itself."""

TWICE = Policy(send_tries=2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second try comes after 0.2 s here, after half a minute in the field."""
    monkeypatch.setattr(confirming, "FIRST_LOOK_S", 0.3)
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.2)


async def failed_once(table: Bench, running: Running, uid: str) -> None:
    """Wait until the controller took a message back for another try."""
    await running.until(
        lambda: any(
            event == "message settled" and facts["uid"] == uid and facts["state"] == "accepted"
            for event, facts in table.lines.told
        ),
        "taken back",
    )


def test_busy_modem_gets_a_second_try_that_is_told_alone(tmp_path: Path) -> None:
    """The panel hears one word, the number gets one text, the journal keeps both attempts."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=TWICE) as (table, running):
            table.phones[0].model.radio.faults.script(BUSY)
            uid = table.queue("once is enough")
            await table.reported(running, [uid])

            assert [("sent", None)] == table.told(uid)
            assert ["once is enough"] == table.on_air()
        life = await journal_life(table, uid)
        assert [1, 2] == [attempt.number for attempt in life.attempts]

    asyncio.run(play())


def test_new_start_grants_no_new_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One try before the stop and one after it are the two that were granted."""
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 3_600.0)  # The second comes by the new start.

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path, policy=TWICE) as table:
            table.phones[0].model.radio.faults.always(BUSY)
            async with table.controller() as running:
                await running.ready()
                uid = table.queue("never goes out")
                await failed_once(table, running, uid)
                assert [] == table.told(uid)
            async with table.controller() as running:
                await table.reported(running, [uid])

            assert [("failed", "RIL_NO_RESOURCES")] == table.told(uid)
            assert [] == table.on_air()
        assert 2 == len((await journal_life(table, uid)).attempts)

    asyncio.run(play())


def test_long_message_gets_no_second_try(tmp_path: Path) -> None:
    """A part of it may be out: it is in doubt, and another try could show that part twice."""
    policy = Policy(send_tries=2, confirm_deadline_s=1.5, unknown_hold_s=0.5)

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=policy) as (table, running):
            table.phones[0].model.radio.faults.always(BUSY)
            uid = table.queue("x" * 200)
            await table.reported(running, [uid])

            assert [("failed", "OUTCOME_UNKNOWN")] == table.told(uid)
        assert 1 == len((await journal_life(table, uid)).attempts)

    asyncio.run(play())
