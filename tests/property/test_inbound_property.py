"""Whatever befalls phone, store and controller: each text that arrives is received exactly once.

The real room looks at a virtual phone in virtual time. What should be received is known from
outside: what arrived after the first look and was still there when a look ended.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.adapters.panel_http import HttpPanel
from droidrack.adapters.profile_files import profile_table
from droidrack.adapters.vault import MemoryVault
from droidrack.app.arrival import identify
from droidrack.app.handset import Handset
from droidrack.app.inbound import Receiving
from droidrack.app.world import World
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.settings import PanelSettings, PhoneSettings, Settings
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.handset import Handset as VirtualHandset
from droidrack.virtual.inprocess import InProcessBus
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.sms_store import SmsType
from droidrack.virtual.timeloop import VirtualClock, VirtualTimeLoop

SENDERS = ("+15550200001", "+15550200002", "Bank")
BODIES = ("yes", "", "a, b=c\nRow: 1 _id=7, date=1, date_sent=0, sub_id=1, address=+1555", "é😀")
PROFILES = profile_table()
PHONE = PhoneSettings(name="bay-1", serial="bay-1")

arrivals = st.tuples(st.just("arrive"), st.sampled_from(SENDERS), st.sampled_from(BODIES))
LOSSES = ("delete newest", "delete oldest", "clear", "reset", "reset and restore")
DEATHS = ("restart", "crash before", "crash after")
others = st.sampled_from((*["look"] * 3, *DEATHS, *LOSSES, "sent", "two days")).map(
    lambda name: (name,)
)
stories = st.lists(st.one_of(arrivals, arrivals, others), max_size=30)


class Crash(BaseException):
    """The process dies at this commit."""


Text = tuple[str, str, int]
"""Sender, body and date of a row."""


class Story:
    """One phone, one journal's disk, and the truth."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        spec = make_spec(0, api=34, sims=1)
        self.phone = VirtualPhone(spec, wall=clock.now, dice=Random(1))
        self.bus = InProcessBus([VirtualHandset(self.phone)])
        self.disk = MemoryDisk()
        self.dying = ""
        self.truth: Counter[Text] = Counter()
        self.unseen: list[int] = []  # Rows that arrived since the last look.
        self.backup: list[dict[str, Any]] = []  # Rows that some look, or the first one, has seen.

    def pass_time(self, **time: float) -> None:
        """Let the date move on, for the phone and the host alike."""
        self.clock.set_off_by(self.clock.now() - self.clock.true_now() + timedelta(**time))

    async def wake(self) -> None:
        """A controller starts."""
        self.disk.crash()
        journal = MemoryJournal(self.disk, on_commit=self._commit)
        await journal.open()
        world = World(
            panel=HttpPanel("http://127.0.0.1:1"),
            journal=journal,
            vault=MemoryVault(),
            clock=self.clock,
            dice=Random(2),
            settings=Settings(
                PanelSettings("http://127.0.0.1:1"), (), PurePath("/"), inbound=InboundSettings()
            ),
            profiles=PROFILES,
            tell=lambda event, **facts: None,
            pairing_token=lambda phone: None,
        )
        sighting = (await anext(self.bus.watch()))[0]
        handset = await Handset.meet(world, await identify(self.bus, sighting))
        self.room = Receiving(world, handset, PHONE, on_new=lambda: None)

    def _commit(self, phase: str, units: tuple[str, ...]) -> None:
        if self.dying == phase and "inbound" in units:
            self.dying = ""
            raise Crash

    async def look(self) -> None:
        """Look until a look came to its end, over deaths."""
        while True:
            try:
                await self.room.look()
            except Crash:
                await self.wake()
            else:
                break
        rows = {int(str(row["_id"])): row for row in self.phone.store.rows()}
        for row_id in self.unseen:
            row = rows[row_id]
            self.truth[_text(row)] += 1
            self.backup.append(row)
        self.unseen.clear()

    async def step(self, name: str, *words: str) -> None:
        """Let something happen."""
        store = self.phone.store
        inbox = [int(str(row["_id"])) for row in store.rows() if row["type"] == SmsType.INBOX]
        match name:
            case "arrive":
                self.pass_time(milliseconds=1)
                self.unseen.append(self.phone.receive_sms(0, words[0], words[1]))
            case "look":
                await self.look()
            case "restart":
                await self.wake()
            case "crash before" | "crash after":
                self.dying = name.partition(" ")[2]
                await self.look()
            case "sent":
                store.add(SmsType.SENT, sub_id=1, address="+1555", body="out", at=self.clock.now())
            case "delete newest" | "delete oldest" if inbox:
                gone = inbox[-1 if name.endswith("newest") else 0]
                store.delete(gone)
                self.unseen = [row for row in self.unseen if row != gone]
            case "clear" | "reset" | "reset and restore":
                store.clear() if name == "clear" else store.reset()
                self.unseen.clear()
                self.pass_time(seconds=1)
                for row in self.backup[::-1] if name.endswith("restore") else ():
                    at = datetime.fromtimestamp(int(row["date"]) / 1000, UTC)
                    sent = datetime.fromtimestamp(int(row["date_sent"]) / 1000, UTC)
                    store.receive(
                        sub_id=1,
                        address=str(row["address"]),
                        body=str(row["body"]),
                        at=at,
                        sent_at=sent,
                    )
            case "two days":
                self.pass_time(days=2)

    def received(self) -> Counter[Text]:
        """What the journal holds."""
        return Counter(
            (text.sender.reveal(), text.body.reveal(), round(text.received_at.timestamp() * 1000))
            for text in self.disk.inbox.texts.values()
        )


def _text(row: dict[str, object]) -> Text:
    return str(row["address"]), str(row["body"]), int(str(row["date"]))


async def play(before: int, story: list[tuple[str, ...]]) -> None:
    """Some old texts, a first look, the story, and a last look."""
    loop = asyncio.get_running_loop()
    told = Story(VirtualClock(loop))
    for n in range(before):
        told.pass_time(minutes=1)
        told.phone.receive_sms(0, SENDERS[n % 3], BODIES[n % 4])
    told.backup += told.phone.store.rows()
    await told.wake()
    await told.room.look()
    for step in story:
        await told.step(*step)
    await told.look()
    try:
        assert told.truth == told.received()
    finally:
        await told.bus.close()


def run(before: int, story: list[tuple[str, ...]]) -> None:
    """The play on a loop of its own."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(dice=Random(3))) as runner:
        runner.run(play(before, story))


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(before=st.integers(0, 12), story=stories)
def test_text_that_arrives_is_received_exactly_once(
    before: int, story: list[tuple[str, ...]]
) -> None:
    """Over restarts, kills, deletions, resets and backups; old texts never."""
    run(before, story)


@pytest.mark.parametrize("loss", ["clear", "reset", "reset and restore"])
def test_emptied_store_is_read_on_and_repeats_nothing(loss: str) -> None:
    """Ids that start anew, or go on; and a backup that comes after days."""
    one, two = ("arrive", SENDERS[0], "yes"), ("arrive", SENDERS[1], "yes")
    run(9, [one, one, ("look",), (loss,), two, ("look",), one, ("two days",), (loss,), two])


def test_thousand_texts_at_once_are_received_once_over_a_kill() -> None:
    """More than one page, and a death in the middle."""
    burst = [("arrive", SENDERS[0], "yes")] * 250
    run(3, [*burst, ("crash before",), *burst[:30], ("crash after",)])
