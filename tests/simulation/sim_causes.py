"""Why a message ended unknown, told by what really happened to it and not by the controller."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from droidrack.core.attempt import EvidenceKind
from droidrack.virtual.faults import Fate, Outcome, Row
from droidrack.virtual.ledgers import UNKNOWN_CODE

STORE_READABLE = 29
"""From Android 10 on the shell may read the SMS store."""

UNEXPLAINED = "unexplained"
"""What a doubt is that nothing accounts for: a fault of the controller, or of this list."""

Key = tuple[str, str, str]
"""ICCID, number, text."""


@dataclass(slots=True)
class Fortunes:
    """What befell each message at the radio, and what befell the witnesses of each phone."""

    fates: dict[Key, list[Fate]] = field(default_factory=dict)
    blinded: Counter[str] = field(default_factory=Counter)  # By ICCID.
    unserved: set[str] = field(default_factory=set)  # ICCIDs that had no network for a while.

    def met(self, key: Key, fate: Fate) -> None:
        """A phone's SMS service took a message."""
        self.fates.setdefault(key, []).append(fate)

    def of_doubts(self, key: Key, told: int) -> list[Fate]:
        """What befell those of several equal messages that are in doubt.

        What happened to the `told` others is known: it was nothing out of the way, where it can be.
        """
        fates = self.fates.get(key, [])
        plain = [fate for fate in fates if fate.outcome is Outcome.SENT and not _unseen(fate)]
        return (plain + [fate for fate in fates if fate not in plain])[told:]


def _unseen(fate: Fate) -> bool:
    return fate.silent or fate.row is not Row.KEPT


def cause_of(
    *,
    api: int,
    code: str,
    said: Collection[str],
    fates: Sequence[Fate],
    on_air: bool,
    rivals: int,
    blinded: bool,
    barred: bool,
    marked: bool,
) -> str:
    """One of a few sentences; UNEXPLAINED where nothing that happened explains it.

    Args:
        api: of the phone's Android.
        code: why the controller could not decide.
        said: kinds of evidence in the journal.
        fates: of each time the message reached a phone's SMS service.
        on_air: whether one like it is on the air beyond those told as sent.
        rivals: other unknown messages to the number on that card.
        blinded: whether its log fell silent, its store was emptied or its SMS process died.
        barred: whether no network takes the number, or none served the card for a while.
        marked: whether it was known above which row its own had to come.
    """
    if odd := sorted({fate.outcome for fate in fates} - {Outcome.SENT, Outcome.RIL_ERROR}):
        return f"the radio misbehaved: {', '.join(odd)}"
    if code == UNKNOWN_CODE:
        return "the witnesses disagree, or one part of several failed"
    if not fates and not rivals:
        return "lost before the phone took it; that no call was made, nobody can prove"
    if any(map(_unseen, fates)) or blinded:
        return "a witness was taken away: log silent, row never written or deleted, process died"
    if api < STORE_READABLE:
        return "the log was not heard live; before Android 10 nothing else tells an outcome"
    if any(fate.row_delay_s or fate.row_after_s for fate in fates):
        return "its row came, or will come, later than the deadline"
    if rivals:
        return "cannot be told from other attempts to this number"
    if not marked:
        return "the store had just shown less than before, and the log named nobody"
    if EvidenceKind.REBOOT in said:
        return "the phone was restarted before it was asked"
    if barred or any(fate.outcome is Outcome.RIL_ERROR for fate in fates):
        return "refused beside others; the shell sees no failed row, the log named nobody"
    return f"{UNEXPLAINED} ({'on the air' if on_air else 'not on the air'})"
