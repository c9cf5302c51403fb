"""Whether the panel does what it is asked: an outage is told once, and not once for each phone.

All phones ask the same panel, so that a panel that is away is one trouble. A single hiccup is no
news: somebody has to have asked in vain more than once, and for a while.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from droidrack.app.chronicle import Chronicle
from droidrack.core.errors import PanelBusy, PanelError, PanelRefused, PanelUnavailable, SessionOver
from droidrack.core.ids import DeviceUuid
from droidrack.core.words import counted
from droidrack.ports import Clock

GRACE_S = 30.0
"""A panel that is deployed anew answers again within that."""

REMEDY = "see whether the panel runs and this host reaches it; nothing is lost meanwhile"


class Call(StrEnum):
    """What a phone's room asks the panel for, by the log's word where that fails."""

    POLL = "poll failed"
    REPORT = "report postponed"
    HEARTBEAT = "heartbeat lost"


@dataclass(slots=True)
class _Failing:
    """One room's calls that failed in a row."""

    since: datetime
    begun: float  # The same moment, in the monotonic clock.
    reason: str
    hint: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class PanelOutage:
    """The outage that lasts. `devices`: whose calls fail; empty while nobody asks."""

    since: datetime
    seen: str
    remedy: str
    devices: frozenset[DeviceUuid]


class PanelLine:
    """The way from one controller to its panel."""

    def __init__(
        self, clock: Clock, chronicle: Chronicle, tell: Callable[..., None], at: str
    ) -> None:
        """`at`: the panel's address."""
        self._clock = clock
        self._chronicle = chronicle
        self._tell = tell
        self.at = at
        self._failing: dict[tuple[DeviceUuid, Call], _Failing] = {}
        self._latest: _Failing | None = None
        self._told: _Failing | None = None  # The first failure of the outage that was told.
        self._lost_calls = 0

    @property
    def outage(self) -> PanelOutage | None:
        """The outage that was told and lasts."""
        if self._told is None or self._latest is None:
            return None
        devices = frozenset(device for device, _ in self._failing)
        latest = self._latest
        return PanelOutage(self._told.since, latest.reason, latest.hint, devices)

    @contextmanager
    def asking(self, device: DeviceUuid, call: Call) -> Iterator[None]:
        """Around one call of the panel for a phone; its errors pass.

        A refusal is an answer, but of a poll, which holds nothing that could be refused.
        """
        try:
            yield
        except (PanelUnavailable, PanelBusy) as error:
            self._failed(device, call, error)
            raise
        except PanelRefused as refusal:
            if call is Call.POLL:
                self._failed(device, call, refusal)
            else:
                self._answered(device, call)
            raise
        except SessionOver:
            self._answered(device, call)
            raise
        self._answered(device, call)

    def leave(self, device: DeviceUuid, call: Call) -> None:
        """A phone's room asks no more: what failed there says nothing about the panel now."""
        self._failing.pop((device, call), None)

    def look(self) -> None:
        """Tell of an outage once it lasts; whoever asked in vain waits longer each time."""
        if self._told is None and self._latest and any(map(self._lasts, self._failing.values())):
            self._begin(self._latest)

    def _failed(self, device: DeviceUuid, call: Call, error: PanelError) -> None:
        reason, hint = error.message, error.hint or REMEDY
        known = self._failing.get((device, call))
        # All phones fail alike: the first line stands for them.
        alike = any(
            other is call and failing.reason == reason
            for (_, other), failing in self._failing.items()
        )
        if known is None:
            known = _Failing(self._clock.now(), self._clock.monotonic(), reason, hint)
            self._failing[device, call] = known
        else:
            known.reason, known.hint, known.count = reason, hint, known.count + 1
        self._latest = known
        self._lost_calls += 1
        if self._told is None and not alike:
            self._tell(call, device=device, reason=reason)

    def _answered(self, device: DeviceUuid, call: Call) -> None:
        self._failing.pop((device, call), None)
        if self._told is not None and not any(map(self._lasts, self._failing.values())):
            self._end(self._told)
        if not self._failing:
            self._lost_calls = 0

    def _lasts(self, failing: _Failing) -> bool:
        return failing.count > 1 and self._clock.monotonic() - failing.begun >= GRACE_S

    def _begin(self, latest: _Failing) -> None:
        self._told = min(self._failing.values(), key=lambda failing: failing.begun)
        since = self._told.since.isoformat(timespec="seconds")
        phones = counted(len({device for device, _ in self._failing}), "phone")
        text = (
            f"the panel at {self.at} has not done what it is asked since {since}, for {phones} "
            f"({latest.reason}): {latest.hint}"
        )
        self._tell("panel lost", at=self.at, since=since, reason=text)
        self._chronicle.note("panel-lost", text, phone="")

    def _end(self, first: _Failing) -> None:
        self._told = None
        away_s = self._clock.monotonic() - first.begun
        text = (
            f"the panel at {self.at} answers again, after {away_s:.0f} s and "
            f"{counted(self._lost_calls, 'failed call')}"
        )
        self._tell("panel back", at=self.at, what=text)
        self._chronicle.note("panel-back", text, phone="")
