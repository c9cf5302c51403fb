"""The numbered contract of `ports.OptOuts`, over every journal that has one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from journal_bench import KINDS, NOON, Bench, at, bench_for

from droidrack.core.ids import MessageUid, Msisdn
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.ports import Journal

ANNA, BERT = Msisdn("+15550100001"), Msisdn("+15550100002")
STOP = OptOut(ANNA, NOON, OptOutSource.STOP)
FIRST, SECOND = MessageUid("m1"), MessageUid("m2")


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Each kind of journal in turn."""
    with bench_for(request.param, tmp_path) as made:
        yield made


def test_list_gives_back_what_was_added(bench: Bench) -> None:
    """Every field, and only for the numbers that were asked about."""
    noted = OptOut(BERT, at(5), OptOutSource.OPERATOR, note="rang us up\0 👋")

    async def play(journal: Journal) -> None:
        assert await journal.optouts.add([STOP, noted]) == 2
        assert {ANNA: STOP} == await journal.optouts.among([ANNA, Msisdn("+15550100009")])
        assert {} == await journal.optouts.among([])
        assert (STOP, noted) == await journal.optouts.entries(limit=10)

    bench.run(play)


def test_add_of_a_listed_number_leaves_its_entry(bench: Bench) -> None:
    """Contract 1: the first word counts, within one call, too."""
    later = replace(STOP, since=at(60), source=OptOutSource.IMPORT, note="again")

    async def play(journal: Journal) -> None:
        assert await journal.optouts.add([STOP, later]) == 1
        assert await journal.optouts.add([later]) == 0
        assert {ANNA: STOP} == await journal.optouts.among([ANNA])

    bench.run(play)


def test_remove_says_whether_the_number_was_listed(bench: Bench) -> None:
    """Taking it off twice is no mistake."""

    async def play(journal: Journal) -> None:
        await journal.optouts.add([STOP])
        assert await journal.optouts.remove(ANNA)
        assert not await journal.optouts.remove(ANNA)
        assert {} == await journal.optouts.among([ANNA])

    bench.run(play)


def test_entries_come_in_pages_in_the_order_of_numbers(bench: Bench) -> None:
    """A list of any length can be read in pieces."""
    numbers = [Msisdn(f"+1555010{index:04}") for index in range(1200)]

    async def play(journal: Journal) -> None:
        await journal.optouts.add([replace(STOP, number=number) for number in reversed(numbers)])
        assert len(await journal.optouts.among(numbers)) == 1200
        seen: list[Msisdn] = []
        while page := await journal.optouts.entries(after=seen[-1] if seen else None, limit=500):
            seen += [entry.number for entry in page]
        assert numbers == seen

    bench.run(play)


def test_confirmation_is_one_message_and_that_one_again(bench: Bench) -> None:
    """Contract 4: its second attempt is no second message."""

    async def play(journal: Journal) -> None:
        assert not await journal.optouts.confirm(ANNA, FIRST)
        await journal.optouts.add([STOP])
        assert await journal.optouts.confirm(ANNA, FIRST)
        assert await journal.optouts.confirm(ANNA, FIRST)
        assert not await journal.optouts.confirm(ANNA, SECOND)
        assert (await journal.optouts.among([ANNA]))[ANNA].confirmation == FIRST
        await journal.optouts.remove(ANNA)
        await journal.optouts.add([STOP])
        assert await journal.optouts.confirm(ANNA, SECOND)

    bench.run(play)


def test_list_is_there_after_a_restart(bench: Bench) -> None:
    """Contract 3: what returned is on disk."""

    async def write(journal: Journal) -> None:
        await journal.optouts.add([STOP])
        await journal.optouts.confirm(ANNA, FIRST)

    async def read(journal: Journal) -> None:
        assert (replace(STOP, confirmation=FIRST),) == await journal.optouts.entries(limit=10)

    bench.run(write)
    bench.run(read)
