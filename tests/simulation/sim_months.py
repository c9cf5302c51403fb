"""Months of a site's life under every rule of the door, judged by what its phones really took.

`scripts/sim-months` runs it in full; a bounded part runs with the tests. Traffic is sparse and the
rests are long, so that virtual months pass in moments: what is looked for are caps, quiet hours and
opt-outs over changes of summer time, restarts and cards that move, not the faults of single sends.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from sim_disk import Memory
from sim_world import Plan, Site, SitePhone

from droidrack.core.audit import Pen, Verifier
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.message import Priority
from droidrack.core.settings import HealthSettings, Intervals, Pacing, Policy, Quota
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.spec import PhoneSpec
from droidrack.virtual.timeloop import VirtualClock, VirtualTimeLoop

DAY_S = 86_400.0
SPRING = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # US clocks change on 8 March, Europe's on 29.
AUTUMN = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)  # Europe's on 25 October, US ones on 1 November.

RECIPIENTS = {
    "+44207946010": "Europe/London",  # Ofcom keeps 020 7946 0000 to 0999 for fiction.
    "+1212555010": "America/New_York",  # NANPA keeps 555-0100 to 555-0199.
    "+1415555010": "America/Los_Angeles",
    "+1602555010": "America/Phoenix",  # No summer time.
}
"""Prefixes of invented numbers, each of one zone."""

TICK = timedelta(milliseconds=1)

STOP_KNOWN_S = 120.0
"""What a look at the inbox may take on top of its interval."""

RESTS = {
    "droidrack.app.asking.LOOK_S": 3600.0,
    "droidrack.app.health.WATCH_S": 3600.0,
    "droidrack.app.worker.QUARANTINE_CHECK_S": 3600.0,
    "droidrack.app.session.TOKEN_CHECK_S": 3600.0,
    "droidrack.app.sending.LONGEST_NAP_S": 3600.0,
}
"""Watches that tick every few seconds and find nothing in a run without operators."""

QUOTA = Quota(
    segments_per_hour=6,
    segments_per_day=12,
    messages_per_month=120,
    recipients_per_day=5,
    recipients_per_month=14,
    reset_time="04:00",
    reset_day=31,
    time_zone="Europe/Berlin",
)

PLAN = Plan(
    (),
    intervals=Intervals(poll_s=1800.0, heartbeat_s=4 * 3600.0, report_s=60.0),
    policy=Policy(
        quiet_from="21:00",
        quiet_until="08:00",
        quiet_classes=(Priority.NORMAL, Priority.LOW),
        low_ttl_s=2 * DAY_S,
        sim_wait_s=300.0,
        retention_days=2.0,  # Far shorter than a month: what quotas count must not go with it.
    ),
    pacing=Pacing(min_gap_s=3.0),
    quota=QUOTA,
    inbound=InboundSettings(poll_s=1800.0),
    health=HealthSettings(read_s=3600.0),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that a phone's SMS service took for its radio."""

    at: datetime  # true, UTC
    phone: str
    iccid: str
    number: str
    body: str
    parts: int


@dataclass(slots=True)
class Lived:
    """What a run showed."""

    days: float
    asked: int = 0
    taken: list[Taken] = field(default_factory=list)
    on_air: int = 0
    told: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    moves: int = 0
    stops: int = 0
    dialogs: int = 0
    audit_faults: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    cpu_s: float = 0.0


class RuledSite(Site):
    """A site that keeps what its phones took, and who asked for no more."""

    def __init__(self, *args: Any, start: datetime = SPRING, **options: Any) -> None:
        self.taken: list[Taken] = []
        self.stopped: dict[str, datetime] = {}
        self.classes: dict[str, Priority] = {}
        self.moves = self.dialogs = 0
        self._begin = start
        super().__init__(*args, **options)

    def make_clock(self) -> VirtualClock:
        """A clock that begins in the season that is looked at."""
        return VirtualClock(self.loop, self._begin)

    def _phone(self, index: int, spec: PhoneSpec) -> SitePhone:
        phone = super()._phone(index, spec)
        submit, radio = phone.model.radio.submit, phone.model.radio

        def seen(submission: Any) -> None:
            card = submission.slot.card
            took = Taken(
                self.clock.true_now(),
                phone.name,
                card.iccid if card else "",
                submission.number,
                submission.body,
                len(submission.parts),
            )
            self.taken.append(took)
            submit(submission)
            self.dialogs += len(radio.dialogs)

        radio.submit = seen  # type: ignore[method-assign]
        return phone


# --- The story ----------------------------------------------------------------------------------


def numbers() -> list[str]:
    """Who is written to."""
    return [f"{prefix}{digit}" for prefix in RECIPIENTS for digit in range(10)]


async def traffic(site: RuledSite, dice: Random, end_s: float, per_day: float) -> None:
    """Messages at any hour, now and then a burst."""
    people, count = numbers(), 0
    while True:
        await asyncio.sleep(dice.expovariate(per_day / 4 / DAY_S))
        if site.loop.time() >= end_s:
            return
        for _ in range(dice.choice([1, 1, 2, 4, 12])):
            count += 1
            phone = dice.choice([each for each in site.phones if each.slots])
            body = f"{count:05d} " + "x" * dice.choice([10, 10, 100, 200, 400])
            priority = dice.choice(["high", "normal", "normal", "low"])
            site.classes[body] = Priority[priority.upper()]
            number = dice.choice(people)
            asking = site.ask(phone, dice.choice(phone.slots), number, body, priority=priority)
            site.start(asking)


async def stops(site: RuledSite, dice: Random, end_s: float) -> None:
    """Every other day somebody wants no more."""
    people = numbers()
    while site.loop.time() < end_s:
        await asyncio.sleep(dice.uniform(0.3, 2.5) * DAY_S)
        number = dice.choice(people)
        phone = dice.choice([each for each in site.phones if each.slots])
        slot = dice.choice(phone.slots)
        if phone.model.slots[slot].card is not None:
            phone.model.receive_sms(slot, number, dice.choice(["STOP", "stop", "Stop!"]))
            site.stopped.setdefault(number, site.clock.true_now())
            site.note("stop", phone.name, f"from ..{number[-2:]}")


async def restarts(site: RuledSite, dice: Random, end_s: float) -> None:
    """Kills at any moment, phones that reboot, and the nights of maintenance."""
    while site.loop.time() < end_s:
        await asyncio.sleep(dice.uniform(0.5, 4) * DAY_S)
        site.kill("as it happens", back_in_s=dice.choice([1.0, 60.0, 3600.0, 10 * 3600.0]))
        if dice.random() < 0.3:
            await dice.choice(site.phones).handset.reboot()


async def moves(site: RuledSite, dice: Random, end_s: float) -> None:
    """The second card of the first phone travels between two phones."""
    here, there = site.phones[0], site.phones[1]
    while site.loop.time() < end_s:
        await asyncio.sleep(dice.uniform(2, 6) * DAY_S)
        card = here.model.remove_sim(1)
        if card is None:
            raise AssertionError("the travelling card is where it was put")
        here.cards, there.cards = (here.cards[0], None), (there.cards[0], card)
        await asyncio.sleep(dice.choice([5.0, 600.0, 7200.0]))
        there.model.insert_sim(1, card)
        site.moves += 1
        site.note("move", there.name, f"card ..{card.iccid[-2:]}")
        here, there = there, here


# --- The judge ----------------------------------------------------------------------------------


def judged(site: RuledSite) -> Iterator[str]:
    """Every promise that was broken, from what the phones took."""
    yield from windows_broken(site.taken, 30, timedelta(seconds=60), lambda took: took.phone)
    yield from caps_broken(site.taken, site.plan.quota)
    for took in site.taken:
        yield from _quiet_broken(took, site)
        stopped = site.stopped.get(took.number)
        slack = timedelta(seconds=site.plan.inbound.poll_s + STOP_KNOWN_S)
        if stopped is not None and took.at > stopped + slack:
            yield f"{took.at}: to ..{took.number[-2:]}, who stopped at {stopped}"
    if site.dialogs:
        yield f"Android asked {site.dialogs} times"
    if len(site.air.messages) > len(site.taken):
        yield "more is on the air than was ever taken"


def windows_broken(
    taken: Sequence[Taken], limit: int, window: timedelta, key: Any
) -> Iterator[str]:
    """Rolling windows in which more segments were taken than may be.

    They are shorter by a millisecond: virtual seconds are floats, dates have microseconds.
    """
    groups: dict[str, list[Taken]] = defaultdict(list)
    for took in taken:
        group = groups[key(took)]
        group.append(took)
        count = sum(each.parts for each in group if each.at > took.at - window + TICK)
        if count > limit:
            yield f"{took.at}: {count} segments of {key(took)[-6:]} in {window}, at most {limit}"


def caps_broken(taken: Sequence[Taken], quota: Quota) -> Iterator[str]:
    """Quotas of a card that were exceeded, whatever phone it sat in."""
    hour = timedelta(hours=1)
    if quota.segments_per_hour:
        yield from windows_broken(taken, quota.segments_per_hour, hour, lambda took: took.iccid)
    zone, reset = ZoneInfo(quota.time_zone), int(quota.reset_time[:2])
    days: dict[tuple[str, date], list[Taken]] = defaultdict(list)
    months: dict[tuple[str, int], list[Taken]] = defaultdict(list)
    for took in taken:
        local = took.at.astimezone(zone).replace(tzinfo=None) - timedelta(hours=reset)
        days[took.iccid, local.date()].append(took)
        months[took.iccid, _month(local.date(), quota.reset_day)].append(took)
    for (iccid, day), some in days.items():
        yield from _over("segments", sum(t.parts for t in some), quota.segments_per_day, iccid, day)
        people = len({took.number for took in some})
        yield from _over("recipients", people, quota.recipients_per_day, iccid, day)
    for (iccid, month), some in months.items():
        name = f"{month // 12}-{month % 12 + 1:02d}"
        yield from _over("messages", len(some), quota.messages_per_month, iccid, name)
        people = len({took.number for took in some})
        yield from _over("recipients", people, quota.recipients_per_month, iccid, name)


def _month(day: date, reset_day: int) -> int:
    """The period that a day belongs to: it begins on the reset day, or a short month's last."""
    count = day.year * 12 + day.month - 1
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    last = (following - timedelta(days=1)).day
    return count if day.day >= min(reset_day, last) else count - 1


def _over(what: str, used: int, most: int, iccid: str, period: object) -> Iterator[str]:
    if most and used > most:
        yield f"{used} {what} of card ..{iccid[-2:]} in {period}, at most {most}"


def _quiet_broken(took: Taken, site: RuledSite) -> Iterator[str]:
    if site.classes[took.body] not in site.plan.policy.quiet_classes:
        return
    (zone,) = (zone for prefix, zone in RECIPIENTS.items() if took.number.startswith(prefix))
    clock = took.at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    policy = site.plan.policy
    if clock >= policy.quiet_from or clock < policy.quiet_until:
        yield f"{took.at}: it is {clock} in {zone}"


# --- The run ------------------------------------------------------------------------------------


def specs() -> tuple[PhoneSpec, ...]:
    """Two phones of two slots: three cards, and a slot for the one that travels."""
    first, second = make_spec(1000, api=34), make_spec(1001, api=30)
    return (
        replace(first, sims=first.sims[:2]),
        replace(second, sims=(second.sims[0], None)),
    )


def play(
    story: Callable[[RuledSite], Awaitable[None]],
    *,
    plan: Plan = PLAN,
    seed: int = 1,
    start: datetime = SPRING,
    rests: Mapping[str, float] = RESTS,
) -> Lived:
    """Let a story happen on a site, and judge it."""
    began, disk = time.process_time(), Memory()

    async def whole(loop: VirtualTimeLoop) -> Lived:
        site = RuledSite(loop, plan, disk, seed, start=start)
        site.boot()
        try:
            await story(site)
            return _sum_up(site, disk)
        finally:
            await site.close()

    loops: list[VirtualTimeLoop] = []

    def make() -> VirtualTimeLoop:
        loops.append(VirtualTimeLoop(dice=Random(seed)))
        return loops[0]

    with ExitStack() as stack:
        for name, rest_s in rests.items():
            stack.enter_context(patch(name, rest_s))
        runner = stack.enter_context(asyncio.Runner(loop_factory=make))
        runner.get_loop().set_exception_handler(lambda loop, context: None)
        lived = runner.run(whole(loops[0]))
    lived.cpu_s = time.process_time() - began
    return lived


def live(days: float, *, seed: int = 1, per_day: float = 12.0, start: datetime = SPRING) -> Lived:
    """Let a site live for so many days with everything that happens in them."""

    async def story(site: RuledSite) -> None:
        dice, end_s = Random(seed), days * DAY_S
        await site.until(60.0)
        stories = (
            traffic(site, Random(dice.getrandbits(64)), end_s, per_day),
            stops(site, Random(dice.getrandbits(64)), end_s),
            restarts(site, Random(dice.getrandbits(64)), end_s),
            moves(site, Random(dice.getrandbits(64)), end_s),
        )
        tasks = [site.start(each) for each in stories]
        await site.until(end_s)
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                site.broken.append(error)

    return play(story, plan=replace(PLAN, specs=specs()), seed=seed, start=start)


def _sum_up(site: RuledSite, disk: Memory) -> Lived:
    lived = Lived(site.loop.time() / DAY_S, taken=site.taken)
    lived.asked, lived.on_air = len(site.classes), len(site.air.messages)
    lived.restarts, lived.moves = site.crashes, site.moves
    lived.stops, lived.dialogs = len(site.stopped), site.dialogs
    lived.told.update(error or status for status, error in site.truth.told.values())
    verifier = Verifier(Pen())
    verifier.expect(disk.disk.audit.anchor)
    faults = [*verifier.check(disk.disk.audit.lines), *verifier.end(), *verifier.gaps]
    lived.audit_faults = [fault.text for fault in faults]
    for line in disk.disk.audit.lines:
        facts = line.facts()
        lived.decisions[f"{facts['what']} {facts.get('code', '')}".rstrip()] += 1
    lived.broken = [*(str(broken) or repr(broken) for broken in site.broken), *judged(site)]
    return lived


def shown(lived: Lived) -> str:
    """What a person reads."""
    lines = [
        f"{lived.days:g} days in {lived.cpu_s:.1f} s of CPU: {lived.asked} asked, "
        f"{len(lived.taken)} taken by phones, {lived.on_air} on the air",
        f"{lived.restarts} restarts, {lived.moves} moves of a card, {lived.stops} numbers stopped, "
        f"{lived.dialogs} limit dialogs",
        f"told: {dict(lived.told)}",
        f"audit: {dict(lived.decisions)}; faults: {lived.audit_faults}",
        f"{len(lived.broken)} promises broken",
        *lived.broken[:20],
    ]
    return "\n".join(lines)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="scripts/sim-months", description=__doc__)
    parser.add_argument("--days", type=float, default=61.0, help="how long (default 61)")
    parser.add_argument("--seed", type=int, default=1, help="what happens (default 1)")
    parser.add_argument("--per-day", type=float, default=12.0, help="messages (default 12)")
    parser.add_argument("--autumn", action="store_true", help="from October, not from March")
    options = parser.parse_args()
    start = AUTUMN if options.autumn else SPRING
    lived = live(options.days, seed=options.seed, per_day=options.per_day, start=start)
    print(shown(lived))
    return int(bool(lived.broken or lived.audit_faults))


if __name__ == "__main__":
    sys.exit(main())
