"""What a phone's caller learns when the conversation goes wrong at each of its points."""

import asyncio
import socket
from collections.abc import Sequence

import pytest
from scripted_server import (
    BIND,
    FEATURES_V1,
    FEATURES_V2,
    OKAY,
    Endpoint,
    Script,
    Turn,
    block,
    bound,
    fail,
    scripted,
)

from droidrack.adapters import adb
from droidrack.adapters.adb import AdbPhone
from droidrack.core.errors import (
    AnswerCut,
    BridgeDown,
    Effect,
    PhoneError,
    PhoneGone,
    PhoneRefused,
    PhoneTimeout,
)
from droidrack.core.ids import Serial
from droidrack.ports import Completed

SHELL = b"shell,v2,raw:id"
PLENTY_S = 20.0
SHORT_S = 0.5  # The phases before the one that hangs must fit in it, on a busy machine, too.
EXIT_0 = b"\x03\x01\0\0\0\0"
STDOUT_HI = b"\x01\x02\0\0\0hi"
CLOSE_STDIN = b"\x04\0\0\0\0"


def play(
    *conversations: Sequence[Turn],
    command: str = "id",
    deadline_s: float = PLENTY_S,
    stdin: bytes = b"",
) -> tuple[Completed | PhoneError, Script]:
    """Run one command against a script; the outcome and what the server saw."""

    async def scene() -> tuple[Completed | PhoneError, Script]:
        async with scripted(*conversations) as (endpoint, script):
            phone = AdbPhone(endpoint, Serial("FAKE1"), 7)
            try:
                return await phone.run(command, deadline_s=deadline_s, stdin=stdin), script
            except PhoneError as error:
                return error, script

    return asyncio.run(scene())


def outcome(result: Completed | PhoneError) -> tuple[type, Effect]:
    """An error's class and effect."""
    assert isinstance(result, PhoneError), result
    return type(result), result.effect


def shell(answer: bytes | None, *, end: bool = True, dribble_s: float | None = None) -> list[Turn]:
    """A conversation that comes as far as the shell service."""
    return [BIND, Turn(SHELL, answer, end, dribble_s)]


def test_run_whole_answer_returns_output_and_code():
    """A command is completed by its exit packet; its stdin is ended at once."""
    result, script = play(
        FEATURES_V2, shell(OKAY + STDOUT_HI + b"\x02\x01\0\0\0e\x03\x01\0\0\0\x05", end=False)
    )
    assert Completed(5, b"hi", b"e") == result
    assert ["", CLOSE_STDIN.decode()] == [extra.decode() for extra in script.extra]


@pytest.mark.parametrize("cut", range(len(STDOUT_HI + EXIT_0)))
def test_run_answer_cut_anywhere_is_unknown(cut):
    """A part of an answer is never taken for the whole."""
    result, _ = play(FEATURES_V2, shell(OKAY + (STDOUT_HI + EXIT_0)[:cut]))
    assert (AnswerCut, Effect.UNKNOWN) == outcome(result)


@pytest.mark.parametrize("status", [b"", b"OK", b"FAIL", b"FAIL00", b"FAIL0006clo", b"HTTP"])
def test_run_server_gone_before_the_shell_opened_is_unknown(status):
    """The request may have reached the phone although nobody said so."""
    result, _ = play(FEATURES_V2, shell(status))
    assert (BridgeDown, Effect.UNKNOWN) == outcome(result)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (b"closed", (AnswerCut, Effect.UNKNOWN)),
        (b"something new", (AnswerCut, Effect.UNKNOWN)),
        (b"device offline (transport offline)", (PhoneGone, Effect.NONE)),
        (b"device offline (no transport)", (PhoneGone, Effect.NONE)),
    ],
)
def test_run_service_failed_is_none_only_where_the_server_never_told_the_phone(reason, expected):
    """`closed` is said for a refusal and for a link lost after the request alike."""
    result, _ = play(FEATURES_V2, shell(fail(reason)))
    assert expected == outcome(result)


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (b"device 'FAKE1' not found", "cable"),
        (b"no device with transport id '7'", "cable"),
        (b"device offline", "replug"),
        (b"device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", "allow"),
        (b"device still authorizing", "allow"),
        (
            b"insufficient permissions for device: user in plugdev group; are your udev rules",
            "rule",
        ),
    ],
)
def test_run_phone_not_reachable_is_gone_without_effect(reason, hint):
    """Whatever the server says before the service was requested, nothing reached the phone."""
    for conversations in (
        [[Turn(FEATURES_V2[0].request, fail(reason), end=True)]],
        [FEATURES_V2, [Turn(BIND.request, fail(reason), end=True)]],
    ):
        result, _ = play(*conversations)
        assert (PhoneGone, Effect.NONE) == outcome(result)
        assert hint in result.hint


@pytest.mark.parametrize("answer", [b"", b"OK", b"HTTP/1.1", b"OKAYzzzz", b"OKAY00ff"])
def test_run_server_garbled_while_opening_is_down_without_effect(answer):
    """A server that ends or babbles before the service was requested did nothing."""
    result, _ = play([Turn(FEATURES_V2[0].request, answer, end=True)])
    assert (BridgeDown, Effect.NONE) == outcome(result)


def test_run_nobody_listening_is_down_without_effect():
    """A refused connection names the address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    phone = AdbPhone(Endpoint("127.0.0.1", port), Serial("FAKE1"), 7)
    with pytest.raises(BridgeDown, match=rf"127\.0\.0\.1:{port}") as caught:
        asyncio.run(phone.run("id", deadline_s=PLENTY_S))
    assert Effect.NONE == caught.value.effect


@pytest.mark.parametrize(
    ("conversations", "expected"),
    [
        ([[Turn(FEATURES_V2[0].request, None)]], (BridgeDown, Effect.NONE)),
        ([FEATURES_V2, [Turn(BIND.request, None)]], (BridgeDown, Effect.NONE)),
        ([FEATURES_V2, shell(None, end=False)], (PhoneTimeout, Effect.UNKNOWN)),
        ([FEATURES_V2, shell(OKAY, end=False)], (PhoneTimeout, Effect.UNKNOWN)),
        ([FEATURES_V2, shell(OKAY, dribble_s=0.005)], (PhoneTimeout, Effect.UNKNOWN)),
    ],
    ids=["features", "bind", "opening", "silent", "dribbling"],
)
def test_run_deadline_bounds_every_phase(conversations, expected):
    """An endless dribble counts as little as silence; before the request the effect is none."""
    result, _ = play(*conversations, deadline_s=SHORT_S)
    assert expected == outcome(result)


@pytest.mark.parametrize("answer", [b"\x09\0\0\0\0", b"\x01\xff\xff\xff\x7f", b"\x03\0\0\0\0"])
def test_run_impossible_packet_is_unknown(answer):
    """A garbled answer is a cut one."""
    result, _ = play(FEATURES_V2, shell(OKAY + answer, end=False))
    assert (AnswerCut, Effect.UNKNOWN) == outcome(result)


def test_run_endless_output_is_capped(monkeypatch):
    """A phone cannot fill the controller's memory."""
    monkeypatch.setattr(adb, "OUTPUT_LIMIT", 1000)
    result, _ = play(FEATURES_V2, shell(OKAY + b"\x01\0\x10\0\0" + b"x" * 4096, end=False))
    assert (AnswerCut, Effect.UNKNOWN) == outcome(result)
    assert "1000 bytes" in str(result)


def test_run_transport_id_of_another_phone_is_gone_without_effect():
    """After a server's restart the serial may be back under another id: nothing is sent there."""
    result, script = play(FEATURES_V2, [Turn(BIND.request, bound(9))])
    assert (PhoneGone, Effect.NONE) == outcome(result)
    assert SHELL not in script.seen


BY_ID = Turn(b"host:transport-id:7")
SERIALNO = b"host-transport-id:7:get-serialno"
SHARED = [Turn(BIND.request, fail(b"more than one device with serial FAKE1"), end=True)]


def test_run_shared_serial_is_bound_by_id_and_checked():
    """Two phones with one serial are told apart by id, and the id's serial is asked for."""
    result, _ = play(
        FEATURES_V2,
        SHARED,
        [BY_ID, Turn(SHELL, OKAY + EXIT_0)],
        [Turn(SERIALNO, OKAY + block(b"FAKE1"), end=True)],
    )
    assert Completed(0, b"", b"") == result


def test_run_shared_serial_with_reused_id_is_gone_without_effect():
    """The id leads to another serial: nothing is requested of it."""
    result, script = play(
        FEATURES_V2, SHARED, [BY_ID], [Turn(SERIALNO, OKAY + block(b"OTHER"), end=True)]
    )
    assert (PhoneGone, Effect.NONE) == outcome(result)
    assert SHELL not in script.seen


@pytest.mark.parametrize("command", ["echo a\0b", "echo \ud83d"])
def test_run_command_no_phone_can_receive_is_refused(command):
    """A NUL would cut the command on the phone; half a surrogate has no bytes."""
    result, script = play(command=command)
    assert (PhoneRefused, Effect.NONE) == outcome(result)
    assert [] == script.seen


@pytest.mark.parametrize(
    ("command", "subject"),
    [
        ("service call isms 5 s16 +15550100 s16 hush", "FAKE1: service:"),
        ("BODY=hush; echo +15550100", "FAKE1: BODY:"),
        ("'hush' +15550100", "FAKE1: command:"),
        ("+15550100 hush", "FAKE1: command:"),
    ],
)
def test_run_error_text_shows_only_the_first_word(command, subject):
    """Numbers and bodies never reach an error's text."""
    service = b"shell,v2,raw:" + command.encode()
    result, _ = play(FEATURES_V2, [BIND, Turn(service, fail(b"closed"), end=True)], command=command)
    assert str(result).startswith(subject)
    assert "hush" not in f"{result!r} {result} {result.hint}"
    assert "15550100" not in f"{result!r} {result} {result.hint}"


def v1_answer(tail: bytes) -> list[Turn]:
    """A v1 phone that writes `out`, then its marked line followed by `tail`."""

    def answer(request: bytes) -> bytes:
        mark = request.split()[-1].partition(b":")[0]
        return OKAY + b"out\n\n" + mark + tail

    return [BIND, Turn(b"exec:", answer, end=True)]


def test_run_v1_phone_ends_at_the_marked_line():
    """Without shell v2 the exit code comes on a line of its own behind a random mark."""
    result, _ = play(FEATURES_V1, v1_answer(b":42\n"))
    assert Completed(42, b"out\n", b"") == result


@pytest.mark.parametrize("tail", [b"", b":", b":4", b":$code\n", b":0\nmore"])
def test_run_v1_answer_without_whole_mark_is_unknown(tail):
    """The end of a v1 stream alone proves nothing."""
    result, _ = play(FEATURES_V1, v1_answer(tail))
    assert (AnswerCut, Effect.UNKNOWN) == outcome(result)


def test_run_cancelled_leaves_no_socket():
    """The script's end waits for every client's connection to be gone."""

    async def scene() -> None:
        async with scripted(FEATURES_V2, shell(OKAY, end=False)) as (endpoint, script):
            phone = AdbPhone(endpoint, Serial("FAKE1"), 7)
            call = asyncio.create_task(phone.run("id", deadline_s=PLENTY_S, stdin=b"x" * 4_000_000))
            await script.finished.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(scene())


def stream(*conversations: Sequence[Turn]) -> tuple[list[bytes], PhoneError | None]:
    """All a stream gave, and how it ended."""

    async def scene() -> tuple[list[bytes], PhoneError | None]:
        chunks: list[bytes] = []
        async with scripted(*conversations) as (endpoint, _):
            try:
                async with AdbPhone(endpoint, Serial("FAKE1"), 7).stream("id") as lines:
                    async for chunk in lines:
                        chunks.append(chunk)
            except PhoneError as error:
                return chunks, error
        return chunks, None

    return asyncio.run(scene())


def test_stream_command_ended_ends_the_iterator():
    """Only the exit packet is an end without an error."""
    assert ([b"hi"], None) == stream(FEATURES_V2, shell(OKAY + STDOUT_HI + EXIT_0, end=False))


def test_stream_link_lost_raises_after_what_had_come():
    """Nothing that came is lost, and the end is told."""
    chunks, error = stream(FEATURES_V2, shell(OKAY + STDOUT_HI))
    assert [b"hi"] == chunks
    assert error is not None
    assert (AnswerCut, Effect.UNKNOWN) == outcome(error)


def test_stream_of_v1_phone_ends_with_an_error():
    """A v1 phone cannot say that a command ended."""
    chunks, error = stream(FEATURES_V1, [BIND, Turn(b"exec:id", OKAY + b"line\n", end=True)])
    assert [b"line\n"] == chunks
    assert isinstance(error, AnswerCut)


def test_stream_left_early_closes_its_socket():
    """Leaving the context ends the stream; the script's end waits for that."""

    async def scene() -> bytes:
        async with (
            scripted(FEATURES_V2, shell(OKAY + STDOUT_HI, end=False)) as (endpoint, _),
            AdbPhone(endpoint, Serial("FAKE1"), 7).stream("id") as lines,
        ):
            return await anext(lines)

    assert b"hi" == asyncio.run(scene())


def test_stream_frozen_phone_does_not_hold_its_caller(monkeypatch):
    """Opening a stream has a deadline although streaming has none."""
    monkeypatch.setattr(adb, "STREAM_OPENING_S", SHORT_S)
    _, error = stream(FEATURES_V2, shell(None, end=False))
    assert error is not None
    assert (PhoneTimeout, Effect.UNKNOWN) == outcome(error)
