"""Doubt: lost answers, dialogs, frozen and vanishing phones. Never twice, never a false word."""

import asyncio
from pathlib import Path

import pytest
from controller_bench import Bench, Running, at_work, bench, journal_life, swift

from droidrack.app import confirming, handset, sending
from droidrack.core.attempt import EvidenceKind
from droidrack.core.message import MessageState
from droidrack.core.report import UnknownAs
from droidrack.core.settings import Policy
from droidrack.virtual.faults import Fate, Outcome, Row


@pytest.fixture(autouse=True)
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks into the store begin after 0.3 s here, after two seconds in the field."""
    monkeypatch.setattr(confirming, "FIRST_LOOK_S", 0.3)


HASTY = Policy(confirm_deadline_s=1.5, unknown_hold_s=0.5)
"""Doubt is told after two seconds here, after a quarter of an hour in the field."""


@pytest.mark.parametrize(
    ("unknown_as", "told"),
    [
        (UnknownAs.FAILED, [("failed", "OUTCOME_UNKNOWN")]),
        (UnknownAs.SENT, [("sent", None)]),
        (UnknownAs.HOLD, []),
    ],
)
def test_lost_radio_answer_is_unknown_and_told_as_configured(
    unknown_as: UnknownAs, told: list[tuple[str, str | None]], tmp_path: Path
) -> None:
    """The message went out and nobody says so: UNKNOWN, told as the site wants, never resent."""
    policy = Policy(confirm_deadline_s=1.5, unknown_hold_s=0.5, unknown_as=unknown_as)

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=policy) as (table, running):
            table.phones[0].model.radio.faults.script(Fate(Outcome.ANSWER_LOST))
            doubtful = table.queue("was it sent?", number="+15550000001")
            certain = table.queue("this one was", number="+15550000002")
            await table.reported(running, [certain, *([doubtful] if told else [])])
            await settled(running, table, doubtful, MessageState.UNKNOWN)

            assert told == table.told(doubtful)
            assert [("sent", None)] == table.told(certain)
            assert ["was it sent?", "this one was"] == table.on_air()
        life = await journal_life(table, doubtful)
        assert EvidenceKind.DEADLINE in {e.kind for _, e in life.evidence}

    asyncio.run(play())


def test_late_row_corrects_a_doubt_that_was_told(tmp_path: Path) -> None:
    """A row that comes after the doubt was told turns it into sent, and the panel hears it."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=HASTY) as (table, running):
            late = Fate(row_delay_s=4.0, silent=True)
            table.phones[0].model.radio.faults.script(late)
            uid = table.queue("late")
            wanted = [("failed", "OUTCOME_UNKNOWN"), ("sent", None)]
            await running.until(
                lambda: table.told(uid) == wanted, lambda: f"corrected: {table.told(uid)}"
            )
            assert ["late"] == table.on_air()

    asyncio.run(play())


def test_message_that_went_out_while_nobody_looked_is_told_as_sent_only(tmp_path: Path) -> None:
    """A controller that comes back after the deadline looks twice before it speaks of a doubt."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path, policy=HASTY) as table:
            async with table.controller() as running:
                await running.ready()
                table.phones[0].model.radio.faults.script(Fate(latency_s=1.0, silent=True))
                uid = table.queue("meanwhile")
                journal, flying = running.controller.world.journal, []
                while MessageState.SUBMITTED not in flying:  # Once it is, the phone has taken it.
                    await asyncio.sleep(0.01)
                    pairs = await journal.open_attempts(table.device())
                    flying = [state for _, state in pairs]
            await asyncio.sleep(HASTY.confirm_deadline_s + HASTY.unknown_hold_s + 1.0)
            assert ["meanwhile"] == table.on_air()
            async with table.controller() as running:
                await table.reported(running, [uid])
                assert [("sent", None)] == table.told(uid)

    asyncio.run(play())


def test_message_behind_a_dialog_is_unknown_and_delays_nobody(tmp_path: Path) -> None:
    """It waits for the phone's user: told as unknown, not resent, and sent when he allows it."""

    async def play() -> None:
        specs = [swift(0, api=34), swift(1, api=33)]
        async with at_work(specs, tmp_path, policy=HASTY) as (table, running):
            radio = table.phones[0].model.radio
            radio.faults.script(Fate(Outcome.DIALOG))
            waiting = table.queue("behind the dialog")
            other = table.queue("on the other phone", phone=1)
            await table.reported(running, [waiting, other])
            assert [("failed", "OUTCOME_UNKNOWN")] == table.told(waiting)
            assert [("sent", None)] == table.told(other)
            assert ["on the other phone"] == table.on_air()
            radio.answer_dialog(allow=True)
            await running.until(lambda: table.told(waiting)[-1] == ("sent", None), "corrected")

            assert ["behind the dialog"] == table.on_air(phone=0)

    asyncio.run(play())


def test_store_that_writes_no_row_is_settled_by_the_radio_log(tmp_path: Path) -> None:
    """A phone whose provider fails still proves by its log that its radio sent."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            table.phones[0].model.radio.faults.script(Fate(row=Row.NEVER))
            uid = table.queue("no row")
            await table.reported(running, [uid])

            assert [("sent", None)] == table.told(uid)

    asyncio.run(play())


def test_frozen_phone_delays_nobody_and_its_late_command_is_not_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is given up, executed at the thaw, found in the store, and never made again."""
    monkeypatch.setattr(handset, "SUBMIT_DEADLINE_S", 1.0)
    monkeypatch.setattr(handset, "QUERY_DEADLINE_S", 1.0)

    async def play() -> None:
        specs = [swift(0, api=34), swift(1, api=33)]
        async with at_work(specs, tmp_path) as (table, running):
            frozen = table.phones[0].link
            first = table.queue("before the frost")
            await table.reported(running, [first])
            frozen.freeze()
            uid = table.queue("executed late")
            other = table.queue("meanwhile", phone=1)
            await table.reported(running, [other])
            await running.until(lambda: running.states()[0] == "troubled", "troubled")
            assert ["before the frost", "meanwhile"] == table.on_air()
            frozen.thaw()
            await table.reported(running, [uid])

            assert [("sent", None)] == table.told(uid)
            assert ["before the frost", "executed late"] == table.on_air(phone=0)
        assert 1 == len((await journal_life(table, uid)).attempts)

    asyncio.run(play())


@pytest.mark.parametrize("after", ["open", "executed"])
def test_answer_of_the_call_lost_is_settled_from_the_witnesses(after: str, tmp_path: Path) -> None:
    """Whether the phone ran the call or not looks the same to us: its own records decide."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=HASTY) as (table, running):
            table.phones[0].link.cut_next(after, match="service call isms")
            uid = table.queue("answer lost")
            await table.reported(running, [uid])

            ran = after == "executed"
            expected = ("sent", None) if ran else ("failed", "OUTCOME_UNKNOWN")
            assert [expected] == table.told(uid)
            assert (["answer lost"] if ran else []) == table.on_air()

    asyncio.run(play())


def test_unplugging_during_a_send_is_settled_from_the_store(tmp_path: Path) -> None:
    """The cable is pulled while the radio works; after the replug its row is found."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            phone = table.phones[0]
            phone.model.radio.faults.always(Fate(latency_s=0.5))
            uid = table.queue("cable pulled")
            await running.until(lambda: phone.model.radio.in_flight > 0, "in flight")
            await phone.link.unplug()
            await running.until(lambda: running.states() == ["absent"], "absent")
            await running.until(lambda: bool(table.on_air()), "on the air")
            assert [] == table.told(uid)
            await phone.link.replug()
            await table.reported(running, [uid])

            assert [("sent", None)] == table.told(uid)
            assert ["cable pulled"] == table.on_air()

    asyncio.run(play())


def test_reboot_in_mid_send_is_unknown_and_the_next_message_goes(tmp_path: Path) -> None:
    """What a reboot swallowed is not sent again; what waited goes out after it."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=HASTY) as (table, running):
            phone = table.phones[0]
            phone.model.radio.faults.script(Fate(latency_s=60.0))
            swallowed = table.queue("swallowed by the reboot")
            await running.until(lambda: phone.model.radio.in_flight > 0, "in flight")
            await phone.handset.reboot()
            next_one = table.queue("after the reboot")
            await table.reported(running, [swallowed, next_one])

            assert [("failed", "OUTCOME_UNKNOWN")] == table.told(swallowed)
            assert [("sent", None)] == table.told(next_one)
            assert ["after the reboot"] == table.on_air()
        life = await journal_life(table, swallowed)
        assert EvidenceKind.REBOOT in {e.kind for _, e in life.evidence}

    asyncio.run(play())


def test_killed_adb_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """The server dies in the middle of a batch and comes back: every message at most once.

    A call that it took with it before the phone heard it is in doubt, and told so: at most one of
    each phone.
    """
    patient = Policy(confirm_deadline_s=5.0, unknown_hold_s=0.0)

    async def play() -> None:
        specs = [swift(0, api=34), swift(1, api=30)]
        async with at_work(specs, tmp_path, policy=patient) as (table, running):
            uids = [table.queue(f"m{i}", phone=i % 2, number=f"+1555000{i:04d}") for i in range(8)]
            await running.until(lambda: len(table.on_air()) >= 2, "the first ones on the air")
            await table.rack.kill_server()
            await running.until(lambda: running.states() == ["absent"] * 2, "both away")
            await table.rack.restart_server()
            await table.reported(running, uids)

            ledgers = table.compare()
            assert ledgers.agree
            assert 0 == ledgers.failed
            assert ledgers.unknown <= len(table.phones)

    asyncio.run(play())


def test_controller_ended_in_mid_send_settles_before_it_sends(tmp_path: Path) -> None:
    """A new controller on the same journal asks the phone first, and sends nothing twice."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            radio = table.phones[0].model.radio
            radio.faults.always(Fate(latency_s=0.5))
            async with table.controller() as running:
                await running.ready()
                uids = [table.queue(f"m{i}", number=f"+1555000{i:04d}") for i in range(4)]
                await running.until(lambda: radio.in_flight > 0, "in flight")
            async with table.controller() as running:
                await table.reported(running, uids)

            assert table.compare().agree
            assert [f"m{i}" for i in range(4)] == sorted(table.on_air())

    asyncio.run(play())


def test_expired_message_is_not_sent_after_the_thaw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message whose time ran out while its SIM was away is told as expired, not sent late."""
    monkeypatch.setattr(sending, "HELD_RECHECK_S", 0.2)
    policy = Policy(message_ttl_s=1.0)

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=policy) as (table, running):
            table.phones[0].model.slots[0].pin_required = True
            monkeypatch.setattr(sending, "SIMS_FRESH_S", 0.0)
            uid = table.queue("too late")
            await table.reported(running, [uid])

            assert [("failed", "EXPIRED")] == table.told(uid)
            assert [] == table.on_air()

    asyncio.run(play())


async def settled(running: Running, table: Bench, uid: str, state: MessageState) -> None:
    """Wait until the controller says that it settled a message so."""
    await running.until(
        lambda: any(
            event == "message settled" and facts["uid"] == uid and facts["state"] == state
            for event, facts in table.lines.told
        ),
        f"{uid} {state}",
    )
