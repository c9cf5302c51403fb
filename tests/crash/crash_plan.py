"""How the lives of a controller end: at every named point, nested, and at random."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle
from random import Random
from signal import SIGKILL, SIGTERM, Signals

from crash_lab import OUTSIDE
from crash_scenes import SCENES

from droidrack.adapters.failpoints import POINTS

FAILPOINT_PATIENCE_S = 12.0
"""How long a life waits for its point before it is killed where it stands."""

IN_SCENES = frozenset(point for scene in SCENES for point in scene.points)

INBOUND = ("commit.inbound", "commit.delivered", "commit.postponed", "endpoint.deliver")
"""Steps of texts that arrive; `tests/rack/test_inbound_crash.py` dies at them."""

EVERYDAY = tuple(
    point
    for point in (*POINTS, *OUTSIDE)
    if point not in IN_SCENES and not point.startswith(INBOUND)
)
"""Points that ordinary traffic passes."""

ON_THE_WAY = (
    "commit.attempt.after",
    "phone.submit.before",
    "phone.submit.after",
    "settle.submitted.before",
    "settle.submitted.after",
    "outside.command-arrived",
    "outside.message-taken",
    "outside.message-on-air",
    "outside.row-written",
)
"""A kill here leaves an attempt open: what comes next is a recovery."""

RECOVERING = (
    "journal.open.before",
    "journal.open.after",
    "commit.phone.after",
    "phone.ask.after",
    "phone.store.before",
    "phone.store.after",
    "phone.radio-log.before",
    "phone.radio-log.after",
    "commit.settle.before",
    "commit.settle.after",
    "settle.sent.before",
    "settle.sent.after",
    "panel.report.after",
    "commit.reported.before",
)
"""Points that a recovery passes before anything new is sent, or while it tells its verdicts."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one life is to end. `point` "": after `delay_s`, wherever it is."""

    point: str = ""
    count: int = 1
    delay_s: float = 0.0
    signal: Signals = SIGKILL
    patience_s: float = FAILPOINT_PATIENCE_S


def named(dice: Random, points: Sequence[str]) -> list[list[Ending]]:
    """Every point once, in any order."""
    series = [[Ending(point, dice.choice((1, 1, 2, 3)))] for point in points]
    dice.shuffle(series)
    return series


def nested(dice: Random) -> list[Ending]:
    """A kill on the way, one while recovering from it, and one while recovering from both."""
    first = Ending(dice.choice(ON_THE_WAY), dice.choice((1, 2, 4)))
    return [first, *(Ending(dice.choice(RECOVERING), patience_s=4) for _ in range(2))]


def at_random(dice: Random) -> list[Ending]:
    """Mostly early, when a life recovers; sometimes late, when it is in full swing."""
    delay_s = dice.uniform(0.2, 2.6) if dice.random() < 0.75 else dice.uniform(2.6, 7.0)
    number = SIGTERM if dice.random() < 0.05 else SIGKILL
    return [Ending(delay_s=delay_s, signal=number)]


def series(dice: Random, owed: set[str], share: set[str], mode: str) -> Iterator[Sequence[Ending]]:
    """Without end: each point of `share` first, then nested and random kills in turn.

    A point that its life did not meet in time comes again, until nobody owes it any more.

    Args:
        dice: what comes when.
        owed: the points that are still to be met, by anybody.
        share: the named points that are this lab's share.
        mode: "failpoints" leaves out the random ones, "random" all others; "all".
    """
    makers = {"all": (nested, at_random, at_random), "failpoints": (nested,)}
    turns = cycle(makers.get(mode, (at_random,)))
    return chain(_until_met(dice, owed, share), (maker(dice) for maker in turns))


def _until_met(dice: Random, owed: set[str], share: set[str]) -> Iterator[Sequence[Ending]]:
    while points := sorted(owed & share):
        yield from named(dice, points)
