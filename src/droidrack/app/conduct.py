"""What one phone has shown of its work: proofs, silences, and failures per SIM.

Kept over its plugging-ins, because a cable that moves proves nothing. Times are steady: a clock
that jumps must neither hold a SIM for a day nor make a phone look silent.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from droidrack.app.steady import Steady
from droidrack.core.attempt import Attempt, EvidenceKind, Verdict
from droidrack.core.breaker import (
    CLOSED,
    Breaker,
    after_failure,
    after_success,
    held,
    inconclusive,
    tried,
)
from droidrack.core.door import SimReading
from droidrack.core.ids import Iccid, MessageUid, Slot
from droidrack.core.message import MessageState

PROOFS = frozenset(
    {
        EvidenceKind.STORE_SENT,
        EvidenceKind.STORE_FAILED,
        EvidenceKind.RADIO_SENT,
        EvidenceKind.RADIO_FAILED,
    }
)
"""Evidence that the phone's radio worked on a message, well or ill."""

RATE_WINDOW_S = 300.0
"""Over which messages per minute are counted: long enough for a pace of one in some seconds."""

REMEMBERED = 1000
"""Sends, and calls without a proof: more than any phone makes in the time that is asked about."""

SILENT_CALLS = 2
"""Calls without a proof that make a phone silent: one alone may be a message that got lost."""


@dataclass(slots=True)
class Counts:
    """Outcomes since the controller started."""

    calls: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0


class Conduct:
    """The conduct of one phone."""

    def __init__(self, steady: Steady) -> None:
        self._steady = steady
        self._breakers: dict[Iccid | Slot, Breaker] = {}
        self._unproven: dict[MessageUid, datetime] = {}
        self._doubted: set[MessageUid] = set()
        self._proven_at: datetime | None = None
        self._sent_at: deque[datetime] = deque(maxlen=REMEMBERED)
        self.counts = Counts()

    # --- What the rooms tell ------------------------------------------------------------------

    def called(self, attempt: Attempt) -> None:
        """A call is made now."""
        self.counts.calls += 1
        self._unproven[attempt.uid] = self._steady.now()
        if len(self._unproven) > REMEMBERED:
            del self._unproven[next(iter(self._unproven))]
        key = _card(attempt)
        self._breakers[key] = tried(self._breakers.get(key, CLOSED))

    def not_called(self, attempt: Attempt) -> None:
        """The call was not made, or was refused: nothing was asked of the radio."""
        self._unproven.pop(attempt.uid, None)
        self._doubted.discard(attempt.uid)
        self._breakers[_card(attempt)] = inconclusive(self._breakers.get(_card(attempt), CLOSED))

    def replaced(self) -> None:
        """Another phone took the place: what the former one still owes never comes here."""
        self._unproven.clear()
        self._doubted.clear()
        self._breakers = {key: inconclusive(known) for key, known in self._breakers.items()}

    def judged(self, attempt: Attempt, verdict: Verdict) -> None:
        """The witnesses spoke, or did not in time."""
        if PROOFS & {item.kind for item in verdict.evidence}:
            self._prove(attempt.uid)
        elif verdict.state is MessageState.UNKNOWN:
            self._doubted.add(attempt.uid)
        self._count(verdict.state)
        key = _card(attempt)
        before = self._breakers.get(key, CLOSED)
        if verdict.state is MessageState.SENT:
            self._breakers[key] = after_success(before)
        elif verdict.state is MessageState.FAILED:
            self._breakers[key] = after_failure(before, verdict.code, self._steady.now())
        elif verdict.state is not MessageState.SUBMITTED:
            self._breakers[key] = inconclusive(before)

    def _prove(self, uid: MessageUid) -> None:
        self._proven_at = self._steady.now()
        for known in (uid, *self._doubted):  # It works: what was lost before is no silence.
            self._unproven.pop(known, None)
        self._doubted.clear()

    def _count(self, state: MessageState) -> None:
        if state is MessageState.SENT:
            self.counts.sent += 1
            self._sent_at.append(self._steady.now())
        elif state is MessageState.FAILED:
            self.counts.failed += 1
        elif state is MessageState.UNKNOWN:
            self.counts.unknown += 1

    # --- What is asked ------------------------------------------------------------------------

    def holds(self, sims: Iterable[SimReading]) -> dict[Slot, str]:
        """Why SIMs are held, by their present slot."""
        now = self._steady.now()
        breakers = ((sim.slot, self._breakers.get(sim.iccid or sim.slot, CLOSED)) for sim in sims)
        return {slot: why for slot, breaker in breakers if (why := held(breaker, now))}

    def free(self) -> None:
        """An operator says that the cause is gone."""
        self._breakers.clear()

    @property
    def silent_s(self) -> float:
        """How long the phone has been taking messages without a proof of any; 0: it has not."""
        enough = SILENT_CALLS if self._proven_at is not None else 1
        if len(self._unproven) < enough:
            return 0.0
        since = min(self._unproven.values())
        return (self._steady.now() - max(since, self._proven_at or since)).total_seconds()

    @property
    def sent_per_minute(self) -> float:
        """Messages proven sent, over the last `RATE_WINDOW_S`."""
        since = self._steady.now() - timedelta(seconds=RATE_WINDOW_S)
        return sum(at >= since for at in self._sent_at) * 60.0 / RATE_WINDOW_S

    @property
    def proven_at(self) -> datetime | None:
        """The last proof of work, in the host's clock; None: none since the start."""
        return self._steady.date(self._proven_at) if self._proven_at is not None else None


def _card(attempt: Attempt) -> Iccid | Slot:
    """Failures hang on the card, wherever it sits."""
    return attempt.iccid or attempt.slot
