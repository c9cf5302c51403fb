"""The trial itself: pair a rack, let it work in peace, then disturb it, and see how it ends."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from crash_judge import Findings, examine
from crash_lab import CrashLab
from crash_run import Operator, Tally, finish, phones
from trial_judge import NAMES, WELL, Deed, Glimpse, disturbed_neighbours, misnamed
from trial_plan import Act, Kind, Wish, acts, counts, wishes
from trial_watch import Watch

from droidrack.core.ids import Iccid
from droidrack.virtual.farm import RackPhone
from droidrack.virtual.panel.queue import NewMessage
from droidrack.virtual.spec import PhoneSpec, spec_with

START_LIMIT_S = 90.0
NAMED_LIMIT_S = 75.0
"""A frozen phone is known by a call that nobody answers, and a call may take half a minute."""

BACK_LIMIT_S = 90.0
DWELL_S = (1.0, 4.0)
"""How long a disturbance lasts after it was named."""

SERVER_AWAY_S = 2.0
QUIET_S = 3.0
"""Between two kills of the adb server, after all phones work again."""

QUEUE_S = 0.1
SETTLE_S = 2.0
"""Besides two polls: what is doubted at the end may still be proven so long after the last word."""

CONFIRM_POLLS = 9
"""The confirm deadline in polls: longer than a phone stays frozen, shorter than in production."""

OFF_S, BOOT_S = 2.0, 4.0
"""A virtual phone's restart: off, then up without Android. Real ones take ten times as long."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a trial is to be. `span_s`: of each run's traffic."""

    phones: int
    disturbances: int
    seed: int
    span_s: float
    every_s: float
    poll_s: float
    kinds: tuple[Kind, ...]
    limit_s: float


@dataclass(slots=True)
class Stage:
    """One stretch of traffic: when it began and ended, and the load of the machine then."""

    name: str
    began: float
    ended: float = 0.0
    load: float = 0.0
    uids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that was queued."""

    uid: str
    phone: int
    body: str
    at: datetime


@dataclass(slots=True)
class Outcome:
    """All that is to be told of a trial. Waits are seconds by stage, of phones left alone."""

    findings: Findings
    deeds: list[Deed]
    kills: list[Deed]
    misnamed: list[str]
    on_air_s: dict[str, list[float]]
    told_s: dict[str, list[float]]
    loads: dict[str, float]
    left_alone: int
    others: Counter[str]


class Trial:
    """One trial on a lab that is open and whose controller runs."""

    def __init__(self, lab: CrashLab, terms: Terms) -> None:
        self._lab = lab
        self._terms = terms
        self._dice = Random(f"{terms.seed}/disturbances")
        self._watch = Watch(lab.home / "state", terms.phones)
        everybody = range(terms.phones)
        self._touched = sorted(self._dice.sample(everybody, terms.phones // 2))
        self._alone = [index for index in everybody if index not in self._touched]
        self._deeds: list[Deed] = []
        self._kills: list[Deed] = []
        self._queued: list[Queued] = []
        self._stages: list[Stage] = []

    async def run(self) -> Outcome:
        """From the pairing to the verdict."""
        await self._lab.controller.start()
        watching = asyncio.create_task(self._watch.run())
        try:
            if await self._watch.until(self._ready, START_LIMIT_S) is None or not self._alive():
                raise AssertionError(f"not all at work: {self._standing()}")
            await self._calm()
            await self._disturbed()
            await self._without_server()
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        tally = Tally(0, 0.0, SETTLE_S + 2 * self._terms.poll_s)
        await finish(self._lab, tally, Operator(self._lab, tally))
        return await self._judge(tally)

    def _ready(self) -> bool:
        return not self._alive() or (self._lab.paired() and self._watch.well())

    def _alive(self) -> bool:
        return self._lab.controller.alive

    def _standing(self) -> Counter[str]:
        return Counter(self._watch.last(index).state for index in self._watch.seen)

    # --- The stages ---------------------------------------------------------------------------

    async def _calm(self) -> None:
        stage = self._open("calm")
        await self._traffic(stage, self._terms.span_s)
        await self._all_told()
        self._close(stage)

    async def _disturbed(self) -> None:
        terms = self._terms
        wanted = counts(terms.disturbances, terms.kinds)
        planned = acts(self._dice, wanted, self._touched, self._two_cards(), terms.span_s)
        stage = self._open("disturbed")
        async with asyncio.TaskGroup() as group:
            group.create_task(self._traffic(stage, terms.span_s))
            for phone in self._touched:
                mine = [act for act in planned if act.phone == phone]
                group.create_task(self._series(stage, mine))
        self._close(stage)

    async def _without_server(self) -> None:
        """The adb server is killed, again and again, while messages come in."""
        count = counts(self._terms.disturbances, self._terms.kinds).get(Kind.KILL, 0)
        if not count:
            return
        stage = self._open("server killed")
        traffic = asyncio.create_task(self._traffic(stage, self._terms.span_s))
        try:
            for place in range(count):
                await asyncio.sleep(QUIET_S if place else 0)
                await self._kill_server()
        finally:
            traffic.cancel()
            await asyncio.wait({traffic})
        self._close(stage)

    def _open(self, name: str) -> Stage:
        stage = Stage(name, time.monotonic())
        self._stages.append(stage)
        return stage

    def _close(self, stage: Stage) -> None:
        stage.ended, stage.load = time.monotonic(), os.getloadavg()[0]

    async def _all_told(self) -> None:
        """Wait until the panel knows an outcome of everything."""
        store = self._lab.store
        while any(not store.statuses(queued.uid) for queued in self._queued):  # noqa: ASYNC110
            await asyncio.sleep(0.5)

    # --- The traffic --------------------------------------------------------------------------

    async def _traffic(self, stage: Stage, span_s: float) -> None:
        terms = self._terms
        cards = [_slots(phone) for phone in self._lab.phones]
        todo = wishes(f"{terms.seed}/{stage.name}", cards, terms.every_s, span_s)[::-1]
        devices = [self._lab.device_of(index) for index in range(terms.phones)]
        began = time.monotonic()
        while todo:
            due = []
            while todo and todo[-1].at_s <= time.monotonic() - began:
                due.append(todo.pop())
            self._queue(devices, due)
            await asyncio.sleep(QUEUE_S)

    def _queue(self, devices: Sequence[str], due: Sequence[Wish]) -> None:
        if not due:
            return
        now = datetime.now(UTC)
        new = [NewMessage(devices[w.phone], w.number, w.body, slot=w.slot) for w in due]
        for uid, wish in zip(self._lab.store.queue_all(new), due, strict=True):
            self._queued.append(Queued(uid, wish.phone, wish.body, now))
            self._stages[-1].uids.append(uid)

    # --- The disturbances ---------------------------------------------------------------------

    def _two_cards(self) -> list[int]:
        pairs = {index: _cards(phone) for index, phone in enumerate(self._lab.phones)}
        return [index for index, cards in pairs.items() if len(set(cards)) == 2 and all(cards)]

    async def _series(self, stage: Stage, planned: Sequence[Act]) -> None:
        """One phone's disturbances, one after another, each when the phone works again."""
        for act in planned:
            await asyncio.sleep(max(0.0, stage.began + act.at_s - time.monotonic()))
            await self._watch.until(lambda: self._is_well(act.phone), BACK_LIMIT_S)  # noqa: B023
            await self._disturb(act)

    async def _disturb(self, act: Act) -> None:
        phone, watch = self._lab.phones[act.phone], self._watch
        before = _cards(phone)
        begin, end = _means(act.kind, phone)
        deed = Deed(act, time.monotonic())
        self._deeds.append(deed)
        await begin()
        for state in NAMES[act.kind]:
            deed.seen = await watch.until(
                lambda: watch.last(act.phone).state == state,  # noqa: B023
                NAMED_LIMIT_S,
            )
        if act.kind is Kind.SWAP:
            deed.seen = await watch.until(
                lambda: self._shows(act.phone, before[::-1]), NAMED_LIMIT_S
            )
        await asyncio.sleep(self._dice.uniform(*DWELL_S) if end is not None else 0)
        deed.undone = time.monotonic()
        if end is not None:
            await end()
        deed.back = await watch.until(
            lambda: self._is_well(act.phone) and self._shows(act.phone, before), BACK_LIMIT_S
        )

    def _is_well(self, phone: int) -> bool:
        return self._watch.last(phone).state in WELL

    def _shows(self, phone: int, cards: tuple[str, ...]) -> bool:
        """Whether these cards are shown; before they were read there is nothing to be shown."""
        shown = self._watch.last(phone).cards
        return not shown or shown == cards

    async def _kill_server(self) -> None:
        began = time.monotonic()
        await self._lab.rack.kill_server()
        gone = {"absent"}
        watch = self._watch
        everybody = range(self._terms.phones)
        await watch.until(
            lambda: all(watch.last(index).state in gone for index in everybody), NAMED_LIMIT_S
        )
        await asyncio.sleep(SERVER_AWAY_S)
        undone = time.monotonic()
        await self._lab.rack.restart_server()
        await watch.until(watch.well, BACK_LIMIT_S)
        for index in everybody:
            deed = Deed(Act(Kind.KILL, index, 0.0), began, undone)
            deed.seen = _first(watch.seen[index], began, gone)
            deed.back = _first(watch.seen[index], undone, WELL)
            self._kills.append(deed)

    # --- The verdict --------------------------------------------------------------------------

    async def _judge(self, tally: Tally) -> Outcome:
        seen = self._watch.seen
        wrong = [
            text for d in (*self._deeds, *self._kills) for text in misnamed(d, seen[d.act.phone])
        ]
        alone = {index: seen[index] for index in self._alone}
        for stage in self._stages[:2]:
            wrong += disturbed_neighbours(alone, stage.began, stage.ended)
        on_air_s, told_s = self._waits()
        return Outcome(
            findings=await examine(self._lab),
            deeds=self._deeds,
            kills=self._kills,
            misnamed=wrong,
            on_air_s=on_air_s,
            told_s=told_s,
            loads={stage.name: stage.load for stage in self._stages},
            left_alone=len(self._alone),
            others=tally.others,
        )

    def _waits(self) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """Seconds from queued to on the air and to told, of the phones that nobody touched."""
        aired = {message.body: message.at for message in self._lab.rack.air.messages}
        told: dict[str, datetime] = {}
        for row in self._lab.store.statuses():
            told.setdefault(row.uid, datetime.fromisoformat(row.received_at))
        by_uid = {queued.uid: queued for queued in self._queued}
        on_air_s: dict[str, list[float]] = {}
        told_s: dict[str, list[float]] = {}
        for stage in self._stages:
            mine = [by_uid[uid] for uid in stage.uids if by_uid[uid].phone in self._alone]
            on_air_s[stage.name] = [
                (aired[q.body] - q.at).total_seconds() for q in mine if q.body in aired
            ]
            told_s[stage.name] = [
                (told[q.uid] - q.at).total_seconds() for q in mine if q.uid in told
            ]
        return on_air_s, told_s


def _first(
    glimpses: Sequence[Glimpse], after: float, states: frozenset[str] | set[str]
) -> float | None:
    return next((g.at for g in glimpses if g.at > after and g.state in states), None)


def _slots(phone: RackPhone) -> list[int]:
    return [slot for slot, card in enumerate(phone.model.spec.sims) if card is not None]


def _cards(phone: RackPhone) -> tuple[str, ...]:
    """The cards in its slots now, as `status` shows them."""
    cards = (slot.card for slot in phone.model.slots)
    return tuple(Iccid(card.iccid).masked() if card else "" for card in cards)


Hand = Callable[[], Awaitable[None]]


def _means(kind: Kind, phone: RackPhone) -> tuple[Hand, Hand | None]:
    """How a disturbance is begun and ended; None: it ends by itself."""
    link = phone.link

    async def freeze() -> None:
        link.freeze()

    async def thaw() -> None:
        link.thaw()
        await link.replug()  # A server that dropped it meanwhile finds it, as on USB.

    async def swap() -> None:
        phone.model.swap_sims()

    async def reboot() -> None:
        phone.handset.begin_reboot()

    hands: dict[Kind, tuple[Hand, Hand | None]] = {
        Kind.UNPLUG: (link.unplug, link.replug),
        Kind.FREEZE: (freeze, thaw),
        Kind.REBOOT: (reboot, None),
        Kind.UNAUTHORISE: (link.deny, link.allow),
        Kind.SWAP: (swap, swap),
    }
    return hands[kind]


def rack_of(count: int) -> list[PhoneSpec]:
    """Phones of all kinds of witnesses, whose restarts take long enough to be seen."""
    return [spec_with(spec, off_s=OFF_S, boot_s=BOOT_S) for spec in phones(count, 0)]


async def trial(terms: Terms, home: Path) -> Outcome:
    """One trial from nothing. TimeoutError when it does not end within `limit_s`."""
    settings = {
        "intervals": {"poll_s": terms.poll_s, "heartbeat_s": 3 * terms.poll_s, "report_s": 0.5},
        "policy": {
            "confirm_deadline_s": max(CONFIRM_POLLS * terms.poll_s, 8.0),
            "unknown_hold_s": 2 * terms.poll_s,
        },
        "pacing": {"min_gap_s": 0.2},
    }
    lab = CrashLab(
        home / "lab", rack_of(terms.phones), seed=terms.seed, whole_starts=True, settings=settings
    )
    async with asyncio.timeout(terms.limit_s), lab:
        return await Trial(lab, terms).run()
