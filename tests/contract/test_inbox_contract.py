"""The numbered contract of `ports.Inbox`, over every implementation of the journal."""

import errno
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from journal_bench import CARD, KINDS, NOON, OTHER_PHONE, PHONE, Bench, at, bench_for

from droidrack.core.errors import JournalDamaged
from droidrack.core.ids import Body, DeviceUuid, Iccid, Msisdn, Slot
from droidrack.core.inbound import Asked, InboundText, Mark, Watermark, text_id
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.core.optout_words import Intent
from droidrack.ports import Journal

ENDPOINTS = ("archive", "crm")


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every journal there is."""
    with bench_for(request.param, tmp_path) as made:
        yield made


def text(row_id: int, **changes: object) -> InboundText:
    """A text like any other."""
    device = DeviceUuid(str(changes.get("device", PHONE)))
    epoch = int(str(changes.get("epoch", 0)))
    fields: dict[str, object] = {
        "id": text_id(device, epoch, Mark(row_id, row_id * 1000, 0)),
        "device": device,
        "epoch": epoch,
        "row_id": row_id,
        "slot": Slot(1),
        "iccid": CARD,
        "sender": Msisdn("+15550100001"),
        "body": Body("two\nlines, type=2\x00\ud800"),
        "received_at": at(row_id),
        "seen_at": at(100),
    }
    return InboundText(**{**fields, **changes})  # type: ignore[arg-type]


def mark(*rows: int, device: DeviceUuid = PHONE, epoch: int = 0) -> Watermark:
    """A watermark at some rows."""
    marks = tuple(Mark(row, row * 1000, 5) for row in rows)
    return Watermark(device, epoch, marks, 7, 9, NOON)


async def open_ids(journal: Journal, endpoint: str, seconds: float = 1000) -> list[int]:
    """Rows of what an endpoint is to be offered."""
    return [each.text.row_id for each in await journal.inbox.due(endpoint, at(seconds), limit=50)]


def test_received_text_is_there_for_the_next_controller_as_it_was(bench: Bench) -> None:
    """MUST 1: texts, watermark and deliveries survive, with every character of a text."""
    first, second = text(1), text(2, slot=None, iccid=None, sender=Msisdn("Bank, body=x"))

    async def receive(journal: Journal) -> None:
        assert (first, second) == await journal.inbox.receive(mark(2, 1), [first, second], ["crm"])

    async def read(journal: Journal) -> None:
        assert [first, second] == [kept for _, kept in await journal.inbox.texts(limit=9)]
        assert mark(2, 1) == await journal.inbox.watermark(PHONE)
        assert await journal.inbox.watermark(OTHER_PHONE) is None
        assert (mark(2, 1),) == await journal.inbox.watermarks()
        assert {1, 2} == set(await open_ids(journal, "crm"))
        assert [] == await open_ids(journal, "archive")

    bench.run(receive)
    bench.run(read)


def test_receive_that_fails_before_its_commit_leaves_no_text_and_no_watermark(
    bench: Bench,
) -> None:
    """MUST 1: both or neither, or a text would be lost or repeated."""
    full = [True]

    def fill(phase: str, units: tuple[str, ...]) -> None:
        if full[0] and phase == "before" and "inbound" in units:
            raise OSError(errno.ENOSPC, "No space left on device")

    async def scenario(journal: Journal) -> None:
        with pytest.raises(JournalDamaged):
            await journal.inbox.receive(mark(1), [text(1)], ENDPOINTS)

    bench.run(scenario, on_commit=fill)
    full[0] = False

    async def read(journal: Journal) -> None:
        assert () == await journal.inbox.texts(limit=9)
        assert await journal.inbox.watermark(PHONE) is None

    bench.run(read)


def test_text_received_again_is_stored_and_owed_once(bench: Bench) -> None:
    """MUST 2: a look that is repeated after a crash adds nothing."""

    async def scenario(journal: Journal) -> None:
        await journal.inbox.receive(mark(1), [text(1)], ["crm"])
        again = replace(text(1), seen_at=at(500))
        assert () == await journal.inbox.receive(mark(2, 1), [again], ["crm"])
        assert mark(2, 1) == await journal.inbox.watermark(PHONE)
        assert [1] == await open_ids(journal, "crm")

    bench.run(scenario)


def test_equal_texts_of_two_rows_are_two_texts(bench: Bench) -> None:
    """MUST 2: ten times "yes" in one second are ten answers."""

    async def scenario(journal: Journal) -> None:
        same = [text(row, received_at=NOON) for row in range(1, 11)]
        assert 10 == len(await journal.inbox.receive(mark(10), same, ()))

    bench.run(scenario)


def test_text_of_a_later_epoch_that_was_known_before_is_no_news(bench: Bench) -> None:
    """MUST 2: a backup brings old rows back under new ids; a new text has another date."""

    async def scenario(journal: Journal) -> None:
        await journal.inbox.receive(mark(7), [text(7)], ())
        restored = text(3, epoch=1, received_at=at(7))
        later = text(4, epoch=1, received_at=at(8))
        found = await journal.inbox.receive(mark(4, epoch=1), [restored, later], ())
        assert [4] == [one.row_id for one in found]
        elsewhere = text(3, epoch=1, received_at=at(7), device=OTHER_PHONE)
        told = await journal.inbox.receive(mark(3, device=OTHER_PHONE), [elsewhere], ())
        assert [elsewhere] == list(told)

    bench.run(scenario)


def test_stop_is_on_the_list_with_its_text_and_start_undoes_no_operator(bench: Bench) -> None:
    """MUST 1: both in one transaction, in the order of the texts; a known text asks nothing."""
    stop, start = Intent.STOP, Intent.START
    writer, blocked = Msisdn("+15550100001"), Msisdn("+15550100002")

    async def scenario(journal: Journal) -> None:
        inbox, listed = journal.inbox, journal.optouts
        await listed.add([OptOut(blocked, NOON, OptOutSource.OPERATOR)])
        first = {text(1).id: Asked(stop, writer), text(2).id: Asked(start, blocked)}
        await inbox.receive(mark(2), [text(1), text(2)], (), first)
        found = await listed.among([writer, blocked])
        assert (OptOutSource.STOP, at(100)) == (found[writer].source, found[writer].since)
        assert OptOutSource.OPERATOR is found[blocked].source
        asked = {text(3).id: Asked(start, writer)}
        await inbox.receive(mark(3), [text(3)], (), asked)
        await inbox.receive(mark(3), [text(1), text(3)], (), first | asked)
        assert {blocked} == set(await listed.among([writer, blocked]))
        both = {text(4).id: Asked(stop, writer), text(5).id: Asked(start, writer)}
        await inbox.receive(mark(5), [text(4), text(5)], (), both)
        assert {blocked} == set(await listed.among([writer, blocked]))

    bench.run(scenario)


def test_every_wish_has_its_audit_line_with_what_came_of_it(bench: Bench) -> None:
    """MUST 1: once for a text, in the order of the texts, without a number or a text in it."""
    writer, blocked = Msisdn("+15550100001"), Msisdn("+15550100002")
    wishes = [(Intent.STOP, writer), (Intent.STOP, writer), (Intent.START, blocked)]
    wishes += [(Intent.START, writer), (Intent.START, writer)]
    texts = [text(row) for row in range(1, 6)]
    asked = {one.id: Asked(*wish) for one, wish in zip(texts, wishes, strict=True)}

    async def scenario(journal: Journal) -> None:
        await journal.optouts.add([OptOut(blocked, NOON, OptOutSource.OPERATOR)])
        await journal.inbox.receive(mark(5), [*texts, text(6)], (), asked)
        await journal.inbox.receive(mark(5), texts, (), asked)
        lines = await journal.audit.lines(limit=9)
        told = [line.facts() for line in lines]
        assert [
            ("stop", ""),
            ("stop", "it was on the list already (stop)"),
            ("start", "it stays on the list (operator)"),
            ("start", ""),
            ("start", "it was not on the list"),
        ] == [(fact["what"], fact.get("detail", "")) for fact in told]
        assert [one.id for one in texts] == [fact["subject"] for fact in told]
        assert {("request", "recipient", PHONE)} == {
            (fact["kind"], fact["who"], fact["device"]) for fact in told
        }
        assert [wish[1] in (writer,) for wish in wishes] == [
            fact["number"] == told[0]["number"] for fact in told
        ]
        assert not any(number in line.text for line in lines for number in ("0100001", "0100002"))

    bench.run(scenario)


def test_stop_whose_transaction_fails_is_not_on_the_list(bench: Bench) -> None:
    """MUST 1: the text is received again, and its wish with it."""
    number = Msisdn("+15550100001")

    def fill(phase: str, units: tuple[str, ...]) -> None:
        if phase == "before" and "inbound" in units:
            raise OSError(errno.ENOSPC, "No space left on device")

    async def fail(journal: Journal) -> None:
        asked = {text(1).id: Asked(Intent.STOP, number)}
        with pytest.raises(JournalDamaged):
            await journal.inbox.receive(mark(1), [text(1)], (), asked)

    async def read(journal: Journal) -> None:
        assert {} == await journal.optouts.among([number])
        assert () == await journal.inbox.texts(limit=9)
        assert () == await journal.audit.lines(limit=9)

    bench.run(fail, on_commit=fill)
    bench.run(read)


def test_due_offers_the_oldest_text_of_each_sender_only(bench: Bench) -> None:
    """MUST 3: nothing overtakes a text of the same sender, at one endpoint; others go on."""
    other = Msisdn("+15550100002")

    async def scenario(journal: Journal) -> None:
        texts = [text(1), text(2), text(3, sender=other)]
        await journal.inbox.receive(mark(3), texts, ENDPOINTS)
        first, third = await journal.inbox.due("crm", at(100), limit=9)
        assert (1, 3) == (first.text.row_id, third.text.row_id)
        await journal.inbox.postponed(first.id, at(200), "no answer")
        assert [3] == await open_ids(journal, "crm", 150)
        assert {1, 3} == set(await open_ids(journal, "archive", 150))
        await journal.inbox.delivered(third.id, at(150))
        assert at(200) == await journal.inbox.next_due("crm")
        (again,) = await journal.inbox.due("crm", at(200), limit=9)
        assert (1, 1) == (again.text.row_id, again.tries)
        await journal.inbox.given_up(again.id, "refused", at(201))
        assert [2] == await open_ids(journal, "crm", 201)

    bench.run(scenario)


def test_closed_delivery_stays_as_it_is(bench: Bench) -> None:
    """MUST 4: an answer that comes twice changes nothing; all of it is shown."""

    async def scenario(journal: Journal) -> None:
        await journal.inbox.receive(mark(1), [text(1)], ENDPOINTS)
        (offer,) = await journal.inbox.due("crm", at(100), limit=9)
        await journal.inbox.delivered(offer.id, at(110))
        await journal.inbox.postponed(offer.id, at(300), "late")
        await journal.inbox.given_up(offer.id, "late", at(300))
        passed = (await journal.inbox.passed([text(1).id]))[text(1).id]
        assert [("archive", 0, None, ""), ("crm", 1, at(110), "")] == [
            (one.endpoint, one.tries, one.closed_at, one.reason) for one in passed
        ]
        assert await journal.inbox.next_due("crm") is None

    bench.run(scenario)


def test_disowned_deliveries_are_closed_and_can_be_pruned(bench: Bench) -> None:
    """An endpoint that was taken out of the configuration keeps no text for ever."""

    async def scenario(journal: Journal) -> None:
        await journal.inbox.receive(mark(1), [text(1)], ENDPOINTS)
        assert 1 == await journal.inbox.disown(["crm"], at(150))
        assert ([], [1]) == (await open_ids(journal, "archive"), await open_ids(journal, "crm"))
        assert 0 == await journal.inbox.prune(at(200))
        assert 1 == await journal.inbox.disown([], at(150))
        assert 1 == await journal.inbox.prune(at(200))

    bench.run(scenario)


def test_texts_are_listed_by_phone_card_time_and_number(bench: Bench) -> None:
    """The newest ones, oldest first; beyond a number, the oldest ones."""
    card = Iccid("8901000000000000002")

    async def scenario(journal: Journal) -> None:
        inbox = journal.inbox
        await inbox.receive(mark(3), [text(1), text(2), text(3, iccid=card)], ())
        late = text(1, device=OTHER_PHONE, seen_at=at(900))
        await inbox.receive(mark(1, device=OTHER_PHONE), [late], ())

        async def rows(**wanted: object) -> list[int]:
            found = await inbox.texts(**{"limit": 9, **wanted})  # type: ignore[arg-type]
            return [kept.row_id for _, kept in found]

        assert [1, 2, 3] == await rows(device=PHONE)
        assert [3] == await rows(iccid=card)
        assert [late] == [kept for _, kept in await inbox.texts(since=at(200), limit=9)]
        assert [3, 1] == await rows(limit=2)
        first = (await inbox.texts(limit=9))[0][0]
        assert [2, 3] == await rows(after=first, limit=2)

    bench.run(scenario)


def test_prune_keeps_what_is_owed_and_lets_nothing_old_come_back(bench: Bench) -> None:
    """MUST 5: an old text goes once nobody waits for it; a later epoch begins after it."""

    async def scenario(journal: Journal) -> None:
        await journal.inbox.receive(mark(2), [text(1), text(2)], ["crm"])
        (first,) = await journal.inbox.due("crm", at(100), limit=9)
        await journal.inbox.delivered(first.id, at(101))
        assert 1 == await journal.inbox.prune(at(200))
        assert [2] == [kept.row_id for _, kept in await journal.inbox.texts(limit=9)]
        known = await journal.inbox.watermark(PHONE)
        assert known is not None
        assert known.since_ms == int(at(200).timestamp() * 1000)
        await journal.prune(at(0) - timedelta(days=1))
        assert 1 == len(await journal.inbox.texts(limit=9))

    bench.run(scenario)
