"""What becomes of a message after the call: radio, guard, dialogs, rows, the radio log."""

import asyncio
from datetime import timedelta

import pytest
from virtual_bench import (
    ALL_LEVELS,
    NUMBER,
    ROWS,
    in_virtual_time,
    multipart_line,
    phone,
    run,
    send_line,
)

from droidrack.virtual.air import Air, read_air
from droidrack.virtual.faults import Fate, Outcome, Row
from droidrack.virtual.sim_slots import ServiceState
from droidrack.virtual.spec import make_sim


async def _send(target, text="hi", *, number=NUMBER, sub_id=1, message_id=7):
    line = send_line(target.spec.api, sub_id, number, text, message_id=message_id)
    return await run(target, line)


async def _radio_log(target):
    return (await run(target, "logcat -b radio -v threadtime -d")).out


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_row_appears_with_the_result_except_on_android_5_0(api):
    """5.0 writes the outbox row first; all others insert the sent row when they know."""

    async def main():
        target = phone(api, latency_s=(2.0, 2.0))
        await _send(target)
        await asyncio.sleep(1)
        early = [row["type"] for row in target.store.rows()]
        await asyncio.sleep(2)
        [row] = target.store.rows()
        assert [4] if api == 21 else [] == early
        assert (2, 1, "com.android.shell", -1) == (
            row["type"],
            row["sub_id"],
            row["creator"],
            row["status"],
        )

    in_virtual_time(main)


def test_failed_row_shows_as_sent_for_a_moment():
    """The failure path inserts type 2 and only then makes it 5: the shell's row vanishes."""

    async def main():
        target = phone(33, latency_s=(1.0, 1.0))
        target.radio.faults.script(Fate(Outcome.RIL_ERROR, flip_s=0.5, error_code=38))
        await _send(target)
        await asyncio.sleep(1.2)
        shown = (await run(target, ROWS)).out
        await asyncio.sleep(1)
        gone = (await run(target, ROWS)).out
        [row] = target.store.rows()
        assert "Row: 0 _id=1, type=2, sub_id=1, creator=com.android.shell\n" == shown
        assert "No result found.\n" == gone
        assert (5, 38, []) == (row["type"], row["error_code"], target.air.messages)

    in_virtual_time(main)


def test_retryable_error_is_tried_three_more_times_two_seconds_apart():
    """Four requests reach the modem, 2 s after each answer, then the message fails."""

    async def main():
        target = phone(33, latency_s=(1.0, 1.0))
        target.radio.faults.script(Fate(Outcome.RIL_ERROR, "SMS_SEND_FAIL_RETRY"))
        await _send(target)
        await asyncio.sleep(60)
        log = await _radio_log(target)
        requests = [line[:18] for line in log.splitlines() if "> SEND_SMS" in line]
        assert [f"03-01 07:00:0{second}.000" for second in (0, 3, 6, 9)] == requests
        assert 4 == log.count("error 10 [PHONE0]")
        assert "SMS failed with error 101, errorCode -1" in log
        assert 1 == log.count("Persist SMS into FAILED")

    in_virtual_time(main)


def test_retryable_error_that_passes_is_sent_once():
    """Two tries fail, the third goes out."""

    async def main():
        target = phone(33)
        target.radio.faults.script(Fate(Outcome.RIL_ERROR, "SMS_SEND_FAIL_RETRY", fails=2))
        await _send(target)
        await asyncio.sleep(30)
        assert ["hi"] == [message.body for message in target.air.messages]
        assert [2] == [row["type"] for row in target.store.rows()]

    in_virtual_time(main)


def test_failing_part_leaves_the_others_on_the_air():
    """A message of which one part failed is on the record with the parts that went out."""

    async def main():
        target = phone(33)
        target.radio.faults.script(Fate(Outcome.RIL_ERROR, failing_part=1))
        await run(target, multipart_line(33, 8, 1, NUMBER, ["one", "two", "three"]))
        await asyncio.sleep(30)
        [message] = target.air.messages
        assert ("onethree", 2, 3) == (message.body, message.parts, message.of)
        assert [5] == [row["type"] for row in target.store.rows()]

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("outcome", "sent"), [(Outcome.LOST, 0), (Outcome.ANSWER_LOST, 1)], ids=["lost", "answer lost"]
)
def test_modem_without_answer_leaves_neither_row_nor_verdict(outcome, sent):
    """The air alone knows whether it went out."""

    async def main():
        target = phone(33)
        target.radio.faults.script(Fate(outcome))
        await _send(target)
        await asyncio.sleep(600)
        log = await _radio_log(target)
        assert sent == len(target.air.messages)
        assert [] == target.store.rows()
        assert "> SEND_SMS" in log
        assert "< SEND_SMS" not in log
        assert "Persist" not in log

    in_virtual_time(main)


def test_late_row_comes_after_its_delay():
    """The row may follow the modem's answer by minutes."""

    async def main():
        target = phone(33, latency_s=(1.0, 1.0))
        target.radio.faults.script(Fate(row_delay_s=300))
        await _send(target)
        await asyncio.sleep(299)
        early = len(target.store.rows())
        await asyncio.sleep(5)
        assert (1, 0, 1) == (len(target.air.messages), early, len(target.store.rows()))

    in_virtual_time(main)


@pytest.mark.parametrize("row", [Row.NEVER, Row.DELETED])
def test_row_may_be_missing_though_sent(row):
    """A full store, or a user who deletes: sent, and no row to show for it."""

    async def main():
        target = phone(33)
        target.radio.faults.script(Fate(row=row, flip_s=1.0))
        await _send(target)
        await asyncio.sleep(30)
        assert (1, []) == (len(target.air.messages), target.store.rows())
        assert "Persist SMS into SENT" in await _radio_log(target)

    in_virtual_time(main)


def test_silent_message_leaves_no_line():
    """A message may pass without a word in the radio log; its row is there."""

    async def main():
        target = phone(29)
        target.radio.faults.script(Fate(silent=True))
        await _send(target)
        await asyncio.sleep(30)
        assert 1 == len(target.store.rows())
        assert "SMS" not in await _radio_log(target)

    in_virtual_time(main)


def test_bad_number_fails_with_network_cause():
    """A destination that the network does not know: RP-cause 1."""

    async def main():
        target = phone(33)
        target.radio.bad_numbers.add("+15550009999")
        await _send(target, number="+15550009999")
        await asyncio.sleep(30)
        [row] = target.store.rows()
        assert (5, 1, []) == (row["type"], row["error_code"], target.air.messages)

    in_virtual_time(main)


def test_thirty_first_part_of_a_minute_waits_behind_the_dialog():
    """30 parts in 60 s pass; the next waits on the screen with no row, and goes out if allowed."""

    async def main():
        target = phone(33, latency_s=(0.1, 0.1))
        for index in range(31):
            await _send(target, f"m{index}")
        await asyncio.sleep(120)
        waiting = (len(target.air.messages), len(target.store.rows()), len(target.radio.dialogs))
        windows = (await run(target, "dumpsys window")).out
        target.radio.answer_dialog(allow=True)
        await asyncio.sleep(10)
        assert (30, 30, 1) == waiting
        assert "package=com.android.phone" in windows
        assert "m30" == target.air.messages[-1].body
        assert "com.android.phone" not in (await run(target, "dumpsys window")).out

    in_virtual_time(main)


def test_denied_dialog_fails_the_message():
    """Deny: a failed row, nothing on the air, and no reason in the log, for it is no news."""

    async def main():
        target = phone(33)
        target.radio.faults.script(Fate(Outcome.DIALOG))
        await _send(target)
        target.radio.answer_dialog(allow=False)
        await asyncio.sleep(10)
        assert ([], [5]) == (target.air.messages, [row["type"] for row in target.store.rows()])
        log = await _radio_log(target)
        assert "Persist SMS into FAILED" in log
        assert "SMS failed with error" not in log

    in_virtual_time(main)


def test_more_than_five_waiting_messages_fail_at_once():
    """The sixth is denied without a dialog of its own."""

    async def main():
        target = phone(33)
        target.radio.faults.always(Fate(Outcome.DIALOG))
        for _ in range(6):
            await _send(target)
        await asyncio.sleep(10)
        assert 5 == len(target.radio.dialogs)
        assert [5] == [row["type"] for row in target.store.rows()]
        assert "Denied because queue limit reached" in await _radio_log(target)

    in_virtual_time(main)


def test_guard_window_slides_and_counts_parts():
    """A message of many parts uses them all; after the interval there is room again."""

    async def main():
        target = phone(33)
        parts = ["x"] * 29
        await run(target, multipart_line(33, 8, 1, NUMBER, parts))
        await _send(target)
        await asyncio.sleep(59)
        await _send(target, "too early")
        await asyncio.sleep(2)
        await _send(target, "in time")
        await asyncio.sleep(60)
        assert ["too early"] == [dialog.submission.body for dialog in target.radio.dialogs]
        assert "in time" in {message.body for message in target.air.messages}

    in_virtual_time(main)


def test_guard_settings_are_read_when_the_phone_process_starts():
    """A changed limit has no effect before a restart."""

    async def main():
        target = phone(33)
        await run(target, "settings put global sms_outgoing_check_max_count 1")
        await _send(target)
        await _send(target)
        before = len(target.radio.dialogs)
        await target.restart_phone_process()
        await _send(target)
        await _send(target)
        assert (0, 1) == (before, len(target.radio.dialogs))

    in_virtual_time(main)


def test_premium_number_asks_first():
    """A premium destination waits for the user, and is not counted."""

    async def main():
        target = phone(33)
        target.radio.premium_numbers.add("24242")
        await _send(target, number="24242")
        assert ["premium"] == [dialog.reason for dialog in target.radio.dialogs]

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("coverage", "airplane"),
    [(ServiceState.OUT_OF_SERVICE, False), (ServiceState.IN_SERVICE, True)],
)
def test_phone_without_service_fails_without_asking_the_modem(coverage, airplane):
    """No service and radio off are known before the modem."""

    async def main():
        target = phone(33)
        target.slots[0].coverage = coverage
        target.set_airplane(airplane)
        await _send(target)
        await asyncio.sleep(5)
        log = await _radio_log(target)
        assert "Persist SMS into FAILED" in log
        assert "> SEND_SMS" not in log
        assert ([], [5]) == (target.air.messages, [row["type"] for row in target.store.rows()])

    in_virtual_time(main)


def test_fault_of_one_slot_spares_the_other():
    """Fates are per slot."""

    async def main():
        target = phone(33)
        target.radio.faults.always(Fate(Outcome.RIL_ERROR), slot=0)
        await _send(target, "first", sub_id=1)
        await _send(target, "second", sub_id=2)
        await asyncio.sleep(10)
        assert ["second"] == [message.body for message in target.air.messages]

    in_virtual_time(main)


@pytest.mark.parametrize(("after_s", "sent"), [(0.5, 0), (0.9, 1)])
def test_reboot_forgets_what_is_in_flight(after_s, sent):
    """Before its moment on the air a message is lost; after it, it is out but has no row."""

    async def main():
        target = phone(33, latency_s=(1.0, 1.0))
        await _send(target)
        await asyncio.sleep(after_s)
        await target.reboot()
        await asyncio.sleep(60)
        assert (sent, []) == (len(target.air.messages), target.store.rows())
        assert 0 == target.radio.in_flight

    in_virtual_time(main)


def test_reboot_forgets_what_waits_behind_the_dialog():
    """The dialog does not survive."""

    async def main():
        target = phone(33)
        target.radio.faults.script(Fate(Outcome.DIALOG))
        await _send(target)
        await target.reboot()
        await asyncio.sleep(10)
        assert ([], []) == (target.radio.dialogs, target.air.messages)

    in_virtual_time(main)


def test_card_pulled_while_sending_is_a_radio_error():
    """The modem finds no card: SIM_ABSENT."""

    async def main():
        target = phone(33, latency_s=(1.0, 1.0))
        await _send(target)
        await asyncio.sleep(0.1)
        target.remove_sim(0)
        await asyncio.sleep(10)
        assert [] == target.air.messages
        assert "error 11 [PHONE0]" in await _radio_log(target)

    in_virtual_time(main)


def test_swapped_cards_keep_their_subscription_ids():
    """After a swap id 1 sends from slot 1 with the same card; a new card gets a new id."""

    async def main():
        target = phone(33)
        card = target.spec.sims[0]
        target.swap_sims()
        await _send(target, sub_id=1)
        await asyncio.sleep(10)
        [message] = target.air.messages
        target.insert_sim(0, make_sim(999))
        assert (1, card.iccid) == (message.slot, message.iccid)
        assert 3 == target.subscriptions.in_slot(0).sub_id

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (21, "> SEND_SMS [SUB0]"),
        (22, "SMSDispatcher: Persist SMS into SENT"),
        (29, "< SEND_SMS { mMessageRef = 1, mErrorCode = -1, mAckPdu = null} [SUB0]"),
        (30, "SmsController: sendTextForSubscriber iccSmsIntMgr Subscription: 1 id: 7\n"),
        (30, "SMSDispatcher: sendText id: 7\n"),
        (30, "SS=0 id=7\n"),
        (30, "mErrorCode = -1, mAckPdu = null} [PHONE0]"),
        (31, "SMSDispatcher: sendText id: 7\n"),
        (31, "SS=0 {x-message-id:7}\n"),
        (31, "mAckPdu = null, {x-message-id:7}} [PHONE0]"),
        (33, "SmsController: sendTextForSubscriber iccSmsIntMgr Subscription: 1 id: 7\n"),
        (33, "SMSDispatcher: sendText id: {x-message-id:7}\n"),
        (34, "SmsController: sendTextForSubscriber caller=com.android.shell\n"),
        (34, "sendTextForSubscriber iccSmsIntMgr Subscription: 1 {x-message-id:7}\n"),
        (36, "SS=0 {x-message-id:7}"),
    ],
)
def test_radio_log_speaks_as_its_release(api, expected):
    """Lines, suffixes and the message id of the level."""

    async def main():
        target = phone(api, ims_sms=False)
        await _send(target)
        await asyncio.sleep(10)
        assert expected in await _radio_log(target)

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (
            25,
            "RilRequest: [3001]< SEND_SMS error: com.android.internal.telephony."
            "CommandException: NETWORK_REJECT ret=\n",
        ),
        (30, "NETWORK_REJECT ret={ mMessageRef = 0, mErrorCode = 38, mAckPdu = null}\n"),
        (31, "mErrorCode = 38, mAckPdu = null, {x-message-id:7}} result="),
    ],
)
def test_refusal_tells_what_its_release_tells(api, expected):
    """The network's cause from 8 on, the message id from 12 on."""

    async def main():
        target = phone(api, ims_sms=False)
        target.radio.faults.script(Fate(Outcome.RIL_ERROR, "NETWORK_REJECT", error_code=38))
        await _send(target)
        await asyncio.sleep(10)
        assert expected in await _radio_log(target)

    in_virtual_time(main)


def test_parts_are_handed_on_at_once():
    """Every part is announced to the modem within the call; the modem takes one by one."""

    async def main():
        target = phone(30, ims_sms=False, latency_s=(1.0, 1.0))
        await run(target, multipart_line(30, 8, 1, NUMBER, ["one", "two", "three"]))
        await asyncio.sleep(0.1)
        log = await _radio_log(target)
        assert "SMSDispatcher: No carrier package. id: " in log
        assert (3, 0) == (log.count("> SEND_SMS"), log.count("< SEND_SMS"))

    in_virtual_time(main)


def test_sms_over_ims_has_lines_of_its_own():
    """No modem request, but a result of the IMS service; the message id is in neither line."""

    async def main():
        target = phone(31)
        await _send(target)
        await asyncio.sleep(10)
        log = await _radio_log(target)
        assert target.spec.quirks.ims_sms
        assert "ImsSmsDispatcher [0]: onSendSmsResult token=1 messageRef=1 status=1" in log
        assert "ImsSmsDispatcher [0]: sendSms:  mRetryCount=0 mMessageRef=0 SS=0\n" in log
        assert "SEND_SMS" not in log

    in_virtual_time(main)


def test_old_modem_gives_old_errors():
    """Before 7 a modem has no code for a rejection by the network."""

    async def main():
        target = phone(22)
        target.radio.faults.script(Fate(Outcome.RIL_ERROR, "NETWORK_REJECT"))
        await _send(target)
        await asyncio.sleep(10)
        assert "CommandException: GENERIC_FAILURE" in await _radio_log(target)

    in_virtual_time(main)


def test_wrong_phone_clock_shows_in_rows_and_log():
    """A skewed clock moves dates, not the course of things."""

    async def main():
        target = phone(33)
        target.clock_skew = timedelta(days=-3650)
        await _send(target)
        await asyncio.sleep(10)
        date = (await run(target, "date +%Y")).out
        [row] = target.store.rows()
        assert "2016\n" == date
        assert 1_470_000_000_000 > row["date"]

    in_virtual_time(main)


def test_air_file_holds_every_message_as_a_line(tmp_path):
    """Another process can judge: the file is written line by line."""
    path = tmp_path / "air.jsonl"

    async def main():
        target = phone(33, air=Air(path))
        await _send(target, "eins\nzwei \U0001f680")
        await asyncio.sleep(10)
        with path.open("a") as cut:
            cut.write('{"at": "2026')
        assert target.air.messages == read_air(path)
        target.air.close()

    in_virtual_time(main)
