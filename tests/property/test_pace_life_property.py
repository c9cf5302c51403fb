"""No window is exceeded over turned clocks, restarts, swaps of cards and reboots of the host."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from droidrack.adapters.journal_memory import MemoryJournal
from droidrack.app.pace import Pace
from droidrack.app.world import World
from droidrack.core.attempt import Attempt
from droidrack.core.case import SimReading
from droidrack.core.guard import ANDROIDS_OWN
from droidrack.core.ids import Body, DeviceUuid, Iccid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.message import Message, Priority
from droidrack.core.pacing import Window
from droidrack.core.settings import (
    PaceWindow,
    Pacing,
    PanelSettings,
    Per,
    PhoneSettings,
    Quota,
    Settings,
)
from droidrack.core.telephony import SimState

START = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
PACING = Pacing(
    min_gap_s=0.5,
    window_s=60.0,
    window_segments=12,
    window=(PaceWindow(20, 300.0, Per.PHONE), PaceWindow(8, 90.0), PaceWindow(15, 600.0)),
)
QUOTA = Quota(segments_per_hour=40, recipients_per_day=5, time_zone="Europe/Berlin")
PHONES = tuple(PhoneSettings(f"p{n}", serial=f"S{n}", pacing=PACING, quota=QUOTA) for n in range(2))
SETTINGS = Settings(PanelSettings("http://127.0.0.1"), PHONES, PurePath("/nowhere"))
CARDS = [Iccid(f"890100000000000000{n}") for n in range(3)]


@dataclass
class Host:
    """A host whose date can be turned, whose seconds cannot, and which can restart."""

    true_s: float = 0.0
    off_s: float = 0.0
    booted_s: float = 0.0
    boots: int = 0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.true_s + self.off_s)

    def monotonic(self) -> float:
        return self.true_s - self.booted_s

    def boot(self) -> str:
        return f"boot-{self.boots}"

    async def sleep(self, delay_s: float) -> None:
        self.true_s += delay_s


@dataclass
class Site:
    """Two phones and three cards, and what their radios really sent."""

    host: Host = field(default_factory=Host)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    slots: list[list[Iccid]] = field(default_factory=lambda: [CARDS[:2], CARDS[2:]])
    sent: list[tuple[float, int, int, Iccid, str]] = field(default_factory=list)

    def start(self) -> None:
        """A controller comes up, and knows what the journal knows."""
        nobody: Any = None  # A panel, a vault and profiles: the pace asks none of them.
        self.world = World(
            nobody, self.journal, nobody, self.host, Random(1), SETTINGS, nobody, _mute, nobody
        )
        self.paces = [Pace(self.world, phone) for phone in PHONES]

    async def send(self, phone: int, slot: int, segments: int, number: str) -> None:
        """Wait as long as told, at most an hour, and send."""
        cards = self.slots[phone]
        card = cards[slot % len(cards)]
        pace, device = self.paces[phone], DeviceUuid(f"device-{phone}")
        sim = SimReading(Slot(slot), SimState.LOADED, SubId(1), card)
        await pace.begin(device, (ANDROIDS_OWN,))
        await pace.take_up((sim,))
        to = Msisdn(number)
        for _ in range(50):
            room = pace.allowance(sim)
            spent = room.quota_spent(segments, to)
            free_at = max(room.card_free_at(segments), room.phone_free_at(segments))
            free_at = max(free_at, spent.until) if spent else free_at
            if free_at <= room.now:
                break
            if free_at - room.now > timedelta(hours=1):
                return
            self.host.true_s += (free_at - room.now).total_seconds()
        await self.keep(f"m{len(self.sent)}", device, sim, segments, to)
        pace.note(sim, segments, to)
        pace.answered(segments)
        self.sent.append((self.host.true_s, segments, phone, card, number))
        self.judge(phone, card)

    async def keep(
        self, uid: str, device: DeviceUuid, sim: SimReading, segments: int, to: Msisdn
    ) -> None:
        """Write an attempt down."""
        name = MessageUid(uid)
        message = Message(name, to, Body("x"), "sim", Priority.NORMAL, self.host.now())
        await self.journal.accept(device, [message])
        await self.journal.open_attempt(
            Attempt(
                uid=name,
                number=1,
                device=device,
                slot=sim.slot,
                sub_id=SubId(1),
                iccid=sim.iccid,
                segments=segments,
                watermark=None,
                message_id=0,
                boot_id="b",
                opened_at=self.host.now(),
                tick=self.world.steady.tick(),
            )
        )

    def judge(self, phone: int, card: Iccid) -> None:
        """Every window that ends with the last send, by the true clock."""
        windows = {
            "phone": (Window(12, 60.0), Window(20, 300.0), ANDROIDS_OWN),
            "card": (Window(8, 90.0), Window(15, 600.0), Window(40, 3600.0)),
        }
        now = self.sent[-1][0] + 1e-6  # Seconds of a float, microseconds of a date.
        for window in windows["phone"]:
            past = [n for at, n, of, _, _ in self.sent if of == phone and at > now - window.seconds]
            assert sum(past) <= window.segments
        for window in windows["card"]:
            past = [n for at, n, _, of, _ in self.sent if of == card and at > now - window.seconds]
            assert sum(past) <= window.segments


def _mute(event: str, /, **facts: object) -> None:
    """Nobody listens."""


SEND = st.tuples(
    st.just("send"),
    st.integers(0, 1),
    st.integers(0, 1),
    st.integers(1, 6),
    st.sampled_from(["+15550100001", "+15550100002", "+15550100003"]),
)
PASS = st.tuples(st.just("pass"), st.sampled_from([0.1, 3.0, 40.0, 100.0, 700.0]))
SWAP = st.tuples(st.just("swap"))
RESTART = st.tuples(st.just("restart"))
TURN = st.tuples(st.just("turn"), st.sampled_from([-86_400.0, -3600.0, 3600.0, 86_400.0 * 400]))
LEAP = st.tuples(st.just("leap"), st.sampled_from([-3600.0, 3600.0, 86_400.0 * 400]))
BACK = st.tuples(st.just("turn"), st.sampled_from([-86_400.0, -3600.0, -10.0]))
REBOOT = st.tuples(st.just("reboot"))

FIRST = ("send", 0, 0, 6, "+15550100001")


def live(steps: list[tuple[Any, ...]]) -> None:
    """Play the steps; every send is judged as it happens."""

    async def run() -> None:
        site = Site()
        await site.journal.open()
        site.start()
        for step, *how in steps:
            if step == "send":
                await site.send(*how)
            elif step == "pass":
                site.host.true_s += how[0]
            elif step == "turn":
                site.host.off_s += how[0]
            elif step == "swap":
                site.slots.reverse()
            else:
                if step == "leap":  # The clock is turned while no controller runs.
                    site.host.off_s += how[0]
                if step == "reboot":
                    site.host.booted_s, site.host.boots = site.host.true_s, site.host.boots + 1
                site.start()

    asyncio.run(run())


@settings(max_examples=100)
@given(st.lists(st.one_of(SEND, SEND, SEND, PASS, SWAP, LEAP, TURN), max_size=60))
@example([FIRST, ("leap", 3600.0), FIRST])
@example([FIRST, ("swap",), ("restart",), ("send", 1, 0, 6, "+15550100001")])
def test_no_window_is_exceeded_over_turned_clocks_restarts_and_swaps(
    steps: list[tuple[Any, ...]],
) -> None:
    """In one boot of the host a send's age is known, whatever its date says."""
    live(steps)


@settings(max_examples=100)
@given(st.lists(st.one_of(SEND, SEND, SEND, PASS, SWAP, RESTART, BACK, REBOOT), max_size=60))
def test_no_window_is_exceeded_over_reboots_where_the_clock_is_only_set_back(
    steps: list[tuple[Any, ...]],
) -> None:
    """Of an earlier boot only dates are left; what they claim to be in the future is now."""
    live(steps)


def test_quota_that_a_reload_brings_counts_what_the_card_sent_before() -> None:
    """Also the sends that were too old to matter without it, and over its going and coming."""
    device, to = DeviceUuid("device-0"), Msisdn("+15550100001")
    sim = SimReading(Slot(0), SimState.LOADED, SubId(1), CARDS[0])
    plain = replace(SETTINGS, phones=(PhoneSettings("p0", serial="S0"),))
    phone = replace(plain.phones[0], quota=Quota(segments_per_day=400))
    strict = replace(plain, phones=(phone,))

    async def run() -> None:
        site = Site()
        await site.journal.open()
        site.start()
        for index in range(400):
            await site.keep(f"m{index}", device, sim, 1, to)
            site.host.true_s += 30.0
        for settings_, spent in ((plain, False), (strict, True), (plain, False), (strict, True)):
            site.world.adopt(settings_)
            pace = Pace(site.world, settings_.phones[0])
            await pace.begin(device, (ANDROIDS_OWN,))
            await pace.take_up((sim,))
            assert spent is (pace.allowance(sim).quota_spent(1, to) is not None)

    asyncio.run(run())
