"""The room of one endpoint, in virtual time: order, pauses, and when it gives up."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import PurePath
from random import Random

from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.adapters.panel_http import HttpPanel
from droidrack.adapters.profile_files import profile_table
from droidrack.adapters.vault import MemoryVault
from droidrack.app.forwarding import REFUSALS_LIMIT, RETRY_CEILING_S, Forwarding
from droidrack.app.world import World
from droidrack.core.errors import EndpointFailed
from droidrack.core.ids import Body, DeviceUuid, Msisdn
from droidrack.core.inbound import InboundText, Mark, first_watermark, text_id
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.settings import PanelSettings, Settings
from droidrack.ports.endpoint import Event
from droidrack.virtual.timeloop import VirtualClock, VirtualTimeLoop

PHONE = DeviceUuid("phone-a")
DAY_S = 24 * 3600.0


class Taker:
    """An endpoint that answers as a test wants, and notes when it was asked."""

    def __init__(self, answer: Callable[[str], EndpointFailed | None]) -> None:
        self.name = "crm"
        self.answer = answer
        self.asked: list[tuple[float, str]] = []
        self.taken: list[str] = []

    async def deliver(self, event: Event) -> None:
        """See the port."""
        text = str(event["text"])
        self.asked.append((asyncio.get_running_loop().time(), text))
        failure = self.answer(text)
        if failure is not None:
            raise failure
        self.taken.append(text)

    async def close(self) -> None:
        """See the port."""


def play(
    answer: Callable[[str], EndpointFailed | None], seconds: float, *texts: tuple[str, str]
) -> tuple[Taker, MemoryDisk]:
    """Let texts (sender, body) arrive at once and forward for so long."""
    taker, disk = Taker(answer), MemoryDisk()

    async def run() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        journal = MemoryJournal(disk)
        await journal.open()
        address = PanelSettings("http://127.0.0.1:1")
        world = World(
            panel=HttpPanel(address.url),
            journal=journal,
            vault=MemoryVault(),
            clock=clock,
            dice=Random(7),
            settings=Settings(address, (), PurePath("/"), inbound=InboundSettings()),
            profiles=profile_table(),
            tell=lambda event, **facts: None,
            pairing_token=lambda phone: None,
            endpoints=(taker,),
        )
        now = clock.now()
        arrived = [
            InboundText(
                id=text_id(PHONE, 0, Mark(row, row, 0)),
                device=PHONE,
                epoch=0,
                row_id=row,
                slot=None,
                iccid=None,
                sender=Msisdn(sender),
                body=Body(body),
                received_at=now,
                seen_at=now,
            )
            for row, (sender, body) in enumerate(texts, 1)
        ]
        mark = first_watermark(PHONE, (), now, history=False)
        await journal.inbox.receive(mark, arrived, ["crm"])
        room = asyncio.ensure_future(Forwarding(world, taker).run())
        await asyncio.sleep(seconds)
        room.cancel()
        await asyncio.wait({room})

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(dice=Random(3))) as runner:
        runner.run(run())
    return taker, disk


def fates(disk: MemoryDisk) -> list[tuple[str, bool, str]]:
    """Of each delivery: text, whether it is closed, and the last reason."""
    return [
        (owed.text.body.reveal(), owed.closed_at is not None, owed.reason)
        for owed in disk.inbox.owed.values()
    ]


def test_forwarding_refused_text_is_given_up_and_lets_the_next_one_through() -> None:
    """Ten refusals, with pauses that grow; other senders never wait for it."""

    def answer(text: str) -> EndpointFailed | None:
        return EndpointFailed("no", refused=True) if text == "poison" else None

    taker, disk = play(answer, DAY_S, ("a", "poison"), ("a", "behind"), ("b", "other"))
    assert ["other", "behind"] == taker.taken
    tried = [at for at, text in taker.asked if text == "poison"]
    assert REFUSALS_LIMIT == len(tried)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert all(pause <= RETRY_CEILING_S + 60 for pause in pauses)
    assert pauses[0] < 3 < pauses[-1]
    assert ("poison", True, "no") in fates(disk)
    assert ["text-given-up"] == [event.kind for event in disk.events]


def test_forwarding_where_nobody_is_knocks_with_one_text_at_a_time() -> None:
    """A dead receiver with many senders behind it is not hammered, and gets all in the end."""
    back_at = 3600.0

    def answer(text: str) -> EndpointFailed | None:
        away = asyncio.get_running_loop().time() < back_at
        return EndpointFailed("nobody", down=True) if away else None

    texts = [(f"sender {n}", f"text {n}") for n in range(200)]
    taker, _ = play(answer, back_at + 2 * RETRY_CEILING_S, *texts)
    knocks = [at for at, _ in taker.asked if at < back_at]
    assert len(knocks) < 150
    assert sorted(text for _, text in texts) == sorted(taker.taken)


def test_forwarding_gives_up_after_days_and_respects_a_wish_for_patience() -> None:
    """What a receiver asks for counts up to the ceiling; three days are enough."""

    def answer(text: str) -> EndpointFailed | None:
        return EndpointFailed("busy", retry_after_s=1e9)

    taker, disk = play(answer, 4 * DAY_S, ("a", "one"))
    first, second = taker.asked[0][0], taker.asked[1][0]
    assert RETRY_CEILING_S <= second - first <= RETRY_CEILING_S + 60
    assert [("one", True, "busy")] == fates(disk)
    assert timedelta(days=3) <= timedelta(seconds=taker.asked[-1][0]) < timedelta(days=3.1)
