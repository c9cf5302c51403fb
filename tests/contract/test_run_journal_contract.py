"""Provisioning's journal and leases: one suite over memory and SQLite."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from droidrack.adapters.journal_sql import SqlJournal
from droidrack.adapters.run_journal import SqlRunJournal
from droidrack.adapters.run_journal_memory import MemoryRunJournal
from droidrack.core.errors import JournalBusy, JournalError
from droidrack.core.provision.record import (
    KeptFile,
    PhoneFate,
    PhoneRecord,
    Purpose,
    RunKind,
    RunRecord,
    StepRecord,
    StepState,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RUN = RunRecord("r1", RunKind.APPLY, "lab", "1", "00", "Robin", "here", NOW)
PHONE = PhoneRecord("r1", "d1", "bay-1", "S1", "maker", "model", "fp", PhoneFate.RUNNING)
STEP = StepRecord("r1", "d1", "screen", "k1", 0, StepState.APPLYING, boot_id="b1", tries=1)


@pytest.fixture(params=["memory", "sqlite", "sqlite-inline"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each implementation in turn."""
    return str(request.param)


@asynccontextmanager
async def opened(kind: str, home: Path) -> AsyncIterator[Any]:
    """One open journal."""
    journal: Any = MemoryRunJournal()
    if kind != "memory":
        journal = SqlRunJournal(home / "journal.sqlite", inline=kind.endswith("inline"))
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


def story(kind: str, home: Path, told: Callable[[Any], Awaitable[None]]) -> None:
    """Tell a story to an open journal."""

    async def run() -> None:
        async with opened(kind, home) as journal:
            await told(journal)

    asyncio.run(run())


def test_records_come_back_whole_and_are_replaced(kind: str, tmp_path: Path) -> None:
    """Run, phone and step: what was written last is what is read."""

    async def told(journal: Any) -> None:
        await journal.write_run(RUN)
        await journal.write_phone(PHONE)
        await journal.write_step(STEP)
        done = replace(STEP, state=StepState.DONE, files=(KeptFile("a/b.png", "ff", 3),),
                       after="ünïcode", ended_at=NOW)  # fmt: skip
        await journal.write_step(done)
        ended = replace(RUN, ended_at=NOW + timedelta(seconds=3), outcome="done")
        await journal.write_run(ended)
        await journal.write_phone(replace(PHONE, fate=PhoneFate.DONE))
        assert (ended,) == await journal.runs(recipe="lab")
        assert () == await journal.runs(recipe="other")
        assert (replace(PHONE, fate=PhoneFate.DONE),) == await journal.phones("r1")
        assert (done,) == await journal.steps("r1")

    story(kind, tmp_path, told)


def test_last_step_finds_the_newest_word_over_all_runs(kind: str, tmp_path: Path) -> None:
    """A later run that only skipped or was held says nothing."""

    async def told(journal: Any) -> None:
        for uid in ("r1", "r2", "r3"):
            await journal.write_run(replace(RUN, uid=uid))
        await journal.write_step(STEP)
        assert STEP == await journal.last_step("d1", "k1")
        second = replace(STEP, run="r2", state=StepState.DONE)
        await journal.write_step(second)
        await journal.write_step(replace(STEP, run="r3", state=StepState.BLOCKED))
        assert second == await journal.last_step("d1", "k1")
        assert await journal.last_step("d2", "k1") is None

    story(kind, tmp_path, told)


def test_applied_under_tells_what_changed_since_the_start(kind: str, tmp_path: Path) -> None:
    """A step with writes, or one that was begun, under this boot id."""

    async def told(journal: Any) -> None:
        await journal.write_run(RUN)
        assert not await journal.applied_under("d1", "b1")
        await journal.write_step(STEP)
        assert await journal.applied_under("d1", "b1")
        assert not await journal.applied_under("d1", "b2")
        assert not await journal.applied_under("d1", "")
        await journal.write_step(replace(STEP, state=StepState.SATISFIED, writes=0))
        assert not await journal.applied_under("d1", "b1")

    story(kind, tmp_path, told)


def at(days: int) -> datetime:
    """So many days after the first."""
    return NOW + timedelta(days=days)


def test_prune_forgets_old_runs_but_no_last_word(kind: str, tmp_path: Path) -> None:
    """A run with the newest word about any step stays whole; the others go with all they have."""

    async def told(journal: Any) -> None:
        for day, uid in enumerate(("r1", "r2", "r3")):
            await journal.write_run(replace(RUN, uid=uid, started_at=at(day)))
            await journal.write_phone(replace(PHONE, run=uid))
            await journal.write_step(replace(STEP, run=uid, state=StepState.SATISFIED))
        once = replace(STEP, step="enrol", key="once", state=StepState.DONE)
        await journal.write_step(once)
        skipped = replace(STEP, run="r2", step="other", key="k2", state=StepState.SKIPPED)
        await journal.write_step(skipped)
        assert ("r2",) == await journal.prune(at(9))
        assert ["r3", "r1"] == [run.uid for run in await journal.runs()]
        assert () == await journal.phones("r2") + await journal.steps("r2")
        assert once == await journal.last_step("d1", "once")
        assert 2 == len(await journal.steps("r1"))
        assert () == await journal.prune(at(9))

    story(kind, tmp_path, told)


def test_prune_leaves_what_is_younger(kind: str, tmp_path: Path) -> None:
    """A run that began at the moment itself is not earlier."""

    async def told(journal: Any) -> None:
        for day in range(120):
            await journal.write_run(replace(RUN, uid=f"r{day}", started_at=at(day)))
        gone = await journal.prune(at(100))
        assert {f"r{day}" for day in range(100)} == set(gone)
        assert 20 == len(await journal.runs(limit=200))

    story(kind, tmp_path, told)


def test_latest_prefers_what_tells_what_became_of_a_step(kind: str, tmp_path: Path) -> None:
    """A later run that skipped it, and another recipe's run, hide nothing."""

    async def told(journal: Any) -> None:
        for uid, recipe in (("r1", "lab"), ("r2", "lab"), ("r3", "other")):
            await journal.write_run(replace(RUN, uid=uid, recipe=recipe))
            await journal.write_phone(replace(PHONE, run=uid))
        done = replace(STEP, state=StepState.DONE)
        held = replace(STEP, step="late", key="k2", state=StepState.BLOCKED)
        await journal.write_step(done)
        await journal.write_step(held)
        await journal.write_step(replace(done, run="r2", state=StepState.SKIPPED))
        again = replace(held, run="r2")
        await journal.write_step(again)
        await journal.write_step(replace(done, run="r3", state=StepState.FAILED))
        assert (("bay-1", again), ("bay-1", done)) == await journal.latest("lab")

    story(kind, tmp_path, told)


def test_last_good_is_the_newest_part_that_ended_well(kind: str, tmp_path: Path) -> None:
    """Per phone; a later failure does not hide when it was well, another recipe says nothing."""

    async def told(journal: Any) -> None:
        parts = (
            ("r1", "lab", PhoneFate.DONE, "build 1"),
            ("r2", "lab", PhoneFate.DONE, "build 2"),
            ("r3", "lab", PhoneFate.FAILED, "build 3"),
            ("r4", "other", PhoneFate.DONE, "build 4"),
        )
        for day, (uid, recipe, fate, build) in enumerate(parts):
            await journal.write_run(replace(RUN, uid=uid, recipe=recipe, started_at=at(day)))
            phone = replace(PHONE, run=uid, fate=fate, fingerprint=build, started_at=at(day))
            await journal.write_phone(phone)
        ((phone, began),) = await journal.last_good("lab")
        assert ("build 2", at(1)) == (phone.fingerprint, began)
        assert {"d1": "build 4"} == await journal.builds_seen()

    story(kind, tmp_path, told)


def test_lease_is_one_holders_until_it_expires(kind: str, tmp_path: Path) -> None:
    """The second holder sees the first; after the expiry it gets the phone."""

    async def told(journal: Any) -> None:
        async def take(holder: str, purpose: Purpose, at_s: float) -> Any:
            now = NOW + timedelta(seconds=at_s)
            return await journal.take("d1", purpose, holder, now=now, ttl_s=60)

        first = await take("rack", Purpose.SENDING, 0)
        assert ("rack", Purpose.SENDING) == (first.holder, first.purpose)
        assert "rack" == (await take("bench", Purpose.PROVISIONING, 1)).holder
        asked = await take("rack", Purpose.SENDING, 2)
        assert ("rack", "bench") == (asked.holder, asked.asked_by)
        assert "rack" == (await take("bench", Purpose.PROVISIONING, 3)).holder
        assert "bench" == (await take("bench", Purpose.PROVISIONING, 70)).holder
        assert 1 == len(await journal.leases())

    story(kind, tmp_path, told)


def test_released_phone_goes_to_who_asked_for_it(kind: str, tmp_path: Path) -> None:
    """The old holder is kept out while the request is fresh."""

    async def told(journal: Any) -> None:
        async def take(holder: str, at_s: float) -> Any:
            now = NOW + timedelta(seconds=at_s)
            return await journal.take("d1", Purpose.SENDING, holder, now=now, ttl_s=60)

        await take("rack", 0)
        await take("bench", 1)
        await journal.release("d1", "rack")
        assert "rack" != (await take("rack", 2)).holder
        assert "bench" == (await take("bench", 3)).holder
        await journal.release("d1", "bench")
        await journal.release("d1", "bench")
        assert "rack" == (await take("rack", 4)).holder

    story(kind, tmp_path, told)


def test_bury_ends_the_leases_of_dead_senders_alone(kind: str, tmp_path: Path) -> None:
    """The heir gets a dead controller's phone at once; provisioning keeps its own."""

    async def told(journal: Any) -> None:
        async def take(device: str, purpose: Purpose, holder: str) -> Any:
            return await journal.take(device, purpose, holder, now=NOW, ttl_s=120)

        await take("d1", Purpose.SENDING, "dead")
        await take("d2", Purpose.PROVISIONING, "bench")
        await take("d3", Purpose.SENDING, "dead")
        await take("d3", Purpose.PROVISIONING, "bench")
        await journal.bury(Purpose.SENDING, "heir")
        assert "heir" == (await take("d1", Purpose.SENDING, "heir")).holder
        assert "bench" == (await take("d2", Purpose.SENDING, "heir")).holder
        assert "bench" == (await take("d3", Purpose.SENDING, "heir")).asked_by
        assert "bench" == (await take("d3", Purpose.PROVISIONING, "bench")).holder

    story(kind, tmp_path, told)


def test_lease_from_before_the_clock_was_set_back_binds_nobody(kind: str, tmp_path: Path) -> None:
    """A dead holder's lease that seems to end tomorrow is taken over; a live one is renewed."""

    async def told(journal: Any) -> None:
        tomorrow = NOW + timedelta(days=1)
        for device in ("d1", "d2"):
            await journal.take(device, Purpose.SENDING, "rack", now=tomorrow, ttl_s=60)
        taken = await journal.take("d1", Purpose.PROVISIONING, "bench", now=NOW, ttl_s=60)
        assert "bench" == taken.holder
        kept = await journal.take("d2", Purpose.SENDING, "rack", now=NOW, ttl_s=60)
        assert NOW + timedelta(seconds=60) == kept.expires_at

    story(kind, tmp_path, told)


def test_works_beside_a_controller_that_holds_the_journal(tmp_path: Path) -> None:
    """The controller keeps its lock; provisioning writes and reads in the same file."""

    async def run() -> None:
        controller = SqlJournal(tmp_path / "journal.sqlite")
        await controller.open()
        async with opened("sqlite", tmp_path) as journal:
            await journal.write_run(RUN)
            assert (RUN,) == await journal.runs()
            rival = SqlJournal(tmp_path / "journal.sqlite")
            with pytest.raises(JournalBusy):
                await rival.open()
        await controller.close()

    asyncio.run(run())


def test_journal_older_than_the_one_used_here_is_refused(tmp_path: Path) -> None:
    """Deleted, or put back from a copy: it does not know which steps were done once."""
    path = tmp_path / "journal.sqlite"

    async def opened_by_a_controller() -> None:
        controller = SqlJournal(path)
        await controller.open()
        await controller.close()

    async def provisioned() -> None:
        async with opened("sqlite", tmp_path) as journal:
            await journal.write_run(RUN)

    asyncio.run(provisioned())
    asyncio.run(opened_by_a_controller())
    asyncio.run(provisioned())
    old = path.read_bytes()
    asyncio.run(opened_by_a_controller())
    path.write_bytes(old)
    with pytest.raises(JournalError, match="an older copy of itself"):
        asyncio.run(provisioned())
    path.unlink()
    with pytest.raises(JournalError, match="is gone; its seal"):
        asyncio.run(provisioned())


_WRITER = """
import asyncio, sys
from dataclasses import replace
from test_run_journal_contract import RUN, STEP
from droidrack.adapters.run_journal import SqlRunJournal
async def main():
    journal = SqlRunJournal(sys.argv[1])
    await journal.open()
    await journal.write_run(RUN)
    for number in range(10_000):
        await journal.write_step(replace(STEP, step=f"s{number}"))
        print(number, flush=True)
asyncio.run(main())
"""


def test_every_step_that_was_written_survives_a_kill(tmp_path: Path) -> None:
    """Kill -9 in the middle: what the writer was told is there, is there."""
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "journal.sqlite")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    told = -1
    while told < 40:
        told = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.stdout.close()
    process.wait()
    last = int(rest[-1]) if rest else told

    async def told_story(journal: Any) -> None:
        kept = {step.step for step in await journal.steps("r1")}
        assert {f"s{number}" for number in range(last + 1)} <= kept

    story("sqlite", tmp_path, told_story)
