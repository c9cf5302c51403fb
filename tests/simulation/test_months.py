"""The rules of the door over weeks, judged by what the phones took and what is on the air."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sim_disk import Memory
from sim_months import PLAN, SPRING, RuledSite, live, play
from sim_scenario import QUICK, event, happened, phones, ready, told_by, until
from sim_world import Site

from droidrack.core import door
from droidrack.core.case import Rule
from droidrack.core.ids import Msisdn
from droidrack.core.message import Priority
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.core.settings import Pacing, Policy

EUROPE_FALLS_BACK = datetime(2026, 10, 23, 12, 0, tzinfo=UTC)
NUMBER = "+12125550100"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("start", "days"),
    [(SPRING, 7), (datetime(2026, 3, 27, 12, 0, tzinfo=UTC), 5), (EUROPE_FALLS_BACK, 10)],
    ids=["US spring", "Europe's spring", "both autumns"],
)
def test_weeks_over_a_change_of_clocks_break_no_rule(start: datetime, days: int) -> None:
    """No cap, no quiet hour and no opt-out is broken over DST, restarts and moving cards."""
    lived = live(days, start=start, per_day=14)

    assert [] == lived.broken
    assert [] == lived.audit_faults
    assert len(lived.taken) >= lived.on_air > 3 * days
    assert min(lived.restarts, lived.moves, lived.stops) > 0
    assert {"hold QUOTA_USED", "hold QUIET_HOURS"} <= lived.decisions.keys()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("rule", "said"),
    [(Rule.QUIET_HOURS, "it is "), (Rule.QUOTA, "at most"), (Rule.OPT_OUT, "who stopped")],
)
def test_judge_finds_a_rule_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, rule: Rule, said: str
) -> None:
    """A door without one of its rules is caught by the ground truth."""
    fewer = tuple(each for each in door.RULES if each[0] is not rule)
    monkeypatch.setattr(door, "RULES", fewer)

    lived = live(9, per_day=14)

    assert any(said in broken for broken in lived.broken)


@pytest.mark.timeout(600)
def test_two_hours_at_the_full_allowance_show_no_limit_dialog() -> None:
    """As fast as Android permits, with texts of all lengths on both SIMs: it never asks."""
    count = 720
    plan = replace(
        PLAN,
        specs=phones(33),
        pacing=Pacing(min_gap_s=0.0, window_segments=30),
        policy=replace(PLAN.policy, quiet_classes=(), low_ttl_s=0.0),
        quota=replace(
            PLAN.quota,
            segments_per_hour=0,
            segments_per_day=0,
            messages_per_month=0,
            recipients_per_day=0,
            recipients_per_month=0,
        ),
        intervals=replace(PLAN.intervals, poll_s=60.0),
    )

    async def story(site: RuledSite) -> None:
        await site.until(60.0)
        for index in range(count):
            body = f"{index:05d} " + "x" * (index % 5 * 170)
            site.classes[body] = Priority.NORMAL
            number = f"{NUMBER[:-2]}{index % 90 + 10}"
            site.start(site.ask(site.phones[0], index % 2, number, body))
        await site.until(60.0 + 2 * 3600.0)

    lived = play(story, plan=plan)

    assert [] == lived.broken
    assert 0 == lived.dialogs
    began, end = lived.taken[0].at, lived.taken[0].at + timedelta(hours=1)
    in_an_hour = sum(took.parts for took in lived.taken if began <= took.at < end)
    assert 0.9 * 30 * 60 < in_an_hour <= 30 * 60


def finished_after_s(bad: int) -> float:
    """Seconds until thirty good messages are told sent, among so many with bad numbers."""
    ends: list[float] = []

    async def story(site: Site) -> None:
        await ready(site)
        began = site.loop.time()
        for index in range(30):
            for wrong in range(bad):
                site.start(site.ask(site.phones[0], 0, f"12{wrong}abc", f"bad {index}"))
            number = f"{NUMBER[:-2]}{index + 10}"
            site.start(site.ask(site.phones[0], 0, number, f"good {index}"))
        await until(
            lambda: sum(status == ("sent", "") for status in site.truth.told.values()) == 30
        )
        ends.append(site.loop.time() - began)

    told_by(story)
    return ends[0]


def test_bad_numbers_cost_the_good_ones_no_time() -> None:
    """Half the queue bad: the good ones' throughput stays within 5 %."""
    assert finished_after_s(1) <= 1.05 * finished_after_s(0)


# --- A STOP on its way --------------------------------------------------------------------------


HURRY = replace(
    QUICK,
    policy=Policy(confirm_deadline_s=60.0, unknown_hold_s=60.0, sim_wait_s=60.0),
    pacing=Pacing(min_gap_s=120.0),
)


def outcomes(site: Site) -> Counter[tuple[str, str]]:
    """What the panel was told."""
    return Counter(site.truth.told.values())


def test_stop_between_lease_and_send_prevents_the_send() -> None:
    """A text that is leased and waits for its pace is kept back by the recipient's STOP."""
    disk = Memory()

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        await site.ask(phone, 0, "+12125550101", "to another one first")
        await event(site, "submit")
        await site.ask(phone, 0, NUMBER, "too late")
        await until(lambda: len(disk.states()) == 2)
        phone.model.receive_sms(0, NUMBER, "STOP")
        await event(site, "status", 2)

    site = told_by(story, plan=HURRY, disk=disk)

    assert {("sent", ""): 1, ("failed", "OPTED_OUT"): 1} == outcomes(site)
    assert [] == [message for message in site.air.messages if message.number == NUMBER]
    refused = [line.facts() for line in disk.disk.audit.lines if line.facts()["what"] == "refuse"]
    assert ["OPTED_OUT"] == [facts["code"] for facts in refused]


@pytest.mark.parametrize("offset_s", [0.0, 60.0, 119.0, 119.99])
def test_number_taken_onto_the_list_until_just_before_the_call_is_not_called(
    offset_s: float,
) -> None:
    """However late: while the message waits for its pace, the list decides."""
    disk = Memory()

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        await site.ask(phone, 0, "+12125550101", "to another one first")
        await until(lambda: happened(site, "submit") == 1, 0.001)
        site.start(site.ask(phone, 0, NUMBER, "too late"))
        await asyncio.sleep(offset_s)
        assert site.process is not None
        entry = OptOut(Msisdn(NUMBER), site.clock.now(), OptOutSource.OPERATOR)
        await site.process.journal.optouts.add([entry])
        await event(site, "status", 2)

    site = told_by(story, plan=HURRY, disk=disk)

    assert {("sent", ""): 1, ("failed", "OPTED_OUT"): 1} == outcomes(site)
    assert ["+12125550101"] == [message.number for message in site.air.messages]
