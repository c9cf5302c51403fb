"""Limits in a whole site: windows on the screen, quotas, fairness, and the phone's own guard."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sim_scenario import NUMBER, QUICK, event, happened, phones, ready, told_by, until
from sim_world import Site

from droidrack.app.rows import RowWitness
from droidrack.core.settings import PaceWindow, Pacing, Per, Policy, Quota
from droidrack.virtual.faults import Fate, Outcome

SENT = ("sent", "")
WITNESS_KEEPS = ("_claimed", "_rows", "_next_asked", "_row_looks", "_rowless")
BRISK = Pacing(min_gap_s=0.2)
PATIENT = replace(QUICK.policy, sim_wait_s=3600.0)


def outcomes(site: Site) -> list[tuple[str, str]]:
    """What the panel was told last about each message, in the order of asking."""
    return [site.truth.told[uid] for uid in site.truth.uids]


async def ask(site: Site, count: int, *, slot: int = 0, first: int = 0, **more: str) -> list[str]:
    """Queue so many messages to different numbers; their uids."""
    numbers = [f"{NUMBER[:-3]}{first + index:03d}" for index in range(count)]
    body = more.pop("body", "hello")
    return [await site.ask(site.phones[0], slot, number, body, **more) for number in numbers]


def told(site: Site, what: str) -> int:
    """How often the operator's log said something."""
    return sum(line[1] == "told" and what in line[3] for line in site.score.lines)


# --- A window on the screen -------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Outcome.DIALOG, Outcome.PROMPT])
@pytest.mark.parametrize("api", [28, 34])
def test_window_on_the_screen_holds_the_phone_until_a_person_answered(
    outcome: Outcome, api: int
) -> None:
    """Nothing is sent meanwhile, nobody but the person answers, and then everything goes on."""

    async def story(site: Site) -> None:
        await ready(site)
        radio = site.phones[0].model.radio
        radio.faults.script(Fate(outcome=outcome), slot=0)
        await ask(site, 1)
        await until(lambda: told(site, "phone asks") > 0)
        taken = happened(site, "submit")
        await ask(site, 2, slot=1, first=10)
        await ask(site, 2, first=20)
        await asyncio.sleep(900)
        assert taken == happened(site, "submit") == 1
        assert 1 == len(radio.dialogs)
        radio.answer_dialog(allow=True)
        await until(lambda: told(site, "phone answered") > 0)

    site = told_by(story, specs=phones(api), plan=replace(QUICK, pacing=BRISK, policy=PATIENT))
    assert [SENT] * 5 == outcomes(site)
    assert told(site, "SIM held") == told(site, "SIM released") > 0


def test_window_that_nobody_answers_fails_what_waits_with_its_code() -> None:
    """After the wait for a SIM: certainly not sent, and the panel knows why."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.radio.faults.script(Fate(outcome=Outcome.DIALOG), slot=0)
        await ask(site, 1)
        await until(lambda: told(site, "phone asks") > 0)
        await ask(site, 2, slot=1, first=10)

    site = told_by(story, plan=replace(QUICK, pacing=BRISK))
    assert [("failed", "OUTCOME_UNKNOWN"), *[("failed", "PHONE_ASKS")] * 2] == outcomes(site)
    assert 1 == happened(site, "submit")


def test_slow_message_without_a_window_holds_nobody() -> None:
    """A look at the screen that shows nothing changes nothing."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.radio.faults.script(Fate(latency_s=40.0), slot=0)
        await ask(site, 1)
        await ask(site, 3, slot=1, first=10)

    site = told_by(story, plan=replace(QUICK, pacing=BRISK))
    assert [SENT] * 4 == outcomes(site)
    assert 0 == told(site, "phone asks")


# --- Android's own limit ----------------------------------------------------------------------


def test_full_allowance_for_two_hours_shows_no_dialog(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's own window at its default, both SIMs, long and short texts: nobody is asked.

    And the books about rows do not grow with what was sent.
    """
    witnesses: list[RowWitness] = []
    recall = RowWitness.recall

    def seen(witness: RowWitness, *known: Any) -> None:
        witnesses.append(witness)
        recall(witness, *known)

    monkeypatch.setattr(RowWitness, "recall", seen)

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 400, slot=0)
        await ask(site, 150, slot=1, first=500, body="x" * 700)
        radio = site.phones[0].model.radio
        start = site.loop.time()
        while site.loop.time() - start < 2 * 3600.0:
            assert [] == radio.dialogs
            await asyncio.sleep(1.0)
        await ask(site, 2, first=900)
        await until(lambda: len(site.truth.told) == 552)
        (witness,) = witnesses
        kept = [len(getattr(witness, name)) for name in WITNESS_KEEPS]
        assert max(kept) <= 2, f"a long life keeps what is over: {kept}"

    plan = replace(QUICK, pacing=Pacing(min_gap_s=0.0), policy=PATIENT)
    site = told_by(story, plan=plan, end_s=5 * 3600.0)
    assert {SENT} == set(outcomes(site))


def test_phone_with_a_lower_limit_of_its_own_is_never_made_to_ask() -> None:
    """Its settings are read; five at a time, in two minutes, is what it gets."""

    async def story(site: Site) -> None:
        model = site.phones[0].model
        model.settings.put("global", "sms_outgoing_check_max_count", "5")
        model.settings.put("global", "sms_outgoing_check_interval_ms", "120000")
        await model.restart_phone_process()
        await ready(site)
        (long,) = await ask(site, 1, body="x" * 900)
        await ask(site, 12, first=10)
        await until(lambda: long in site.truth.told)
        assert ("failed", "TOO_MANY_SEGMENTS") == site.truth.told[long]
        await asyncio.sleep(600)
        assert [] == model.radio.dialogs

    plan = replace(QUICK, pacing=BRISK, policy=PATIENT)
    site = told_by(story, plan=plan)
    assert [SENT] * 12 == outcomes(site)[1:]


# --- Quotas -----------------------------------------------------------------------------------


def test_quota_holds_its_sim_alone_until_the_next_day() -> None:
    """The other SIM goes on; no message changes SIMs, none fails, and a restart forgets nothing."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 5, slot=0)
        await ask(site, 3, slot=1, first=10)
        await until(lambda: len(site.air.messages) == 6)
        await asyncio.sleep(60)
        site.kill("to see what is remembered")
        await asyncio.sleep(600)
        assert [3, 3] == [sum(m.slot == slot for m in site.air.messages) for slot in (0, 1)]
        site.turn_clock(timedelta(hours=3))  # A day that begins by a wrong clock is none.
        await asyncio.sleep(600)
        assert 6 == len(site.air.messages)
        site.turn_clock(timedelta())
        await until(lambda: len(site.air.messages) == 8)
        assert site.clock.true_now().hour == 13

    quota = Quota(segments_per_day=3, reset_time="14:00", time_zone="Europe/Berlin")
    site = told_by(story, plan=replace(QUICK, pacing=BRISK, quota=quota))
    assert [SENT] * 8 == outcomes(site)
    assert told(site, "SIM held") > 0


def test_quota_wait_of_the_site_fails_what_waits_longer() -> None:
    """Where the site says so, and only then."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 2)

    policy = replace(QUICK.policy, quota_wait_s=300.0)
    plan = replace(QUICK, quota=Quota(messages_per_month=1), policy=policy)
    assert [SENT, ("failed", "QUOTA_USED")] == outcomes(told_by(story, plan=plan))


def test_quota_does_not_keep_a_message_from_expiring() -> None:
    """What waits too long for its quota is never flushed later."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 2)

    policy = Policy(message_ttl_s=600.0, confirm_deadline_s=60.0)
    plan = replace(QUICK, quota=Quota(segments_per_hour=1), policy=policy)
    assert [SENT, ("failed", "EXPIRED")] == outcomes(told_by(story, plan=plan))


def test_window_of_a_card_goes_with_it_to_another_phone() -> None:
    """Swapped into a fresh phone, a card has no fresh window."""

    async def story(site: Site) -> None:
        await ready(site)
        one, other = (phone.model for phone in site.phones)
        await ask(site, 3)
        await until(lambda: len(site.air.messages) == 3)
        card = one.slots[0].card
        for model in (one, other):
            model.remove_sim(0)
        other.insert_sim(0, card)
        await asyncio.sleep(120)

    window = PaceWindow(3, 3600.0, Per.SIM)
    plan = replace(QUICK, pacing=replace(BRISK, window=(window,)))
    assert [SENT] * 3 == outcomes(told_by(story, specs=phones(34, 34), plan=plan))


# --- Fairness ---------------------------------------------------------------------------------


def test_busy_sim_does_not_starve_the_other_one() -> None:
    """Two hundred urgent ones on one SIM: ten on the other are out after twenty turns."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 200, slot=0, priority="high")
        await ask(site, 10, slot=1, first=500, priority="low")
        await until(lambda: len(site.air.messages) >= 60)
        assert 10 == sum(message.slot == 1 for message in site.air.messages)

    site = told_by(story, plan=replace(QUICK, pacing=Pacing(min_gap_s=1.0), policy=PATIENT))
    assert {SENT} == set(outcomes(site))


def test_priority_goes_first_within_a_sim_and_skips_no_quota() -> None:
    """The urgent one overtakes what waits; once the quota is used it waits, too."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 5, priority="low")
        await event(site, "submit")
        (urgent,) = await ask(site, 1, first=50, priority="high")
        await until(lambda: len(site.air.messages) == 4)
        assert any(message.number.endswith("050") for message in site.air.messages[:3])
        (late,) = await ask(site, 1, first=60, priority="high")
        await asyncio.sleep(600)
        assert 4 == len(site.air.messages)
        assert urgent in site.truth.told
        assert late not in site.truth.told

    plan = replace(QUICK, pacing=Pacing(min_gap_s=10.0), quota=Quota(segments_per_hour=4))
    site = told_by(story, plan=plan)
    assert [SENT] * 7 == outcomes(site)
