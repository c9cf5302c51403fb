"""Three ledgers compared: what the panel asked, what the radios sent, what was reported.

The judge reads outside truth only: the panel's queue and the air. It knows nothing of the
controller, and a controller that deceived itself cannot deceive it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from droidrack.virtual.air import AirMessage

UNKNOWN_CODE = "OUTCOME_UNKNOWN"
"""With this code `failed` says that the outcome is not known: it may be either."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One message of the panel with what it was told. `status` "" while nothing was reported."""

    uid: str
    number: str = field(repr=False)
    body: str = field(repr=False)
    iccid: str  # of the card that its SIM row means; "" where it names none
    status: str  # "sent", "failed" or ""
    error: str


@dataclass(slots=True)
class Comparison:
    """What the ledgers say of each other; lists hold uids, or what else names the culprit."""

    asked: int = 0
    on_air: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    doubled: list[str] = field(default_factory=list)  # More often on the air than asked.
    lost: list[str] = field(default_factory=list)  # Never reported.
    wrong: list[str] = field(default_factory=list)  # Reported sent or failed against the air.
    stray: list[str] = field(default_factory=list)  # On the air and never asked so.
    cut: list[str] = field(default_factory=list)  # Some parts on the air, and told as unknown.

    @property
    def agree(self) -> bool:
        """Whether nothing was lost, doubled, misreported or sent otherwise than asked."""
        return not (self.doubled or self.lost or self.wrong or self.stray)


def compare(asked: Iterable[Asked], air: Iterable[AirMessage]) -> Comparison:
    """Compare the ledgers. Equal messages (same card, number and text) are compared by count."""
    result = Comparison()
    groups: defaultdict[tuple[str, str, str], list[Asked]] = defaultdict(list)
    for message in asked:
        groups[message.iccid, message.number, message.body].append(message)
        result.asked += 1
    heard: Counter[tuple[str, str, str]] = Counter()
    for sent in air:
        result.on_air += 1
        key = (sent.iccid, sent.number, sent.body)
        if key in groups and sent.parts == sent.of:
            heard[key] += 1
        elif doubt := _cut_short(sent, groups, result.cut):
            result.cut.append(doubt)
        else:
            result.stray.append(f"phone {sent.serial} slot {sent.slot}, {sent.parts} of {sent.of}")
    for key, group in groups.items():
        _judge(group, heard[key], result)
    return result


def _cut_short(
    sent: AirMessage, groups: Mapping[tuple[str, str, str], list[Asked]], cut: Collection[str]
) -> str:
    """The message told as unknown of which these are some parts; "": there is none."""
    doubts = (
        asked.uid
        for (iccid, number, body), group in groups.items()
        if sent.parts < sent.of and (iccid, number) == (sent.iccid, sent.number)
        for asked in group
        if asked.error == UNKNOWN_CODE and sent.body in body and asked.uid not in cut
    )
    return next(doubts, "")


def _judge(group: list[Asked], on_air: int, result: Comparison) -> None:
    uids = [message.uid for message in group]
    sent = sum(message.status == "sent" for message in group)
    unknown = sum(message.error == UNKNOWN_CODE for message in group)
    failed = sum(message.status == "failed" for message in group) - unknown
    result.sent += sent
    result.unknown += unknown
    result.failed += failed
    result.lost += [message.uid for message in group if not message.status]
    silent = len(group) - sent - unknown - failed
    if on_air > len(group):
        result.doubled += uids
    # What is not yet told, or told as unknown, may be either; the rest has to add up.
    elif not sent <= on_air <= sent + unknown + silent:
        result.wrong += uids
