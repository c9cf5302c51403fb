"""What a phone has shown of its work: silence, rate, and holds by card."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from droidrack.app.conduct import RATE_WINDOW_S, Conduct
from droidrack.app.steady import Steady
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Verdict
from droidrack.core.breaker import FAILURE_LIMIT, FIRST_HOLD_S
from droidrack.core.door import SimReading
from droidrack.core.ids import DeviceUuid, Iccid, MessageUid, Slot, SubId
from droidrack.core.message import MessageState
from droidrack.core.telephony import SimState

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
CARD, OTHER = Iccid("8901260000000000011"), Iccid("8901260000000000029")


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s

    async def sleep(self, delay_s: float) -> None:
        self.passed_s += delay_s


def attempt(uid: str, card: Iccid = CARD, slot: int = 0) -> Attempt:
    """An attempt like any other."""
    device = DeviceUuid("0b5e7a52-0000-5000-8000-000000000001")
    return Attempt(MessageUid(uid), 1, device, Slot(slot), SubId(3), card, 1, 1, 1, "boot", NOON)


def verdict(state: MessageState, kind: EvidenceKind, code: str = "") -> Verdict:
    """What the witnesses came to."""
    return Verdict(state, code, (Evidence(kind, NOON),))


SENT = verdict(MessageState.SENT, EvidenceKind.STORE_SENT)
FAILED = verdict(MessageState.FAILED, EvidenceKind.RADIO_FAILED, "RIL_NETWORK_NOT_READY")
LOST = verdict(MessageState.UNKNOWN, EvidenceKind.DEADLINE, "DEADLINE")


def made() -> tuple[HandClock, Conduct]:
    """A phone that has done nothing yet."""
    clock = HandClock()
    return clock, Conduct(Steady(clock))


def test_phone_that_never_proved_anything_is_silent_from_its_first_call() -> None:
    """Nobody ever saw it send: one call without a proof is enough."""
    clock, conduct = made()
    assert 0.0 == conduct.silent_s
    conduct.called(attempt("m1"))
    clock.passed_s = 400.0
    conduct.judged(attempt("m1"), LOST)
    assert 400.0 == conduct.silent_s


def test_one_lost_message_on_a_phone_that_works_is_no_silence() -> None:
    """Two calls without a proof are, counted from the first of them."""
    clock, conduct = made()
    conduct.called(attempt("m0"))
    conduct.judged(attempt("m0"), SENT)
    clock.passed_s = 100.0
    conduct.called(attempt("m1"))
    clock.passed_s = 400.0
    assert 0.0 == conduct.silent_s
    conduct.called(attempt("m2"))
    assert 300.0 == conduct.silent_s


def test_proof_of_a_failure_ends_a_silence() -> None:
    """A radio that says no works; what was lost before it is forgiven."""
    clock, conduct = made()
    conduct.called(attempt("m1"))
    conduct.judged(attempt("m1"), LOST)
    conduct.called(attempt("m2"))
    clock.passed_s = 50.0
    conduct.judged(attempt("m2"), FAILED)
    clock.passed_s = 900.0
    assert 0.0 == conduct.silent_s
    assert NOON + timedelta(seconds=50) == conduct.proven_at


def test_call_that_was_not_made_is_no_silence() -> None:
    """A pulled cable is not the radio's fault."""
    clock, conduct = made()
    conduct.called(attempt("m1"))
    conduct.not_called(attempt("m1"))
    clock.passed_s = 900.0
    assert 0.0 == conduct.silent_s


def test_hold_follows_the_card_and_not_the_slot() -> None:
    """A card that failed is held wherever it sits; the one in its old place is not."""
    _, conduct = made()
    for number in range(FAILURE_LIMIT):
        conduct.called(attempt(f"m{number}"))
        conduct.judged(attempt(f"m{number}"), FAILED)
    here = SimReading(Slot(0), SimState.READY, SubId(3), CARD)
    assert [Slot(0)] == list(conduct.holds([here, replace(here, slot=Slot(1), iccid=OTHER)]))
    swapped = [replace(here, iccid=OTHER), replace(here, slot=Slot(1))]
    assert [Slot(1)] == list(conduct.holds(swapped))
    conduct.free()
    assert {} == conduct.holds(swapped)


def test_trial_of_a_phone_that_was_replaced_holds_its_card_no_longer() -> None:
    """The trial's outcome stays in the former phone; the next message is the trial."""
    clock, conduct = made()
    for number in range(FAILURE_LIMIT):
        conduct.called(attempt(f"m{number}"))
        conduct.judged(attempt(f"m{number}"), FAILED)
    clock.passed_s = FIRST_HOLD_S + 1
    conduct.called(attempt("trial"))
    here = SimReading(Slot(0), SimState.READY, SubId(3), CARD)
    assert [Slot(0)] == list(conduct.holds([here]))
    conduct.replaced()
    clock.passed_s = 86400.0
    assert {} == conduct.holds([here])
    assert 0.0 == conduct.silent_s


def test_rate_counts_what_was_sent_lately() -> None:
    """Messages per minute over the window; older ones have left it."""
    clock, conduct = made()
    for number in range(10):
        conduct.called(attempt(f"m{number}"))
        conduct.judged(attempt(f"m{number}"), SENT)
    assert 10 * 60 / RATE_WINDOW_S == conduct.sent_per_minute
    clock.passed_s = RATE_WINDOW_S + 1
    assert 0.0 == conduct.sent_per_minute
    assert (10, 10) == (conduct.counts.calls, conduct.counts.sent)
