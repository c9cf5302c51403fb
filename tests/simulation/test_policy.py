"""The door in a living controller: what changes between the look at a message and its call."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sim_disk import Memory
from sim_process import ReachedPhone
from sim_scenario import NUMBER, QUICK, event, happened, ready, told_by, until
from sim_world import Plan, Site

from droidrack.core.ids import Msisdn, Slot
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.message import OPEN, Priority
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.core.settings import Pacing, Quota, SlotSettings
from droidrack.virtual.timeloop import START

SENT = ("sent", "")
BERLIN, TOKYO = "+4917139200123", "+819012345678"
SPELLINGS = ("+14155550101", "4155550101")
"""One number, as the world and as the SIM's country writes it."""


def with_policy(**settings: object) -> Plan:
    """The usual site with other rules."""
    return replace(QUICK, policy=replace(QUICK.policy, **settings))  # type: ignore[arg-type]


def outcomes(site: Site) -> list[tuple[str, str]]:
    """What the panel was told last about each message, in the order of asking."""
    return [site.truth.told[uid] for uid in site.truth.uids]


def at_commit(site: Site, phase: str, unit: str, happen: Callable[[], object]) -> None:
    """Let something happen once, around the first commit that holds such a unit."""

    def watch(at: str, units: tuple[str, ...]) -> None:
        if at == phase and unit in units:
            site.before_commit = None
            happen()

    site.before_commit = watch


@pytest.mark.parametrize("phase", ["before", "after"])
def test_stop_between_the_attempt_and_the_call_prevents_the_call(phase: str) -> None:
    """The list is asked when nothing but the call is left."""
    disk = Memory()

    def opt_out() -> None:
        number = Msisdn(NUMBER)
        disk.disk.optouts[number] = OptOut(number, START, OptOutSource.STOP)

    async def story(site: Site) -> None:
        await ready(site)
        at_commit(site, phase, "attempt", opt_out)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await event(site, "status")

    site = told_by(story, disk=disk)

    assert [("failed", "OPTED_OUT")] == outcomes(site)
    assert [] == site.air.messages
    assert 0 == happened(site, "submit")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_opted_out_number_is_refused_however_it_is_written(spelling: str) -> None:
    """A national number in the SIM's country is the same recipient."""
    disk, listed = Memory(), Msisdn(SPELLINGS[0])
    disk.disk.optouts[listed] = OptOut(listed, START, OptOutSource.OPERATOR)

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 0, spelling, "hello")
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await event(site, "status", 2)

    assert [("failed", "OPTED_OUT"), SENT] == outcomes(told_by(story, disk=disk))


def test_two_spellings_of_a_recipient_are_never_in_the_air_together() -> None:
    """Their rows could not be told apart: a phone may write either spelling."""
    flying: list[int] = []

    async def story(site: Site) -> None:
        await ready(site)

        def watch(at: str, units: tuple[str, ...]) -> None:
            open_now = [r for r in site.disk.disk.records.values() if r.state in OPEN]
            flying.append(len(open_now))

        site.before_commit = watch
        for spelling in SPELLINGS * 2:
            await site.ask(site.phones[0], 0, spelling, "hello")
        await event(site, "status", 4)

    site = told_by(story, plan=replace(QUICK, pacing=Pacing(min_gap_s=0.1)))

    assert [SENT] * 4 == outcomes(site)
    assert 1 == max(flying)


def test_two_spellings_of_a_recipient_are_one_of_the_quota() -> None:
    """Over a restart, too: the journal has each number as the panel gave it."""

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 0, SPELLINGS[1], "hello")
        await event(site, "status")
        site.kill("to see what is remembered")
        await site.ask(site.phones[0], 0, SPELLINGS[0], "hello")
        await until(lambda: len(site.air.messages) == 2)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await event(site, "status", 3)

    policy = replace(QUICK.policy, quota_wait_s=60.0)
    plan = replace(QUICK, quota=Quota(recipients_per_day=1), policy=policy)

    assert [SENT, SENT, ("failed", "QUOTA_USED")] == outcomes(told_by(story, plan=plan))


def test_stop_is_read_in_the_country_that_the_door_reads_numbers_in() -> None:
    """Where the operator names the slot's country, that counts, whatever the card says."""

    async def story(site: Site) -> None:
        await ready(site)
        await asyncio.sleep(60)  # The first look at the inbox: what is there already asks nothing.
        site.phones[0].model.receive_sms(0, "017139200123", "STOP")
        await asyncio.sleep(60)
        await site.ask(site.phones[0], 0, BERLIN, "hello")
        await event(site, "status")

    slots = tuple(SlotSettings(Slot(place), f"line {place}", "DE") for place in (0, 1))
    plan = replace(QUICK, slots=slots, inbound=InboundSettings(poll_s=10.0))

    assert [("failed", "OPTED_OUT")] == outcomes(told_by(story, plan=plan))


def test_one_text_confirms_a_stop_and_no_second() -> None:
    """The allowance is taken in the journal before the call."""
    disk = Memory()

    async def story(site: Site) -> None:
        await ready(site)
        stopped = OptOut(Msisdn(NUMBER), site.clock.now(), OptOutSource.STOP)
        disk.disk.optouts[Msisdn(NUMBER)] = stopped
        for text in ("you will hear no more", "but look at this"):
            await site.ask(site.phones[0], 0, NUMBER, text)
        await event(site, "status", 2)

    site = told_by(story, disk=disk, plan=with_policy(optout_confirm_s=300.0))

    assert [SENT, ("failed", "OPTED_OUT")] == outcomes(site)
    assert 1 == len(site.air.messages)


def test_nothing_old_is_sent_after_a_thaw() -> None:
    """The controller stood still for hours when the attempt was on disk and the call was not."""

    async def story(site: Site) -> None:
        await ready(site)
        at_commit(site, "after", "attempt", lambda: site.turn_clock(timedelta(hours=5)))
        await site.ask(site.phones[0], 0, NUMBER, "your code is 123456")
        await event(site, "status")

    site = told_by(story, plan=with_policy(message_ttl_s=600.0))

    assert [("failed", "EXPIRED")] == outcomes(site)
    assert [] == site.air.messages


def test_phone_that_was_away_for_hours_sends_nothing_old() -> None:
    """Each class has its own time."""

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 0, NUMBER, "first")
        await event(site, "status")
        for word in ("high", "normal"):
            await site.ask(site.phones[0], 0, f"{NUMBER[:-1]}{len(word)}", word, priority=word)
        await asyncio.sleep(20)  # They are in the journal, and wait for their pace.
        assert 1 == happened(site, "submit")
        await site.phones[0].handset.link.unplug()
        await asyncio.sleep(2 * 3600)
        await site.phones[0].handset.link.replug()

    slow = replace(with_policy(high_ttl_s=600.0), pacing=Pacing(min_gap_s=120.0))
    site = told_by(story, plan=slow)

    assert [SENT, ("failed", "EXPIRED"), SENT] == outcomes(site)


def test_quiet_hours_hold_what_can_wait_and_hide_nothing_behind() -> None:
    """It is 21:00 in Tokyo and 13:00 in Berlin: sixty texts wait there, one goes here at once."""
    quiet = with_policy(
        quiet_classes=(Priority.NORMAL, Priority.LOW), quiet_from="20:00", quiet_until="22:00"
    )
    quick = replace(quiet, pacing=Pacing(min_gap_s=0.1, window_segments=25))
    seen: list[float] = []

    async def story(site: Site) -> None:
        await ready(site)
        for index in range(60):
            await site.ask(site.phones[0], 0, f"{TOKYO[:-2]}{index:02}", "later")
        await site.ask(site.phones[0], 0, BERLIN, "now")
        await event(site, "air")
        seen.append(site.loop.time())
        await site.ask(site.phones[0], 0, f"{TOKYO[:-2]}99", "a code", priority="high")
        await event(site, "air", 2)
        seen.append(site.loop.time())

    site = told_by(story, plan=quick)

    assert seen[1] < 120
    over_s = timedelta(hours=1).total_seconds()  # 22:00 in Tokyo is 13:00 UTC.
    late = [line[0] for line in site.score.lines if line[1] == "air"][2:]
    assert len(late) == 60
    assert over_s <= min(late)
    assert max(late) < over_s + 900
    assert {SENT} == set(outcomes(site))


def _sent_in(bad: int, count: list[int], monkeypatch: pytest.MonkeyPatch) -> float:
    """Virtual seconds until twenty good messages were on the air, beside so many bad ones each."""
    real = ReachedPhone.run
    done: list[float] = []

    async def counted(self: ReachedPhone, command: str, **more: object) -> object:
        count[0] += 1
        return await real(self, command, **more)  # type: ignore[arg-type]

    async def story(site: Site) -> None:
        await ready(site)
        began, count[0] = site.loop.time(), 0
        for index in range(20):
            for place in range(bad):
                wrong = ("12-34", "+99912345", "12", "112", "*21#")[(index + place) % 5]
                await site.ask(site.phones[0], 0, wrong, f"bad {index} {place}")
            await site.ask(site.phones[0], 0, f"{NUMBER[:-2]}{index:02d}", f"good {index}")
        await event(site, "air", 20)
        done.append(site.loop.time() - began)

    with monkeypatch.context() as patched:
        patched.setattr(ReachedPhone, "run", counted)
        site = told_by(story)
    assert outcomes(site).count(SENT) == 20
    assert len(site.air.messages) == 20
    return done[0]


def test_half_a_queue_of_bad_numbers_costs_the_good_ones_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither time nor a place in the pace nor a command on the phone."""
    count = [0]
    alone_s, alone = _sent_in(0, count, monkeypatch), count[0]
    beside_s, beside = _sent_in(1, count, monkeypatch), count[0]
    flooded_s, flooded = _sent_in(6, count, monkeypatch), count[0]

    assert beside_s <= 1.05 * alone_s
    assert beside <= 1.05 * alone
    assert flooded_s <= 1.05 * alone_s
    assert flooded <= 1.05 * alone
