"""Lines of commands beside a controller: one chain, whoever writes."""

import asyncio
import multiprocessing
import sqlite3
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from journal_bench import PHONE, message

from droidrack.adapters.audit_anchor import Anchor
from droidrack.adapters.audit_desk import AuditDesk
from droidrack.adapters.clock import SystemClock
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.app.acts import INTERRUPTED, Act, recorded
from droidrack.app.audit_views import examine_audit
from droidrack.core.audit import AuditEntry, AuditKind, Pen
from droidrack.core.errors import JournalError, PanelRefused

KEY = b"k" * 32
NOW = datetime(2026, 5, 1, tzinfo=UTC)
MANY = 40


def pen() -> Pen:
    """This host's."""
    return Pen(KEY)


def entry(who: str) -> AuditEntry:
    """An act."""
    return AuditEntry(NOW, AuditKind.ACT, who, "pair")


def command(path: Path, who: str) -> None:
    """A command in a process of its own that writes many lines."""

    async def work() -> None:
        for _ in range(MANY):
            desk = AuditDesk(path, pen)
            await desk.open()
            await desk.append([entry(who)])
            await desk.close()

    asyncio.run(work())


def lose(path: Path) -> None:
    """The journal is gone; seal and anchor are not."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


async def faults_of(path: Path) -> list[str]:
    """What a check finds."""
    journal = SqlJournal(path, observe=True, pen=pen)
    await journal.open()
    try:
        return [fault.text for fault in (await examine_audit(journal.audit, pen())).faults]
    finally:
        await journal.close()


def test_controller_and_commands_keep_one_chain(tmp_path: Path) -> None:
    """Two processes that write at the same time beside a controller fork nothing."""
    path = tmp_path / "journal.sqlite"
    context = multiprocessing.get_context("spawn")

    async def scenario() -> list[str]:
        journal = SqlJournal(path, pen=pen)
        await journal.open()
        others = [context.Process(target=command, args=(path, name)) for name in ("ann", "bob")]
        try:
            for other in others:
                other.start()
            written = 0
            while any(other.is_alive() for other in others) or written < MANY:
                await journal.audit.append([entry("controller")])
                written += 1
            for other in others:
                other.join()
            lines = await journal.audit.lines(limit=100_000)
        finally:
            await journal.close()
        assert [0, 0] == [other.exitcode for other in others]
        assert 2 * MANY + written == len(lines)
        assert {"controller", "ann", "bob"} == {line.facts()["who"] for line in lines}
        return await faults_of(path)

    assert [] == asyncio.run(scenario())


def test_desk_makes_the_journal_where_there_is_none(tmp_path: Path) -> None:
    """A phone may be paired before the first controller runs."""
    path = tmp_path / "journal.sqlite"

    async def scenario() -> list[str]:
        desk = AuditDesk(path, pen)
        await desk.open()
        await desk.append([entry("ann")])
        await desk.close()
        return await faults_of(path)

    assert [] == asyncio.run(scenario())
    assert 1 == getattr(Anchor(path.with_name("journal.sqlite.audit")).head(pen()), "seq", None)


def test_desk_refuses_a_journal_that_is_older_than_the_last_one(tmp_path: Path) -> None:
    """Where a journal was deleted, nothing is done before the operator accepts the loss."""
    path = tmp_path / "journal.sqlite"

    async def scenario() -> None:
        desk = AuditDesk(path, pen)
        await desk.open()
        await desk.close()
        lose(path)
        with pytest.raises(JournalError, match="is gone"):
            await AuditDesk(path, pen).open()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PanelRefused("no", status=400), "PANEL_REFUSED"),
        (KeyboardInterrupt(), INTERRUPTED),
        (None, ""),
    ],
)
def test_act_has_one_line_with_its_outcome(
    tmp_path: Path, error: BaseException | None, code: str
) -> None:
    """Done, failed or cut short: who did what is on record."""
    path = tmp_path / "journal.sqlite"

    async def scenario() -> list[dict[str, object]]:
        desk = AuditDesk(path, pen)
        with pytest.raises(type(error)) if error else nullcontext():
            async with recorded(desk, SystemClock(), "ann@host", Act("pair", "bay-1")) as act:
                act.device = "d1"
                if error:
                    raise error
        journal = SqlJournal(path, observe=True, pen=pen)
        await journal.open()
        lines = await journal.audit.lines(limit=9)
        await journal.close()
        return [dict(line.facts()) for line in lines]

    (facts,) = asyncio.run(scenario())

    expected = {"who": "ann@host", "what": "pair", "subject": "bay-1", "device": "d1"}
    assert expected == {key: facts[key] for key in expected}
    assert code == facts.get("code", "")


def test_act_that_cannot_be_written_down_is_not_done(tmp_path: Path) -> None:
    """The audit is opened first: a disk that takes no line takes no act."""
    done = []

    async def scenario() -> None:
        (tmp_path / "file").touch()
        desk = AuditDesk(tmp_path / "file" / "journal.sqlite", pen)
        with pytest.raises(JournalError):
            async with recorded(desk, SystemClock(), "ann@host", Act("pair")):
                done.append("pair")

    asyncio.run(scenario())

    assert [] == done


def test_loss_that_the_operator_accepted_is_no_fault_any_more(tmp_path: Path) -> None:
    """Accepting an older journal is itself a line, and it explains the gap before it."""
    path = tmp_path / "journal.sqlite"

    async def scenario() -> list[list[str]]:
        desk = AuditDesk(path, pen)
        await desk.open()
        await desk.append([entry("ann"), entry("ann")])
        await desk.close()
        lose(path)
        journal = SqlJournal(path, accept_any=True, pen=pen)
        await journal.open()
        await journal.accept(PHONE, [message("m1")])
        await journal.close()
        before = await faults_of(path)
        async with recorded(AuditDesk(path, pen), SystemClock(), "a", Act("run --accept-journal")):
            pass
        return [before, await faults_of(path)]

    before, after = asyncio.run(scenario())

    assert before[0].startswith("line 1 records a loss")
    assert [] == after


@pytest.mark.parametrize("beside", [True, False])
def test_tail_cut_between_two_lines_is_a_loss_however_many_follow(
    tmp_path: Path, *, beside: bool
) -> None:
    """No start comes between: whoever writes next looks at the anchor before it moves on."""
    path = tmp_path / "journal.sqlite"

    async def write(count: int, journal: SqlJournal) -> None:
        for number in range(count):
            if beside:
                desk = AuditDesk(path, pen)
                await desk.open()
                await desk.append([entry(f"later-{number}")])
                await desk.close()
            else:
                await journal.audit.append([entry(f"later-{number}")])

    async def play() -> list[str]:
        journal = SqlJournal(path, pen=pen)
        await journal.open()
        await write(5, journal)
        with closing(sqlite3.connect(path)) as editor, editor:
            editor.execute("DELETE FROM audit WHERE seq > 3")
        await write(4, journal)
        await journal.close()
        return await faults_of(path)

    (fault,) = asyncio.run(play())
    assert "line 4 records a loss" in fault
