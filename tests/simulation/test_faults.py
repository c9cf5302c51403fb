"""The numbered faults of the catalogue in docs/simulation.md, each with its only right outcome."""

import asyncio
import errno
from dataclasses import replace
from datetime import timedelta

import pytest
from sim_process import Process
from sim_scenario import NUMBER, QUICK, event, happened, phones, ready, told_by, until
from sim_world import Site

from droidrack.core.errors import JournalBusy
from droidrack.core.settings import Pacing, Policy
from droidrack.virtual.faults import Fate, Outcome, Row
from droidrack.virtual.panel.faults import Fault, FaultKind
from droidrack.virtual.panel.queue import Reading
from droidrack.virtual.sim_slots import ServiceState

UNKNOWN = ("failed", "OUTCOME_UNKNOWN")
SENT = ("sent", "")


def outcomes(site: Site) -> list[tuple[str, str]]:
    """What the panel was told last about each message, in the order of asking."""
    return [site.truth.told[uid] for uid in site.truth.uids]


async def ask(site: Site, count: int = 1, *, phone: int = 0, slot: int = 0, **more: str) -> None:
    """Queue so many messages to different numbers."""
    for index in range(count):
        number = f"{NUMBER[:-2]}{index:02d}"
        await site.ask(site.phones[phone], slot, number, f"text {index}", **more)


async def one_message(site: Site) -> None:
    """The plainest story."""
    await ready(site)
    await ask(site)
    await event(site, "status")


def once_or_unknown(site: Site) -> None:
    """One SMS told sent; or none, because the kill came between the intent and the call."""
    assert outcomes(site) == [SENT] * len(site.air.messages) or (
        [UNKNOWN] == outcomes(site) and len(site.air.messages) <= 1
    )


@pytest.mark.parametrize("phase", ["before", "after"])
def test_fault_01_kill_at_every_commit_sends_once(phase: str) -> None:
    """A kill around any commit of a message's life leaves one SMS and the truth."""
    commits = told_by(one_message).commits

    for place in range(1, commits + 1):

        async def story(site: Site, place: int = place) -> None:
            seen = 0

            def strike(at: str, units: tuple[str, ...]) -> None:
                nonlocal seen
                seen += at == phase
                if at == phase and seen == place:
                    site.kill(f"{phase} commit {place}")
                    site.mint_again()  # It may have been pairing: its token may be spent.

            site.before_commit = strike
            await one_message(site)

        once_or_unknown(told_by(story))


def test_fault_01_kill_between_any_two_turns_sends_once() -> None:
    """A kill at any turn from the offer to the report leaves one SMS and the truth."""
    for turns in range(0, 120, 2):

        async def story(site: Site, turns: int = turns) -> None:
            await ready(site)
            await ask(site)
            await event(site, "commit", happened(site, "commit") + 1)
            site.fuse = turns
            await event(site, "status")

        once_or_unknown(told_by(story, seed=turns))


def test_fault_02_kills_while_recovering_change_nothing() -> None:
    """Three kills in a row, each within the recovery of the one before, are like one."""
    for turns in range(0, 60, 3):

        async def story(site: Site, turns: int = turns) -> None:
            await ready(site)
            await ask(site)
            await event(site, "submit")
            site.kill("first")
            for crash in range(2, 4):
                await event(site, "crash", crash - 1)
                await asyncio.sleep(1.5)
                site.fuse = turns
                await asyncio.sleep(3)
            await event(site, "status")

        once_or_unknown(told_by(story, seed=turns))


def test_fault_03_stop_ends_calls_and_starts_none() -> None:
    """A drain is over within its time, and what waits is sent by the next life."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 5)
        await event(site, "submit")
        assert site.process is not None
        began = site.loop.time()
        await site.process.rack.drain(8.0)
        assert site.loop.time() - began < 10.0
        before = happened(site, "submit")
        await asyncio.sleep(30)
        assert before == happened(site, "submit")
        site.kill("stopped")

    assert [SENT] * 5 == outcomes(told_by(story))


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_fault_05_06_disk_that_fails_stops_sending_and_heals(code: int) -> None:
    """No message goes out whose intent cannot be written; the same process goes on later."""

    async def story(site: Site) -> None:
        await ready(site)

        def failing(phase: str, units: tuple[str, ...]) -> None:
            if phase == "before":
                raise OSError(code, "the disk")

        site.before_commit = failing
        await ask(site, 3)
        await asyncio.sleep(300)
        assert 0 == happened(site, "submit")
        assert any("journal lost" in line[3] for line in site.score.lines)
        site.before_commit = None

    site = told_by(story)
    assert [SENT] * 3 == outcomes(site)
    assert 0 == site.crashes


def test_fault_09_second_controller_refuses() -> None:
    """Two controllers on one journal: the second says so and ends, the first never notices."""

    async def story(site: Site) -> None:
        await ready(site)
        second = Process(site)
        second.start()
        assert second.main is not None
        await asyncio.wait({second.main})
        assert isinstance(second.main.exception(), JournalBusy)
        await ask(site)

    assert [SENT] == outcomes(told_by(story))


@pytest.mark.parametrize("hours", [1, -1, 24, -24, -24 * 20000])
@pytest.mark.parametrize("replug", [False, True])
def test_fault_10_clock_jump_makes_no_burst_and_no_stall(hours: int, replug: bool) -> None:
    """The pace is kept by ages, also over a plugging-in, and nobody waits for the clock."""
    plan = replace(QUICK, pacing=Pacing(min_gap_s=0.1, window_segments=5))

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 8)
        await event(site, "air", 4)
        site.turn_clock(timedelta(hours=hours))
        if replug:
            await site.phones[0].handset.link.unplug()
            await site.phones[0].handset.link.replug()
        began = site.loop.time()
        await event(site, "air", 8)
        assert site.loop.time() - began < 130

    assert [SENT] * 8 == outcomes(told_by(story, plan=plan))


def test_fault_10_clock_jump_between_a_kill_and_the_phones_return_opens_no_window() -> None:
    """What the last life sent is taken up at once, not when the phone is back after the jump."""
    plan = replace(QUICK, pacing=Pacing(min_gap_s=0.1, window_segments=5))

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 8)
        await event(site, "air", 4)
        await site.phones[0].handset.link.unplug()
        site.kill("while the phone is away")
        await asyncio.sleep(5.0)
        site.turn_clock(timedelta(hours=1))
        await site.phones[0].handset.link.replug()
        await event(site, "air", 8)

    assert 8 == len(told_by(story, plan=plan).air.messages)


@pytest.mark.parametrize("days", [-12000, 3000])
def test_fault_11_phone_clock_wrong_by_years_changes_nothing(days: int) -> None:
    """Rows are matched by their ids."""

    async def story(site: Site) -> None:
        site.phones[0].model.clock_skew = timedelta(days=days)
        site.phones[0].model.logs.silenced.add("radio")
        await ready(site)
        await ask(site, 2)

    assert [SENT] * 2 == outcomes(told_by(story))


def test_fault_12_adb_server_dies_in_every_call() -> None:
    """What was in flight is reconciled, what was not is sent, once each."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 6)
        for number in range(1, 5):
            await event(site, "submit", number)
            site.bus.stop_server()
            await asyncio.sleep(3)
            site.bus.start_server()

    site = told_by(story, specs=phones(34, 30))
    assert [SENT] * 6 == outcomes(site)


@pytest.mark.parametrize("after", ["open", "executed"])
def test_fault_13_answer_lost_after_the_request_is_never_repeated(after: str) -> None:
    """A cut answer is ambiguous: sent once if it ran, unknown if it did not, never again."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].handset.link.cut_next(after, match="service call isms")
        await ask(site)

    site = told_by(story)
    assert [SENT if after == "executed" else UNKNOWN] == outcomes(site)
    assert happened(site, "submit") == len(site.air.messages) == int(after == "executed")


def test_fault_13_command_executed_after_its_time_out_is_not_repeated() -> None:
    """The caller gave up, the phone thawed and sent: one SMS, told sent."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].handset.link.latency_s = 32.0
        await ask(site)
        await asyncio.sleep(70)
        site.phones[0].handset.link.latency_s = 0.0

    site = told_by(story)
    assert len(site.air.messages) <= 1


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.4, 2.0, 6.0])
def test_fault_14_unplugged_at_any_moment_sends_once(delay_s: float) -> None:
    """Before the write it waits, after it its outcome is looked for when the phone is back."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site)
        await event(site, "commit", happened(site, "commit") + 1)
        await asyncio.sleep(delay_s)
        await site.phones[0].handset.link.unplug()
        await asyncio.sleep(20)
        await site.phones[0].handset.link.replug()

    site = told_by(story)
    assert [SENT] == outcomes(site)


def test_fault_14_flapping_cable_sends_once() -> None:
    """Every two seconds in and out."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 4)
        for _ in range(20):
            await site.phones[0].handset.link.unplug()
            await asyncio.sleep(2)
            await site.phones[0].handset.link.replug()
            await asyncio.sleep(2)

    site = told_by(story)
    assert len(site.air.messages) <= 4


@pytest.mark.parametrize("how", ["deny", "silence"])
def test_fault_15_unusable_phone_sends_nothing_until_it_is_usable(how: str) -> None:
    """Unauthorised or offline: messages wait, and go out later."""

    async def story(site: Site) -> None:
        await ready(site)
        link = site.phones[0].handset.link
        await (link.deny() if how == "deny" else link.silence())
        await ask(site, 2)
        await asyncio.sleep(120)
        assert 0 == happened(site, "submit")
        await (link.allow() if how == "deny" else link.silence(silent=False))

    assert [SENT] * 2 == outcomes(told_by(story))


@pytest.mark.parametrize("delay_s", [0.01, 0.3, 0.9])
def test_fault_16_reboot_in_the_middle_of_a_send_is_not_repeated(delay_s: float) -> None:
    """Sent if its row is there, unknown if not: never a second call."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.radio.faults.script(Fate(latency_s=0.8))
        await ask(site)
        await event(site, "submit")
        await asyncio.sleep(delay_s)
        site.phones[0].handset.begin_reboot()

    site = told_by(story)
    assert 1 == happened(site, "submit")
    assert outcomes(site)[0] in (SENT, UNKNOWN)


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.ANSWER_LOST])
def test_fault_17_parcel_good_but_no_row_ends_unknown(outcome: Outcome) -> None:
    """The call returned and nobody ever says more: unknown, not sent again."""

    async def story(site: Site) -> None:
        site.phones[0].model.radio.faults.script(Fate(outcome=outcome))
        await one_message(site)

    site = told_by(story)
    assert [UNKNOWN] == outcomes(site)
    assert 1 == happened(site, "submit")


def test_fault_17_dialog_allowed_late_becomes_sent() -> None:
    """A person lets the message go after the doubt was told: the report is corrected."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.radio.faults.script(Fate(outcome=Outcome.DIALOG))
        await ask(site)
        await event(site, "status")
        site.phones[0].model.radio.answer_dialog(allow=True)
        await event(site, "status", 2)

    assert [SENT] == outcomes(told_by(story))


def test_fault_18_call_that_throws_is_failed_and_not_repeated() -> None:
    """A maker's switch refuses the shell: certainly not sent."""
    site = told_by(one_message, specs=phones(34, sms_gate=True))
    status, error = outcomes(site)[0]
    assert ("failed", True) == (status, error not in ("", "OUTCOME_UNKNOWN"))
    assert [] == site.air.messages


@pytest.mark.parametrize("api", [27, 29, 34])
def test_fault_19_radio_error_is_failed_with_its_code(api: int) -> None:
    """The modem's no is a no, and says why."""

    async def story(site: Site) -> None:
        fate = Fate(outcome=Outcome.RIL_ERROR, ril_error="NETWORK_REJECT")
        site.phones[0].model.radio.faults.script(fate)
        await one_message(site)

    site = told_by(story, specs=phones(api))
    assert "failed" == outcomes(site)[0][0]
    assert outcomes(site) != [UNKNOWN]
    assert [] == site.air.messages


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("api", [28, 29])
def test_fault_19_final_word_that_comes_late_does_not_settle_the_next(
    api: int, killed: bool
) -> None:
    """The log names no message: the word that the refused one left behind is not the next one's."""

    async def story(site: Site) -> None:
        refused = Fate(outcome=Outcome.RIL_ERROR, ril_error="NETWORK_REJECT", row_delay_s=60.0)
        slow = Fate(row_delay_s=90.0)
        await ready(site)
        site.phones[0].model.radio.faults.script(refused, slow)
        await ask(site, 2)
        await event(site, "air")
        if killed:
            site.kill("while both wait for the log")
        await event(site, "status", 2)

    told = dict(zip(("refused", "next"), outcomes(told_by(story, specs=phones(api))), strict=True))
    assert ("failed", "RIL_NETWORK_REJECT") == told["refused"]
    assert told["next"] in (SENT, UNKNOWN)


@pytest.mark.parametrize("delay_s", [1.0, 30.0, 200.0, 600.0])
def test_fault_20_late_row_is_waited_for_or_corrects_the_report(delay_s: float) -> None:
    """A row up to ten minutes late still turns the message into sent."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.logs.silenced.add("radio")
        site.phones[0].model.radio.faults.script(Fate(row_delay_s=delay_s))
        await ask(site)
        await until(lambda: SENT in site.truth.told.values(), 5.0)

    assert [SENT] == outcomes(told_by(story))


def test_fault_21_card_pulled_is_failed_and_never_sent_elsewhere() -> None:
    """The other slot's card is not asked to carry it."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.remove_sim(1)
        await asyncio.sleep(30)
        await ask(site, 2, slot=1)

    site = told_by(story, specs=phones(34))
    assert [("failed", "SIM_ABSENT")] * 2 == outcomes(site)
    assert [] == site.air.messages


def test_fault_21_swapped_cards_hold_their_messages() -> None:
    """Cards that changed places carry nothing that was meant for the other."""

    async def story(site: Site) -> None:
        await ready(site)
        model = site.phones[0].model
        first, second = model.remove_sim(0), model.remove_sim(1)
        assert first
        assert second
        await asyncio.sleep(20)
        model.insert_sim(0, second)
        model.insert_sim(1, first)
        await asyncio.sleep(20)
        await ask(site, 2, slot=0)
        await ask(site, 2, slot=1)

    site = told_by(story, specs=phones(34))
    assert [("failed", "SIM_CHANGED")] * 4 == outcomes(site)
    assert [] == site.air.messages


def test_fault_21_pin_holds_its_slot_alone() -> None:
    """The other card goes on sending."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.slots[1].pin_required = True
        await asyncio.sleep(20)
        await ask(site, 1, slot=1)
        await ask(site, 2, slot=0)

    site = told_by(story, specs=phones(34))
    assert [("failed", "SIM_NOT_READY"), SENT, SENT] == outcomes(site)


@pytest.mark.parametrize("kind", ["airplane", "none", "emergency"])
def test_fault_22_without_service_messages_wait_and_then_go(kind: str) -> None:
    """No attempt is made into the void."""

    async def story(site: Site) -> None:
        await ready(site)
        model = site.phones[0].model
        if kind == "airplane":
            model.set_airplane(on=True)
        else:
            no = ServiceState.OUT_OF_SERVICE if kind == "none" else ServiceState.EMERGENCY_ONLY
            for slot in model.slots:
                slot.coverage = no
        await asyncio.sleep(70)  # A heartbeat reads the network.
        await ask(site, 2)
        await asyncio.sleep(30)
        assert 0 == happened(site, "submit")
        model.set_airplane(on=False)
        for slot in model.slots:
            slot.coverage = ServiceState.IN_SERVICE

    assert [SENT] * 2 == outcomes(told_by(story))


def test_fault_23_store_that_keeps_no_row_ends_unknown() -> None:
    """A full or locked store is a doubt, not a failure."""

    async def story(site: Site) -> None:
        site.phones[0].model.radio.faults.always(Fate(row=Row.NEVER, silent=True))
        await one_message(site)

    assert [UNKNOWN] == outcomes(told_by(story))


def test_fault_24_identical_texts_are_two_messages() -> None:
    """Each has its own row, and each row proves once."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.logs.silenced.add("radio")
        for _ in range(3):
            await site.ask(site.phones[0], 0, NUMBER, "the same")

    site = told_by(story)
    assert [SENT] * 3 == outcomes(site)
    assert 3 == len(site.air.messages)


@pytest.mark.parametrize("reading", list(Reading))
def test_fault_25_uid_offered_again_is_reported_again_and_sent_once(reading: Reading) -> None:
    """At once, after its end, and after a restart."""

    async def story(site: Site) -> None:
        site.faults.add("pending", Fault(FaultKind.REPEAT), times=None)
        await one_message(site)
        await event(site, "status", 2)
        site.kill("restart")
        await event(site, "status", 4)
        site.faults.clear()

    site = told_by(story, plan=replace(QUICK, reading=reading))
    assert 1 == len(site.air.messages)
    assert {SENT} == set(outcomes(site))


def test_fault_26_changed_text_under_a_known_uid_is_not_sent() -> None:
    """The first version wins."""

    async def story(site: Site) -> None:
        await one_message(site)
        site.faults.add("pending", Fault(FaultKind.CHANGED), times=3)
        await asyncio.sleep(30)

    site = told_by(story)
    assert ["text 0"] == [message.body for message in site.air.messages]


@pytest.mark.parametrize(
    ("status", "retry_after"), [(500, ""), (502, ""), (503, "30"), (429, "30"), (408, "")]
)
def test_fault_27_panel_errors_do_not_stop_taken_messages(status: int, retry_after: str) -> None:
    """Sending goes on; polls and reports come back when the panel does."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 4)
        await event(site, "submit")
        fault = Fault(FaultKind.STATUS, status=status, retry_after=retry_after)
        site.faults.add("*", fault, times=None)
        await event(site, "air", 4)
        await asyncio.sleep(60)
        site.faults.clear()

    assert [SENT] * 4 == outcomes(told_by(story))


@pytest.mark.parametrize(
    "kind",
    [FaultKind.HANG, FaultKind.HALF, FaultKind.RESET, FaultKind.SLOW, FaultKind.DROP],
)
def test_fault_28_panel_that_hangs_costs_bounded_time(kind: FaultKind) -> None:
    """No call outlasts its deadline, and everything is told afterwards."""

    async def story(site: Site) -> None:
        await ready(site)
        site.faults.add("*", Fault(kind), times=None)
        await ask(site, 2)
        await asyncio.sleep(200)
        site.faults.clear()

    assert [SENT] * 2 == outcomes(told_by(story))


def test_fault_29_report_whose_answer_is_lost_is_told_again() -> None:
    """The panel took it and said 500: it hears the same again, never something else."""

    async def story(site: Site) -> None:
        await ready(site)
        site.faults.add("report", Fault(FaultKind.STATUS, status=500, taken=True), times=12)
        await ask(site)
        await event(site, "status", 13)

    assert [SENT] == outcomes(told_by(story))


def test_fault_30_address_that_is_wrong_for_a_while_parks_nothing() -> None:
    """A 404 may be a deployment: the report waits and is told."""

    async def story(site: Site) -> None:
        await ready(site)
        site.faults.add("report", Fault(FaultKind.STATUS, status=404), times=2)
        await ask(site)

    assert [SENT] == outcomes(told_by(story))


def test_fault_31_revoked_token_keeps_sending_what_was_taken() -> None:
    """Taken messages go out and their reports wait for the new pairing."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 4)
        await event(site, "submit")
        site.faults.add("*", Fault(FaultKind.REVOKED), times=1)
        await event(site, "air", 4)
        await asyncio.sleep(60)
        site.mint_again()

    assert [SENT] * 4 == outcomes(told_by(story))


@pytest.mark.parametrize(
    "kind", [FaultKind.MALFORMED, FaultKind.HTML, FaultKind.EMPTY, FaultKind.CUT_JSON]
)
def test_fault_32_bad_answers_never_stop_the_poll(kind: FaultKind) -> None:
    """Items that are none are refused alone; answers that are none are asked again."""

    async def story(site: Site) -> None:
        await ready(site)
        site.faults.add("pending", Fault(kind), times=5)
        await ask(site, 2)

    assert [SENT] * 2 == outcomes(told_by(story))


@pytest.mark.parametrize(
    "body",
    [
        'it\'s "$(reboot)" `id` \\ $HOME; exit 3 & | < > * ? [a] {b,c} ~ # !',
        "line\nbreak\ttab\r\nend ",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u05e9\u05dc\u05d5\u05dd \u202eabc",
        "\u20ac" * 300,
        "-n --help",
    ],
)
@pytest.mark.parametrize("api", [24, 34])
def test_fault_33_hostile_text_arrives_byte_for_byte(body: str, api: int) -> None:
    """The air carries what was asked, and nothing was executed."""

    async def story(site: Site) -> None:
        await ready(site)
        await site.ask(site.phones[0], 0, NUMBER, body)

    site = told_by(story, specs=phones(api))
    assert [body] == [message.body for message in site.air.messages]


def test_fault_34_ten_thousand_pending_are_taken_in_bounded_steps() -> None:
    """The journal takes its backlog's worth and leaves the rest at the panel."""

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        for index in range(10_000):
            uid = site.store.queue(phone.device, f"+1555{index:07d}", "x", slot=0)
            site.truth.asked(uid, phone.cards[0].iccid, f"+1555{index:07d}", "x")
        await asyncio.sleep(120)
        waiting = sum(state == "accepted" for state, _ in site.disk.states().values())
        assert 500 <= waiting <= 1500
        assert len(site.air.messages) > 20
        for entry in site.store.ledger():
            assert entry.state != "failed"
        site.store.messages.stop(site.store.sims(site.store.device(phone.device))[0].uid)
        site.disk.disk.records.clear()

    told_by(story, plan=replace(QUICK, pacing=Pacing(min_gap_s=0.5)))


def test_fault_35_many_phones_come_back_spread_over_time() -> None:
    """After an outage of the panel the polls of twelve phones do not fall into one second."""
    times: list[float] = []

    async def story(site: Site) -> None:
        await ready(site)
        site.faults.add("*", Fault(FaultKind.DROP), times=None)
        await asyncio.sleep(600)
        site.faults.clear()
        began, serve = site.loop.time(), site.serve

        async def counted(request: object) -> object:
            times.append(site.loop.time() - began)
            return await serve(request)  # type: ignore[arg-type]

        site.serve = counted  # type: ignore[method-assign]
        await asyncio.sleep(60)

    told_by(story, specs=phones(*[34] * 12))
    busiest = max(sum(start <= at < start + 1 for at in times) for start in range(60))
    assert busiest <= len(times) / 4


def test_fault_37_suspended_host_makes_no_false_failure() -> None:
    """After waking, the date is ten minutes on and every connection is gone."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 4)
        await event(site, "submit", 2)
        site.turn_clock(timedelta(minutes=10))
        site.bus.stop_server()
        site.bus.start_server()

    assert {SENT} == set(outcomes(told_by(story)))


def test_fault_of_one_phone_delays_no_other() -> None:
    """A frozen phone, and the others send as fast as ever."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].handset.link.freeze()
        began = site.loop.time()
        for phone in (1, 2):
            await ask(site, 3, phone=phone)
        await event(site, "status", 6)
        assert site.loop.time() - began < 30
        site.phones[0].handset.link.thaw()

    assert [SENT] * 6 == outcomes(told_by(story, specs=phones(34, 30, 29)))


def test_message_that_waited_too_long_expires_unsent() -> None:
    """A phone away for three hours, a text good for ten minutes: nothing goes out at its return."""
    policy = Policy(message_ttl_s=600.0)

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site, 3)
        await event(site, "commit", happened(site, "commit") + 1)
        await site.phones[0].handset.link.unplug()
        sent = happened(site, "submit")
        await asyncio.sleep(3 * 3600)
        await site.phones[0].handset.link.replug()
        await asyncio.sleep(120)
        assert sent == happened(site, "submit")

    site = told_by(story, plan=replace(QUICK, policy=policy), end_s=5 * 3600)
    assert outcomes(site).count(("failed", "EXPIRED")) >= 2


@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.HANG, FaultKind.DROP, FaultKind.HTML])
def test_panel_dead_for_six_hours_is_told_everything_in_order(kind: FaultKind) -> None:
    """Every status arrives after the outage, once in meaning, in order for each message."""

    async def story(site: Site) -> None:
        await ready(site)
        for phone in range(3):
            await ask(site, 40, phone=phone)
        await event(site, "commit", happened(site, "commit") + 6)
        site.faults.add("*", Fault(kind, taken=kind is FaultKind.HANG), times=None)
        await asyncio.sleep(6 * 3600)
        site.faults.clear()

    site = told_by(story, specs=phones(34, 30, 29), end_s=8 * 3600)
    assert [SENT] * 120 == outcomes(site)
    meanings = {line[2:] for line in site.score.lines if line[1] == "status"}
    assert 120 == len(meanings)


@pytest.mark.parametrize("api", [28, 34])
def test_phone_that_answers_and_drops_sends_is_told_within_ten_minutes(api: int) -> None:
    """A zombie rings by the default limits, also where only one message may be open at a time."""

    async def story(site: Site) -> None:
        await ready(site)
        await ask(site)
        await event(site, "status")
        site.phones[0].model.radio.faults.always(Fate(Outcome.LOST))
        began_s = asyncio.get_running_loop().time()
        await ask(site, 3)
        await until(lambda: "silent" in _ringing(site), every_s=1.0)
        assert 600.0 >= asyncio.get_running_loop().time() - began_s

    told_by(story, specs=phones(api), plan=replace(QUICK, policy=Policy()))


def _ringing(site: Site) -> list[str]:
    assert site.process is not None
    (worker,) = site.process.rack.workers
    return [r.alarm.kind for r in worker.oversight.ringing]
