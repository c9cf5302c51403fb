"""The tools of the virtual phone as a shell user meets them."""

import asyncio

import pytest
from virtual_bench import ALL_LEVELS, NUMBER, in_virtual_time, phone, run, send_line

from droidrack.virtual.console import CapturedConsole
from droidrack.virtual.sms_store import SmsType

QUERY = "content query --uri content://sms"


@pytest.mark.parametrize(
    ("api", "said"),
    [(21, "not found"), (25, "not found"), (26, "inaccessible or not found")],
)
def test_unknown_name_exits_127_in_the_shells_words(api, said):
    """The wording of the shell changed with 8.0."""

    async def main():
        answer = await run(phone(api), "frobnicate now")
        assert (127, f"/system/bin/sh: frobnicate: {said}\n") == (answer.code, answer.err)

    in_virtual_time(main)


@pytest.mark.parametrize("api", range(21, 29))
def test_sms_store_is_closed_to_the_shell_before_android_10(api):
    """No READ_SMS: a stack trace on stderr and nothing on stdout."""

    async def main():
        target = phone(api)
        target.receive_sms(0, NUMBER, "secret")
        answer = await run(target, QUERY)
        first, second, *rest = answer.err.splitlines()
        assert ("", "Error while accessing provider:sms") == (answer.out, first)
        assert second.startswith("java.lang.SecurityException: Permission Denial: reading")
        assert all(line.startswith("\tat ") for line in rest)

    in_virtual_time(main)


@pytest.mark.parametrize("api", range(29, 37))
def test_shell_sees_sent_and_received_rows_only(api):
    """The restricted view holds types 1 and 2."""

    async def main():
        target = phone(api)
        for kind in SmsType:
            target.store.add(kind, sub_id=1, address=NUMBER, body="x", at=target.now())
        answer = await run(target, f"{QUERY} --projection _id:type --sort _id")
        assert "Row: 0 _id=1, type=1\nRow: 1 _id=2, type=2\n" == answer.out

    in_virtual_time(main)


def test_query_with_where_sort_and_null():
    """Real SQL decides; NULL is printed as such; newlines are not escaped."""

    async def main():
        target = phone(33)
        target.receive_sms(0, "+15550002222", "eins, type=9\nRow: 7 _id=7")
        target.receive_sms(0, "+15550003333", "zwei")
        where = f"{QUERY} --projection _id:person:body --where \"_id>0 AND address LIKE '%22'\""
        newest = await run(target, f'{QUERY}/inbox --projection _id --sort "_id DESC LIMIT 1"')
        nothing = await run(target, f'{QUERY} --where "_id>99"')
        assert (
            "Row: 0 _id=1, person=NULL, body=eins, type=9\nRow: 7 _id=7\n"
            == (await run(target, where)).out
        )
        assert "Row: 0 _id=2\n" == newest.out
        assert "No result found.\n" == nothing.out

    in_virtual_time(main)


def test_wrong_column_is_an_sql_exception_with_the_statement():
    """The provider's error names its view and the whole statement."""

    async def main():
        answer = await run(phone(35), f'{QUERY} --projection _id --where "nosuch=1"')
        assert "SQLiteException: no such column: nosuch (code 1 SQLITE_ERROR)" in answer.err
        assert "SELECT _id FROM sms_restricted WHERE (nosuch=1) ORDER BY date DESC" in answer.err

    in_virtual_time(main)


@pytest.mark.parametrize(("api", "refused"), [(29, False), (30, True), (36, True)])
def test_subselect_finds_nothing_from_android_11(api, refused):
    """Restricted callers may not nest queries; they are told nothing."""

    async def main():
        target = phone(api)
        target.receive_sms(0, NUMBER, "x")
        where = '--where "_id=(SELECT MAX(_id) FROM sms_restricted)"'
        answer = await run(target, f"{QUERY} --projection _id {where}")
        assert refused == (answer.out == "No result found.\n")

    in_virtual_time(main)


def test_shell_cannot_write_the_store():
    """Inserts and deletes of others than the default app are dropped without a word."""

    async def main():
        target = phone(33)
        target.receive_sms(0, NUMBER, "x")
        answer = await run(target, "content delete --uri content://sms")
        assert (0, "", 1) == (answer.code, answer.out, len(target.store.rows()))

    in_virtual_time(main)


@pytest.mark.parametrize(("api", "open_"), [(21, True), (29, True), (32, True), (33, False)])
def test_siminfo_is_refused_from_android_13(api, open_):
    """Until then it gives the full ICCID by subscription."""

    async def main():
        target = phone(api)
        line = "content query --uri content://telephony/siminfo --projection _id:sim_id:icc_id"
        answer = await run(target, line)
        shown = f"Row: 0 _id=1, sim_id=0, icc_id={target.spec.sims[0].iccid}\n"
        assert open_ == answer.out.startswith(shown)
        assert open_ != ("SecurityException" in answer.err)

    in_virtual_time(main)


def test_getprop_lists_telephony_by_slot():
    """Comma lists by phone index, empty where a slot has nothing."""

    async def main():
        target = phone(33, cards=1)
        listed = (await run(target, "getprop")).out
        assert "[gsm.sim.state]: [LOADED,ABSENT]\n" in listed
        assert "[gsm.sim.operator.numeric]: [00101,]\n" in listed
        assert f"[ro.serialno]: [{target.spec.serial}]\n" in listed
        assert "fallback\n" == (await run(target, "getprop no.such fallback")).out

    in_virtual_time(main)


def test_pin_locked_and_airplane_show_in_properties():
    """A locked card is PIN_REQUIRED; airplane mode takes the network's properties away."""

    async def main():
        target = phone(33)
        target.slots[0].pin_required = True
        await run(target, "cmd connectivity airplane-mode enable")
        assert "PIN_REQUIRED,LOADED\n" == (await run(target, "getprop gsm.sim.state")).out
        assert "1\n" == (await run(target, "settings get global airplane_mode_on")).out
        assert "Unknown,Unknown\n" == (await run(target, "getprop gsm.network.type")).out

    in_virtual_time(main)


def test_settings_round_trip():
    """put, get, delete, and null for what is not there."""

    async def main():
        target = phone(33)
        await run(target, "settings put secure some_key value")
        seen = [
            (await run(target, line)).out
            for line in (
                "settings get secure some_key",
                "settings delete secure some_key",
                "settings get secure some_key",
            )
        ]
        assert ["value\n", "Deleted 1 rows\n", "null\n"] == seen

    in_virtual_time(main)


def test_logcat_filters_and_tails():
    """Filter specifications silence the rest; `-t` keeps the last lines that match."""

    async def main():
        target = phone(33)
        for _ in range(2):
            await run(target, send_line(33, 1, NUMBER, "hi"))
            await asyncio.sleep(10)
        radio = "logcat -b radio -v threadtime -d"
        lines = (await run(target, f"{radio} SMSDispatcher:V *:S")).out.splitlines()
        last = (await run(target, "logcat -b radio -t 1 RILJ:D *:S")).out.splitlines()
        assert "--------- beginning of radio" == lines[0]
        assert all("D SMSDispatcher: " in line for line in lines[1:])
        assert 2 == sum("D SMSDispatcher: Persist" in line for line in lines)
        assert (2, True) == (len(last), "< SEND_SMS" in last[1])
        await run(target, "logcat -b radio -c")
        assert "" == (await run(target, radio)).out

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("-t nonsense", '-t "nonsense" not in time format'),
        ("-e (", "Invalid regular expression '('"),
        ("-b nosuch", "Unable to open log device 'nosuch': No such file or directory"),
        ("-Z", "Unknown option '-Z'"),
    ],
)
def test_logcat_refuses_what_it_cannot_read(options, complaint):
    """A wrong option ends the tool with exit code 1 and a line on stderr."""

    async def main():
        answer = await run(phone(33), f"logcat {options}")
        assert (1, "", f"{complaint}\n") == (answer.code, answer.out, answer.err)

    in_virtual_time(main)


def test_logcat_since_a_time_prints_later_lines_only():
    """`-t` with a date of the phone's clock, as an earlier line shows it."""

    async def main():
        target = phone(33)
        await asyncio.sleep(10)
        await run(target, send_line(33, 1, NUMBER, "hi"))
        log = (await run(target, ["logcat", "-b", "radio", "-t", "03-01 07:00:10.000"])).out
        assert "sendTextForSubscriber" in log
        assert "Connected to radio service" not in log

    in_virtual_time(main)


def test_logcat_follows_until_the_phone_goes_down():
    """Without `-d` lines come as they are written; a reboot ends the stream."""

    async def main():
        target = phone(33)
        console = CapturedConsole()
        line = ["logcat", "-b", "radio", "-T", "1", "SMSDispatcher:D", "*:S"]
        following = asyncio.create_task(target.tool(line, console))
        await run(target, send_line(33, 1, NUMBER, "hi"))
        await asyncio.sleep(10)
        assert b"Persist SMS into SENT" in console.out
        assert not following.done()
        await target.power_off()
        assert 0 == await following

    in_virtual_time(main)


def test_silenced_buffer_stays_empty():
    """Some builds do not write the radio log at all."""

    async def main():
        target = phone(33)
        target.logs.clear(["radio"])
        target.logs.silenced.add("radio")
        await run(target, send_line(33, 1, NUMBER, "hi"))
        await asyncio.sleep(10)
        assert "" == (await run(target, "logcat -b radio -d")).out

    in_virtual_time(main)


def test_boot_id_changes_with_a_boot():
    """The kernel's boot id is a UUID that a reboot replaces."""

    async def main():
        target = phone(33)
        read = target.proc_files["/proc/sys/kernel/random/boot_id"]
        before = read()
        await target.reboot()
        assert (37, 37) == (len(before), len(read()))
        assert before != read()

    in_virtual_time(main)


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_every_tool_answers_without_arguments(api):
    """No tool crashes on the shortest command line."""

    async def main():
        target = phone(api)
        for name in sorted(target.tools - {"logcat", "reboot"}):
            answer = await run(target, name)
            assert 0 <= answer.code <= 255

    in_virtual_time(main)
