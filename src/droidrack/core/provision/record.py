"""What the journal holds of provisioning: runs, a phone's part in one, steps and their states.

A step moves along one table; a missing pair is an illegal move. What was begun and never ended
stands as APPLYING: whoever comes next asks the phone what became of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class StepState(StrEnum):
    """Where one step stands on one phone."""

    PENDING = "pending"
    APPLYING = "applying"  # Committed before the phone hears of it.
    DONE = "done"  # Applied, and the phone says so itself.
    SATISFIED = "satisfied"  # The phone was as wanted already: nothing was written.
    FAILED = "failed"
    NEEDS_HUMAN = "needs human"
    SKIPPED = "skipped"  # The guard means other phones.
    BLOCKED = "blocked"  # A step it needs did not succeed, or the run was stopped.


_S = StepState
TRANSITIONS: Mapping[StepState, frozenset[StepState]] = MappingProxyType(
    {
        _S.PENDING: frozenset(set(_S) - {_S.PENDING, _S.DONE}),
        _S.APPLYING: frozenset({_S.APPLYING, _S.DONE, _S.SATISFIED, _S.FAILED, _S.NEEDS_HUMAN}),
        _S.NEEDS_HUMAN: frozenset({_S.APPLYING, _S.DONE, _S.SATISFIED, _S.FAILED, _S.NEEDS_HUMAN}),
        _S.FAILED: frozenset({_S.APPLYING, _S.SATISFIED, _S.FAILED, _S.NEEDS_HUMAN}),
        # A restart may undo what was done: the step is then done again, or fails.
        _S.DONE: frozenset({_S.APPLYING, _S.FAILED, _S.DONE}),
        _S.SATISFIED: frozenset({_S.APPLYING, _S.FAILED, _S.SATISFIED}),
        _S.SKIPPED: frozenset(),
        _S.BLOCKED: frozenset(),
    }
)

GOOD = frozenset({_S.DONE, _S.SATISFIED, _S.SKIPPED})
"""States after which a step that needs this one may begin."""


def advance(before: StepState, after: StepState) -> StepState:
    """The new state; ValueError for a move that the table does not hold."""
    if after not in TRANSITIONS[before]:
        raise ValueError(f"a step cannot go from {before.value} to {after.value}")
    return after


class RunKind(StrEnum):
    """What a run was for."""

    PLAN = "plan"
    APPLY = "apply"
    VERIFY = "verify"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One piece of evidence beside the certificate."""

    name: str  # relative to the run's folder
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of one phone in one run."""

    run: str
    device: str
    step: str
    key: str  # the same for the same thing done, in every run; see `resolve`
    position: int
    state: StepState
    tries: int = 0
    writes: int = 0  # acts that may have changed the phone
    before: str = ""
    wanted: str = ""
    after: str = ""
    cause: str = ""
    hint: str = ""
    screen: str = ""  # what the phone showed when it failed
    boot_id: str = ""  # under which it was applied
    fingerprint: str = ""
    by: str = ""  # the person who confirmed it
    files: tuple[KeptFile, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None


def scrubbed(record: StepRecord, scrub: Callable[[str], str]) -> StepRecord:
    """The record with everything that a phone said, or a person reads, passed through `scrub`."""
    return replace(
        record,
        before=scrub(record.before),
        wanted=scrub(record.wanted),
        after=scrub(record.after),
        cause=scrub(record.cause),
        hint=scrub(record.hint),
        screen=scrub(record.screen),
    )


class PhoneFate(StrEnum):
    """How a phone's part in a run stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    NEEDS_HUMAN = "needs human"
    HELD = "held"  # never begun: the canary failed, or too many others did
    SKIPPED = "skipped"  # the recipe's guard means other phones
    ABSENT = "absent"
    LEASED = "leased"  # another holder has it


@dataclass(frozen=True, slots=True)
class PhoneRecord:
    """One phone's part in a run."""

    run: str
    device: str
    name: str
    serial: str
    maker: str
    model: str
    fingerprint: str
    fate: PhoneFate
    port: str = ""  # the USB port it was in, for who has to find it
    cause: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of a recipe over some phones."""

    uid: str
    kind: RunKind
    recipe: str
    version: str
    digest: str
    operator: str
    host: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""  # "" while it runs, or where it was cut


class Purpose(StrEnum):
    """What a phone is leased to."""

    SENDING = "sending"
    PROVISIONING = "provisioning"


LEASE_LIMIT_S = 600.0
"""No lease is given for longer. One that seems to end later was written before the host's clock was
set back; its holder, if it lives, renews it within seconds."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may use a phone, until when. `asked_by` waits for it."""

    device: str
    purpose: Purpose
    holder: str
    expires_at: datetime
    asked_by: str = ""

    def binds(self, now: datetime, *, margin_s: float = 0.0) -> bool:
        """Whether it keeps others away now, and for `margin_s` more."""
        return margin_s < (self.expires_at - now).total_seconds() <= LEASE_LIMIT_S
