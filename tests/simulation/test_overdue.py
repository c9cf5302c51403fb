"""What comes due while a phone is away or may not send is settled and told without it."""

import asyncio
from dataclasses import replace

import pytest
from sim_scenario import NUMBER, QUICK, event, happened, ready, told_by, until
from sim_world import Site

from droidrack.core.standing import Order, OrderKind
from droidrack.virtual.faults import Fate, Outcome

TTL_S = 1800.0
SOON_S = 60.0
SHORT_LIVED = replace(QUICK, policy=replace(QUICK.policy, message_ttl_s=TTL_S))

SENT, EXPIRED = ("sent", ""), ("failed", "EXPIRED")
UNKNOWN = ("failed", "OUTCOME_UNKNOWN")


async def one_flies_one_waits(site: Site, fate: Fate) -> tuple[str, str]:
    """Two messages to one number: the second one waits for the verdict of the first."""
    await ready(site)
    phone = site.phones[0]
    phone.model.radio.faults.script(fate)
    flying = await site.ask(phone, 0, NUMBER, "in flight")
    await event(site, "submit")
    waiting = await site.ask(phone, 0, NUMBER, "waits")
    await until(lambda: waiting in site.disk.states())
    return flying, waiting


def test_message_that_waits_for_an_absent_phone_expires_and_is_told() -> None:
    """What flew keeps its attempt open, and the phone's own records tell when it is back."""
    uids: list[str] = []

    async def story(site: Site) -> None:
        flying, waiting = await one_flies_one_waits(site, Fate(silent=True, row_delay_s=30.0))
        uids.extend((flying, waiting))
        await site.phones[0].handset.link.unplug()
        await asyncio.sleep(TTL_S - SOON_S)
        assert {} == site.truth.told
        await asyncio.sleep(2 * SOON_S)
        assert {waiting: EXPIRED} == site.truth.told
        await asyncio.sleep(24 * 3600.0)
        assert "submitted" == site.disk.states()[flying][0]
        await site.phones[0].handset.link.replug()

    site = told_by(story, plan=SHORT_LIVED, end_s=48 * 3600.0)
    assert [SENT, EXPIRED] == [site.truth.told[uid] for uid in uids]
    assert 1 == happened(site, "submit")


def test_message_that_waits_for_a_paused_phone_expires_and_is_told() -> None:
    """The phone is there and must not be asked for anything."""

    async def story(site: Site) -> None:
        _, waiting = await one_flies_one_waits(site, Fate(silent=True, row_delay_s=30.0))
        oversight = site.process.rack.workers[0].oversight
        oversight.set_order(Order(OrderKind.PAUSE, "by a test"))
        await asyncio.sleep(TTL_S + SOON_S)
        assert EXPIRED == site.truth.told[waiting]
        oversight.set_order(None)

    site = told_by(story, plan=SHORT_LIVED)
    assert 1 == happened(site, "submit")


@pytest.mark.parametrize("back_s", [600.0, 24 * 3600.0])
def test_doubt_about_an_absent_phone_is_told_after_its_hold(back_s: float) -> None:
    """Once, and the message is not sent again when the phone is back."""

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        phone.model.radio.faults.script(Fate(outcome=Outcome.LOST))
        uid = await site.ask(phone, 0, NUMBER, "lost")
        await until(lambda: site.disk.states().get(uid, ("",))[0] == "unknown")
        assert {} == site.truth.told
        await phone.handset.link.unplug()
        await asyncio.sleep(QUICK.policy.unknown_hold_s + SOON_S)
        assert {uid: UNKNOWN} == site.truth.told
        await asyncio.sleep(back_s)
        await phone.handset.link.replug()
        await asyncio.sleep(SOON_S)

    site = told_by(story, end_s=48 * 3600.0)
    assert [UNKNOWN] == list(site.truth.told.values())
    assert 1 == happened(site, "status") == happened(site, "submit")


def test_doubt_that_was_told_while_the_phone_was_away_is_corrected_by_its_records() -> None:
    """Its row came after the deadline, and is found when the phone is back."""

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        phone.model.radio.faults.script(Fate(silent=True, row_delay_s=300.0))
        uid = await site.ask(phone, 0, NUMBER, "late")
        await until(lambda: site.disk.states().get(uid, ("",))[0] == "unknown")
        await phone.handset.link.unplug()
        await asyncio.sleep(QUICK.policy.unknown_hold_s + SOON_S)
        assert {uid: UNKNOWN} == site.truth.told
        await asyncio.sleep(3600.0)
        await phone.handset.link.replug()
        await until(lambda: site.truth.told[uid] == SENT)

    site = told_by(story, end_s=48 * 3600.0)
    assert 1 == happened(site, "submit")
