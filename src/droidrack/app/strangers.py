"""Messages that others send on a phone whose radio log names none.

Up to Android 10 the log's last word, "Persist SMS into SENT", may be anybody's: a person's with the
phone in hand, another app's. Every message is handed to the radio before its last word, though.
Once more was handed on than our attempt has parts, a word that comes may be a stranger's: from
then on none is believed for this attempt. The last word follows the radio's answer at once, or
never: what the default SMS app sends has none, and a text of several parts has one.

It cannot be seen that a first part was a stranger's while ours was still kept back, as behind a
dialog: so nothing is sent again on such a word (`app/confirming.py`).
"""

from datetime import datetime, timedelta

from droidrack.app.listening import Listening
from droidrack.core.attempt import Attempt
from droidrack.core.evidence import RadioWord, Word
from droidrack.core.ids import MessageUid
from droidrack.core.radio_trace import SILENT

FOLLOWS = timedelta(seconds=5)
"""From the radio's answer to the last word: one handler of the phone process. Also longer than the
2 s until Android's next try."""

_FINAL = frozenset({Word.SENT, Word.FAILED})
_ANSWERS = frozenset({Word.TAKEN, Word.ERROR, Word.ANSWERED})


class Strangers:
    """Counts what one phone's radio was handed, for one plugging-in."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._counted = 0
        self._uid: MessageUid | None = None
        self._parts_left = 0
        self._unanswered = 0  # Parts that the radio has in hand, ours among them.
        self._owed_until: list[datetime] = []  # One for each part of a stranger's.
        self._mixed: set[MessageUid] = set()

    def among(
        self, attempt: Attempt | None, floor: int | None, now: datetime, *, owing: bool
    ) -> bool:
        """Whether words that name nobody may be a stranger's instead of the attempt's.

        Args:
            attempt: the only one of ours that they can be about; None: there is not one.
            floor: how many words had been heard when it was opened; None: by an earlier life, so
                that its parts may have been handed on unheard.
            now: in the steady clock.
            owing: whether an earlier message of ours is owed a last word, which then pays no debt
                of a stranger's.
        """
        uid = attempt.uid if attempt else None
        if uid != self._uid:
            self._uid = uid
            self._parts_left = attempt.segments if attempt and floor is not None else 0
        fresh = self._listening.heard(self._counted)
        for number, word in enumerate(fresh, self._listening.count - len(fresh)):
            ours = attempt is not None and number >= (floor or 0)
            self._count(word, ours=ours, pays=not (ours or owing))
        self._counted = self._listening.count
        self._owed_until = [until for until in self._owed_until if now < until]
        if uid is not None and self._owed_until:
            self._mixed.add(uid)
        return uid in self._mixed

    def _count(self, word: RadioWord, *, ours: bool, pays: bool) -> None:
        if word.word is Word.HANDED:
            self._unanswered += 1
            if ours and self._parts_left:
                self._parts_left -= 1
            else:
                self._owed_until.append(word.at + SILENT)
        elif word.word is Word.AGAIN:
            self._unanswered += 1
            self._owed_until = [word.at + SILENT for _ in self._owed_until]
        elif word.word in _ANSWERS:
            self._unanswered = max(0, self._unanswered - 1)
            if not self._unanswered:  # Else it may be the answer to another's part.
                soon = word.at + FOLLOWS
                self._owed_until = [min(until, soon) for until in self._owed_until]
        elif word.word in _FINAL and pays and self._owed_until:
            self._owed_until.pop(0)
