"""Whether every state was named right: what `status` showed against what was done to the phone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from trial_plan import Act, Kind

WELL = frozenset({"ready", "degraded"})

ON_THE_WAY = frozenset({"meeting", "unproven", "recovering"})
"""Between the cable and work; none of them says anything about what was done."""

NAMES: dict[Kind, tuple[str, ...]] = {
    Kind.UNPLUG: ("absent",),
    Kind.FREEZE: ("troubled",),
    Kind.REBOOT: ("absent", "booting"),
    Kind.UNAUTHORISE: ("unauthorized",),
    Kind.SWAP: (),  # Its state is well; its cards have to be shown where they are.
    Kind.KILL: ("absent",),
}
"""The states that have to be shown for a disturbance, in this order."""

PASSING: dict[Kind, frozenset[str]] = {
    **dict.fromkeys(Kind, frozenset({"offline"})),  # adb's word while it shakes hands.
    Kind.UNAUTHORISE: frozenset({"offline", "absent"}),  # The phone leaves and comes back.
    Kind.SWAP: frozenset(),
}
"""States that may be shown for a moment besides."""

SHAKING_HANDS = "asking for trust"
"""In the cause while the phone looks at the host's key, which takes it milliseconds."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What `status` began to show of a phone. `at`: when it was read, monotonic."""

    at: float
    state: str
    cause: str = ""
    cards: tuple[str, ...] = ()  # By slot, masked; "" for none.


@dataclass(slots=True)
class Deed:
    """A disturbance as it was done. Times are monotonic; None: that moment never came."""

    act: Act
    begun: float
    undone: float | None = None
    seen: float | None = None  # Named right.
    back: float | None = None  # At work again.
    wrong: list[str] = field(default_factory=list)

    @property
    def seen_s(self) -> float | None:
        """How long until it was named right."""
        return None if self.seen is None else self.seen - self.begun

    @property
    def back_s(self) -> float | None:
        """How long from the end of the disturbance until the phone worked again."""
        return None if self.back is None or self.undone is None else self.back - self.undone


def misnamed(deed: Deed, glimpses: Sequence[Glimpse]) -> list[str]:
    """What was shown of a disturbed phone and should not have been, as sentences.

    Args:
        deed: what was done.
        glimpses: of that phone, all of the trial, in order.
    """
    act, wrong = deed.act, []
    if deed.seen is None:
        wrong.append(f"never shown as {' then '.join(NAMES[act.kind]) or 'other cards'}")
    if deed.back is None:
        wrong.append("never at work again")
    ends = deed.back if deed.back is not None else math.inf
    for glimpse in glimpses:
        if deed.begun < glimpse.at <= ends and not _fits(deed, glimpse):
            at_s = glimpse.at - deed.begun
            wrong.append(f"shown as {glimpse.state} ({glimpse.cause}) after {at_s:.1f} s")
    return [f"phone {act.phone}, {act.kind}: {text}" for text in wrong]


def _fits(deed: Deed, glimpse: Glimpse) -> bool:
    """Whether a state may be shown at that moment: well only before it was noticed or at the end.

    A phone whose cards are swapped stays at work throughout.
    """
    kind = deed.act.kind
    if glimpse.state in WELL:
        noticed = deed.seen is not None and glimpse.at > deed.seen
        return kind is Kind.SWAP or not noticed or glimpse.at == deed.back
    if glimpse.state == "unauthorized" and SHAKING_HANDS in glimpse.cause:
        return "offline" in PASSING[kind]
    by_itself = kind is Kind.REBOOT
    returning = by_itself or (deed.undone is not None and glimpse.at >= deed.undone)
    coming = ON_THE_WAY if returning and kind is not Kind.SWAP else frozenset()
    return glimpse.state in {*NAMES[kind], *PASSING[kind], *coming}


def disturbed_neighbours(
    glimpses: dict[int, Sequence[Glimpse]], since: float, until: float
) -> list[str]:
    """States of phones that nobody touched, between two moments, other than at work."""
    return [
        f"phone {phone}, left alone: shown as {glimpse.state} ({glimpse.cause})"
        for phone, seen in glimpses.items()
        for glimpse in seen
        if since < glimpse.at <= until and glimpse.state not in WELL
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of them are; NaN of none."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan
