"""What is done to a rack during a trial, and what its panel asks meanwhile: both by seed alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """A disturbance. All but the last one concern one phone."""

    UNPLUG = "unplug"
    FREEZE = "freeze"
    REBOOT = "reboot"
    UNAUTHORISE = "unauthorise"
    SWAP = "swap SIMs"
    KILL = "kill adb server"


WEIGHTS = {
    Kind.UNPLUG: 25,  # What happens to racks most.
    Kind.REBOOT: 20,
    Kind.UNAUTHORISE: 20,
    Kind.FREEZE: 15,  # These two take longest to be noticed.
    Kind.SWAP: 15,
    Kind.KILL: 5,  # Concerns all phones at once.
}

MOST_EACH = 4
"""Disturbances per phone: one that leaves more than eight times in ten minutes is rightly taken
for flapping and rests, and withdrawing a phone's trust makes it leave twice."""


@dataclass(frozen=True, slots=True)
class Act:
    """One disturbance. `at_s` counts from the beginning of the traffic; `phone` −1: all of them."""

    kind: Kind
    phone: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Wish:
    """One message, to be queued `at_s` after the beginning of the traffic."""

    at_s: float
    phone: int
    slot: int
    number: str
    body: str


def counts(total: int, kinds: Collection[Kind]) -> dict[Kind, int]:
    """How many of each kind: by weight, at least one of each while there are enough."""
    order = sorted(kinds, key=lambda kind: -WEIGHTS[kind])
    whole = sum(WEIGHTS[kind] for kind in order)
    parts = {kind: max(1, total * WEIGHTS[kind] // whole) for kind in order}
    for place in range(abs(total - sum(parts.values()))):
        kind = order[place % len(order)]
        parts[kind] += 1 if sum(parts.values()) < total else -1 if parts[kind] > 0 else 0
    return parts


def acts(
    dice: Random, wanted: dict[Kind, int], phones: Sequence[int], two_cards: Collection[int],
    span_s: float,
) -> list[Act]:  # fmt: skip
    """The disturbances of single phones, in order of time.

    Args:
        dice: who and when.
        wanted: how many of each kind; those of `KILL` are left out.
        phones: who may be disturbed; each gets as many as the others, as far as it goes.
        two_cards: those of them whose cards can be swapped.
        span_s: they begin within so long, a phone's own ones spread over it.

    Raises:
        ValueError: cards are to be swapped, and nobody has two.
    """
    dealt: dict[int, list[Kind]] = {phone: [] for phone in phones}
    for kind in (Kind.SWAP, *(kind for kind in wanted if kind is not Kind.SWAP)):
        able = [phone for phone in phones if kind is not Kind.SWAP or phone in two_cards]
        for _ in range(0 if kind is Kind.KILL else wanted.get(kind, 0)):
            if not able:
                raise ValueError("no phone that may be disturbed has two cards to swap")
            least = min(len(dealt[phone]) for phone in able)
            dealt[dice.choice([p for p in able if len(dealt[p]) == least])].append(kind)
    timed = []
    for phone, kinds in dealt.items():
        dice.shuffle(kinds)
        share_s = span_s / max(len(kinds), 1)
        timed += [
            Act(kind, phone, share_s * (place + 0.8 * dice.random()))
            for place, kind in enumerate(kinds)
        ]
    return sorted(timed, key=lambda act: act.at_s)


def wishes(seed: str, cards: Sequence[Sequence[int]], every_s: float, span_s: float) -> list[Wish]:
    """The traffic: each phone one message per `every_s`, each at its own moment.

    The same seed gives the same moments, SIMs and lengths; the part of it behind the last slash
    only names the messages, so that two runs can be compared and told apart.

    Args:
        seed: such as `1/calm`.
        cards: for each phone, the slots that have a card.
        every_s: between two messages of a phone.
        span_s: how long.
    """
    base, _, name = seed.rpartition("/")
    dice = Random(base)
    made = []
    for phone, slots in enumerate(cards):
        shift_s = dice.uniform(0, every_s)
        for place in range(int(span_s // every_s)):
            body = f"{name}: message {place} for phone {phone}"
            if dice.random() < 0.1:
                body += ", in two segments" + " and so on" * 15
            number = f"+1555{phone:03d}{place:04d}"
            made.append(Wish(shift_s + place * every_s, phone, dice.choice(slots), number, body))
    return sorted(made, key=lambda wish: wish.at_s)
