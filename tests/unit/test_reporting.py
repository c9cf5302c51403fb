"""The reporting room of one phone, in virtual time: what a refusal means, and for which report."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from random import Random
from typing import cast

from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.adapters.profile_files import profile_table
from droidrack.adapters.vault import MemoryVault
from droidrack.app.reporting import APART_S, BATCH, REFUSALS_LIMIT, Reporting
from droidrack.app.world import World
from droidrack.core.errors import PanelRefused
from droidrack.core.ids import Body, DeviceUuid, MessageUid, Msisdn, Token
from droidrack.core.message import Message, MessageState, Priority
from droidrack.core.report import StatusReport, WireStatus
from droidrack.core.settings import PanelSettings, Settings
from droidrack.ports import Panel
from droidrack.virtual.timeloop import VirtualClock, VirtualTimeLoop

PHONE = DeviceUuid("phone-a")
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

Answer = Callable[[Sequence[str]], int]
"""The status that the panel answers to a batch of uids; 200: taken."""


@dataclass
class Bench:
    """A phone's outbox, and a panel that answers as a test wants."""

    answer: Answer
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    calls: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    told: dict[str, float] = field(default_factory=dict)
    room: Reporting = field(init=False)
    journal: MemoryJournal = field(init=False)

    async def report(self, token: Token, reports: Sequence[StatusReport]) -> None:
        """See `ports.Panel`."""
        now = asyncio.get_running_loop().time()
        uids = tuple(report.uid for report in reports)
        self.calls.append((now, uids))
        status = self.answer(uids)
        if status != 200:
            raise PanelRefused("not here", status=status)
        self.told.update(dict.fromkeys(uids, now))

    async def settled(self, uids: Iterable[str], error: str = "STORE_FAILED") -> None:
        """These failed, and the panel is to be told."""
        for uid in map(MessageUid, uids):
            message = Message(uid, Msisdn("+15550100001"), Body("x"), "sim", Priority.NORMAL, NOON)
            await self.journal.accept(PHONE, [message])
            report = StatusReport(uid, WireStatus.FAILED, NOON, error)
            await self.journal.settle(
                uid, MessageState.FAILED, code=error, evidence=[], report=report, at=NOON
            )
        self.room.wake()

    @property
    def parked(self) -> list[str]:
        """Those that are not offered again."""
        return [row.report.uid for row in self.disk.reports.values() if row.parked_at]

    def play(self, story: Callable[["Bench"], Awaitable[None]]) -> "Bench":
        """Report while a story happens."""

        async def run() -> None:
            self.journal = MemoryJournal(self.disk)
            await self.journal.open()
            address = PanelSettings("http://127.0.0.1:1")
            world = World(
                panel=cast(Panel, self),
                journal=self.journal,
                vault=MemoryVault(),
                clock=VirtualClock(asyncio.get_running_loop()),
                dice=Random(7),
                settings=Settings(address, (), PurePath("/")),
                profiles=profile_table(),
                tell=lambda event, **facts: None,
                pairing_token=lambda phone: None,
            )
            self.room = Reporting(world, PHONE)
            running = asyncio.ensure_future(self.room.run(Token("t")))
            await story(self)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(run())
        return self


def uids(count: int, prefix: str = "m") -> list[str]:
    """So many names."""
    return [f"{prefix}-{number}" for number in range(count)]


def test_panel_that_is_routed_wrongly_for_an_hour_loses_no_report() -> None:
    """A proxy in maintenance answers 404 to everything, and is not hammered meanwhile."""

    def answer(told: Sequence[str]) -> int:
        return 404 if asyncio.get_running_loop().time() < 3600.0 else 200

    async def story(bench: Bench) -> None:
        await bench.settled(uids(2 * BATCH + 20))
        await asyncio.sleep(3600.0)
        assert len(bench.calls) < 90
        await asyncio.sleep(300.0)

    bench = Bench(answer).play(story)
    assert set(uids(2 * BATCH + 20)) == bench.told.keys()
    assert [] == bench.parked


def test_report_that_alone_is_refused_while_others_are_taken_is_parked() -> None:
    """That takes minutes, in which the others are not delayed."""
    bad = "m-0"

    async def story(bench: Bench) -> None:
        await bench.settled(uids(1))
        for number in range(60):
            await asyncio.sleep(10.0)
            await bench.settled([f"other-{number}"])
            await asyncio.sleep(5.0)
            assert f"other-{number}" in bench.told
            if number * 15.0 < (REFUSALS_LIMIT - 1) * APART_S:
                assert [] == bench.parked

    bench = Bench(lambda told: 410 if bad in told else 200).play(story)
    assert [bad] == bench.parked
    assert 60 == len(bench.told)


def test_report_that_is_refused_without_company_is_kept_and_tried_for_ever() -> None:
    """Nothing says whose fault it is."""

    async def story(bench: Bench) -> None:
        await bench.settled(uids(1))
        await asyncio.sleep(24 * 3600.0)

    bench = Bench(lambda told: 404).play(story)
    assert [] == bench.parked
    assert 1000 < len(bench.calls) < 2 * 24 * 60 + 50


def test_reports_that_are_refused_hide_none_behind_them() -> None:
    """More than a batch of them stand in front."""

    async def story(bench: Bench) -> None:
        await bench.settled(uids(BATCH + 10, "bad"))
        await bench.settled(uids(30, "good"))
        await asyncio.sleep(2 * 3600.0)

    bench = Bench(lambda told: 409 if any("bad" in uid for uid in told) else 200).play(story)
    assert set(uids(30, "good")) == bench.told.keys()


def test_report_that_the_panel_read_and_will_not_take_is_parked_at_once() -> None:
    """422: the batch is halved until it stands alone."""

    async def story(bench: Bench) -> None:
        await bench.settled(uids(BATCH))
        await asyncio.sleep(60.0)

    bench = Bench(lambda told: 422 if "m-17" in told else 200).play(story)
    assert ["m-17"] == bench.parked
    assert BATCH - 1 == len(bench.told)
    assert len(bench.calls) < 20


def test_refusals_of_a_report_that_was_replaced_delay_nobody() -> None:
    """What is told instead of it goes out, and so does all that follows."""

    async def story(bench: Bench) -> None:
        await bench.settled(uids(1))
        await asyncio.sleep(600.0)
        await bench.settled(uids(1), error="RADIO_FAILED")
        await asyncio.sleep(5.0)
        assert "m-0" in bench.told
        await bench.settled(["next"])
        await asyncio.sleep(5.0)
        assert "next" in bench.told

    def answer(told: Sequence[str]) -> int:
        return 404 if asyncio.get_running_loop().time() < 600.0 else 200

    bench = Bench(answer).play(story)
    assert 2 == len(bench.told)
