"""What the rack sees of arrivals and departures when the server's lists go wrong."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from scripted_server import OKAY, Turn, block, bound, fail, scripted

from droidrack.adapters import adb_watch
from droidrack.adapters.adb_watch import LONG_LIST_LIMIT, AdbBus
from droidrack.core.ids import Serial, UsbPath
from droidrack.ports import Sighting

LONG = b"host:track-devices-l"
LINE = b"FAKE1                  device usb:1-2.3 product:p model:M device:d transport_id:7\n"
FAKE1 = Sighting(Serial("FAKE1"), "device", 7, UsbPath("1-2.3"), "p", "M", "d")


def watch(count: int, *conversations: Sequence[Turn]) -> list[tuple[Sighting, ...]]:
    """The first lists that are shown."""

    async def scene() -> list[tuple[Sighting, ...]]:
        shown = []
        async with (
            scripted(*conversations) as (endpoint, _),
            asyncio.timeout(20),
            aclosing(AdbBus(endpoint).watch()) as lists,
        ):
            async for seen in lists:
                shown.append(seen)
                if len(shown) == count:
                    return shown
        raise AssertionError("the watch ended")

    return asyncio.run(scene())


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Reconnect at once."""
    monkeypatch.setattr(adb_watch, "RETRY_FIRST_S", 0.0)


def test_watch_every_change_is_the_whole_list():
    """A departure is a shorter list; an unchanged list is not shown again."""
    answer = OKAY + block(LINE) + block(LINE) + block(b"") + block(LINE)
    assert [(FAKE1,), (), (FAKE1,)] == watch(3, [Turn(LONG, answer)])


def test_watch_permission_trouble_is_a_state():
    """A phone without a udev rule is seen, and says why it cannot be used."""
    state = b"no permissions (user in plugdev group; are your udev rules wrong?); see [http://x]"
    line = b"FAKE2                  " + state + b" usb:1-4 transport_id:9\n"
    ((seen,),) = watch(1, [Turn(LONG, OKAY + block(line))])
    assert ("no permissions", 9, "1-4") == (seen.state, seen.transport_id, seen.usb)


@pytest.mark.parametrize("cut", [b"", b"0", b"00", OKAY, OKAY + b"00", OKAY + b"0010abc", b"HTTP"])
def test_watch_server_gone_shows_an_empty_rack_until_it_is_back(cut):
    """Wherever the answer was cut, phones of a dead server are not shown as present."""
    assert [(FAKE1,), (), (FAKE1,)] == watch(
        3,
        [Turn(LONG, OKAY + block(LINE), end=True)],
        [Turn(LONG, cut, end=True)],
        [Turn(LONG, OKAY + block(LINE))],
    )


SHORT = b"host:track-devices"
SHORT_LINES = b"FAKE1\tdevice\nFAKE2\toffline\n"
RESOLVED = (
    Sighting(Serial("FAKE1"), "device", 7),
    Sighting(Serial("FAKE2"), "offline"),
)


@pytest.mark.parametrize(
    "long_answer",
    [
        OKAY + block(LINE * (LONG_LIST_LIMIT // len(LINE) + 1)),
        OKAY + block(LINE[:-5]) + LINE * 40,
        OKAY + block(LINE) + LINE,
        fail(b"unknown host service"),
    ],
    ids=["near the limit", "cut in a line", "cut between lines", "old server"],
)
def test_watch_list_too_long_falls_back_to_the_short_form(long_answer):
    """Over 64 KiB the server's length is wrong: the short form is followed, ids are asked for."""
    shown = watch(
        2 if long_answer.startswith(OKAY + block(LINE)) else 1,
        [Turn(LONG, long_answer)],
        [Turn(SHORT, OKAY + block(SHORT_LINES))],
        [Turn(b"host:tport:serial:FAKE1", bound(7))],
    )
    assert RESOLVED == shown[-1]
    assert () not in shown


def test_watch_short_form_keeps_ids_while_the_phone_stays():
    """Each phone is asked for once per stay; one that comes back is asked for again."""
    lists = [
        SHORT_LINES,
        SHORT_LINES + b"FAKE3\toffline\n",
        b"FAKE1\toffline\n",
        b"FAKE1\tdevice\n",
    ]
    shown = watch(
        4,
        [Turn(LONG, fail(b"unknown host service"), end=True)],
        [Turn(SHORT, OKAY + b"".join(map(block, lists)))],
        [Turn(b"host:tport:serial:FAKE1", bound(7))],
        [Turn(b"host:tport:serial:FAKE1", bound(8))],
    )
    assert [7, 7, None, 8] == [seen[0].transport_id for seen in shown]


def test_watch_short_form_phone_gone_meanwhile_has_no_id():
    """A phone the server cannot reach any more is shown, but nothing can be run on it."""
    ((seen,),) = watch(
        1,
        [Turn(LONG, fail(b"unknown host service"), end=True)],
        [Turn(SHORT, OKAY + block(b"FAKE1\tdevice\n"))],
        [Turn(b"host:tport:serial:FAKE1", fail(b"device offline"), end=True)],
    )
    assert Sighting(Serial("FAKE1"), "device") == seen
