"""The `service` command of the virtual phone: argument types, exit codes, printed replies."""

import asyncio
from dataclasses import replace

import pytest
from virtual_bench import ALL_LEVELS, in_virtual_time, phone, run

from droidrack.virtual.spec import make_sim

IMSI_CODE = {21: 6, 23: 8, 25: 8, 28: 8, 29: 8, 30: 10, 36: 10}


def test_unknown_service_exits_10_and_says_so_on_stderr():
    """`service call` of a service that is not registered."""

    async def main():
        answer = await run(phone(33), "service call nosuch 1")
        assert (10, "", "service: Service nosuch does not exist\n") == (
            answer.code,
            answer.out,
            answer.err,
        )

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("service call isms 5 i32", "service: no integer supplied for 'i32'"),
        ("service call isms 5 s16", "service: no string supplied for 's16'"),
        ("service call isms 5 text x", "service: unknown option text"),
        ("service call isms", "service: No code specified for call"),
    ],
)
def test_bad_arguments_exit_10(line, complaint):
    """What the tool cannot marshal never reaches the service."""

    async def main():
        answer = await run(phone(33), line)
        assert (10, f"{complaint}\n") == (answer.code, answer.err)

    in_virtual_time(main)


@pytest.mark.parametrize(("api", "known"), [(21, False), (22, False), (23, True)])
def test_i64_is_known_from_android_6(api, known):
    """Before, a long is passed as two words."""

    async def main():
        answer = await run(phone(api), "service call isms 1 i64 5")
        assert known == (answer.code == 0)

    in_virtual_time(main)


def test_i32_is_read_as_atoi():
    """Leading digits count, the rest is ignored: getSubId of "0x1" is that of slot 0."""

    async def main():
        target = phone(34)
        answer = await run(target, "service call isub 26 i32 0x1")
        assert "Result: Parcel(\t00000000 00000001   '........')\n" == answer.out

    in_virtual_time(main)


def test_long_reply_up_to_android_13_is_indented_below_the_word():
    """The hexdump of a captured reply, for the same value."""

    async def main():
        target = phone(30, sims=(replace(make_sim(1), imsi="001010131415927"),))
        answer = await run(
            target, "service call iphonesubinfo 10 i32 1 s16 com.android.shell i32 -1"
        )
        assert (
            "Result: Parcel(\n"
            "  0x00000000: 00000000 0000000f 00300030 00300031 '........0.0.1.0.'\n"
            "  0x00000010: 00300031 00330031 00340031 00350031 '1.0.1.3.1.4.1.5.'\n"
            "  0x00000020: 00320039 00000037                   '9.2.7...        ')\n"
        ) == answer.out

    in_virtual_time(main)


def test_long_reply_from_android_14_starts_at_column_0_after_a_tab():
    """A TAB follows the bracket, and the lines are not indented."""

    async def main():
        answer = await run(
            phone(35), "service call iphonesubinfo 10 i32 1 s16 com.android.shell i32 -1"
        )
        first, second, *_ = answer.out.splitlines()
        assert ("Result: Parcel(\t", "0x00000000: 00000000 0000000f") == (first, second[:29])

    in_virtual_time(main)


def test_error_of_32_bit_phone_has_eight_digits():
    """The width of a printed status is that of the tool."""

    async def main():
        answer = await run(phone(21), "service call isms 99")
        assert 'Result: Parcel(Error: 0xffffffb6 "Not a data message")\n' == answer.out

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("api", "code", "words"),
    [
        (21, 16, "00000000 00000001 00000001 00000000"),
        (23, 16, "00000000 00000001 00000001"),
        (24, 17, "00000000 00000001 00000001"),
        (28, 19, "00000000 00000001 00000001"),
        (29, 28, "00000000 00000001 00000001"),
        (34, 26, "00000000 00000001"),
    ],
)
def test_get_sub_id_has_the_shape_of_the_release(api, code, words):
    """long[] on 5.0, int[] up to 13, a plain int from 14."""

    async def main():
        answer = await run(phone(api), f"service call isub {code} i32 0")
        shown = answer.out.split("(")[1].split("'")[0].split()
        assert words.split() == shown

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("api", "code", "words"),
    [
        (23, 16, "00000000 00000002 fffffffd fffffffd"),
        (28, 19, "00000000 00000002 fffffffd fffffffd"),
        (30, 28, "00000000 ffffffff"),
        (34, 26, "00000000 ffffffff"),
    ],
)
def test_get_sub_id_of_empty_slot_has_the_shape_of_the_release(api, code, words):
    """Dummy ids up to 9, null up to 13, −1 from 14."""

    async def main():
        answer = await run(phone(api, cards=1), f"service call isub {code} i32 1")
        shown = answer.out.split("(")[1].split("'")[0].split()
        assert words.split() == shown

    in_virtual_time(main)


@pytest.mark.parametrize(("api", "codes"), [(21, (6, 10, 12)), (22, (9, 14, 16))])
def test_identity_is_refused_before_android_6(api, codes):
    """The shell has no READ_PHONE_STATE there."""

    async def main():
        for code in codes:
            answer = await run(phone(api), f"service call iphonesubinfo {code} i32 1 i32 0")
            assert "ffffffff" in answer.out

    in_virtual_time(main)


@pytest.mark.parametrize(
    ("api", "codes"),
    [
        (23, (8, 12, 14)),
        (26, (9, 14, 16)),
        (28, (8, 11, 13)),
        (30, (10, 14, 16)),
        (35, (10, 14, 16)),
        (36, (10, 15, 17)),
    ],
)
def test_identity_codes_of_the_release_answer_with_the_card(api, codes):
    """IMSI, ICCID and number; a Samsung of 8.0 has codes of its own."""

    async def main():
        target = phone(api)
        card = target.spec.sims[0]
        seen = []
        for code in codes:
            line = f"service call iphonesubinfo {code} i32 1 s16 com.android.shell i32 -1"
            seen.append(_string((await run(target, line)).out))
        assert [card.imsi, card.iccid, card.msisdn] == seen

    in_virtual_time(main)


def test_services_are_absent_until_the_framework_is_up():
    """After a boot the shell is there first, telephony later."""

    async def main():
        target = phone(33)
        first_boot = target.boot_id
        await target.reboot()
        early = await run(target, "service call isms 5")
        started = await run(target, "getprop sys.boot_completed")
        await asyncio.sleep(target.spec.quirks.boot_s + 0.1)
        late = await run(target, "service check isms")
        assert first_boot != target.boot_id
        assert ("service: Service isms does not exist\n", "\n") == (early.err, started.out)
        assert "Service isms: found\n" == late.out
        assert "1\n" == (await run(target, "getprop sys.boot_completed")).out

    in_virtual_time(main)


@pytest.mark.parametrize("api", ALL_LEVELS)
def test_service_list_names_the_interfaces(api):
    """`service list` shows the descriptor of each telephony service."""

    async def main():
        answer = await run(phone(api), "service list")
        assert "isms: [com.android.internal.telephony.ISms]\n" in answer.out
        assert f"Found {len(answer.out.splitlines()) - 1} services:" == answer.out.splitlines()[0]

    in_virtual_time(main)


def _string(text):
    """The String16 of a printed reply."""
    rows = [line.split("'")[0].split(": ")[-1] for line in text.splitlines() if "0x" in line]
    words = " ".join(rows).split()
    raw = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
    return raw[8 : 8 + 2 * int.from_bytes(raw[4:8], "little")].decode("utf-16-le")
