"""Where leases, orders and the door meet, in virtual time: nobody works while another one may."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest
from sim_disk import Memory
from sim_process import OWNER, ReachedPhone
from sim_scenario import NUMBER, QUICK, event, happened, phones, ready, told_by, until
from sim_world import Site

from droidrack.adapters.run_journal_memory import MemoryRunJournal
from droidrack.app import sending
from droidrack.app.asking import Asking
from droidrack.app.duty_lease import Lessee
from droidrack.app.handset import SUBMIT_DEADLINE_S, Handset
from droidrack.app.operating import Desk, Request
from droidrack.app.provision.leasing import LeasedAway, leased
from droidrack.app.reporting import Reporting
from droidrack.app.worker import Worker
from droidrack.core.errors import Effect, PhoneTimeout
from droidrack.core.message import Priority
from droidrack.core.provision.record import Purpose
from droidrack.core.standing import Order, OrderKind, PhoneState
from droidrack.virtual.faults import Fate, Outcome

BENCH = "bench"
BERLIN, TOKYO = "+4917139200123", "+819012345678"


def lease_phones(site: Site) -> MemoryRunJournal:
    """From now on the controller shares its phones; called before it took its first step."""
    leases = MemoryRunJournal()
    lessee = Lessee(leases, "rack", site.clock)
    object.__setattr__(site.process.world, "lessee", lessee)
    return leases


async def ask_for(site: Site, leases: MemoryRunJournal) -> str:
    """Ask for the only phone, once; who has it then."""
    device, now = site.phones[0].device, site.clock.now()
    lease = await leases.take(device, Purpose.PROVISIONING, BENCH, now=now, ttl_s=45.0)
    return lease.holder


def borrowed(site: Site, leases: MemoryRunJournal) -> AbstractAsyncContextManager[Any]:
    """The only phone in another program's hands."""
    device = site.phones[0].device
    return leased(leases, device, Purpose.PROVISIONING, BENCH, clock=site.clock, wait_s=60.0)


def worker(site: Site) -> Worker:
    """Of the only phone."""
    (only,) = site.process.rack.workers
    return only


def state(site: Site) -> PhoneState:
    """Where the only phone stands."""
    return worker(site).standing.state


def test_phone_that_was_asked_for_in_vain_works_on() -> None:
    """Who asked gave up while the last message had no verdict yet: the phone is ours again."""

    async def story(site: Site) -> None:
        leases = lease_phones(site)
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)
        site.phones[0].model.radio.faults.script(Fate(Outcome.LOST))
        await site.ask(site.phones[0], 0, NUMBER, "no verdict for long")
        await event(site, "submit")
        assert "rack" == await ask_for(site, leases)
        await asyncio.sleep(120.0)
        assert state(site) is PhoneState.READY
        await site.ask(site.phones[0], 0, f"{NUMBER[:-1]}2", "after that")
        await event(site, "air")

    told_by(story)


@pytest.mark.parametrize("kind", list(OrderKind))
def test_order_for_a_phone_that_is_lent_out_holds_once_it_is_back(kind: OrderKind) -> None:
    """It is kept at once and shows as soon as the phone works again; nobody crashes of it."""

    async def story(site: Site) -> None:
        leases = lease_phones(site)
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)
        async with borrowed(site, leases):
            await until(lambda: state(site) is PhoneState.LEASED)
            worker(site).oversight.set_order(Order(kind, "by a test"))
            assert state(site) is PhoneState.LEASED
        shown = {OrderKind.PAUSE: PhoneState.PAUSED, OrderKind.DRAIN: PhoneState.DRAINING}[kind]
        await until(lambda: state(site) is shown)
        worker(site).oversight.set_order(None)
        assert state(site) is PhoneState.READY

    told_by(story)


def test_stop_while_a_phone_is_lent_out_ends_well() -> None:
    """The controller drains all phones, also those that another program has."""

    async def story(site: Site) -> None:
        leases = lease_phones(site)
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)
        async with borrowed(site, leases):
            await until(lambda: state(site) is PhoneState.LEASED)
            mark = OWNER.set(site.process)
            try:
                await site.process.rack.drain(5.0)
            finally:
                OWNER.reset(mark)
            assert state(site) is PhoneState.LEASED

    told_by(story)


def _during_a_look(
    monkeypatch: pytest.MonkeyPatch, happen: Callable[[], Awaitable[object]]
) -> None:
    """Let something happen once while a sending room looks at its messages."""
    real = sending.what_flies

    async def looked(*given: Any) -> Any:
        found = await real(*given)
        monkeypatch.setattr(sending, "what_flies", real)
        await happen()
        return found

    monkeypatch.setattr(sending, "what_flies", looked)


def test_silence_that_begins_during_a_look_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has the phone for himself is not disturbed by the call that was about to be made."""

    async def story(site: Site) -> None:
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)
        silence = worker(site).quiet()
        _during_a_look(monkeypatch, silence.__aenter__)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await asyncio.sleep(60)
        assert 0 == happened(site, "submit")
        await silence.__aexit__(None, None, None)
        await event(site, "air")

    told_by(story)


def test_pause_that_comes_during_a_look_prevents_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last thing that is asked before a call is whether one may be made."""

    async def story(site: Site) -> None:
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)

        async def pause() -> None:
            worker(site).oversight.set_order(Order(OrderKind.PAUSE, "by a test"))

        _during_a_look(monkeypatch, pause)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await asyncio.sleep(60)
        assert 0 == happened(site, "submit")
        worker(site).oversight.set_order(None)
        await event(site, "air")

    told_by(story)


def test_silence_outlasts_a_duty_that_begins_anew() -> None:
    """Whoever has the phone for himself has it also after its cable was pulled and put back."""

    async def story(site: Site) -> None:
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)
        async with worker(site).quiet():
            await site.phones[0].handset.link.unplug()
            await until(lambda: state(site) is PhoneState.ABSENT)
            await site.phones[0].handset.link.replug()
            await until(lambda: state(site) is PhoneState.READY)
            await site.ask(site.phones[0], 0, NUMBER, "hello")
            await asyncio.sleep(60)
            assert 0 == happened(site, "submit")
        await event(site, "air")

    told_by(story)


@pytest.mark.parametrize("what", ["pause", "lend"])
def test_last_word_is_asked_after_the_phone_answered(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone that answers slowly may be paused, or another's, before the attempt is written."""
    real = Handset.watermark

    async def story(site: Site) -> None:
        leases = lease_phones(site)
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)

        async def slow(handset: Handset) -> int:
            monkeypatch.setattr(Handset, "watermark", real)
            mark = await real(handset)
            if what == "pause":
                worker(site).oversight.set_order(Order(OrderKind.PAUSE, "by a test"))
            else:  # As a host that slept: its lease ran out, and another program took the phone.
                await leases.release(site.phones[0].device, "rack")
                lessee = site.process.world.lessee
                assert lessee is not None
                await lessee.release(site.phones[0].device)
                assert BENCH == await ask_for(site, leases)
            return mark

        monkeypatch.setattr(Handset, "watermark", slow)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await asyncio.sleep(30)
        assert 0 == happened(site, "submit")
        worker(site).oversight.set_order(None)
        await leases.release(site.phones[0].device, BENCH)
        await event(site, "air")

    told_by(story)


def test_room_that_fails_lets_the_call_in_flight_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump that takes too long begins the duty anew, and puts no message in doubt."""
    real, calling = Handset.submit, asyncio.Event()

    async def slow(handset: Handset, *given: Any) -> Any:
        calling.set()
        await asyncio.sleep(5.0)
        return await real(handset, *given)

    async def failing(asking: Asking) -> None:
        await calling.wait()
        monkeypatch.undo()
        raise PhoneTimeout("phone-0: dumpsys: no end seen within 10 s", serial="phone-0")

    monkeypatch.setattr(Handset, "submit", slow)
    monkeypatch.setattr(Asking, "run", failing)

    async def story(site: Site) -> None:
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)
        uid = await site.ask(site.phones[0], 0, NUMBER, "hello")
        await event(site, "air")
        await event(site, "status")
        assert "sent" == site.disk.states()[uid][0]
        assert 1 == happened(site, "submit")

    told_by(story)


def test_verdict_of_which_nobody_tells_the_reporting_room_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cable pulled between a commit and its word to the reporting room delays it, no more."""
    monkeypatch.setattr(Reporting, "wake", lambda _: None)

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await event(site, "status")

    told_by(story)


def test_short_row_that_waits_keeps_no_long_one_from_its_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two SIMs at night, one with many messages: they are looked at, and then let alone."""
    quiet = replace(
        QUICK.policy,
        quiet_classes=(Priority.NORMAL,),
        quiet_from="20:00",
        quiet_until="22:00",
    )
    real, looks = sending.what_flies, 0

    async def counted(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        assert looks < 500, "it looks at them for ever"
        return await real(*given)

    monkeypatch.setattr(sending, "what_flies", counted)

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 1, f"{TOKYO[:-2]}99", "one of the other SIM")
        for index in range(60):
            await site.ask(site.phones[0], 0, f"{TOKYO[:-2]}{index:02}", "later")
        await asyncio.sleep(600)
        monkeypatch.setattr(sending, "what_flies", real)

    told_by(story, plan=replace(QUICK, policy=quiet), specs=phones(34))


def test_window_seen_by_the_health_room_is_the_one_that_the_door_holds_for() -> None:
    """One hold with one patience, whoever saw the window first; one alarm that begins and ends."""
    disk = Memory()

    async def story(site: Site) -> None:
        settings = site.process.world.settings
        site.process.world.adopt(replace(settings, health=replace(settings.health, read_s=2.0)))
        await ready(site)
        radio = site.phones[0].model.radio
        radio.faults.script(Fate(outcome=Outcome.DIALOG), slot=0)
        await site.ask(site.phones[0], 0, NUMBER, "behind the window")
        await until(lambda: bool(worker(site).oversight.ringing))
        await site.ask(site.phones[0], 1, f"{NUMBER[:-1]}2", "fails after the wait for a SIM")
        await event(site, "status", 2)
        radio.answer_dialog(allow=True)
        await until(lambda: not worker(site).oversight.ringing)
        await site.ask(site.phones[0], 0, f"{NUMBER[:-1]}3", "goes on")
        await event(site, "status", 3)

    site = told_by(story, disk=disk)
    assert 1 == list(site.truth.told.values()).count(("failed", "PHONE_ASKS"))
    kinds = [entry.kind for entry in disk.disk.events]
    assert (1, 1) == (kinds.count("alarm"), kinds.count("alarm-over"))
    assert "phone-asks" not in kinds


@pytest.mark.parametrize("act", ["reboot", "shell"])
def test_act_that_disturbs_a_phone_is_refused_while_it_is_lent_out(act: str) -> None:
    """Whoever provisions it would find it restarted under his hands."""

    async def story(site: Site) -> None:
        leases = lease_phones(site)
        await ready(site)
        await until(lambda: state(site) is PhoneState.READY)
        desk = Desk(site.process.world, site.process.rack)
        request = Request("me", act, {"phone": "phone-0", "command": "echo hello"})
        async with borrowed(site, leases):
            await site.phones[0].handset.link.unplug()
            await until(lambda: state(site) is PhoneState.ABSENT)  # As when its recipe restarts it.
            with pytest.raises(LeasedAway, match="leased to provisioning by bench"):
                await desk.answer(request)
        await site.phones[0].handset.link.replug()
        await until(lambda: state(site) is PhoneState.READY)
        assert "phone-0" == (await desk.answer(request))["phone"]

    told_by(story)


def test_call_that_is_lost_after_the_proof_of_its_failure_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The radio log was faster than the call's answer: the message is to be tried again already."""
    real, calls = ReachedPhone.run, 0

    async def slow(self: ReachedPhone, command: str, *, deadline_s: float, **more: Any) -> Any:
        nonlocal calls
        done = await real(self, command, deadline_s=deadline_s, **more)
        if deadline_s == SUBMIT_DEADLINE_S and "hello" in command:
            calls += 1
            if calls == 1:
                await asyncio.sleep(deadline_s)
                raise PhoneTimeout("no answer", serial=self.serial, effect=Effect.UNKNOWN)
        return done

    monkeypatch.setattr(ReachedPhone, "run", slow)

    async def story(site: Site) -> None:
        await ready(site)
        busy = Fate(Outcome.RIL_ERROR, ril_error="NO_RESOURCES")
        site.phones[0].model.radio.faults.script(busy)
        await site.ask(site.phones[0], 0, NUMBER, "hello")
        await event(site, "status")

    site = told_by(story)
    assert [("sent", "")] == list(site.truth.told.values())
    assert 2 == calls


@pytest.mark.parametrize("order", [1, -1])
def test_recipients_night_does_not_renew_the_patience_with_a_window(order: int) -> None:
    """A message that waits for the morning stands in the same row, before or behind the other."""
    quiet = replace(
        QUICK.policy, quiet_classes=(Priority.NORMAL,), quiet_from="20:00", quiet_until="22:00"
    )

    async def story(site: Site) -> None:
        await ready(site)
        radio = site.phones[0].model.radio
        radio.faults.script(Fate(outcome=Outcome.DIALOG), slot=0)
        await site.ask(site.phones[0], 0, BERLIN, "behind the window")
        await until(lambda: bool(worker(site).oversight.ringing))
        for number in (TOKYO, f"{BERLIN[:-1]}9")[::order]:
            await site.ask(site.phones[0], 1, number, "waits")
        await asyncio.sleep(QUICK.policy.sim_wait_s + 30.0)
        assert 1 == list(site.truth.told.values()).count(("failed", "PHONE_ASKS"))
        radio.answer_dialog(allow=True)

    told_by(story, plan=replace(QUICK, policy=quiet))
