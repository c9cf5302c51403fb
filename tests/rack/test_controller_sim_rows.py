"""SIM rows of the panel: a phone works only once the panel has spoken about each of its cards."""

import asyncio
from pathlib import Path

import pytest
from controller_bench import bench, swift

from droidrack.virtual.panel.faults import Fault, FaultKind

NO_ANSWER = [
    pytest.param(Fault(FaultKind.DROP), id="request-lost"),
    pytest.param(Fault(FaultKind.DROP, taken=True), id="answer-lost"),
    pytest.param(Fault(FaultKind.STATUS, status=503), id="panel-down"),
    pytest.param(Fault(FaultKind.STATUS, status=429, retry_after="0"), id="panel-busy"),
]


@pytest.mark.parametrize("fault", NO_ANSWER)
def test_row_without_an_answer_is_asked_for_again(fault: Fault, tmp_path: Path) -> None:
    """No definite answer to the creation of a row: it is created before messages are taken."""

    async def play() -> None:
        async with bench([swift(13)], tmp_path) as table:
            table.faults.add("create_sim", fault, times=2)
            async with table.controller() as running:
                await running.ready()
                uids = [table.queue("one", slot=0), table.queue("two", slot=1)]
                await table.reported(running, uids)
            assert [("sent", None)] * 2 == [told for uid in uids for told in table.told(uid)]

    asyncio.run(play())


def test_pairing_cut_before_its_rows_is_completed_by_the_next_life(tmp_path: Path) -> None:
    """The session was kept and the controller died: the next one knows every row."""

    async def play() -> None:
        async with bench([swift(13)], tmp_path) as table:
            table.faults.add("create_sim", Fault(FaultKind.HANG), times=None)
            async with table.controller() as running:
                vault = running.controller.world.vault
                await running.until(
                    lambda: bool(table.store.devices()) and vault.load(table.device()) is not None,
                    "a session without rows in the vault",
                )
            table.faults.rules.clear()
            async with table.controller() as running:
                await running.ready()
                uid = table.queue("Your code is 482915", slot=1)
                await table.reported(running, [uid])
            assert [("sent", None)] == table.told(uid)

    asyncio.run(play())


def test_card_that_came_after_pairing_gets_a_row(tmp_path: Path) -> None:
    """Without [[phones.slots]] every slot with a card is used, whenever the card came."""

    async def play() -> None:
        async with bench([swift(13)], tmp_path) as table:
            model = table.phones[0].model
            later = model.remove_sim(1)
            assert later is not None
            async with table.controller() as running:
                await running.ready()
            model.insert_sim(1, later)
            async with table.controller() as running:
                await running.ready()
                uid = table.queue("Your code is 482915", slot=1)
                await table.reported(running, [uid])
            assert [("sent", None)] == table.told(uid)
            assert [later.iccid] == [message.iccid for message in table.rack.air.messages]

    asyncio.run(play())


def test_row_the_panel_refuses_is_left_out(tmp_path: Path) -> None:
    """A definite no (a limit of the user's plan) keeps the phone's other cards at work."""

    async def play() -> None:
        async with bench([swift(13)], tmp_path) as table:
            table.faults.script("create_sim", [None])
            table.faults.add("create_sim", Fault(FaultKind.STATUS, status=422), times=None)
            async with table.controller() as running:
                await running.ready()
                uid = table.queue("Your code is 482915", slot=0)
                await table.reported(running, [uid])
                assert "SIM row not created" in table.lines.events()
            assert [("sent", None)] == table.told(uid)

    asyncio.run(play())
