"""The numbered contract of `ports.Usage`, over every journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_bench import (
    CARD,
    KINDS,
    NOON,
    OTHER_PHONE,
    PHONE,
    Bench,
    at,
    attempt,
    bench_for,
    message,
    settle,
)

from droidrack.core.attempt import EvidenceKind, Tick
from droidrack.core.ids import Iccid
from droidrack.core.message import MessageState
from droidrack.ports import HoldRecord, Journal, Send
from droidrack.ports.usage import NEWEST_SENDS

S = MessageState


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every journal there is."""
    with bench_for(request.param, tmp_path) as made:
        yield made


async def send(journal: Journal, uid: str, seconds: float, **changed: object) -> None:
    """Open the attempt of a new message."""
    await journal.accept(changed.get("device", PHONE), [message(uid)])  # type: ignore[arg-type]
    await journal.open_attempt(attempt(uid, opened_at=at(seconds), **changed))  # type: ignore[arg-type]


def test_sends_are_those_that_may_have_reached_the_radio(bench: Bench) -> None:
    """MUST 1: refused and unmade calls are not told, a failure at the radio is."""

    async def scenario(journal: Journal) -> None:
        for second, uid in enumerate(("sent", "refused", "unmade")):
            await send(journal, uid, second, segments=2)
        await settle(journal, "sent", S.SENT)
        await settle(journal, "refused", S.FAILED, kind=EvidenceKind.CALL_REFUSED)
        await settle(journal, "unmade", S.ACCEPTED, kind=EvidenceKind.CALL_NOT_MADE)
        await journal.open_attempt(attempt("unmade", 2, opened_at=at(14)))
        await settle(journal, "unmade", S.FAILED, kind=EvidenceKind.RADIO_FAILED)
        found = await journal.usage.of_phone(PHONE, NOON)
        assert [(at(0), 2), (at(14), 1)] == [(one.opened_at, one.segments) for one in found]
        assert () == await journal.usage.of_phone(OTHER_PHONE, NOON)

    bench.run(scenario)


def test_lost_call_that_failed_at_the_radio_stays_counted(bench: Bench) -> None:
    """MUST 1: a proven failure that is tried again went through Android's guard all the same."""

    async def scenario(journal: Journal) -> None:
        await send(journal, "m1", 1)
        await settle(journal, "m1", S.ACCEPTED, kind=EvidenceKind.RADIO_FAILED)
        assert 1 == len(await journal.usage.of_phone(PHONE, NOON))

    bench.run(scenario)


def test_sends_of_a_card_are_told_from_every_phone(bench: Bench) -> None:
    """A card's history goes with it; a card that was not told has none."""

    async def scenario(journal: Journal) -> None:
        tick = Tick("boot-1", 12.5)
        await send(journal, "here", 1, tick=tick)
        await send(journal, "there", 2, device=OTHER_PHONE)
        await send(journal, "nameless", 3, iccid=None)
        known = attempt("here")
        first = Send(at(1), tick, 1, message("here").number, known.slot, CARD)
        found = await journal.usage.of_card(CARD, NOON)
        assert first == found[0]
        assert [at(1), at(2)] == [one.opened_at for one in found]
        assert () == await journal.usage.of_card(Iccid("8901000000000000002"), NOON)
        nameless = (await journal.usage.of_phone(PHONE, NOON))[-1]
        assert (None, None) == (nameless.iccid, nameless.tick)

    bench.run(scenario)


def test_newest_sends_are_told_whatever_their_dates(bench: Bench) -> None:
    """MUST 1: the newest ones always; before them down to the first that is too old."""

    async def scenario(journal: Journal) -> None:
        await send(journal, "old", 1)
        await send(journal, "young", 1000)
        for count in range(NEWEST_SENDS):
            await send(journal, f"m{count}", 2)
        assert NEWEST_SENDS + 1 == len(await journal.usage.of_phone(PHONE, at(500)))
        assert NEWEST_SENDS == len(await journal.usage.of_phone(PHONE, at(2000)))
        assert NEWEST_SENDS + 2 == len(await journal.usage.of_card(CARD, at(0)))

    bench.run(scenario)


def test_holds_are_kept_replaced_and_released(bench: Bench) -> None:
    """A hold outlives its controller until somebody lifts it."""
    first = HoldRecord(PHONE, "sim-1", "QUOTA_USED", "9 of 9", NOON)
    other = HoldRecord(OTHER_PHONE, "sim-1", "NO_SERVICE", "", NOON)

    async def write(journal: Journal) -> None:
        await journal.usage.hold(HoldRecord(PHONE, "sim-1", "NO_SERVICE", "", NOON))
        await journal.usage.hold(first)
        await journal.usage.hold(other)

    async def read(journal: Journal) -> None:
        assert {first, other} == set(await journal.usage.holds())
        await journal.usage.release(OTHER_PHONE, "sim-1")
        await journal.usage.release(OTHER_PHONE, "sim-1")
        assert (first,) == await journal.usage.holds()

    bench.run(write)
    bench.run(read)
