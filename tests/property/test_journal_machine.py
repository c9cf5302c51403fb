"""Any calls in any order: the journal on a disk and the one in memory stay the same journal.

The machine drives both with the same calls, closes and opens them, kills them at a commit, and
compares every answer. After each step it checks the promises on what the journals hold.
"""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from droidrack.adapters.journal_memory import MemoryDisk, MemoryJournal
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind
from droidrack.core.ids import Body, DeviceUuid, Iccid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.message import TRANSITIONS, Message, MessageState, Priority
from droidrack.core.report import UnknownAs, report_for
from droidrack.ports import Event, Journal

T = TypeVar("T")

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PHONES = [DeviceUuid("phone-a"), DeviceUuid("phone-b")]
CARDS = [Iccid("8901000000000000001"), Iccid("8901000000000000002")]
UIDS = [MessageUid(f"m{number}") for number in range(6)]
KINDS = st.lists(st.sampled_from(EvidenceKind), max_size=2)


class Crash(BaseException):
    """The process dies at this commit."""


@cache
def empty_journal() -> bytes:
    """The file of a journal that was only opened; migrating anew for every example is slow."""
    with tempfile.TemporaryDirectory(prefix="droidrack-") as folder:
        path = Path(folder) / "journal.db"

        async def play() -> None:
            journal = SqlJournal(path, inline=True)
            await journal.open()
            await journal.close()

        asyncio.run(play())
        return path.read_bytes()


class JournalMachine(RuleBasedStateMachine):
    """Two journals, one story."""

    @initialize()
    def start(self) -> None:
        """A disk of each kind, and a controller that opens them."""
        self.folder = Path(tempfile.mkdtemp(prefix="droidrack-"))
        (self.folder / "journal.db").write_bytes(empty_journal())
        self.runner = asyncio.Runner()
        self.disk = MemoryDisk()
        self.phase = ""
        self.second = 0
        self.sent_uids: set[MessageUid] = set()
        self.wake()

    def teardown(self) -> None:
        """Leave nothing behind."""
        for journal in self.journals:
            self.run(journal.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def wake(self) -> None:
        """A new controller."""
        path = self.folder / "journal.db"
        self.journals: tuple[Journal, Journal] = (
            SqlJournal(path, inline=True, on_commit=self.crash),
            MemoryJournal(self.disk, on_commit=self.crash),
        )
        for journal in self.journals:
            self.run(journal.open())

    def crash(self, phase: str, units: tuple[str, ...]) -> None:
        """Die when it was asked for."""
        if phase == self.phase:
            raise Crash

    def run(self, call: Awaitable[T]) -> T:
        """Await in a loop of the machine's own."""

        async def play() -> T:
            return await call

        return self.runner.run(play())

    def both(self, call: Callable[[Journal], Awaitable[T]]) -> T | str:
        """The same call on both; the answer, or the refusal, which must be the same."""
        sql, memory = (self.answer(call, journal) for journal in self.journals)
        assert sql == memory
        return sql

    def answer(self, call: Callable[[Journal], Awaitable[T]], journal: Journal) -> T | str:
        """An answer, or the text of our bug."""
        try:
            return self.run(call(journal))
        except ValueError as refused:
            return str(refused)

    def now(self) -> datetime:
        """Time moves on with every call."""
        self.second += 1
        return NOON + timedelta(seconds=self.second)

    @rule(
        device=st.sampled_from(PHONES),
        offered=st.lists(
            st.tuples(st.sampled_from(UIDS), st.sampled_from("ab"), st.sampled_from(Priority)),
            min_size=1,
            max_size=4,
        ),
    )
    def accept(self, device: DeviceUuid, offered: list[tuple[MessageUid, str, Priority]]) -> None:
        """The panel offers messages, new, known and changed."""
        now = self.now()
        messages = [
            Message(uid, Msisdn("+15550100001"), Body(body), "sim-1", priority, now)
            for uid, body, priority in offered
        ]
        self.both(lambda journal: journal.accept(device, messages))

    @rule(uid=st.sampled_from(UIDS), device=st.sampled_from(PHONES), card=st.sampled_from(CARDS))
    def open_attempt(self, uid: MessageUid, device: DeviceUuid, card: Iccid) -> None:
        """An attempt, legal or not."""
        life = self.both(lambda journal: journal.life(uid))
        number = len(life.attempts) + 1 if life and not isinstance(life, str) else 1
        now = self.now()
        attempt = Attempt(
            uid, number, device, Slot(0), SubId(1), card, 1, 10, self.second, "boot-1", now
        )
        refused = self.both(lambda journal: journal.open_attempt(attempt))
        if refused is None:
            assert uid not in self.sent_uids
            self.sent_uids.add(uid)

    @rule(
        uid=st.sampled_from(UIDS),
        wish=st.sampled_from(MessageState),
        kinds=KINDS,
        unknown_as=st.sampled_from(UnknownAs),
        tell=st.booleans(),
    )
    def settle(
        self,
        uid: MessageUid,
        wish: MessageState,
        kinds: list[EvidenceKind],
        unknown_as: UnknownAs,
        *,
        tell: bool,
    ) -> None:
        """A verdict, legal or not, with or without a report."""
        now = self.now()
        before = self.both(lambda journal: journal.life(uid))
        evidence = [Evidence(kind, now, "detail", 11) for kind in kinds]
        report = report_for(uid, wish, "CODE", now, unknown_as) if tell else None
        stands = self.both(
            lambda journal: journal.settle(
                uid, wish, code="CODE", evidence=evidence, report=report, at=now
            )
        )
        if before and not isinstance(before, str):
            if not isinstance(stands, MessageState):
                assert (MessageState.ACCEPTED, MessageState.SENDING) == (before.state, wish)
                return
            assert stands is before.state or stands in TRANSITIONS[before.state]
            if stands is MessageState.ACCEPTED:  # Certainly not sent: may be tried again.
                self.sent_uids.discard(uid)

    @rule(device=st.sampled_from(PHONES), count=st.integers(1, 3), refuse=st.booleans())
    def report(self, device: DeviceUuid, count: int, *, refuse: bool) -> None:
        """The panel hears some reports, or refuses the oldest for good."""
        now = self.now()
        for journal in self.journals:
            own = [row.id for row in self.run(journal.outbox(device, limit=count))]
            if refuse and own:
                self.run(journal.park(own[0], "PANEL_REFUSED", now))
            else:
                self.run(journal.reported(own, now))

    @rule(seconds=st.integers(-5, 5))
    def prune(self, seconds: int) -> None:
        """Forget what is older than about now."""
        before = NOON + timedelta(seconds=self.second + seconds)
        self.both(lambda journal: journal.prune(before))

    @rule(device=st.none() | st.sampled_from(PHONES))
    def record(self, device: DeviceUuid | None) -> None:
        """An event."""
        event = Event(self.now(), device, "kind", "text")
        self.both(lambda journal: journal.record(event))

    @rule(
        phase=st.sampled_from(["before", "after"]),
        uid=st.sampled_from(UIDS),
        wish=st.sampled_from(MessageState),
    )
    def die(self, phase: str, uid: MessageUid, wish: MessageState) -> None:
        """The controller dies at a commit and another one opens what is left."""
        now = self.now()
        self.phase = phase
        for journal in self.journals:
            with contextlib.suppress(Crash, ValueError):
                self.run(journal.settle(uid, wish, code="C", evidence=[], report=None, at=now))
            self.run(journal.close())
        self.phase = ""
        life = self.run_after_death(uid)
        if life is MessageState.ACCEPTED:
            self.sent_uids.discard(uid)

    def run_after_death(self, uid: MessageUid) -> MessageState | None:
        """Open again; where the message stands."""
        self.wake()
        life = self.both(lambda journal: journal.life(uid))
        return life.state if life and not isinstance(life, str) else None

    @invariant()
    def same_and_sound(self) -> None:
        """Every question has one answer, and the promises hold."""
        lives = self.both(lambda journal: journal.messages(limit=99))
        assert not isinstance(lives, str)
        for device in PHONES:
            self.both(lambda journal, d=device: journal.waiting(d, limit=99))  # type: ignore[misc]
            self.both(lambda journal, d=device: journal.backlog(d))  # type: ignore[misc]
            self.both(lambda journal, d=device: journal.open_attempts(d))  # type: ignore[misc]
            self.both(lambda journal, d=device: journal.claimed_rows(d, NOON))  # type: ignore[misc]
            self.both(lambda journal, d=device: journal.rowless_attempts(d, NOON))  # type: ignore[misc]
            self.both(lambda journal, d=device: journal.last_watermark(d))  # type: ignore[misc]
            self.both(lambda journal, d=device: journal.usage.of_phone(d, NOON))  # type: ignore[misc]
            self.both(lambda journal, d=device: self.reports_of(journal, d))  # type: ignore[misc]
        for card in CARDS:
            self.both(lambda journal, c=card: journal.messages_sent_since(c, NOON))  # type: ignore[misc]
        self.both(lambda journal: journal.events(limit=99))
        for life in lives:
            open_reports = [at for _, at, parked in life.reports if at is None and not parked]
            assert len(open_reports) <= 1
            steps = [change.state for change in life.changes]
            assert all(b in TRANSITIONS[a] for a, b in itertools.pairwise(steps))

    async def reports_of(self, journal: Journal, device: DeviceUuid) -> list[object]:
        """What the outbox holds; the ids are each journal's own."""
        rows = await journal.outbox(device, limit=99)
        assert [row.id for row in rows] == sorted(row.id for row in rows)
        return [row.report for row in rows]


JournalMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    phases=set(Phase) - {Phase.explain},  # It traces every line of SQLAlchemy.
)
TestJournalMachine = JournalMachine.TestCase
