"""What the rooms of provisioning share: ports and choices, wired once by `compose`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from droidrack.app.arrival import Arrival
from droidrack.app.provision.limits import LimitSettings
from droidrack.app.world import Tell
from droidrack.core.provision.record import PhoneFate, RunKind, StepState
from droidrack.core.settings import PhoneSettings
from droidrack.ports import Clock, Dice
from droidrack.ports.provisioning import Evidence, Leases, RunJournal, Screen, Supplies

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """A phone that is meant, and what differs on it."""

    settings: PhoneSettings
    labels: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The operator's name for it."""
        return self.settings.name


@dataclass(frozen=True, slots=True)
class Choices:
    """How one run goes."""

    kind: RunKind
    operator: str
    host: str
    holder: str  # unique for this process: who holds the leases
    canary: int = 0  # so many phones go first, and must all succeed
    stop_rate: float = 0.3  # share of failed phones at which no more is begun …
    stop_after: int = 5  # … once so many have ended
    absent_s: float = 120.0  # how long a phone may be away in the middle of its steps
    arrive_s: float = 15.0  # how long a phone may take to show at the start
    lease_wait_s: float = 60.0  # how long sending may take to let go of a phone
    again: frozenset[str] = frozenset()  # `STEP` or `PHONE:STEP` that may be repeated
    checked: Mapping[str, str] = field(default_factory=dict)  # device → build; these need no look
    limits: LimitSettings = field(default_factory=LimitSettings)


@dataclass(frozen=True, slots=True)
class Progressed:
    """One thing that happened, for whoever watches."""

    at: datetime
    phone: str
    fate: PhoneFate
    step: str = ""
    state: StepState | None = None
    position: int = 0
    total: int = 0
    cause: str = ""
    hint: str = ""
    port: str = ""  # where the phone is now, for who is asked to go there


class Aside(Protocol):
    """Does something that blocks without holding the others: in a thread, or in simulation here."""

    async def __call__(self, job: Callable[[], T], /) -> T:
        """The job's result, or its exception."""
        ...


class Watcher(Protocol):
    """Hears of progress."""

    def __call__(self, event: Progressed) -> None:
        """One event."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything outside, for one run."""

    journal: RunJournal
    leases: Leases
    supplies: Supplies
    evidence: Evidence
    screen: Callable[[Arrival], Screen]
    clock: Clock
    dice: Dice
    tell: Tell
    watch: Watcher
    aside: Aside
