"""The numbered contract of `ports.Journal`, over every implementation."""

import asyncio
import errno
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
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
    bring_to,
    flight,
    message,
    proof,
    settle,
    told,
)

from droidrack.adapters.journal_rules import SUPERSEDED
from droidrack.core.attempt import Evidence, EvidenceKind, Flight
from droidrack.core.errors import JournalBusy, JournalDamaged, JournalError
from droidrack.core.ids import Body, DeviceUuid, Iccid, MessageUid, Msisdn, Slot, Token
from droidrack.core.message import SETTLED, Message, MessageState, Priority
from droidrack.core.report import WireStatus
from droidrack.ports import Event, Journal, PhoneRecord, SimRecord, StateChange, Tally

S = MessageState
UID = MessageUid("m1")


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Every journal there is."""
    with bench_for(request.param, tmp_path) as made:
        yield made


async def fates(journal: Journal, *offered: object) -> list[str]:
    """What became of messages offered to the phone."""
    return [each.fate for each in await journal.accept(PHONE, offered)]  # type: ignore[arg-type]


async def kept(journal: Journal) -> Message:
    """What the journal holds of the message."""
    life = await journal.life(UID)
    assert life is not None
    return life.message


def test_accepted_message_is_there_for_the_next_controller(bench: Bench) -> None:
    """MUST 1: what a call wrote survives the controller."""

    async def first(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SENDING)

    async def second(journal: Journal) -> None:
        assert message("m1") == await kept(journal)
        assert ((flight("m1"), S.SENDING),) == await journal.open_attempts(PHONE)

    bench.run(first)
    bench.run(second)


def test_write_that_fails_before_its_commit_leaves_nothing(bench: Bench) -> None:
    """MUST 1 and 3: a failed write is absent, loud, and the last one until `open`."""
    full = [False]

    def fill(phase: str, units: tuple[str, ...]) -> None:
        if full[0] and phase == "before":
            raise OSError(errno.ENOSPC, "No space left on device")

    async def scenario(journal: Journal) -> None:
        await journal.accept(PHONE, [message("m1")])
        full[0] = True
        with pytest.raises(JournalDamaged) as refused:
            await journal.open_attempt(attempt("m1"))
        assert refused.value.hint
        full[0] = False
        with pytest.raises(JournalDamaged):
            await journal.open_attempt(attempt("m1"))
        await journal.open()
        assert (message("m1"),) == await journal.waiting(PHONE, limit=9)
        await journal.open_attempt(attempt("m1"))

    bench.run(scenario, on_commit=fill)


def test_second_controller_is_refused_until_the_first_closes(bench: Bench) -> None:
    """MUST 2: one controller per journal."""

    async def scenario(journal: Journal) -> None:
        second = bench.make(None)
        with pytest.raises(JournalBusy) as refused:
            await second.open()
        assert refused.value.hint
        await journal.close()
        await second.open()
        await second.close()

    bench.run(scenario)


def test_journal_not_open_refuses_every_call(bench: Bench) -> None:
    """A journal that nobody opened, or that was closed, says so."""

    async def scenario(journal: Journal) -> None:
        await journal.close()
        await journal.close()
        with pytest.raises(JournalError):
            await journal.accept(PHONE, [message("m1")])
        with pytest.raises(JournalError):
            await journal.phones()

    bench.run(scenario)


def test_known_uid_keeps_its_first_version(bench: Bench) -> None:
    """MUST 4: the first version of a uid stands; another number, text or SIM is a conflict."""

    async def scenario(journal: Journal) -> None:
        assert ["new"] == await fates(journal, message("m1"))
        again = message("m1", received_at=at(60), priority=Priority.HIGH)
        assert ["known"] == await fates(journal, again)
        for change in (
            {"number": Msisdn("+15550100002")},
            {"body": Body("bye")},
            {"sim_uid": "sim-2"},
        ):
            assert ["conflict"] == await fates(journal, message("m1", **change))
        assert message("m1") == await kept(journal)

    bench.run(scenario)


def test_uid_twice_in_one_offer_is_stored_once(bench: Bench) -> None:
    """MUST 4: a panel that repeats itself within one answer gets one message."""

    async def scenario(journal: Journal) -> None:
        offered = [message("m1"), message("m1"), message("m1", body=Body("other"))]
        assert ["new", "known", "conflict"] == await fates(journal, *offered)
        assert 1 == len(await journal.messages())

    bench.run(scenario)


def test_known_uid_of_another_phone_is_not_taken_again(bench: Bench) -> None:
    """MUST 4: a message the panel moves to another phone was already taken by the first."""

    async def scenario(journal: Journal) -> None:
        await journal.accept(PHONE, [message("m1")])
        (moved,) = await journal.accept(OTHER_PHONE, [message("m1")])
        assert "known" == moved.fate
        assert () == await journal.waiting(OTHER_PHONE, limit=9)

    bench.run(scenario)


def test_reported_outcome_is_queued_once_more_when_offered_again(bench: Bench) -> None:
    """MUST 4: a panel that forgot hears the outcome again, once however often it asks."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        await settle(journal, "m1", S.SENT, report=told("m1"))
        await fates(journal, message("m1"))
        (only,) = await journal.outbox(PHONE, limit=9)
        await journal.reported([only.id], at(30))
        for _ in range(3):
            await fates(journal, message("m1"))
        (again,) = await journal.outbox(PHONE, limit=9)
        assert told("m1") == again.report
        assert again.id > only.id

    bench.run(scenario)


def test_unjudged_message_offered_again_queues_no_report(bench: Bench) -> None:
    """MUST 4: nothing is told of a message that has no outcome yet."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        await fates(journal, message("m1"))
        assert () == await journal.outbox(PHONE, limit=9)

    bench.run(scenario)


@pytest.mark.parametrize("state", [state for state in S if state is not S.ACCEPTED])
def test_attempt_needs_an_accepted_message(bench: Bench, state: MessageState) -> None:
    """MUST 5: no state but ACCEPTED leads to a call of the phone."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", state)
        before = await journal.life(UID)
        assert before is not None
        with pytest.raises(ValueError, match="m1"):
            await journal.open_attempt(attempt("m1", len(before.attempts) + 1))
        assert before == await journal.life(UID)

    bench.run(scenario)


def test_attempt_of_the_wrong_phone_or_number_is_refused(bench: Bench) -> None:
    """MUST 5: an attempt belongs to the message's phone and continues its count."""

    async def scenario(journal: Journal) -> None:
        await journal.accept(PHONE, [message("m1")])
        for wrong in (attempt("m1", device=OTHER_PHONE), attempt("m1", 2), attempt("nobody")):
            with pytest.raises(ValueError, match=wrong.uid):
                await journal.open_attempt(wrong)
        assert (message("m1"),) == await journal.waiting(PHONE, limit=9)

    bench.run(scenario)


def test_settling_writes_the_whole_life(bench: Bench) -> None:
    """MUST 6: state, history, evidence and report stand together."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        kind = EvidenceKind.STORE_SENT
        state = await settle(journal, "m1", S.SENT, kind=kind, report=told("m1"))
        assert S.SENT is state
        life = await journal.life(UID)
        assert life is not None
        assert (message("m1"), PHONE, S.SENT, "") == (
            life.message,
            life.device,
            life.state,
            life.code,
        )
        assert (
            StateChange(NOON, S.ACCEPTED, ""),
            StateChange(at(10), S.SENDING, ""),
            StateChange(at(20), S.SUBMITTED, "SOME_CODE"),
            StateChange(at(20), S.SENT, ""),
        ) == life.changes
        assert (attempt("m1"),) == life.attempts
        assert ((1, proof(kind)),) == life.evidence
        assert ((told("m1"), None, ""),) == life.reports

    bench.run(scenario)


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_move_against_a_settled_state_becomes_a_finding(bench: Bench, state: MessageState) -> None:
    """MUST 6: a contrary proof is kept and shown, the state and the panel's word stay."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", state)
        target = S.FAILED if state is S.SENT else S.SENT
        kind = EvidenceKind.RADIO_FAILED
        stands = await settle(journal, "m1", target, kind=kind, report=told("m1"), seconds=90)
        assert state is stands
        life = await journal.life(UID)
        assert life is not None
        assert (state, kind) == (life.state, life.evidence[-1][1].kind)
        assert () == life.reports
        (found,) = await journal.events(limit=9)
        assert ("finding", PHONE, at(90)) == (found.kind, found.device, found.at)
        assert "m1" in found.text

    bench.run(scenario)


def test_same_state_again_adds_evidence_only(bench: Bench) -> None:
    """MUST 6: a verdict found twice is one change and one report."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        await settle(journal, "m1", S.SENT, report=told("m1"))
        (first,) = await journal.outbox(PHONE, limit=9)
        await journal.reported([first.id], at(25))
        kind = EvidenceKind.RADIO_SENT
        await settle(journal, "m1", S.SENT, kind=kind, report=told("m1"), seconds=30)
        life = await journal.life(UID)
        assert life is not None
        assert 4 == len(life.changes)
        assert ((1, proof(kind, 30)),) == life.evidence
        assert () == await journal.outbox(PHONE, limit=9)

    bench.run(scenario)


def test_held_unknown_is_reported_by_settling_it_again(bench: Bench) -> None:
    """MUST 6: when the hold is over the panel is told, once, without a move."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.UNKNOWN)
        doubt = told("m1", WireStatus.FAILED, "OUTCOME_UNKNOWN")
        for _ in range(2):
            await settle(journal, "m1", S.UNKNOWN, report=doubt, seconds=600)
        (row,) = await journal.outbox(PHONE, limit=9)
        assert doubt == row.report

    bench.run(scenario)


def test_settling_an_unknown_uid_is_our_bug(bench: Bench) -> None:
    """A verdict about a message that is not there raises ValueError."""

    async def scenario(journal: Journal) -> None:
        with pytest.raises(ValueError, match="nobody"):
            await settle(journal, "nobody", S.SENT)

    bench.run(scenario)


def test_newer_report_replaces_one_not_acknowledged(bench: Bench) -> None:
    """MUST 7: one open report per message, handed out in the order they were written."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        await bring_to(journal, "m2", S.SUBMITTED)
        doubt = told("m1", WireStatus.FAILED, "OUTCOME_UNKNOWN")
        await settle(journal, "m1", S.UNKNOWN, report=doubt)
        await settle(journal, "m2", S.SENT, report=told("m2"))
        (old, _) = await journal.outbox(PHONE, limit=9)
        await settle(journal, "m1", S.SENT, report=told("m1"), seconds=300)
        rows = await journal.outbox(PHONE, limit=9)
        assert [told("m2"), told("m1")] == [row.report for row in rows]
        assert [told("m2")] == [row.report for row in await journal.outbox(PHONE, limit=1)]
        await journal.reported([old.id], at(301))
        assert rows == await journal.outbox(PHONE, limit=9)
        life = await journal.life(UID)
        assert life is not None
        assert ((doubt, at(301), SUPERSEDED), (told("m1"), None, "")) == life.reports

    bench.run(scenario)


def test_parked_report_is_kept_and_not_offered_again(bench: Bench) -> None:
    """A report the panel will never take stays visible, and no offer brings it back."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        await settle(journal, "m1", S.SENT, report=told("m1"))
        (row,) = await journal.outbox(PHONE, limit=9)
        await journal.park(row.id, "PANEL_REFUSED", at(30))
        await fates(journal, message("m1"))
        assert () == await journal.outbox(PHONE, limit=9)
        life = await journal.life(UID)
        assert life is not None
        assert ((told("m1"), None, "PANEL_REFUSED"),) == life.reports

    bench.run(scenario)


def test_waiting_is_ordered_by_priority_then_arrival(bench: Bench) -> None:
    """Sending order: priority first, then the order in which the panel handed over."""

    async def scenario(journal: Journal) -> None:
        low, high = {"priority": Priority.LOW}, {"priority": Priority.HIGH}
        await journal.accept(PHONE, [message("z", **low), message("y"), message("x", **high)])
        await journal.accept(PHONE, [message("a"), message("b", **high)])
        await journal.accept(OTHER_PHONE, [message("elsewhere")])
        found = [each.uid for each in await journal.waiting(PHONE, limit=9)]
        assert ["x", "b", "y", "a", "z"] == found
        assert ["x", "b"] == [each.uid for each in await journal.waiting(PHONE, limit=2)]
        await journal.accept(PHONE, [message("q", sim_uid="sim-2"), message("p", sim_uid="sim-2")])
        found = [each.uid for each in await journal.waiting(PHONE, limit=1)]
        assert ["x", "q"] == found, "a row hides nothing of another row"
        assert 7 == await journal.backlog(PHONE)
        await journal.open_attempt(attempt("x"))
        assert 6 == await journal.backlog(PHONE)
        assert 0 == await journal.backlog(DeviceUuid("nobody"))

    bench.run(scenario)


def test_open_attempts_are_the_latest_ones_that_want_a_verdict(bench: Bench) -> None:
    """Recovery sees SENDING, SUBMITTED and UNKNOWN, oldest attempt first, nothing else."""

    async def scenario(journal: Journal) -> None:
        for number, state in enumerate(S):
            await bring_to(journal, f"m{number}-{state}", state)
        await journal.accept(PHONE, [message("again")])
        assert 0 == await journal.tries(MessageUid("again"))
        await journal.open_attempt(attempt("again", opened_at=at(1)))
        await settle(journal, "again", S.ACCEPTED, kind=EvidenceKind.CALL_NOT_MADE)
        await journal.open_attempt(attempt("again", 2, opened_at=at(5)))
        assert 2 == await journal.tries(MessageUid("again"))
        assert 0 == await journal.tries(MessageUid("nobody"))
        found = await journal.open_attempts(PHONE)
        assert (flight("again", 2, opened_at=at(5)), S.SENDING) == found[0]
        assert [S.SENDING, S.SUBMITTED, S.UNKNOWN] == [state for _, state in found[1:]]
        assert () == await journal.open_attempts(OTHER_PHONE)

    bench.run(scenario)


def test_last_watermark_is_that_of_the_latest_attempt_that_has_one(bench: Bench) -> None:
    """Whatever the date of the attempt says: the host's clock may have jumped."""

    async def scenario(journal: Journal) -> None:
        assert None is await journal.last_watermark(PHONE)
        marks = (("first", 70, 9), ("second", 12, 5), ("third", None, 7))
        for uid, watermark, minute in marks:
            await journal.accept(PHONE, [message(uid)])
            opened = attempt(uid, opened_at=at(minute), watermark=watermark)
            await journal.open_attempt(opened)
        assert 12 == await journal.last_watermark(PHONE)
        assert None is await journal.last_watermark(OTHER_PHONE)

    bench.run(scenario)


def test_rows_that_proved_are_told_from_rows_that_may_still_come(bench: Bench) -> None:
    """A later life neither lets a row prove twice, nor takes a late row for another's."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "by-row", S.SUBMITTED)
        await settle(journal, "by-row", S.SENT, kind=EvidenceKind.STORE_SENT)  # Row 42.
        await bring_to(journal, "in-doubt", S.UNKNOWN)
        for uid, number, opened in (("early", "+15550100002", 5), ("late", "+15550100003", 30)):
            await journal.accept(PHONE, [message(uid, number=Msisdn(number))])
            await journal.open_attempt(attempt(uid, opened_at=at(opened)))
            heard = [Evidence(EvidenceKind.RADIO_SENT, at(40))]
            await journal.settle(
                MessageUid(uid), S.SENT, code="", evidence=heard, report=None, at=at(40)
            )
        assert frozenset({42}) == await journal.claimed_rows(PHONE, NOON)
        assert frozenset() == await journal.claimed_rows(PHONE, at(11))
        assert frozenset() == await journal.claimed_rows(OTHER_PHONE, NOON)
        late = Flight(attempt("late", opened_at=at(30)), Msisdn("+15550100003"))
        early = Flight(attempt("early", opened_at=at(5)), Msisdn("+15550100002"))
        assert (early, late) == await journal.rowless_attempts(PHONE, NOON)
        assert (late,) == await journal.rowless_attempts(PHONE, at(11))

    bench.run(scenario)


def test_messages_are_listed_newest_first_by_phone_and_state(bench: Bench) -> None:
    """The operator's list filters by phone and by state, and has a limit."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SENT)
        await bring_to(journal, "m2", S.UNKNOWN)
        await journal.accept(OTHER_PHONE, [message("m3")])

        async def listed(**query: object) -> list[str]:
            return [life.message.uid for life in await journal.messages(**query)]  # type: ignore[arg-type]

        assert ["m3", "m2", "m1"] == await listed()
        assert ["m3", "m2"] == await listed(limit=2)
        assert ["m2", "m1"] == await listed(device=PHONE)
        assert ["m2"] == await listed(states=[S.UNKNOWN])
        assert ["m3", "m1"] == await listed(states=iter([S.SENT, S.ACCEPTED]))
        assert [] == await listed(device=OTHER_PHONE, states=[S.SENT])

    bench.run(scenario)


def test_sent_messages_are_counted_by_card_on_whatever_phone(bench: Bench) -> None:
    """A quota hangs on the SIM: proven messages of this card, since then, on any phone."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        await settle(journal, "m1", S.SENT, seconds=100)
        await journal.accept(OTHER_PHONE, [message("m2"), message("m3"), message("m4")])
        await journal.open_attempt(attempt("m2", device=OTHER_PHONE))
        await settle(journal, "m2", S.SENT, seconds=200)
        await journal.open_attempt(attempt("m3", device=OTHER_PHONE, iccid=None))
        await settle(journal, "m3", S.SENT, seconds=200)
        await journal.open_attempt(attempt("m4", device=OTHER_PHONE))
        await settle(journal, "m4", S.UNKNOWN, seconds=200)
        assert 2 == await journal.messages_sent_since(CARD, at(100))
        assert 1 == await journal.messages_sent_since(CARD, at(101))
        assert 0 == await journal.messages_sent_since(Iccid("8901000000000000002"), NOON)

    bench.run(scenario)


def test_phone_is_remembered_once_with_its_newest_facts(bench: Bench) -> None:
    """A phone seen again replaces its own row; the list is by name."""

    async def scenario(journal: Journal) -> None:
        first = PhoneRecord(PHONE, "b-phone", "SERIAL1", "gw-1", "print-1", NOON)
        await journal.remember_phone(first)
        newer = replace(first, fingerprint="print-2", seen_at=at(5), usb="1-2.3", mark="m")
        await journal.remember_phone(newer)
        other = PhoneRecord(OTHER_PHONE, "a-phone", "SERIAL2", "gw-2", "print-1", NOON)
        await journal.remember_phone(other)
        assert (other, newer) == await journal.phones()
        assert (newer,) == await journal.phones(name="b-phone")
        assert () == await journal.phones(name="c-phone")
        assert newer == await journal.phone(PHONE)
        assert await journal.phone(DeviceUuid("nobody")) is None

    bench.run(scenario)


def test_sim_rows_are_bound_to_cards_until_unbound(bench: Bench) -> None:
    """A binding is replaced whole, listed by slot, dropped for good, and kept per phone."""

    async def scenario(journal: Journal) -> None:
        first = SimRecord(PHONE, "sim-1", Slot(1), CARD, "left \x00", NOON)
        second = SimRecord(PHONE, "sim-2", Slot(0), None, "right", NOON)
        elsewhere = replace(first, device=OTHER_PHONE)
        for record in (first, second, elsewhere):
            await journal.bind_sim(record)
        assert (second, first) == await journal.sims(PHONE)
        moved = replace(first, iccid=Iccid("8901000000000000002"), bound_at=at(5))
        await journal.bind_sim(moved)
        assert (second, moved) == await journal.sims(PHONE)
        for _ in range(2):
            await journal.unbind_sim(PHONE, "sim-1")
        assert (second,) == await journal.sims(PHONE)
        assert (elsewhere,) == await journal.sims(OTHER_PHONE)

    bench.run(scenario)


def test_events_come_newest_first(bench: Bench) -> None:
    """The operator's list of events, with and without a phone."""

    async def scenario(journal: Journal) -> None:
        first, second = Event(NOON, PHONE, "sim", "gone"), Event(NOON, None, "adb", "restarted")
        await journal.record(first)
        await journal.record(second)
        assert (second, first) == await journal.events(limit=9)
        assert (second,) == await journal.events(limit=1)

    bench.run(scenario)


def test_events_are_chosen_by_phone_time_and_number(bench: Bench) -> None:
    """What `--phone`, `--since` and `--follow` ask for; a number is given once."""

    async def scenario(journal: Journal) -> None:
        early = Event(NOON, None, "state", "absent", "bay-1")
        other = Event(at(1), PHONE, "state", "ready", "bay-2")
        late = Event(at(2), PHONE, "state", "ready", "bay-1")
        for event in (early, other, late):
            await journal.record(event)
        assert (late, early) == await journal.events(limit=9, phones=["bay-1"])
        assert (late, other) == await journal.events(limit=9, since=at(1))
        newest, second, _ = await journal.events(limit=9)
        assert (late,) == await journal.events(limit=9, after=second.id)
        assert () == await journal.events(limit=9, after=newest.id)

    bench.run(scenario)


def test_tally_counts_the_work_of_each_phone(bench: Bench) -> None:
    """What waits, flies, is in doubt and is owed to the panel, with the oldest of it."""

    async def scenario(journal: Journal) -> None:
        assert {} == await journal.tallies()
        for uid, state in (
            ("m1", S.ACCEPTED),
            ("m2", S.SENDING),
            ("m3", S.SUBMITTED),
            ("m4", S.UNKNOWN),
            ("m5", S.SENT),
        ):
            await bring_to(journal, uid, state)
        expected = Tally(waiting=1, open=2, unknown=1, waiting_since=NOON)
        assert {PHONE: expected} == await journal.tallies()
        await settle(journal, "m4", S.SENT, report=told("m4"))
        assert {
            PHONE: replace(expected, unknown=0, unreported=1, unreported_since=told("m4").at)
        } == await journal.tallies()

    bench.run(scenario)


@pytest.mark.parametrize(
    "text", ['it\'s "$(x)" `y` \\', "a\x00b\nc", "🎉\u200d\u202e", "\ud800 alone", "", "x" * 9000]
)
def test_hostile_text_comes_back_as_it_was(bench: Bench, text: str) -> None:
    """Numbers and bodies are kept to the letter, whatever the letter."""

    async def scenario(journal: Journal) -> None:
        hostile = message("m1", body=Body(text), number=Msisdn(text))
        await journal.accept(PHONE, [hostile])
        assert hostile == await kept(journal)
        assert ["known"] == await fates(journal, hostile)
        await journal.open_attempt(attempt("m1"))
        ((flying, _),) = await journal.open_attempts(PHONE)
        assert Msisdn(text) == flying.number

    bench.run(scenario)


def test_times_are_kept_to_the_microsecond(bench: Bench) -> None:
    """Moments keep their precision, also before 1970 and far ahead: the host's clock may be off."""

    async def scenario(journal: Journal) -> None:
        early, late = NOON - timedelta(days=40_000), NOON + timedelta(days=40_000, microseconds=1)
        timed = message("m1", received_at=early, valid_until=late)
        await journal.accept(PHONE, [timed])
        assert timed == await kept(journal)

    bench.run(scenario)


def test_pruned_uid_is_known_for_good(bench: Bench) -> None:
    """MUST 9: a year later the uid is not sent again, and its outcome is told again."""

    async def scenario(journal: Journal) -> None:
        await bring_to(journal, "m1", S.SUBMITTED)
        await settle(journal, "m1", S.SENT, kind=EvidenceKind.STORE_SENT, report=told("m1"))
        (row,) = await journal.outbox(PHONE, limit=9)
        await journal.reported([row.id], at(30))
        assert 1 == await journal.prune(at(86_400))
        assert await journal.life(UID) is None
        for body in ("hello", "other"):
            assert ["known"] == await fates(journal, message("m1", body=Body(body)))
        (again,) = await journal.outbox(PHONE, limit=9)
        assert told("m1") == again.report
        await journal.reported([again.id], at(90_000))
        assert () == await journal.outbox(PHONE, limit=9)
        assert 0 == await journal.prune(at(180_000))
        assert ["known"] == await fates(journal, message("m1"))
        assert [told("m1")] == [row.report for row in await journal.outbox(PHONE, limit=9)]

    bench.run(scenario)


def test_prune_leaves_what_is_still_owed(bench: Bench) -> None:
    """MUST 9: nothing that waits to be sent, judged or reported is forgotten, nor what is new."""

    async def scenario(journal: Journal) -> None:
        for state in S:
            await bring_to(journal, f"m-{state}", state)
        await bring_to(journal, "owed", S.SUBMITTED)
        await settle(journal, "owed", S.SENT, report=told("owed"))
        await journal.accept(PHONE, [message("late")])
        await settle(journal, "late", S.EXPIRED, seconds=7200)
        await journal.record(Event(at(7200), None, "adb", "late"))
        await journal.record(Event(NOON, None, "adb", "early"))
        assert 5 == await journal.prune(at(3600))
        left = {life.message.uid for life in await journal.messages()}
        assert {"m-accepted", "m-sending", "m-submitted", "owed", "late"} == left
        assert ["late"] == [event.text for event in await journal.events(limit=9)]

    bench.run(scenario)


def test_cancelled_call_is_whole_or_absent(bench: Bench) -> None:
    """MUST 1: whenever the caller is cancelled, the attempt is there with its state, or not."""

    async def scenario(journal: Journal) -> None:
        for turns in range(6):
            uid = f"m{turns}"
            await journal.accept(PHONE, [message(uid)])
            call = asyncio.ensure_future(journal.open_attempt(attempt(uid)))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait({call})
            await journal.record(Event(NOON, None, "adb", "after"))  # Behind it in the queue.
            life = await journal.life(MessageUid(uid))
            assert life is not None
            whole = (S.SENDING, 1, 2)
            absent = (S.ACCEPTED, 0, 1)
            assert (life.state, len(life.attempts), len(life.changes)) in (whole, absent)

    bench.run(scenario)


def test_refused_unit_harms_no_other(bench: Bench) -> None:
    """A caller's bug stays its own, also among calls that share a commit."""

    async def scenario(journal: Journal) -> None:
        await journal.accept(PHONE, [message(f"m{number}") for number in range(5)])
        calls = [journal.open_attempt(attempt(f"m{number}")) for number in range(5)]
        calls.insert(2, journal.open_attempt(attempt("m0")))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [2] == [place for place, result in enumerate(results) if result is not None]
        assert isinstance(results[2], ValueError)
        assert 5 == len(await journal.open_attempts(PHONE))

    bench.run(scenario)


def test_errors_hold_no_secret(bench: Bench) -> None:
    """What a failed write says holds no number, no body, no card."""

    def fill(phase: str, units: tuple[str, ...]) -> None:
        if phase == "before" and "attempt" in units:
            raise OSError(errno.EIO, "Input/output error")

    async def scenario(journal: Journal) -> None:
        secret = message("m1", body=Body("the secret text"))
        await journal.accept(PHONE, [secret])
        with pytest.raises(JournalDamaged) as failed:
            await journal.open_attempt(attempt("m1"))
        chain: BaseException | None = failed.value
        while chain is not None:
            for hidden in ("secret text", "5550100001", CARD.reveal()):
                assert hidden not in f"{chain!r} {chain}"
            chain = chain.__cause__ or chain.__context__

    bench.run(scenario, on_commit=fill)
    assert "•" in repr(Token("tok"))
