"""Final words that a phone's radio log still owes.

Up to Android 9 the log names no message: "Persist SMS into FAILED" belongs to whoever is alone in
flight. A message that was settled before its own final word came, by its row or by the modem's last
error, leaves that word behind; it may come a minute later, and must not settle the next message.
"""

from dataclasses import dataclass
from datetime import datetime

from droidrack.app.listening import Listening
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind, Verdict
from droidrack.core.evidence import Word
from droidrack.core.message import MessageState
from droidrack.core.radio_trace import SILENT
from droidrack.ports import Life

_FINAL = frozenset({EvidenceKind.RADIO_SENT, EvidenceKind.RADIO_FAILED})
_EARLY = frozenset({EvidenceKind.STORE_SENT, EvidenceKind.STORE_FAILED, EvidenceKind.RADIO_ERROR})


@dataclass(frozen=True, slots=True)
class _Debt:
    until: datetime  # In the steady clock; after so long nothing more is said of a message.
    floor: int  # How many words had been heard when the message was settled.


class LastWords:
    """What one phone's log still owes, for one plugging-in."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._debts: list[_Debt] = []

    def settled(self, verdict: Verdict, now: datetime) -> None:
        """A verdict was drawn at `now` (steady clock), perhaps without the log's final word."""
        if verdict.state is not MessageState.UNKNOWN and _unheard(verdict.evidence):
            self._debts.append(_Debt(now + SILENT, self._listening.count))

    def recall(self, life: Life, aged: Attempt) -> None:
        """An attempt of an earlier plugging-in or life, its opening in the steady clock."""
        said = [found for number, found in life.evidence if number == aged.number]
        if _unheard(said):
            self._debts.append(_Debt(aged.opened_at + SILENT, self._listening.count))

    def owed(self, now: datetime) -> bool:
        """Whether a word that was heard until now may be an earlier message's.

        A word that pays a debt is still under doubt in this look, and nobody's for good.
        """
        self._debts = [debt for debt in self._debts if now < debt.until]
        if not self._debts:
            return False
        finals = sum(
            word.message_id is None and word.word in (Word.SENT, Word.FAILED)
            for word in self._listening.heard(self._debts[0].floor)
        )
        self._debts = self._debts[finals:]
        self._debts = [_Debt(debt.until, self._listening.count) for debt in self._debts]
        return True


def _unheard(said: "list[Evidence] | tuple[Evidence, ...]") -> bool:
    kinds = {found.kind for found in said}
    return bool(kinds & _EARLY) and not kinds & _FINAL
