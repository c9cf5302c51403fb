"""The `isms` service of the virtual phone, driven with command lines written by hand."""

import asyncio

import pytest
from virtual_bench import (
    ALL_LEVELS,
    NUMBER,
    in_virtual_time,
    multipart_line,
    phone,
    run,
    send_line,
)

HOSTILE = 'it\'s "50%" $(id) `x` \\n\nсообщение \U0001f680'
UNKNOWN = '"Not a data message")'


def _void(api):
    tab = "\t" if api >= 34 else ""
    return f"Result: Parcel({tab}00000000    '....')\n"


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_send_text_of_every_release_reaches_the_air_unchanged(api):
    """The documented call of each level sends exactly the text, once, on the asked card."""

    async def main():
        target = phone(api)
        answer = await run(target, send_line(api, 1, NUMBER, HOSTILE))
        await asyncio.sleep(10)
        assert (0, _void(api), "") == (answer.code, answer.out, answer.err)
        [message] = target.air.messages
        assert (NUMBER, HOSTILE, 1, 1) == (
            message.number,
            message.body,
            message.parts,
            message.sub_id,
        )
        assert target.spec.sims[0].iccid == message.iccid

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("api", "code"),
    [
        (21, 14),
        (22, 13),
        (24, 9),
        (26, 9),
        (28, 10),
        (29, 10),
        *((api, 8) for api in range(30, 37)),
    ],
)
def test_multipart_of_every_release_sends_all_parts_as_one_message(api, code):
    """Parts go out in order and make one row."""

    async def main():
        target = phone(api)
        parts = ["a" * 153, "b" * 153, "c"]
        await run(target, multipart_line(api, code, 1, NUMBER, parts))
        await asyncio.sleep(20)
        [message] = target.air.messages
        assert ("".join(parts), 3, 3) == (message.body, message.parts, message.of)
        assert 1 == len(target.store.rows())

    in_virtual_time(main)


@pytest.mark.parametrize(("api", "moved"), [(23, True), (25, True), (27, True), (26, False)])
def test_multipart_code_of_qualcomm_builds_is_moved_by_one(api, moved):
    """On builds with two inserted methods 9 is another method and 10 is multipart."""

    async def main():
        target = phone(api)
        assert moved == target.spec.quirks.qualcomm_options
        await run(target, multipart_line(api, 10 if moved else 9, 1, NUMBER, ["one ", "two"]))
        await asyncio.sleep(20)
        assert ["one two"] == [message.body for message in target.air.messages]

    in_virtual_time(main)


def test_second_slot_of_dual_sim_phone_sends_with_its_own_card():
    """The subscription id, not the slot, chooses the card."""

    async def main():
        target = phone(35)
        await run(target, send_line(35, 2, NUMBER, "hi"))
        await asyncio.sleep(10)
        [message] = target.air.messages
        assert (1, target.spec.sims[1].iccid) == (message.slot, message.iccid)

    in_virtual_time(main)


@pytest.mark.parametrize("api", [23, 26])
def test_inactive_subscription_answers_success_and_sends_nothing(api):
    """A stale subscription id is dropped from 6.0 to 8.0: only the radio log tells."""

    async def main():
        target = phone(api)
        answer = await run(target, send_line(api, 9, NUMBER, "hi"))
        await asyncio.sleep(10)
        log = await run(target, "logcat -b radio -d")
        assert _void(api) == answer.out
        assert [] == target.air.messages
        assert [] == target.store.rows()
        assert "for Subscription: 9" in log.out

    in_virtual_time(main)


@pytest.mark.parametrize("api", [22, 27, 36])
def test_inactive_subscription_leaves_with_the_first_card(api):
    """Before 6.0 and after 8.0 a stale subscription id means the first phone."""

    async def main():
        target = phone(api)
        await run(target, send_line(api, 9, NUMBER, "hi"))
        await asyncio.sleep(10)
        [message] = target.air.messages
        [row] = target.store.rows()
        assert (0, 1, 1) == (message.slot, message.sub_id, row["sub_id"])

    in_virtual_time(main)


@pytest.mark.parametrize(("api", "unread"), [(33, 64), (36, 4)])
def test_surplus_arguments_are_refused_from_android_13(api, unread):
    """Generated stubs of 13 and later refuse what they did not read, and nothing is sent."""

    async def main():
        target = phone(api)
        surplus = ["i32", "0"] * (unread // 4)
        answer = await run(target, [*send_line(api, 1, NUMBER, "hi"), *surplus])
        await asyncio.sleep(10)
        assert "fffffffe" in answer.out.split("'")[0]
        assert _ascii(answer.out).endswith(f"unread size: {unread}")
        assert [] == target.air.messages

    in_virtual_time(main)


@pytest.mark.parametrize("api", [21, 28, 32])
def test_surplus_arguments_are_ignored_up_to_android_12(api):
    """Older stubs do not look at what is left."""

    async def main():
        target = phone(api)
        await run(target, [*send_line(api, 1, NUMBER, "hi"), "i32", "5", "s16", "x"])
        await asyncio.sleep(10)
        assert ["hi"] == [message.body for message in target.air.messages]

    in_virtual_time(main)


@pytest.mark.parametrize("api", [21, 22, 28, 30, 36])
def test_missing_trailing_arguments_read_as_null_and_still_send(api):
    """A call that stops after the text is sent all the same: nulls and zeros are read."""

    async def main():
        target = phone(api)
        line = send_line(api, 1, NUMBER, "hi")
        await run(target, line[: line.index("hi") + 1])
        await asyncio.sleep(10)
        assert ["hi"] == [message.body for message in target.air.messages]

    in_virtual_time(main)


@pytest.mark.parametrize("api", [23, 26, 27])
def test_missing_persist_flag_is_a_security_exception_up_to_android_8(api):
    """Not persisting needs carrier privilege there, and a missing argument is 0."""

    async def main():
        target = phone(api)
        answer = await run(target, send_line(api, 1, NUMBER, "hi")[:-2])
        await asyncio.sleep(10)
        assert "No Carrier Privilege" in _ascii(answer.out)
        assert [] == target.air.messages

    in_virtual_time(main)


def test_unpersisted_message_leaves_no_row_and_no_verdict():
    """Not persisting on a recent phone: it goes out, and neither store nor log says so."""

    async def main():
        target = phone(33)
        line = send_line(33, 1, NUMBER, "hi")
        await run(target, [*line[:-4], "i32", "0", "i64", "7"])
        await asyncio.sleep(10)
        log = await run(target, "logcat -b radio -d")
        assert 1 == len(target.air.messages)
        assert [] == target.store.rows()
        assert "Persist SMS" not in log.out

    in_virtual_time(main)


@pytest.mark.parametrize("code", ["0", "36", "-1", "999", "x"])
def test_code_without_method_answers_unknown_transaction(code):
    """A number beyond the interface is status −74, exit code 0."""

    async def main():
        answer = await run(phone(36), f"service call isms {code} i32 1")
        assert (0, f"Result: Parcel(Error: 0xffffffffffffffb6 {UNKNOWN}\n") == (
            answer.code,
            answer.out,
        )

    in_virtual_time(main)


def test_code_of_other_release_runs_the_method_that_sits_there():
    """Android 11's code 5 on Android 10 is a data method for the phone process: refused."""

    async def main():
        target = phone(29)
        answer = await run(target, send_line(30, 1, NUMBER, "hi"))
        await asyncio.sleep(10)
        assert "ffffffff" in answer.out.split("'")[0]
        assert [] == target.air.messages

    in_virtual_time(main)


def test_data_method_called_by_mistake_really_sends():
    """A wrong number may send something else: that is on the air too."""

    async def main():
        target = phone(33)
        line = "service call isms 4 i32 1 s16 com.android.shell i32 -1 s16 +15550002222 i32 -1"
        await run(target, f"{line} i32 1234 i32 2 i32 16961")
        await asyncio.sleep(10)
        assert ["data:1234:4142"] == [message.body for message in target.air.messages]

    in_virtual_time(main)


@pytest.mark.parametrize(("api", "sent"), [(23, 1), (28, 0), (30, 0)])
def test_foreign_package_up_to_android_11(api, sent):
    """Early dispatchers take the uid; later ones look the package up and drop the message."""

    async def main():
        target = phone(api)
        line = [w.replace("com.android.shell", "org.none") for w in send_line(api, 1, NUMBER, "x")]
        answer = await run(target, line)
        await asyncio.sleep(10)
        assert _void(api) == answer.out
        assert sent == len(target.air.messages)

    in_virtual_time(main)


@pytest.mark.parametrize("api", [31, 34, 36])
def test_foreign_package_from_android_12_is_a_security_exception(api):
    """The package must be one of uid 2000."""

    async def main():
        target = phone(api)
        line = [w.replace("com.android.shell", "org.none") for w in send_line(api, 1, NUMBER, "x")]
        answer = await run(target, line)
        assert "under uid 2000" in _ascii(answer.out)
        assert [] == target.air.messages

    in_virtual_time(main)


def test_vendor_gate_refuses_with_a_security_exception():
    """A maker's own switch stands before the framework."""

    async def main():
        target = phone(34, sms_gate=True)
        answer = await run(target, send_line(34, 1, NUMBER, "x"))
        assert "SEND_SMS is disabled" in _ascii(answer.out)

    in_virtual_time(main)


@pytest.mark.parametrize(
    "text",
    ["x" * 161, "я" * 71, "€" * 81],
    ids=["161 septets", "71 UCS-2 units", "81 extended characters"],
)
def test_text_longer_than_one_message_is_dropped(text):
    """The framework does not split: no PDU, no row, a line in the log."""

    async def main():
        target = phone(33)
        answer = await run(target, send_line(33, 1, NUMBER, text))
        await asyncio.sleep(10)
        log = await run(target, "logcat -b radio -d")
        assert _void(33) == answer.out
        assert ([], []) == (target.air.messages, target.store.rows())
        assert "getSubmitPdu() returned null" in log.out

    in_virtual_time(main)


@pytest.mark.parametrize("text", ["x" * 160, "я" * 70, "[" * 80, "\U0001f680" * 35])
def test_text_that_just_fits_is_sent(text):
    """160 septets or 70 UTF-16 units."""

    async def main():
        target = phone(33)
        await run(target, send_line(33, 1, NUMBER, text))
        await asyncio.sleep(10)
        assert [text] == [message.body for message in target.air.messages]

    in_virtual_time(main)


def test_multipart_in_mixed_alphabets_must_fit_ucs2_in_every_part():
    """One part outside of GSM 7-bit makes all of them UCS-2, so 153 letters do not fit."""

    async def main():
        target = phone(33)
        await run(target, multipart_line(33, 8, 1, NUMBER, ["a" * 153, "я"]))
        await asyncio.sleep(10)
        assert [] == target.air.messages

    in_virtual_time(main)


def test_same_seed_gives_same_course():
    """Two phones with the same dice do the same at the same virtual moments."""

    async def main():
        ends = []
        for _ in range(2):
            target = phone(33, seed=5)
            began = target.wall()
            await run(target, send_line(33, 1, NUMBER, "hi"))
            await asyncio.sleep(30)
            ends.append(target.air.messages[0].at - began)
        assert ends[0] == ends[1]

    in_virtual_time(main)


def _ascii(text):
    """The characters of a hexdump's right column, read as UTF-16."""
    rows = [line.split("'", 1)[1].rsplit("'", 1)[0] for line in text.splitlines() if "'" in line]
    joined = "".join(row.ljust(16, ".") for row in rows)
    return joined[8::2].rstrip(". ")
