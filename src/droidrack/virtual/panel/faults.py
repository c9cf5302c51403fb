"""What the local panel does wrong when it is asked to, and when.

A `FaultPlan` is asked once per request. Scripts come first: a list per endpoint, played one entry a
request. Then the rules, in the order they were added: the first one that fits, has times left and
wins its throw.
"""

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

ENDPOINTS = (
    "register",
    "logout",
    "create_sim",
    "update_sim",
    "delete_sim",
    "heartbeat",
    "pending",
    "report",
)


class FaultKind(StrEnum):
    """One way to misbehave."""

    STATUS = "status"  # An error status with the panel's kind of body; `status`, `retry_after`.
    HANG = "hang"  # No answer at all; the connection stays open.
    DROP = "drop"  # The connection is closed without an answer.
    RESET = "reset"  # Headers, then the connection is reset.
    HALF = "half"  # Half of the body, then the connection is closed.
    SLOW = "slow"  # One byte every `delay_s` seconds.
    HTML = "html"  # A page with status 200.
    EMPTY = "empty"  # Status 200 without a body.
    CUT_JSON = "cut-json"  # A whole HTTP answer whose JSON ends in the middle.
    FAILURE = "failure"  # `"success": false` with status 200.
    REDIRECT = "redirect"  # To another host.
    HUGE = "huge"  # `size_bytes` of white space.
    REPEAT = "repeat"  # `pending` offers again what it ever offered.
    CHANGED = "changed"  # The same, with another text under the same uid.
    MALFORMED = "malformed"  # `pending` mixes bad items among the good; `variant` names one.
    REVOKED = "revoked"  # The session is closed for good, then the request is looked at.


_NEEDS_ANSWER = frozenset(
    {
        FaultKind.RESET,
        FaultKind.HALF,
        FaultKind.SLOW,
        FaultKind.CUT_JSON,
        FaultKind.REPEAT,
        FaultKind.CHANGED,
        FaultKind.MALFORMED,
        FaultKind.REVOKED,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour. `taken`: the panel acts on the request before it misbehaves."""

    kind: FaultKind
    taken: bool = False
    status: int = 500
    retry_after: str = ""  # verbatim: seconds or an HTTP date
    delay_s: float = 1.0
    size_bytes: int = 8 << 20
    variant: str = ""  # a key of BAD_ITEMS; "": all of them

    @property
    def acts(self) -> bool:
        """Whether the request is really carried out."""
        return self.taken or self.kind in _NEEDS_ANSWER


@dataclass(slots=True)
class FaultRule:
    """A fault for an endpoint ("*": any), and how often."""

    endpoint: str
    fault: Fault
    times: int | None = None  # None: until it is removed
    probability: float = 1.0
    device_uuid: str = ""  # "": every device

    def fits(self, endpoint: str, device_uuid: str) -> bool:
        """Whether the rule concerns this request."""
        return (
            self.times != 0
            and self.endpoint in ("*", endpoint)
            and self.device_uuid in ("", device_uuid)
        )


@dataclass(slots=True)
class FaultPlan:
    """All scripts and rules in force, and how often each kind was played."""

    dice: random.Random = field(default_factory=lambda: random.Random(0))
    rules: list[FaultRule] = field(default_factory=list)
    scripts: dict[str, deque[Fault | None]] = field(default_factory=dict)
    played: dict[FaultKind, int] = field(default_factory=dict)

    def add(
        self,
        endpoint: str,
        fault: Fault,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        device_uuid: str = "",
    ) -> None:
        """Add a rule."""
        self.rules.append(FaultRule(endpoint, fault, times, probability, device_uuid))

    def script(self, endpoint: str, faults: Iterable[Fault | None]) -> None:
        """Play these at the next requests of an endpoint; None: answer well."""
        self.scripts.setdefault(endpoint, deque()).extend(faults)

    def clear(self) -> None:
        """Behave from now on."""
        self.rules.clear()
        self.scripts.clear()

    @property
    def idle(self) -> bool:
        """Whether no request can meet a fault now."""
        return not self.rules and not any(self.scripts.values())

    def draw(self, endpoint: str, device_uuid: str) -> Fault | None:
        """The fault of one request."""
        script = self.scripts.get(endpoint)
        fault = script.popleft() if script else self._by_rule(endpoint, device_uuid)
        if fault is not None:
            self.played[fault.kind] = self.played.get(fault.kind, 0) + 1
        return fault

    def _by_rule(self, endpoint: str, device_uuid: str) -> Fault | None:
        for rule in self.rules:
            if rule.fits(endpoint, device_uuid) and self.dice.random() < rule.probability:
                if rule.times is not None:
                    rule.times -= 1
                return rule.fault
        return None


BAD_ITEMS: dict[str, str] = {
    "null": "null",
    "number": "7",
    "text": '"msg-1"',
    "list": "[[]]",
    "empty": "{}",
    "uid-missing": '{"number": "+15555550100", "body": "x", "sim_uid": "sim-1"}',
    "uid-number": '{"uid": 7, "number": "+15555550100", "body": "x", "sim_uid": "sim-1"}',
    "uid-blank": '{"uid": "", "number": "+15555550100", "body": "x", "sim_uid": "sim-1"}',
    "uid-control": '{"uid": "a\\nb", "number": "+15555550100", "body": "x", "sim_uid": "sim-1"}',
    "number-missing": '{"uid": "bad-1", "body": "x", "sim_uid": "sim-1"}',
    "number-number": '{"uid": "bad-2", "number": 15555550100, "body": "x", "sim_uid": "sim-1"}',
    "number-null": '{"uid": "bad-3", "number": null, "body": "x", "sim_uid": "sim-1"}',
    "number-nan": '{"uid": "bad-4", "number": NaN, "body": "x", "sim_uid": "sim-1"}',
    "body-missing": '{"uid": "bad-5", "number": "+15555550100", "sim_uid": "sim-1"}',
    "body-nested": (
        '{"uid": "bad-6", "number": "+15555550100", "body": {"text": "x"}, "sim_uid": "sim-1"}'
    ),
    "body-surrogate": (
        '{"uid": "bad-7", "number": "+15555550100", "body": "\\ud83d", "sim_uid": "sim-1"}'
    ),
    "body-twice": (
        '{"uid": "bad-8", "number": "+15555550100", "body": "x", "body": "y", "sim_uid": "sim-1"}'
    ),
    "sim-missing": '{"uid": "bad-9", "number": "+15555550100", "body": "x"}',
    "sim-bool": '{"uid": "bad-10", "number": "+15555550100", "body": "x", "sim_uid": true}',
}
"""Items of `pending` that are not messages, as raw JSON: Python's values cannot spell them all."""
