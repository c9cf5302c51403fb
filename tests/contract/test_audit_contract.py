"""The numbered contract of `ports.Audit`, over every journal that has one."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from journal_bench import NOON, PHONE, at, attempt, bring_to, message, settle

from droidrack.adapters.audit_anchor import Anchor
from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.core.audit import AuditEntry, AuditKind, AuditLine, Pen, Veil, Verifier
from droidrack.core.errors import JournalDamaged
from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import MessageState
from droidrack.ports import Journal

KEY = bytes(range(32))
NUMBER = Msisdn("+15550100001")
UID = MessageUid("m1")
Hook = Callable[[str, tuple[str, ...]], None]


class Store:
    """A journal's storage, and somebody's hand in it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.path, self.disk = kind, folder / "journal.sqlite", MemoryDisk()
        self.count = 0

    def journal(self, hook: Hook | None = None, pen: Callable[[], Pen] | None = None) -> Journal:
        """A controller's view."""
        pen = pen or (lambda: Pen(KEY))
        if self.kind == "memory":
            return MemoryJournal(self.disk, on_commit=hook, pen=pen)
        return SqlJournal(self.path, inline=self.kind == "sqlite-inline", on_commit=hook, pen=pen)

    def run(self, scenario: Callable[[Journal], Awaitable[None]], hook: Hook | None = None) -> None:
        """Open, play, close."""

        async def play() -> None:
            journal = self.journal(hook)
            await journal.open()
            try:
                await scenario(journal)
            finally:
                await journal.close()

        asyncio.run(play())

    def lines(self) -> list[AuditLine]:
        """What is stored."""
        if self.kind == "memory":
            return list(self.disk.audit.lines)
        connection = sqlite3.connect(self.path)
        rows = connection.execute("SELECT seq, text, digest FROM audit ORDER BY seq").fetchall()
        connection.close()
        return [AuditLine(*row) for row in rows]

    def tamper(self, lines: list[AuditLine]) -> None:
        """Somebody writes into the storage what he likes."""
        if self.kind == "memory":
            self.disk.audit.lines = lines
            return
        connection = sqlite3.connect(self.path)
        connection.execute("DELETE FROM audit")
        rows = [(line.seq, line.text, line.digest) for line in lines]
        connection.executemany("INSERT INTO audit VALUES (?, ?, ?)", rows)
        connection.commit()
        connection.close()

    def faults(self, key: bytes = KEY) -> list[str]:
        """What a check of the storage finds."""
        pen = Pen(key)
        anchor = self.disk.audit.anchor
        if self.kind != "memory":
            kept = Anchor(self.path.with_name(f"{self.path.name}.audit")).head(Pen(KEY))
            assert kept is not None
            anchor = kept
        verifier = Verifier(pen)
        verifier.expect(anchor)
        found = [*verifier.check(self.lines()), *verifier.end(), *verifier.gaps]
        return [fault.text for fault in found]


@pytest.fixture(params=["memory", "sqlite-inline", "sqlite-threaded"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every journal there is."""
    return Store(request.param, tmp_path)


def entry(what: str = "refuse", moment: datetime = NOON, **more: object) -> AuditEntry:
    """Something to be written down."""
    fields: dict[str, object] = {"subject": "m1", "rule": "optout", "code": "OPTED_OUT"}
    made = AuditEntry(moment, AuditKind.DECISION, "door", what, device=PHONE)
    return replace(made, **{**fields, **more})  # type: ignore[arg-type]


async def five(journal: Journal) -> None:
    """Five lines."""
    for index in range(5):
        await journal.audit.append([entry(moment=at(index), subject=f"m{index}")])


def test_lines_are_there_for_the_next_controller(store: Store) -> None:
    """MUST 1 and 2: the chain goes on where the last life left it."""

    async def once(journal: Journal) -> None:
        await journal.audit.append([entry(), entry("hold")])

    store.run(once)
    store.run(once)

    assert [1, 2, 3, 4] == [line.seq for line in store.lines()]
    assert [] == store.faults()


def test_line_goes_with_the_change_it_is_about(store: Store) -> None:
    """MUST 1: state and line are one transaction."""
    commits: list[tuple[str, ...]] = []

    async def scenario(journal: Journal) -> None:
        await journal.accept(PHONE, [message("m1")])
        commits.clear()
        await journal.open_attempt(attempt("m1"), [entry("go", rule="", code="")])
        await journal.settle(
            UID, MessageState.SENT, code="", evidence=[], report=None, at=NOON, audit=[entry()]
        )

    store.run(scenario, lambda phase, units: commits.append((phase, *units)))

    assert ["go", "refuse"] == [line.facts()["what"] for line in store.lines()]
    assert ["attempt", "settle"] == [units[1] for units in commits if units[0] == "after"]


def test_refused_change_leaves_no_line(store: Store) -> None:
    """MUST 1: what did not happen is not on record, and the chain does not miss it."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", MessageState.SENDING)
        with pytest.raises(ValueError, match="an attempt needs it accepted"):
            await journal.open_attempt(attempt("m1", 2), [entry("go")])
        await journal.audit.append([entry("hold")])

    store.run(scenario)

    assert ["hold"] == [line.facts()["what"] for line in store.lines()]
    assert [] == store.faults()


def test_failed_write_leaves_no_line(store: Store) -> None:
    """MUST 1: a line that raised before its commit is absent, and so is its change."""
    full = [False]

    def fill(phase: str, units: tuple[str, ...]) -> None:
        if full[0] and phase == "before":
            raise OSError(28, "No space left on device")

    async def scenario(journal: Journal) -> None:
        await journal.accept(PHONE, [message("m1")])
        await journal.audit.append([entry()])
        full[0] = True
        with pytest.raises(JournalDamaged):
            await journal.open_attempt(attempt("m1"), [entry("go")])
        full[0] = False
        await journal.open()
        await journal.open_attempt(attempt("m1"), [entry("go")])

    store.run(scenario, fill)

    assert ["refuse", "go"] == [line.facts()["what"] for line in store.lines()]
    assert [] == store.faults()


@pytest.mark.parametrize("veil", list(Veil))
def test_numbers_and_texts_are_veiled(store: Store, veil: Veil) -> None:
    """MUST 4: nowhere in the storage stands what the line is about."""

    async def scenario(journal: Journal) -> None:
        await journal.audit.append([entry(number=NUMBER, body=Body("secret words"))])

    async def play() -> None:
        journal = store.journal(pen=lambda: Pen(KEY, numbers=veil, bodies=veil))
        await journal.open()
        await scenario(journal)
        await journal.close()

    asyncio.run(play())

    facts = store.lines()[0].facts()
    masked = {"number": "•••01", "body": "[12 characters]"}
    if veil is Veil.HASHED:
        assert "#" == facts["number"][0]
        assert Pen(KEY).veiled(NUMBER) == facts["number"] != Pen(b"k" * 32).veiled(NUMBER)
    else:
        assert masked == {name: facts[name] for name in masked}
    assert "5550100001" not in store.lines()[0].text
    assert "secret" not in store.lines()[0].text


def edited(lines: list[AuditLine]) -> list[AuditLine]:
    """A word changed."""
    text = lines[2].text.replace("refuse", "go")
    return [*lines[:2], replace(lines[2], text=text), *lines[3:]]


def edited_and_resealed(lines: list[AuditLine]) -> list[AuditLine]:
    """The same by somebody who knows how digests are made, but not the key."""
    pen, head, made = Pen(b"guessed"), lines[1].head, lines[:2]
    for line in lines[2:]:
        facts = dict(line.facts())
        made.append(pen.write(entry("go", subject=str(facts["subject"])), head))
        made[-1] = replace(made[-1], text=made[-1].text.replace(pen.key_id, str(facts["key"])))
        head = made[-1].head
    return made


def renumbered(lines: list[AuditLine]) -> list[AuditLine]:
    """Two lines have changed places."""
    return [*lines[:1], replace(lines[2], seq=2), replace(lines[1], seq=3), *lines[3:]]


@pytest.mark.parametrize(
    ("hand", "said"),
    [
        (edited, "line 3 was changed"),
        (edited_and_resealed, "line 3 was changed"),
        (renumbered, "line 2 is out of order: it was written as 3"),
        (lambda lines: lines[1:], "line 1 is missing at the beginning"),
        (lambda lines: [*lines[:1], *lines[3:]], "lines 2 to 3 are missing"),
        (lambda lines: [], "lines 1 to 5 are missing at the end"),
    ],
)
def test_tampering_is_found_and_named(
    store: Store, hand: Callable[[list[AuditLine]], list[AuditLine]], said: str
) -> None:
    """MUST 4: whatever was done to the lines, the check says where."""
    store.run(five)
    store.tamper(hand(store.lines()))

    faults = store.faults()

    assert any(fault.startswith(said) for fault in faults), faults


def test_other_key_is_told_from_a_change(store: Store) -> None:
    """A key that was replaced is an operator's matter, not an editor's."""
    store.run(five)

    assert any("was sealed with key" in fault for fault in store.faults(b"another" * 5))


def test_tail_lost_between_two_lives_is_on_record(store: Store) -> None:
    """MUST 6: a controller that goes on after the loss does not cover it up."""
    store.run(five)
    store.tamper(store.lines()[:3])

    store.run(five)

    assert AuditKind.GAP == store.lines()[3].facts()["kind"]
    assert [f"line 4 records a loss: {store.lines()[3].facts()['detail']}"] == store.faults()


def test_anchor_names_no_line_before_its_commit(store: Store) -> None:
    """MUST 5: a program that ends between commit and anchor leaves an older one, never a newer."""

    def end(phase: str, units: tuple[str, ...]) -> None:
        if phase == "before" and store.count == 3:
            raise OSError(5, "Input/output error")
        store.count += phase == "after"

    async def scenario(journal: Journal) -> None:
        with pytest.raises(JournalDamaged):
            await five(journal)

    store.run(scenario, end)

    assert 3 == len(store.lines())
    assert [] == store.faults()


def test_pruning_leaves_a_chain_that_can_be_checked(store: Store) -> None:
    """MUST 7: what is left begins where the checkpoint says, and nothing else may be missing."""

    async def scenario(journal: Journal) -> None:
        await five(journal)
        assert 3 == await journal.audit.prune(at(3), at(1000))
        assert 0 == await journal.audit.prune(at(3), at(1001))
        await journal.audit.append([entry(moment=at(2000))])

    store.run(scenario)

    assert [4, 5, 6, 7] == [line.seq for line in store.lines()]
    assert [] == store.faults()
    store.tamper(store.lines()[1:])
    assert ["line 4 is missing at the beginning"] == store.faults()


def test_pruning_stops_at_what_was_changed(store: Store) -> None:
    """MUST 7: retention does not remove the evidence of an edit."""
    store.run(five)
    store.tamper(edited(store.lines()))

    async def scenario(journal: Journal) -> None:
        assert 2 == await journal.audit.prune(at(999), at(1000))

    store.run(scenario)

    assert [3, 4, 5, 6] == [line.seq for line in store.lines()]


def test_pruning_keeps_the_newest_line(store: Store) -> None:
    """MUST 7: an anchor never names a line that is gone."""

    async def scenario(journal: Journal) -> None:
        await five(journal)
        assert 4 == await journal.audit.prune(at(999), at(1000))

    store.run(scenario)

    assert [5, 6] == [line.seq for line in store.lines()]
    assert [] == store.faults()


def test_lines_are_read_in_order_by_number_and_by_time(store: Store) -> None:
    """MUST 8: what an export and a listing ask for."""

    async def scenario(journal: Journal) -> None:
        audit = journal.audit
        assert () == await audit.lines(limit=9)
        assert 1 == await audit.begin(NOON)
        await five(journal)
        assert [3, 4] == [line.seq for line in await audit.lines(after=2, limit=2)]
        assert [4, 5] == [line.seq for line in await audit.newest(2)]
        assert [1, 3, 6] == [await audit.begin(at(s)) for s in (-1, 2, 999)]

    store.run(scenario)


def test_call_with_no_audit_lines_writes_none(store: Store) -> None:
    """A settlement nobody decided at the door is no line."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", MessageState.SUBMITTED)
        await settle(journal, "m1", MessageState.SENT)

    store.run(scenario)

    assert [] == store.lines()
