"""What must never happen, judged from outside: the air, the panel's books and the phones' service.

Of the controller only its disk is read, and only for one question: whether what the panel was told
is written there.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from droidrack.virtual.air import AirMessage
from droidrack.virtual.ledgers import UNKNOWN_CODE
from droidrack.virtual.panel.queue import StatusLine

Key = tuple[str, str, str]
"""(ICCID, number, text): what the air can tell apart."""


class Broken(AssertionError):
    """A promise was broken."""


@dataclass(slots=True)
class Group:
    """Equal messages: same card, same number, same text."""

    uids: list[str] = field(default_factory=list)
    whole: int = 0  # On the air with all parts.
    partly: int = 0  # Some parts went out and the rest did not.

    @property
    def on_air(self) -> int:
        """How many are or may be out, in whole or in part."""
        return self.whole + self.partly


class Truth:
    """Hears every event of a run and raises at the first broken promise.

    Args:
        holds: whether the journal holds a report (uid, status, error).
        proven: whether the journal holds a positive proof that a message was sent.
    """

    def __init__(
        self, holds: Callable[[str, str, str], bool], proven: Callable[[str], bool]
    ) -> None:
        self._holds = holds
        self._proven = proven
        self._groups: defaultdict[Key, Group] = defaultdict(Group)
        self._key_of: dict[str, Key] = {}
        self.told: dict[str, tuple[str, str]] = {}
        self._taken: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)

    def asked(self, uid: str, iccid: str, number: str, body: str) -> None:
        """The panel was given a message for a card."""
        key = (iccid, number, body)
        self._groups[key].uids.append(uid)
        self._key_of[uid] = key

    def heard(self, message: AirMessage) -> None:
        """A radio sent something."""
        if message.parts == message.of:
            # A panel that changes a text under its uid may have been first with the change.
            body = message.body.removesuffix(" (changed)")
            key = (message.iccid, message.number, body)
            if key not in self._groups:
                raise Broken(
                    f"{message.serial} slot {message.slot} sent what nobody asked of its card"
                )
            self._groups[key].whole += 1
        else:
            key = self._torn(message)
            self._groups[key].partly += 1
        self._weigh(key)

    def reported(self, line: StatusLine) -> None:
        """The panel was told a status."""
        uid, told = line.uid, (line.status, line.error or "")
        if uid not in self._key_of:
            raise Broken(f"{uid} was reported and never asked")
        if not self._holds(uid, *told):
            raise Broken(f"{uid} was told {told}, and the journal does not hold that")
        if line.status == "sent" and not self._proven(uid):
            raise Broken(f"{uid} was told sent without a proof")
        before = self.told.get(uid)
        if before not in (None, told, ("failed", UNKNOWN_CODE)):
            raise Broken(f"{uid} was told {before} and then {told}")
        if before not in (None, told) and told == ("failed", UNKNOWN_CODE):
            raise Broken(f"{uid} was known as {before} and is unknown again")
        self.told[uid] = told
        self._weigh(self._key_of[uid])

    def submitted(self, phone: str, at: float, parts: int, window_s: float, limit: int) -> None:
        """A phone's SMS service took a message: the window must hold."""
        taken = self._taken[phone]
        taken.append((at, parts))
        while taken and taken[0][0] <= at - window_s:
            taken.popleft()
        total = sum(count for _, count in taken)
        if total > limit:
            raise Broken(f"{phone} took {total} segments in {window_s:g} s, at most {limit} may go")

    def status_counts(self) -> tuple[int, int, int]:
        """(sent, failed, unknown) as the panel knows them now."""
        sent = sum(status == "sent" for status, _ in self.told.values())
        unknown = sum(error == UNKNOWN_CODE for _, error in self.told.values())
        return sent, len(self.told) - sent - unknown, unknown

    @property
    def uids(self) -> list[str]:
        """Every message, in the order of asking."""
        return list(self._key_of)

    def card_of(self, uid: str) -> str:
        """ICCID of the card that a message was asked for."""
        return self._key_of[uid][0]

    def key_of(self, uid: str) -> tuple[str, str, str]:
        """ICCID, number and text of a message."""
        return self._key_of[uid]

    def on_air(self, uid: str) -> int:
        """How often the messages like this one are on the air."""
        return self._groups[self._key_of[uid]].on_air

    def _torn(self, message: AirMessage) -> Key:
        fitting = [
            key
            for key, group in self._groups.items()
            if key[:2] == (message.iccid, message.number)
            and group.uids
            and _within(message.body, key[2])
        ]
        if not fitting:
            raise Broken(f"{message.serial} sent parts of what nobody asked")
        # Texts may begin alike: it is of one that is not on the air yet, where there is one.
        return min(fitting, key=lambda key: self._groups[key].on_air - len(self._groups[key].uids))

    def _weigh(self, key: Key) -> None:
        group = self._groups[key]
        told = [self.told[uid] for uid in group.uids if uid in self.told]
        sent = sum(status == "sent" for status, _ in told)
        failed = sum(status == "failed" and error != UNKNOWN_CODE for status, error in told)
        names = ", ".join(group.uids)
        if group.on_air > len(group.uids):
            raise Broken(f"{names}: {group.on_air} on the air, {len(group.uids)} asked")
        if group.on_air > len(group.uids) - failed:
            raise Broken(f"{names}: {failed} told failed, and {group.on_air} are on the air")
        if sent > group.whole:
            raise Broken(f"{names}: {sent} told sent, {group.whole} are on the air")


def _within(some: str, whole: str) -> bool:
    """Whether `some` is what is left of `whole` when pieces of it are lost."""
    rest = iter(whole + " (changed)")
    return all(char in rest for char in some)
